package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// Run runs a cell and passes its output to sink as it appears. Cells wait for each other. When ctx is cancelled, the cell is interrupted.
func (s *Session) Run(ctx context.Context, cell Cell, sink func(Event)) (result Result, err error) {
	s.running.Lock()
	defer s.running.Unlock()
	if err := s.started(ctx, sink); err != nil {
		return Result{}, err
	}
	s.mu.Lock()
	s.cells++
	if cell.Name == "" {
		cell.Name = fmt.Sprintf("cell[%d]", s.cells)
	}
	cell.Name = strings.NewReplacer("*/", "", "\n", " ", "\r", " ").Replace(cell.Name)
	s.sources[cell.Name] = cmp.Or(cell.Written, cell.Source)
	s.mu.Unlock()
	tools, a, end, err := s.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	defer end()
	s.passEarly(sink)
	if err := s.lostBefore(); err != nil {
		s.unrun(cell, err)
		return Result{}, err
	}
	result, err = s.run(tools, cell, sink, a, true)
	if err != nil && tools.Err() != nil && !errors.Is(err, ErrInterrupted) {
		err = ErrInterrupted
	}
	return result, err
}

// begin makes what runs from now on the session's activity, until end. The context is for what the toolchain does.
func (s *Session) begin(ctx context.Context) (tools context.Context, a *activity, end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, nil, errors.New("cellar: session: it was closed")
	}
	tools, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a = &activity{cancel: cancel, ctx: tools}
	s.active = a
	stop := context.AfterFunc(ctx, s.Interrupt)
	return tools, a, func() {
		stop()
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.active = nil
		if a.timer != nil {
			a.timer.Stop()
		}
	}, nil
}

// passEarly shows what goroutines wrote while no cell ran.
func (s *Session) passEarly(sink func(Event)) {
	s.mu.Lock()
	early := s.early
	if s.dropped > 0 {
		early = append(early, Event{Kind: Stderr, Text: fmt.Sprintf("(%s of output between the cells had no room)\n", counted(s.dropped, "piece"))})
	}
	s.early, s.dropped = nil, 0
	s.mu.Unlock()
	for _, e := range early {
		sink(e)
	}
}

// lostBefore is the error of a worker that ended between the cells.
func (s *Session) lostBefore() error {
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	select {
	case <-p.dead:
		return s.lost(p)
	default:
		return nil
	}
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
	s.mu.Lock()
	cost := s.replayCost()
	s.mu.Unlock()
	if cost != "" { // whether that may be done again is the user's to say
		return result, fault.New(fault.Failed, "run %replay to run the session's cells again in a fresh process, or restart the kernel", "session: %s; they are not run again unasked, since %s", again.reason, cost)
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
	cells := latest(s.history)
	s.mu.Unlock()
	count, notices, err := s.again(ctx, cells, func(e Event) {
		if e.Kind == Comm {
			sink(e)
		}
	}, a)
	if err != nil {
		return nil, err
	}
	if count == 0 { // there was nothing that the user could miss
		return nil, nil
	}
	return append([]string{fmt.Sprintf("%s: the session was replayed into a fresh process, %s ran again", reason, counted(count, "cell"))}, notices...), nil
}

// once checks, builds, loads and runs a cell.
func (s *Session) once(ctx context.Context, cell Cell, sink func(Event), a *activity) (result Result, err error) {
	start := time.Now()
	if err := s.sameCompiler(); err != nil {
		return result, err
	}
	s.mu.Lock()
	u := s.universe
	s.mu.Unlock()
	s.ps.show = sink
	defer func() { s.ps.show = nil }()
	if err := s.sameModules(); err != nil {
		return result, err
	}
	src, err := s.read(ctx, u, cell)
	if err != nil {
		return result, err
	}
	changes, err := s.packagesFor(ctx, u, src)
	if err != nil {
		return result, err
	}
	result, err = s.build(ctx, u, cell, src, changes, start, sink, a)
	if src.renews = errors.Is(err, errRenew); src.renews || errors.Is(err, errKept) {
		result, err = s.build(ctx, u, cell, src, changes, start, sink, a)
	}
	return result, err
}

// errRenew is of a worker that can't give a type the methods that a cell adds.
var errRenew = errors.New("a type can't get methods")

// errKept is of an object of a former session that does not fit.
var errKept = errors.New("a kept object does not fit")

// build is once for a cell that was read. Changes are notices for when it has run.
func (s *Session) build(ctx context.Context, u *universe, cell Cell, src *source, changes []string, start time.Time, sink func(Event), a *activity) (result Result, err error) {
	c, unit, err := s.rewrite(u, src)
	if err != nil && s.supply(ctx, u, src, err) {
		c, unit, err = s.rewrite(u, src)
	}
	if err != nil {
		return result, s.hint(u, src, err)
	}
	defer func() { result.Notices = slices.Concat(src.notices, c.asksTerminal(), result.Notices) }()
	result.Timings.Check = time.Since(start)
	start = time.Now()
	unit, object, err := s.compile(ctx, u, c, unit)
	if err != nil {
		return result, err
	}
	defer func() { os.Remove(object) }()
	result.Timings.Compile = time.Since(start)
	start = time.Now()
	if err := s.bring(ctx, append(unit.imports, blank(u.imports, src.imports)...)); err != nil {
		return result, err
	}
	result.Timings.Link = time.Since(start)

	s.mu.Lock()
	p := s.process
	a.process = p
	if !cell.Passing {
		a.own = unit.own(c)
		defer func() { a.own = nil }()
	}
	interrupted := a.asked > 0
	s.mu.Unlock()
	if interrupted {
		return result, ErrInterrupted
	}
	if names := c.flags(); len(names) > 0 {
		p.tell(wire.Request{Op: "flags", Names: names})
	}
	p.setEmit(sink, func() { s.passEarly(sink) })
	defer p.setEmit(nil, func() {})
	config, err := s.ps.importcfg(s.tmp)
	if err != nil {
		return result, err
	}
	p.ending.Lock() // the cell before may have ended at the end of stdin, which is not this one's
	p.ending.Unlock()
	request := wire.Request{Op: "load", File: object, Entry: unit.entry, Packages: config, Input: c.readsInput()}
	reply := wire.Reply{Unlinked: "the toolchain came without its source"}
	if len(s.tools.builtins) > 0 {
		reply, err = s.wait(p, p.request(request))
	}
	if err == nil && reply.Unlinked != "" && unit.extended { // once more, with another generation of these types
		s.mu.Lock()
		u.forget(unit)
		s.mu.Unlock()
		return result, errRenew
	}
	if err == nil && reply.Unlinked != "" {
		result.Plugin = reply.Unlinked
		start = time.Now()
		if request.File, err = s.tools.linkCell(ctx, object, unit.entry, config); err != nil {
			return result, s.internal(c, err)
		}
		result.Timings.Link += time.Since(start)
		request.Packages = ""
		reply, err = s.wait(p, p.request(request))
		os.Remove(request.File) // it is mapped, and its name is not used again
	}
	if err != nil {
		return result, err
	}
	result.Timings.Load = reply.Load
	result.Timings.Run = reply.Run
	if reply.Refused != "" {
		if request.Packages != "" && s.tools.kept != (reuse{}) { // nothing of it is in the worker: it is made anew
			s.tools.kept = reuse{}
			s.mu.Lock()
			u.forget(unit)
			s.mu.Unlock()
			return result, errKept
		}
		s.tools.kept = reuse{} // should it have been one of a former session's
		return result, errReplay{"a cell could not be loaded (" + reply.Refused + ")"}
	}
	s.mu.Lock()
	result.Notices = changes
	var old []*entity
	var outgrown map[string]string
	if !cell.Passing {
		old, outgrown = u.replaced(unit), u.outgrown(c, unit)
		result.Notices = append(result.Notices, s.oldLengths(u, unit)...)
		result.Notices = append(result.Notices, u.commit(c, unit, reply.Step)...)
		s.history = append(s.history, cell)
	}
	s.took += reply.Run
	s.asks = s.asks || request.Input
	s.routines = reply.Goroutines
	s.mu.Unlock()
	result.Notices = append(result.Notices, s.heldOld(p, c.name, old)...)
	result.Notices = append(result.Notices, s.heldCalls(p, outgrown)...)
	switch {
	case reply.Interrupted:
		if reply.Left != "" {
			result.Notices = append(result.Notices, fmt.Sprintf("the cell was left while it waits in %s: that goes on, and what it assigns may still change; the rest of the cell does not run", plainNames(reply.Left)))
		}
		if reply.Halted != "" {
			result.Notices = append(result.Notices, fmt.Sprintf("the cell was stopped in %s: what that was changing may be half done, and a lock of the library may stay locked", plainNames(reply.Halted)))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if a.memory != "" {
			return result, fault.New(fault.Failed, memoryHint, "the cell was stopped: %s", a.memory)
		}
		e := interruptedAt(reply)
		s.quote(e.Frames)
		if reply.Deadlock {
			return result, &EndedError{"all goroutines are asleep - deadlock!", e.Frames}
		}
		return result, e
	case reply.Panic != nil:
		e := newPanic(reply.Panic)
		s.mu.Lock()
		s.quote(e.Frames)
		s.mu.Unlock()
		if reply.Panic.Ended {
			return result, &EndedError{e.Value, e.Frames}
		}
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

// asksTerminal says what asks for a password where os.Stdin is no terminal.
func (c *checked) asksTerminal() []string {
	for id, o := range c.info.Uses { // functions of earlier cells may be compiled with it again
		if o.Pkg() != nil && o.Name() == "ReadPassword" && c.fset.Position(id.Pos()).Filename == c.name && (o.Pkg().Path() == "golang.org/x/term" || o.Pkg().Path() == "golang.org/x/crypto/ssh/terminal") {
			return []string{o.Pkg().Name() + ".ReadPassword reads from a terminal, and a notebook has none: display.Password(\"Password: \") asks the front-end, which hides what is typed"}
		}
	}
	return nil
}

// flags are the names of the command line flags that the cell declares.
func (c *checked) flags() (names []string) {
	ast.Inspect(c.files[0].ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if o, ok := c.info.Uses[f.Sel].(*types.Func); ok && o.Pkg() != nil && o.Pkg().Path() == "flag" && o.Signature().Recv() == nil && !slices.Contains([]string{"Lookup", "NewFlagSet", "Set"}, o.Name()) {
			for _, arg := range call.Args { // flag.Int("n", …) and flag.IntVar(&n, "n", …)
				if v := c.info.Types[arg].Value; v != nil && v.Kind() == constant.String {
					names = append(names, constant.StringVal(v))
					break
				}
			}
		}
		return true
	})
	return names
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
	u.renews = len(s.tools.builtins) == 0
	if c, err = u.check(src, s.importer); err != nil {
		return nil, nil, s.explainGone(err)
	}
	out, err = u.write(c)
	return c, out, err
}

// wait waits for a reply or the end of the worker.
func (s *Session) wait(p *process, replies <-chan wire.Reply) (wire.Reply, error) {
	select {
	case r := <-replies:
		return r, nil
	case <-p.dead:
		select {
		case r := <-replies:
			return r, nil
		default:
			return wire.Reply{}, s.lost(p)
		}
	}
}

// read parses a cell, after the helpers in it have been expanded.
func (s *Session) read(ctx context.Context, u *universe, cell Cell) (*source, error) {
	name := s.packageName(ctx)
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
		if err := src.declare(text.String()+x.Decls, name); err != nil {
			return nil, err
		}
	}
	return src, nil
}

// packageName tells what a package that a cell imports is called.
func (s *Session) packageName(ctx context.Context) func(path string) (string, error) {
	return func(path string) (string, error) {
		if path == "unsafe" || path == "C" {
			return path, nil
		}
		if err := s.need(ctx, []string{path}); err != nil {
			return "", err
		}
		if s.ps.known[path].Name == "main" {
			return "", fault.New(fault.Input, "what a cell is to use of it has to stand in a package of its own; `!go run "+path+"` runs it", "import %s: it is a program, not an importable package", path)
		}
		return s.ps.known[path].Name, nil
	}
}

// declare adds what the cell gets declared without saying so.
func (src *source) declare(text string, packageName func(string) (string, error)) error {
	more := &source{imports: map[string]string{}, declares: map[string]bool{}, hasMethod: map[string]bool{}, vars: map[string]bool{}}
	if err := more.parse("declared for "+src.name, text, packageName); err != nil {
		return err
	}
	for short, path := range more.imports {
		src.imports[short] = path
	}
	for _, d := range more.decls {
		if d.name != "" && src.declares[d.name] {
			if src.helped[d.name] {
				continue
			}
			return &CompileError{[]Diagnostic{{src.name, 1, 1, fmt.Sprintf("%s is declared here, and is also the type of a loaded value:\n%s", d.name, d.text)}}}
		}
		src.decls = append(src.decls, d)
		src.declares[d.name], src.helped[d.name] = true, true
		if d.kind == kindType {
			src.types = append(src.types, d)
		}
	}
	return nil
}

// compile makes the unit's object. Should the compiler refuse what go/types took, the cell is tried without checks for an interrupt.
func (s *Session) compile(ctx context.Context, u *universe, c *checked, out *unit) (*unit, string, error) {
	config, err := s.ps.importcfg(s.tmp)
	if err != nil {
		return nil, "", err
	}
	object, err := s.tools.compile(ctx, s.tmp, fmt.Sprintf("cell%d", out.id), config, out.text)
	var refused *buildError
	if err = s.tools.outOfRoom(err); err == nil || !errors.As(err, &refused) || c.checksOff {
		return out, object, s.internal(c, err)
	}
	c.source.checksOff = true
	s.mu.Lock()
	u.forget(out)
	again, failed := u.write(c)
	s.mu.Unlock()
	if failed != nil {
		return nil, "", failed
	}
	object, failed = s.tools.compile(ctx, s.tmp, fmt.Sprintf("cell%d", again.id), config, again.text)
	if failed != nil {
		s.mu.Lock()
		u.forget(again)
		s.mu.Unlock()
		return nil, "", s.internal(c, err)
	}
	return again, object, nil
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

// commit makes known what a cell has declared, up to the statement that it reached.
func (u *universe) commit(c *checked, out *unit, step int) (notices []string) {
	old := map[*entity]string{}
	for _, e := range sortedSet(c.broken) {
		why := c.broken[e]
		known := e.broken != ""
		e.broken = why
		if known {
			continue
		}
		if live := u.meant(e.name); live == e {
			notices = append(notices, fmt.Sprintf("%s of %s no longer compiles and can't be used until its cell is run again: %s", e.name, e.cell, why))
		} else if e.base != nil {
			notices = append(notices, fmt.Sprintf("method %s.%s of %s no longer compiles and is gone: %s", e.base.name, e.name, e.cell, why))
		}
	}
	for name, path := range c.imports {
		u.imports[name] = path
		if live := u.names[name]; live != nil && !c.declares[name] {
			delete(u.names, name)
			u.removed[name] = live
		}
	}
	for _, e := range out.declared {
		if e.base != nil {
			continue
		}
		if live := u.meant(e.name); live != nil && live.kind == kindType && e.kind == kindType && live.link != e.link {
			old[live] = e.name
		}
		if u.removed[e.name] != nil && !c.declares[e.name] { // it was compiled again for those that use it still
			u.removed[e.name] = e
			continue
		}
		u.names[e.name] = e
		delete(u.removed, e.name)
		delete(u.imports, e.name)
	}
	for _, m := range out.methods {
		m.base.methods[m.m.name] = m.m
	}
	for name, e := range out.retyped {
		if u.removed[name] != nil {
			u.removed[name] = e
		} else {
			u.names[name] = e
		}
		u.links[name+" "+e.slot] = e
	}
	for name, v := range out.vars {
		if v.step < step || c.shadows[name] != nil {
			u.names[name] = v.entity
			delete(u.removed, name)
			delete(u.imports, name)
		}
	}
	maps.Copy(u.stretches, out.code)
	u.instantiated(c)
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
