package session

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/types"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/display/comm"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
	"github.com/cellar-go/cellar/internal/scratch"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

const goarch = runtime.GOARCH

// Options of a session; the zero value is a session in the working folder.
type Options struct {
	Dir string   // folder of the notebook: its module is the nearest go.mod's, and cells run here
	Env []string // environment of the worker and the toolchain; nil: this process's own
	// Worker, if set, gives variables for the environment of the worker that is about to start, besides Env.
	Worker  func() []string
	Scratch string        // folder for the session's files, which Close removes; "": that for temporary files
	Cache   string        // folder for what can be made again; "": gomod.Cache()/session
	Imports []string      // extra packages linked into the worker; their init registers things
	Grace   time.Duration // from the second interrupt to the end of the worker; 0: one second
	Memory  int64         // bytes that the worker may hold; 0: nine tenths of what the machine or the container has
	Helpers []string      // undeclared functions that Expand knows
	// Expand says what stands for the call of a helper. args[i] is the value of a literal (string, int64, float64, bool), else nil.
	Expand func(name string, call *ast.CallExpr, args []any) (Expansion, bool, error)
	// Add is asked before modules are added to the user's go.mod for packages that a cell imports, given as `path of module path version`,
	// as far as that is known; nil: no.
	Add func(ctx context.Context, packages []string) bool
	// Names are declarations that stand for names which no cell has declared. The first cell that uses one gets them.
	Names map[string]string
	// Handle answers live.Call from the code of a cell.
	Handle func(ctx context.Context, method string, arg []byte) ([]byte, error)
	// Suggest completes what is no Go: a command's line, a comment, a string in a call of a function. Nil: not its own; it must answer at once.
	Suggest func(Typed) []Item
	Output  func(Event) // what goroutines write between cells; nil: kept for the next cell
}

// Expansion stands for the call of a helper.
type Expansion struct {
	Decls   string // Go declarations that the session makes first, in a cell of their own
	Expr    string // takes the call's place
	Imports []string
}

// Cell is what Run runs.
type Cell struct {
	ID     string // the same when a cell is run again
	Name   string // stands in errors; "": cell[n]
	Source string
	// Written is what errors quote, line by line, where the source was made from it; "": the source.
	Written string
	Silent  bool // shows no value
	// Passing cells leave no trace: what they declare is forgotten, and a replay does not run them.
	Passing bool
	Calls   []Call

	effect *wire.Request // among the cells that ran: what was done to the worker between them
	forget []string      // and the names that were taken away
}

// Call is a place between two statements of a cell where it calls the session's Handle, and waits for the answer: a line of its own, from 1. An
// error ends the cell.
type Call struct {
	Line   int
	Method string
	Arg    string
}

// EventKind says what an event is.
type EventKind int

const (
	Stdout EventKind = iota
	Stderr
	Display
	Input // the cell reads its stdin: Session.Answer
	Comm  // a packet for the front-end
)

// Event is output of a cell as it appears.
type Event struct {
	Kind   EventKind
	Text   string
	Bundle display.Bundle
	Packet comm.Packet
}

// Timings tell where the time between Enter and output went.
type Timings struct{ Check, Compile, Link, Load, Run time.Duration }

// Result of a cell that ran.
type Result struct {
	Value   *display.Bundle // of its last expression; nil: nothing to show
	Notices []string        // what the user should know: sentences
	Timings Timings
	Plugin  string // why the cell had to be made a plugin, which takes longer; "": it was linked in memory
}

// Session is a running Go session. Its methods may be called from any goroutine.
type Session struct {
	o       Options
	cache   string
	scratch *scratch.Dir
	tmp     string // its path

	tools   *toolchain // these are there, and stay, once the session has started
	ps      *packages
	program string
	browser *browser // for completion and inspection

	running sync.Mutex  // held while a cell runs
	reread  atomic.Bool // the module may be another one by now

	mu       sync.Mutex // guards what follows
	starting *starting
	universe *universe
	process  *process
	loaded   map[string]bool   // packages that the worker holds
	made     map[string]*pkg   // packages that the worker's code or the session's types are made of
	outdated map[string]string // those of them that are others by now, and why
	took     time.Duration     // that the history ran
	asks     bool              // a cell of the history reads its input
	importer types.Importer
	cells    int
	units    int
	history  []Cell
	past     []Cell            // of workers that ended: what Replay runs before history
	sources  map[string]string // cells by name: errors show their lines
	routines int               // goroutines that lived on when the last cell was over
	gone     map[string]string // names that went with a worker → their cells
	active   *activity
	early    []Event
	dropped  int // events that early had no room for
	closed   bool
}

// activity is the cell that runs.
type activity struct {
	cancel  context.CancelFunc // ends what the toolchain does
	process *process           // once the cell is in it
	own     []*entity          // what the cell there declares
	asked   int
	deaf    bool   // the cell was stopped for it reads where nobody can be asked
	memory  string // what it was stopped for, if for its memory
	timer   *time.Timer
	ctx     context.Context
}

// starting is one try to start the session.
type starting struct {
	over  chan struct{} // closed when it has ended
	err   error         // then
	first atomic.Bool   // something is built that later ones find
}

func (st *starting) wait(ctx context.Context) error {
	select {
	case <-st.over:
		return st.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Start prepares a session and returns at once; the worker warms up behind it. Ready tells when and how that ended.
func Start(ctx context.Context, o Options) (*Session, error) {
	if o.Dir == "" {
		o.Dir = "."
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("cellar: session: %w", err)
	}
	o.Dir = dir
	if o.Grace == 0 {
		o.Grace = time.Second
	}
	cache := o.Cache
	if cache == "" {
		if cache, err = gomod.Cache(); err != nil {
			return nil, err
		}
		cache = filepath.Join(cache, "session")
	}
	s := &Session{o: o, cache: cache, gone: map[string]string{}, sources: map[string]string{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start(context.WithoutCancel(ctx))
	return s, ctx.Err()
}

// start begins to start the session. While that goes on nobody else looks at what it makes. The caller holds mu.
func (s *Session) start(ctx context.Context) *starting {
	st := &starting{over: make(chan struct{})}
	s.starting = st
	go func() {
		defer close(st.over)
		st.err = s.warm(ctx, st)
	}()
	return st
}

func (s *Session) warm(ctx context.Context, st *starting) error {
	if s.browser != nil { // of a start that failed
		s.browser.close()
		s.browser = nil
	}
	if s.tmp == "" {
		dir, err := scratch.Make(s.o.Scratch, "session")
		if err != nil {
			return fault.New(fault.Storage, "set TMPDIR to a folder that can be written, and restart the kernel", "session: %w", err)
		}
		s.scratch, s.tmp = dir, dir.Path
	}
	tools, err := newToolchain(ctx, s.o, s.tmp)
	if err != nil {
		return err
	}
	tools.kept = reuse{filepath.Join(s.cache, "cells")}
	tools.kept.sweep()
	tools.first = &st.first
	s.tools = tools
	s.ps = &packages{tools: tools, known: map[string]*pkg{}}
	s.browser = newBrowser(tools, s.ps)
	imports := s.linked()
	if !s.ps.restore(s.listFile()) {
		st.first.Store(true)
		if err := s.ps.list(ctx, append(imports, workerPath)...); err != nil {
			return s.tools.otherTree(tooOld(s.tools.outOfRoom(err)))
		}
		s.ps.save(s.listFile())
	}
	if err := s.buildProgram(ctx); err != nil {
		return s.tools.otherTree(err)
	}
	if err := s.canary(ctx); err != nil {
		return s.tools.otherTree(err)
	}
	if err := s.fresh(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	p, done := s.process, s.history
	s.mu.Unlock()
	affect(p, done) // what was done to the session while there was no worker
	return nil
}

// listFile keeps what is known of packages.
func (s *Session) listFile() string {
	return filepath.Join(s.cache, "packages-"+s.tools.key(s.linked())+".json")
}

// buildProgram makes the worker of what the packages in it are now.
func (s *Session) buildProgram(ctx context.Context) (err error) {
	building.Lock()
	defer building.Unlock()
	s.program, err = s.tools.buildWorker(ctx, s.ps, s.linked(), s.cache)
	return s.tools.outOfRoom(err)
}

// linked are the packages that a worker holds from the start.
func (s *Session) linked() []string { return slices.Concat(common, s.o.Imports) }

// fresh starts a worker with nothing in it.
func (s *Session) fresh(ctx context.Context) error {
	if len(s.outdated) > 0 { // they may be taken as they are now
		for path := range s.outdated {
			s.ps.drop(path)
		}
		if err := s.ps.need(ctx, sortedKeys(s.outdated)); err != nil {
			return err
		}
	}
	if err := s.buildProgram(ctx); err != nil { // a package that it holds may have been edited
		return err
	}
	env := s.tools.environ()
	if s.o.Worker != nil {
		env = append(slices.Clone(env), s.o.Worker()...)
	}
	env = append(slices.Clone(env), fmt.Sprintf("%s=%d", wire.Memory, s.memory()))
	p, err := startProcess(s.program, s.o.Dir, env, s.between, s.called)
	if err != nil {
		return err
	}
	p.tell(wire.Request{Op: "link", Names: s.tools.builtins})
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock() // its last output may want it
		p.kill()
		return errors.New("cellar: session: it was closed")
	}
	defer s.mu.Unlock()
	s.process, s.universe, s.loaded, s.made, s.outdated, s.routines = p, newUniverse(), map[string]bool{}, map[string]*pkg{}, map[string]string{}, 0
	s.universe.polls = p.polls
	s.took, s.asks = 0, false
	for _, path := range s.ps.closure(append([]string{workerPath}, s.linked()...)...) {
		s.loaded[path], s.made[path] = true, s.ps.known[path]
	}
	go s.watchMemory(p)
	s.importer = s.ps.newImporter(func(p *pkg) { s.made[p.ImportPath] = p })
	return nil
}

// earlyEvents is how much of what goroutines write between two cells is kept; how much was not is said.
const earlyEvents = 10_000

// between takes what is written while no cell runs.
func (s *Session) between(e Event) {
	if s.o.Output != nil {
		s.o.Output(e)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.early) < earlyEvents {
		s.early = append(s.early, e)
	} else {
		s.dropped++
	}
}

// called answers the worker.
func (s *Session) called(id int, method string, arg []byte) {
	s.mu.Lock()
	ctx, p := context.Background(), s.process
	if s.active != nil {
		ctx = s.active.ctx
	}
	s.mu.Unlock()
	r := wire.Request{Op: "answer"}
	if s.o.Handle == nil {
		r.Error = fmt.Sprintf("cellar: call %s: nothing in this session answers it", method)
	} else if data, err := s.o.Handle(ctx, method, arg); err != nil {
		r.Error = err.Error()
	} else {
		r.Data = data
	}
	r.ID = id
	p.tell(r)
}

// Ready waits until the worker is warm. Its error says what is missing; the next cell tries again.
func (s *Session) Ready(ctx context.Context) error {
	s.mu.Lock()
	st := s.starting
	s.mu.Unlock()
	return st.wait(ctx)
}

// startDisplay is the display that says that a start takes long.
const startDisplay = "cellar-start"

// started is Ready for what can't do without a worker: a start that has failed is tried again, since what was missing may be there. One that
// builds what later ones find takes long, and says so.
func (s *Session) started(ctx context.Context, show func(Event)) error {
	s.mu.Lock()
	st := s.starting
	again := st.failed() && !s.closed
	if again {
		st = s.start(context.WithoutCancel(ctx))
	}
	s.mu.Unlock()
	tell := func(how string, b display.Bundle) {
		b.ID, b.Data = startDisplay, map[string]any{"text/plain": "building Go's standard library for this session, once for this module and version of Go " + how}
		show(Event{Kind: Display, Bundle: b})
	}
	told := false
	tick := time.NewTicker(slowStart)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !told && st.first.Load() {
				told = true
				tell("…", display.Bundle{})
			}
			continue
		case <-st.over:
		case <-ctx.Done():
		}
		if told { // the cell has shown nothing else yet, unless a command in it has put right what failed
			tell("(done)", display.Bundle{Clear: !again, Now: true, Update: true})
		}
		return st.wait(ctx)
	}
}

// slowStart is how long a session may take to start before the user is told why.
const slowStart = 2 * time.Second

func (st *starting) failed() bool {
	select {
	case <-st.over:
		return st.err != nil
	default:
		return false
	}
}

// isReady is for those who don't wait.
func (s *Session) isReady() bool {
	s.mu.Lock()
	st := s.starting
	s.mu.Unlock()
	select {
	case <-st.over:
		return st.err == nil
	default:
		return false
	}
}

// hint is how long after an interrupt the user is told what a second one does.
const hint = 3 * time.Second

// Interrupt stops the running cell, or between cells what handles messages of the front-end. The first time it asks; the second time it
// ends the worker when Grace has passed.
func (s *Session) Interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.active
	if a == nil {
		if s.process != nil {
			s.process.tell(wire.Request{Op: "interrupt"})
		}
		return
	}
	a.asked++
	if a.process == nil {
		a.cancel()
		return
	}
	a.process.tell(wire.Request{Op: "interrupt"})
	if a.asked == 1 {
		time.AfterFunc(hint, func() {
			s.mu.Lock()
			waits := s.active == a && a.asked == 1 && a.memory == ""
			s.mu.Unlock()
			if waits {
				a.process.send(0, Event{Kind: Stderr, Text: "the cell does not stop by itself; a second interrupt ends the session's process, and its variables are lost\n"})
			}
		})
	}
	if a.asked == 2 {
		a.timer = time.AfterFunc(s.o.Grace, func() {
			s.mu.Lock()
			a.process.why = "it was killed after a second interrupt: the cell did not stop by itself"
			over := s.active != a
			s.mu.Unlock()
			if !over {
				a.process.kill()
			}
		})
	}
}

// RefuseInput stops a cell that reads its stdin where nobody can be asked. A replay goes on with the next one.
func (s *Session) RefuseInput() {
	s.mu.Lock()
	if s.active != nil {
		s.active.deaf = true
	}
	s.mu.Unlock()
	s.Interrupt()
}

// Answer gives a line to the cell that reads its stdin.
func (s *Session) Answer(text string) error {
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	if p == nil {
		return errors.New("cellar: session: nothing runs")
	}
	_, err := p.input().Write([]byte(text + "\n"))
	p.tell(wire.Request{Op: "input"})
	return err
}

// EndInput is Answer for who has no more to say: the cell that reads its stdin gets io.EOF. What reads later asks again.
func (s *Session) EndInput() error {
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	if p == nil {
		return errors.New("cellar: session: nothing runs")
	}
	return p.endInput()
}

// Restart begins again with a fresh worker and nothing declared.
func (s *Session) Restart(ctx context.Context) error {
	s.Interrupt()
	s.mu.Lock()
	if s.process != nil {
		go s.process.kill()
	}
	s.mu.Unlock()
	s.running.Lock()
	defer s.running.Unlock()
	if err := s.started(ctx, s.between); err != nil {
		return err
	}
	s.mu.Lock()
	p := s.process
	s.history, s.past, s.gone, s.early, s.cells, s.sources = nil, nil, map[string]string{}, nil, 0, map[string]string{}
	s.mu.Unlock()
	p.kill()
	return s.fresh(ctx)
}

// Close ends the worker and removes the session's files.
func (s *Session) Close() error {
	s.mu.Lock()
	s.closed = true
	p, st := s.process, s.starting
	s.mu.Unlock()
	if p != nil {
		p.kill()
	}
	<-st.over
	if s.browser != nil {
		s.browser.close()
	}
	if s.scratch == nil {
		return nil
	}
	return s.scratch.Remove()
}

// Variable is what Variables tells of one.
type Variable struct{ Name, Type, Value string }

// Variables lists what the cells have declared and that has a value. While a cell runs the values are left out.
func (s *Session) Variables() []Variable {
	s.mu.Lock()
	u := s.universe
	s.mu.Unlock()
	if u == nil {
		return nil
	}
	s.mu.Lock()
	var links []string
	var out []Variable
	for _, name := range sortedKeys(u.names) {
		if e := u.names[name]; e.kind == kindVar {
			out = append(out, Variable{Name: name, Type: typeString(e.object.Type())})
			links = append(links, e.link)
		}
	}
	s.mu.Unlock()
	values := s.values(links)
	for i := range out {
		out[i].Value = plainNames(values[links[i]])
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// values asks the worker, unless a cell runs.
func (s *Session) values(links []string) map[string]string {
	if !s.running.TryLock() {
		return nil
	}
	defer s.running.Unlock()
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	if p == nil || len(links) == 0 {
		return nil
	}
	select {
	case r := <-p.request(wire.Request{Op: "values", Names: links}):
		return r.Values
	case <-p.dead:
	case <-time.After(2 * time.Second):
	}
	return nil
}

// typeString is a type as the user writes it.
func typeString(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p.Path() == "main" {
			return ""
		}
		return p.Name()
	})
}
