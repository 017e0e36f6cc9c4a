package session

import (
	"context"
	"errors"
	"fmt"
	"go/types"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// Surroundings is what the worker process stands in: what a program that it starts would find. Where the session could not be started, it is what
// the worker will stand in.
type Surroundings struct {
	Dir string // "": it was removed
	Env []string
	CPU time.Duration // that the process has used
}

// Surroundings asks the worker. It answers while a cell runs, too.
func (s *Session) Surroundings(ctx context.Context) (Surroundings, error) {
	r, err := s.ask(ctx, wire.Request{Op: "surroundings"})
	return Surroundings{Dir: r.Dir, Env: r.Names, CPU: r.Run}, err
}

// Chdir changes the folder of the worker, also of one that takes its place.
func (s *Session) Chdir(ctx context.Context, dir string) error {
	return s.lasting(ctx, wire.Request{Op: "chdir", Names: []string{dir}})
}

// Setenv sets a variable of the worker's environment, also of one that takes its place.
func (s *Session) Setenv(ctx context.Context, name, value string) error {
	return s.lasting(ctx, wire.Request{Op: "setenv", Names: []string{name, value}})
}

// SetArgs makes args what os.Args holds behind the program's name. With parse, flag.Parse reads them, beginning from the flags' defaults.
func (s *Session) SetArgs(ctx context.Context, args []string, parse bool) error {
	return s.lasting(ctx, wire.Request{Op: "args", Names: args, Input: parse})
}

// lasting does something to the worker that counts for the cells after it, and is done again when these are replayed.
func (s *Session) lasting(ctx context.Context, r wire.Request) error {
	if _, err := s.ask(ctx, r); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = append(s.history, Cell{effect: &r})
	return nil
}

// lasting tells what was done between cells from the cells among which it stands.
func (c Cell) lasting() bool { return c.effect != nil || c.forget != nil }

// effects are the lasting requests among the cells.
func effects(history []Cell) (kept []Cell) {
	for _, c := range history {
		if c.effect != nil {
			kept = append(kept, c)
		}
	}
	return kept
}

// affect does the effects among the cells to a fresh worker. What was possible once may not be any more: a folder that is gone.
func affect(p *process, history []Cell) {
	for _, c := range effects(history) {
		select {
		case <-p.request(*c.effect): // the worker answers at once
		case <-p.dead:
		}
	}
}

// ask sends a request that the worker answers at once.
func (s *Session) ask(ctx context.Context, r wire.Request) (wire.Reply, error) {
	if err := s.Ready(ctx); err != nil && ctx.Err() != nil {
		return wire.Reply{}, err
	}
	s.mu.Lock()
	p, done := s.process, s.history
	s.mu.Unlock()
	if p == nil { // the start failed: commands may be what puts that right
		return s.o.without(r, done)
	}
	select {
	case reply := <-p.request(r):
		if reply.Error != "" {
			return reply, errors.New(reply.Error)
		}
		return reply, nil
	case <-p.dead:
		return wire.Reply{}, errors.New("the session's process has ended: run a cell, which starts another one")
	case <-ctx.Done():
		return wire.Reply{}, ctx.Err()
	}
}

// without answers a request in the place of a worker that is to come, to which the effects among the cells will be done.
func (o Options) without(r wire.Request, done []Cell) (wire.Reply, error) {
	switch r.Op {
	case "chdir":
		_, err := os.Stat(r.Names[0])
		return wire.Reply{}, err
	case "surroundings":
		reply := wire.Reply{Dir: o.Dir, Names: o.Env}
		if o.Env == nil {
			reply.Names = os.Environ()
		}
		reply.Names = slices.Clone(reply.Names)
		for _, c := range effects(done) {
			switch names := c.effect.Names; c.effect.Op {
			case "chdir":
				reply.Dir = names[0]
			case "setenv":
				reply.Names = append(slices.DeleteFunc(reply.Names, func(v string) bool { return strings.HasPrefix(v, names[0]+"=") }), names[0]+"="+names[1])
			}
		}
		return reply, nil
	}
	return wire.Reply{}, nil
}

// Declaration is something that the session's cells have declared or imported.
type Declaration struct {
	Name string
	Kind string // import, const, type, var, func
	Type string // of an import: its path
	Cell string
}

// Declarations lists what later cells can use, by name.
func (s *Session) Declarations() []Declaration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Declaration
	u := s.universe
	if u == nil {
		return nil
	}
	for name, path := range u.imports {
		out = append(out, Declaration{Name: name, Kind: "import", Type: path})
	}
	for name, e := range u.names {
		d := Declaration{Name: name, Cell: e.cell, Type: plainNames(typeString(e.object.Type()))}
		switch e.object.(type) {
		case *types.Const:
			d.Kind = "const"
		case *types.TypeName:
			d.Kind = "type"
			d.Type = plainNames(typeString(e.object.Type().Underlying()))
		case *types.Var:
			d.Kind = "var"
		default:
			d.Kind = "func"
		}
		out = append(out, d)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Forget takes names from the session: later cells can't use them. What refers to them keeps what they were until they are declared again,
// which the notices tell. It returns those that it does not know.
func (s *Session) Forget(names ...string) (unknown, notices []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.universe == nil {
		return names, nil
	}
	unknown = s.universe.without(names)
	for _, name := range names {
		if users := s.universe.users(name); len(users) > 0 {
			notices = append(notices, fmt.Sprintf("%s stays as it was for %s until it is declared again", name, strings.Join(users, ", ")))
		}
	}
	s.history = append(s.history, Cell{forget: names})
	return unknown, notices
}

func (u *universe) without(names []string) (unknown []string) {
	for _, name := range names {
		_, imported := u.imports[name]
		if e := u.names[name]; e != nil {
			u.removed[name] = e
		} else if !imported {
			unknown = append(unknown, name)
		}
		delete(u.names, name)
		delete(u.imports, name)
	}
	return unknown
}

// users are what refers to a removed name.
func (u *universe) users(name string) (users []string) {
	old := identities{}
	old.add(u.removed[name])
	for _, e := range u.living() {
		if e.name == name && e.base == nil || e.base != nil && e.base.name == name {
			continue
		}
		for _, refs := range []map[*entity]bool{e.code.refs, e.body, e.direct} {
			if slices.ContainsFunc(sortedSet(refs), old.has) {
				users = append(users, e.where())
				break
			}
		}
	}
	return users
}

// Reset begins again with a fresh worker and nothing declared, in the same folder and with the same environment.
func (s *Session) Reset(ctx context.Context) error {
	s.mu.Lock()
	kept := effects(s.history)
	s.mu.Unlock()
	if err := s.Restart(ctx); err != nil {
		return fmt.Errorf("cellar: reset the session: %w", err)
	}
	s.mu.Lock()
	p := s.process
	s.history = append(kept, s.history...)
	s.mu.Unlock()
	affect(p, kept)
	return nil
}
