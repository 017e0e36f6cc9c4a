package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// Run runs a cell and passes its output to sink as it appears. Cells wait for each other. When ctx is cancelled, the cell is interrupted.
func (s *Session) Run(ctx context.Context, cell Cell, sink func(Event)) (result Result, err error) {
	s.running.Lock()
	defer s.running.Unlock()
	if err := s.Ready(ctx); err != nil {
		return Result{}, err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return Result{}, errors.New("cellar: session: it was closed")
	}
	s.cells++
	if cell.Name == "" {
		cell.Name = fmt.Sprintf("cell[%d]", s.cells)
	}
	cell.Name = strings.NewReplacer("*/", "", "\n", " ", "\r", " ").Replace(cell.Name)
	early := s.early
	s.early = nil
	tools, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a := &activity{cancel: cancel, ctx: tools}
	s.active = a
	dead := s.process
	s.mu.Unlock()
	defer cancel()
	stop := context.AfterFunc(ctx, s.Interrupt)
	defer stop()
	defer func() {
		s.mu.Lock()
		s.active = nil
		if a.timer != nil {
			a.timer.Stop()
		}
		s.mu.Unlock()
	}()
	if s.crowded() {
		defer func() {
			result.Notices = append(result.Notices, fmt.Sprintf("%d cells are loaded, each a little slower than the one before: restart the kernel and run the notebook again when it suits", crowd))
		}()
	}
	for _, e := range early {
		sink(e)
	}
	select {
	case <-dead.dead: // between the cells
		return Result{}, s.lost(dead, nil)
	default:
	}
	result, err = s.run(tools, cell, sink, a, true)
	if err != nil && tools.Err() != nil {
		err = ErrInterrupted
	}
	return result, err
}

// crowd is the number of loaded cells at which the growth of each (its own copy of the type descriptors, a longer list of modules) is
// worth a word: after 350 cells a load takes 40 ms and a panic 0.3 ms.
const crowd = 300

func (s *Session) crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.history) == crowd
}

// run is Run without the waiting. It replays the session once if it must.
func (s *Session) run(ctx context.Context, cell Cell, sink func(Event), a *activity, replay bool) (Result, error) {
	result, err := s.once(ctx, cell, sink, a)
	var again errReplay
	if !errors.As(err, &again) {
		return result, err
	}
	if !replay {
		return result, fmt.Errorf("cellar: session: %s; restart the session and run its cells again", again.reason)
	}
	notices, err := s.replay(ctx, again.reason, a, sink)
	if err != nil {
		return Result{}, err
	}
	result, err = s.run(ctx, cell, sink, a, false)
	result.Notices = append(notices, result.Notices...)
	return result, err
}

// replay runs the session's cells in a fresh worker, without their output. Comms that they open are new ones, which must be known.
func (s *Session) replay(ctx context.Context, reason string, a *activity, sink func(Event)) (notices []string, err error) {
	s.mu.Lock()
	history, p := s.history, s.process
	s.history, a.process = nil, nil
	s.mu.Unlock()
	p.kill()
	if err := s.fresh(ctx); err != nil {
		return nil, err
	}
	packets := func(e Event) {
		if e.Kind == Comm {
			sink(e)
		}
	}
	last := map[string]int{}
	for i, c := range history {
		last[c.ID] = i
	}
	count := 0
	for i, c := range history {
		if c.ID != "" && last[c.ID] != i {
			continue // the notebook has a newer text of it
		}
		count++
		if _, err := s.run(ctx, c, packets, a, false); err != nil {
			if ctx.Err() != nil {
				return nil, ErrInterrupted
			}
			first, _, _ := strings.Cut(err.Error(), "\n")
			notices = append(notices, fmt.Sprintf("%s ended with an error when it was run again: %s", c.Name, first))
		}
	}
	return append([]string{fmt.Sprintf("%s: the session was replayed into a fresh process, %d cells ran again", reason, count)}, notices...), nil
}

// once checks, builds, loads and runs a cell.
func (s *Session) once(ctx context.Context, cell Cell, sink func(Event), a *activity) (result Result, err error) {
	start := time.Now()
	s.mu.Lock()
	u := s.universe
	s.mu.Unlock()
	src, err := s.read(ctx, u, cell)
	if err != nil {
		return result, err
	}
	if err := s.packagesFor(ctx, u, src); err != nil {
		return result, err
	}
	c, unit, err := s.rewrite(u, src)
	if err != nil {
		return result, err
	}
	result.Timings.Check = time.Since(start)
	unit, b, err := s.compile(ctx, u, c, unit)
	if err != nil {
		return result, err
	}
	result.Timings.Compile, result.Timings.Link = b.compile, b.link
	start = time.Now()
	if err := s.bring(ctx, unit.imports); err != nil {
		return result, err
	}
	result.Timings.Load = time.Since(start)

	s.mu.Lock()
	p := s.process
	a.process = p
	interrupted := a.asked > 0
	s.mu.Unlock()
	if interrupted {
		return result, ErrInterrupted
	}
	p.setEmit(sink)
	defer p.setEmit(nil)
	reply, err := s.wait(p, p.request(wire.Request{Op: "load", File: b.file, Entry: unit.entry, Input: c.readsInput()}), a)
	os.Remove(b.file) // it is mapped, and its name is not used again
	if err != nil {
		return result, err
	}
	result.Timings.Load += reply.Load
	result.Timings.Run = reply.Run
	if reply.Refused != "" {
		s.tools.kept = reuse{} // should it have been one of a former session's
		return result, errReplay{"a cell could not be loaded (" + reply.Refused + ")"}
	}
	step := len(c.body.List) + 1
	if reply.Panic != nil || reply.Interrupted {
		step = reply.Step
	}
	s.mu.Lock()
	result.Notices = u.commit(c, unit, step)
	s.history = append(s.history, cell)
	s.mu.Unlock()
	switch {
	case reply.Interrupted:
		return result, ErrInterrupted
	case reply.Panic != nil:
		e := newPanic(reply.Panic)
		if strings.Contains(e.Value, "interface conversion") && strings.Contains(e.Trace, "session:") && len(e.Frames) == 0 {
			return result, errReplay{"two copies of one type met"}
		}
		return result, e
	}
	if reply.Bundle != nil && !cell.Silent {
		for k, v := range reply.Bundle.Data {
			if text, ok := v.(string); ok && strings.HasPrefix(k, "text/") {
				reply.Bundle.Data[k] = plainNames(text)
			}
		}
		result.Value = reply.Bundle
	}
	return result, nil
}

// readsInput reports whether the cell names what reads stdin.
func (c *checked) readsInput() bool {
	for _, o := range c.info.Uses {
		if o.Pkg() != nil && (o.Pkg().Path() == "os" && o.Name() == "Stdin" || o.Pkg().Path() == "fmt" && strings.HasPrefix(o.Name(), "Scan")) {
			return true
		}
	}
	return false
}

// rewrite checks a cell and writes its unit.
func (s *Session) rewrite(u *universe, src *source) (c *checked, out *unit, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if e := recover(); e != nil { // of go/types or the rewriter: nothing has been run, so nothing is wrong but this cell
			err = fmt.Errorf("cellar: session: the cell can't be understood, please report it: %v\n%s", e, debug.Stack())
		}
	}()
	if c, err = u.check(src, s.importer); err != nil {
		return nil, nil, s.explainGone(err)
	}
	out, err = u.write(c)
	return c, out, err
}

// wait waits for a reply or the end of the worker.
func (s *Session) wait(p *process, replies <-chan wire.Reply, a *activity) (wire.Reply, error) {
	select {
	case r := <-replies:
		return r, nil
	case <-p.dead:
		select {
		case r := <-replies:
			return r, nil
		default:
			return wire.Reply{}, s.lost(p, a)
		}
	}
}

// read parses a cell, after the helpers in it have been expanded.
func (s *Session) read(ctx context.Context, u *universe, cell Cell) (*source, error) {
	name := func(path string) (string, error) {
		if path == "unsafe" || path == "C" {
			return path, nil
		}
		if err := s.ps.need(ctx, []string{path}); err != nil {
			return "", err
		}
		return s.ps.known[path].Name, nil
	}
	expansions, err := s.expand(u, &cell)
	if err != nil {
		return nil, err
	}
	src, err := read(cell, cell.Name, name)
	if err != nil {
		return nil, err
	}
	for _, x := range expansions {
		var text strings.Builder
		for _, path := range x.Imports {
			fmt.Fprintf(&text, "import %q\n", path)
		}
		more := &source{imports: map[string]string{}, declares: map[string]bool{}, hasMethod: map[string]bool{}, vars: map[string]bool{}}
		if err := more.parse("declared for "+cell.Name, text.String()+x.Decls, name); err != nil {
			return nil, err
		}
		for short, path := range more.imports {
			src.imports[short] = path
		}
		for _, d := range more.decls {
			if d.name != "" && src.declares[d.name] {
				if src.helped[d.name] {
					continue
				}
				return nil, &CompileError{[]Diagnostic{{cell.Name, 1, 1, fmt.Sprintf("%s is declared here, and is also the type of a loaded value:\n%s", d.name, d.text)}}}
			}
			src.decls = append(src.decls, d)
			src.declares[d.name], src.helped[d.name] = true, true
			if d.kind == kindType {
				src.types = append(src.types, d)
			}
		}
	}
	return src, nil
}

// packagesFor sees to it that what the cell may import is known, and that what is loaded is what the sources still say.
func (s *Session) packagesFor(ctx context.Context, u *universe, src *source) error {
	var paths []string
	for _, path := range src.imports {
		paths = append(paths, path)
	}
	for _, path := range u.imports {
		paths = append(paths, path)
	}
	for path := range s.loaded { // functions of earlier cells use them, under names that may mean something else by now
		if p := s.ps.known[path]; p != nil && p.local() {
			paths = append(paths, path)
		}
	}
	sort.Strings(paths)
	if err := s.ps.need(ctx, slices.Compact(paths)); err != nil {
		return err
	}
	for _, path := range sortedKeys(s.loaded) {
		if p := s.ps.known[path]; p != nil && p.Export != s.loaded[path] {
			return errReplay{fmt.Sprintf("package %s was edited", path)}
		}
	}
	return nil
}

// compile builds the unit. Should the compiler refuse what go/types took, the cell is tried without checks for an interrupt.
func (s *Session) compile(ctx context.Context, u *universe, c *checked, out *unit) (*unit, built, error) {
	config, err := s.ps.importcfg(s.tmp)
	if err != nil {
		return nil, built{}, err
	}
	b, err := s.tools.build(ctx, s.tmp, fmt.Sprintf("cell%d", out.id), "main", out.entry, config, out.text)
	var refused *buildError
	if err == nil || !errors.As(err, &refused) || c.checksOff {
		return out, b, s.internal(c, err)
	}
	c.source.checksOff = true
	s.mu.Lock()
	again, failed := u.write(c)
	s.mu.Unlock()
	if failed != nil {
		return nil, b, failed
	}
	b, failed = s.tools.build(ctx, s.tmp, fmt.Sprintf("cell%d", again.id), "main", again.entry, config, again.text)
	if failed != nil {
		return nil, b, s.internal(c, err)
	}
	return again, b, nil
}

// internal explains an error of the compiler, which is this package's fault or a rule that go/types does not know.
func (s *Session) internal(c *checked, err error) error {
	var refused *buildError
	if err == nil || !errors.As(err, &refused) {
		return err
	}
	e := &CompileError{}
	for _, line := range strings.Split(refused.Output, "\n") {
		if at, rest, ok := strings.Cut(line, ": "); ok {
			var n, column int
			if name, numbers, ok := strings.Cut(at, ":"); ok && name == c.name {
				fmt.Sscanf(numbers, "%d:%d", &n, &column)
				e.Diagnostics = append(e.Diagnostics, Diagnostic{name, n, column, plainNames(rest)})
			}
		}
	}
	if len(e.Diagnostics) == 0 {
		return fmt.Errorf("cellar: session: the compiler refused the rewritten cell, please report it: %s: %w", plainNames(refused.Output), refused.Err)
	}
	return e
}

// bring loads the packages that the worker does not hold yet.
func (s *Session) bring(ctx context.Context, imports []string) error {
	var missing []string
	for _, path := range s.ps.closure(imports...) {
		if _, ok := s.loaded[path]; !ok && path != "unsafe" {
			missing = append(missing, path)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var direct []string
	for _, path := range imports {
		for _, m := range missing {
			if m == path {
				direct = append(direct, path)
			}
		}
	}
	config, err := s.ps.importcfg(s.tmp)
	if err != nil {
		return err
	}
	s.units++
	name := fmt.Sprintf("imports%d", s.units)
	b, err := s.tools.build(ctx, s.tmp, name, name, "", config, importsSource(direct))
	if err != nil {
		return err
	}
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	reply, err := s.wait(p, p.request(wire.Request{Op: "load", File: b.file}), nil)
	os.Remove(b.file)
	if err != nil {
		return err
	}
	if reply.Refused != "" {
		s.tools.kept = reuse{}
		p.kill()
		return errors.Join(fmt.Errorf("cellar: session: the imports can't be loaded: %s", reply.Refused), s.lost(p, nil))
	}
	for _, path := range missing {
		s.loaded[path] = s.ps.known[path].Export
	}
	return nil
}

// commit makes known what a cell has declared, up to the statement that it reached.
func (u *universe) commit(c *checked, out *unit, step int) (notices []string) {
	old := map[*entity]string{}
	for e, why := range c.broken {
		e.broken = why
		if live := u.names[e.name]; live == e {
			notices = append(notices, fmt.Sprintf("%s of %s no longer compiles and can't be used until its cell is run again: %s", e.name, e.cell, why))
		} else if e.base != nil {
			notices = append(notices, fmt.Sprintf("method %s.%s of %s no longer compiles and is gone: %s", e.base.name, e.name, e.cell, why))
		}
	}
	for name, path := range c.imports {
		u.imports[name] = path
		if live := u.names[name]; live != nil && !c.declares[name] {
			delete(u.names, name)
		}
	}
	for _, e := range out.declared {
		if e.base != nil {
			continue
		}
		if live := u.names[e.name]; live != nil && live.kind == kindType && e.kind == kindType {
			old[live] = e.name
		}
		u.names[e.name] = e
		delete(u.imports, e.name)
	}
	for _, m := range out.methods {
		m.base.methods[m.m.name] = m.m
	}
	for name, v := range out.vars {
		if v.step < step || c.shadows[name] != nil {
			u.names[name] = v.entity
			delete(u.imports, name)
		}
	}
	for _, name := range sortedKeys(u.names) {
		e := u.names[name]
		if e.kind != kindVar {
			continue
		}
		for x := range e.code.refs {
			if _, ok := old[x]; ok {
				notices = append(notices, fmt.Sprintf("%s keeps a value of the old type %s; run %s again to have the new one", e.name, x.name, e.cell))
			}
		}
	}
	return notices
}

// explainGone adds where a name went that a lost worker held.
func (s *Session) explainGone(err error) error {
	var e *CompileError
	if !errors.As(err, &e) {
		return err
	}
	for i, d := range e.Diagnostics {
		if name, ok := strings.CutPrefix(d.Message, "undefined: "); ok && s.gone[name] != "" && s.universe.names[name] == nil {
			e.Diagnostics[i].Message += fmt.Sprintf(" (it went with the process that ended; run %s again)", s.gone[name])
		}
	}
	return err
}
