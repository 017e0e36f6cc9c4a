package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gocell"
	"github.com/cellar-go/cellar/kernel/session"
)

// Session is what commands act on: *session.Session.
type Session interface {
	Run(ctx context.Context, c session.Cell, sink func(session.Event)) (session.Result, error)
	Interrupt()
	Surroundings(ctx context.Context) (session.Surroundings, error)
	Chdir(ctx context.Context, dir string) error
	Setenv(ctx context.Context, name, value string) error
	SetArgs(ctx context.Context, args []string, parse bool) error
	Declarations() []session.Declaration
	Variables() []session.Variable
	Forget(names ...string) (unknown, notices []string)
	Reset(ctx context.Context) error
	Module(ctx context.Context) (session.Module, error)
	Reread()
	Replay(ctx context.Context, sink func(session.Event)) (session.Result, error)
}

// IO is where a cell's commands show and ask.
type IO struct {
	Show func(session.Event)
	// Ask asks the user for a line, until the context ends; nil: the front-end can't.
	Ask func(ctx context.Context, prompt string, password bool) (string, error)
}

// Commands runs the cells of one session, and the commands in them.
type Commands struct {
	Session Session
	Version string // of this program, for %version

	mu      sync.Mutex
	running *run // the cell that runs

	autoget *bool // modules are added for imports without asking; nil: the user is asked
	goflags []string
	hasArgs bool   // os.Args has been set
	asks    asking // how the next shell command is answered
}

// method is what cells call for a command between their statements.
const method = "cellar.command"

// run is one cell on its way.
type run struct {
	c        *Commands
	ctx      context.Context
	io       IO
	cell     session.Cell
	parsed   *gocell.Cell
	middle   []*call // those that the cell calls
	timed    bool
	captured []*os.File // %capture
	err      error      // of a command that ended the cell
}

// call is one command in a cell.
type call struct {
	*run
	command
	magic gocell.Magic
	rest  string // what stands behind the name
	args  []string
}

// Run runs a cell: the commands before its first declaration, then its Go with the commands that stand between statements, then those behind
// it. A cell without commands is the session's alone. When ctx ends, what runs is interrupted.
func (c *Commands) Run(ctx context.Context, cell session.Cell, io IO) (session.Result, error) {
	r := &run{c: c, ctx: ctx, io: io, cell: cell}
	whole, err := r.wrap()
	if err != nil {
		return session.Result{}, err
	}
	if r.parsed, err = gocell.Parse(cell.Name, r.cell.Source); err == nil && r.negations() {
		r.parsed, err = gocell.Parse(cell.Name, r.cell.Source)
	}
	c.mu.Lock()
	c.running = r
	c.mu.Unlock()
	defer func() { c.mu.Lock(); c.running = nil; c.mu.Unlock() }()
	if err != nil || len(r.parsed.Magics) == 0 && whole == nil {
		return c.Session.Run(ctx, r.cell, io.Show) // it says what is wrong
	}
	before, after, err := r.plan()
	if err != nil {
		return session.Result{}, err
	}
	var result session.Result
	err = r.all(before)
	if whole != nil && err == nil {
		err = whole.do(whole)
	}
	if err == nil && len(r.parsed.Items) > 0 || len(r.middle) > 0 {
		if err == nil {
			result, err = c.Session.Run(ctx, r.cell, r.io.Show)
			if r.err != nil { // of a command in the middle
				err = r.err
			}
			if r.timed && err == nil {
				r.print("%s", timing(result.Timings))
			}
		}
	}
	if err == nil {
		err = r.all(after)
	}
	if lost := r.close(); lost != nil {
		err = errors.Join(err, lost)
	}
	return result, err
}

// wrap takes a first line that has the rest of the cell as its Go away: %%time.
func (r *run) wrap() (*call, error) {
	first, _, _ := strings.Cut(r.cell.Source, "\n")
	name, rest, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(first), "//gonb:")), " ")
	if name != "%%time" && name != "%%timeit" && name != "%%capture" {
		return nil, nil
	}
	x := &call{run: r, magic: gocell.Magic{Line: 1, Text: name + " " + rest}, rest: strings.TrimSpace(rest)}
	x.args = words(x.rest)
	x.command, _ = lookup(name)
	if name == "%%timeit" {
		_, x.magic.Body, _ = strings.Cut(r.cell.Source, "\n")
		r.cell.Source = ""
		return x, nil
	}
	r.cell.Source = strings.Repeat(" ", len(first)) + strings.TrimPrefix(r.cell.Source, first)
	return x, nil
}

// plan sorts the cell's commands by when they run.
func (r *run) plan() (before, after []*call, err error) {
	first, last := len(r.cell.Source), -1 // declarations and statements; imports are no hindrance to what stands behind them
	for _, item := range r.parsed.Items {
		if item.Kind != gocell.Import {
			at := r.parsed.Token(item)
			first, last = min(first, at), at
		}
	}
	for _, m := range r.parsed.Magics {
		x, err := r.call(m)
		switch {
		case err != nil:
			return nil, nil, err
		case x.name == "%exec":
			if err := x.exec(); err != nil {
				return nil, nil, err
			}
		case x.name == "%test": // of tests that the cell may declare below
			after = append(after, x)
		case m.Start < first:
			before = append(before, x)
		case m.Start > last && !m.IsMain():
			after = append(after, x)
		case x.alone:
			return nil, nil, x.mistake("put it into a cell of its own", "%s can't stand between Go statements", x.name)
		default:
			r.between(x, m.Line)
		}
	}
	return before, after, nil
}

// between has the cell call a command at a line.
func (r *run) between(x *call, line int) {
	r.cell.Calls = append(r.cell.Calls, session.Call{Line: line, Method: method, Arg: fmt.Sprint(len(r.middle))})
	r.middle = append(r.middle, x)
}

func (r *run) call(m gocell.Magic) (*call, error) {
	x := &call{run: r, magic: m}
	text := m.Text
	switch {
	case strings.HasPrefix(text, "!*"):
		text = "!* " + text[2:]
	case text[0] == '!', text[0] == '$':
		text = "! " + text[1:]
	}
	name, rest, _ := strings.Cut(text, " ")
	if tab := strings.IndexByte(name, '\t'); tab >= 0 {
		name, rest = name[:tab], name[tab+1:]+" "+rest
	}
	x.rest = strings.TrimSpace(rest)
	x.args = words(x.rest)
	var known bool
	if x.command, known = lookup(name); !known {
		hint := "`%help` lists the commands"
		if near := similar(name); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "? " + hint
		}
		return nil, fault.New(fault.Input, hint, "%s:%d: the kernel has no command %s", r.cell.Name, m.Line, name)
	}
	return x, nil
}

func (r *run) all(calls []*call) error {
	for _, x := range calls {
		if err := context.Cause(r.ctx); err != nil {
			return err
		}
		if err := x.do(x); err != nil {
			return err
		}
	}
	return context.Cause(r.ctx)
}

// close closes the files of %capture.
func (r *run) close() error {
	var err error
	for _, f := range r.captured {
		err = errors.Join(err, f.Close())
	}
	return err
}

// mistake is an error that names the command's line.
func (x *call) mistake(hint, format string, args ...any) error {
	return fault.New(fault.Input, hint, "%s:%d: "+format, append([]any{x.cell.Name, x.magic.Line}, args...)...)
}

// usage says how the command is written.
func (x *call) usage() error {
	return x.mistake("write "+x.command.usage, "%s is given wrongly", x.name)
}

func (r *run) print(format string, args ...any) {
	r.io.Show(session.Event{Kind: session.Stdout, Text: fmt.Sprintf(format, args...) + "\n"})
}

func (r *run) notice(format string, args ...any) {
	r.io.Show(session.Event{Kind: session.Stderr, Text: fmt.Sprintf(format, args...) + "\n"})
}

// Handle answers the calls that cells make for the commands between their statements; what else cells call goes to next.
func (c *Commands) Handle(next func(context.Context, string, []byte) ([]byte, error)) func(context.Context, string, []byte) ([]byte, error) {
	return func(ctx context.Context, called string, arg []byte) ([]byte, error) {
		if called != method {
			if next == nil {
				return nil, fmt.Errorf("cellar: call %s: nothing in this session answers it", called)
			}
			return next(ctx, called, arg)
		}
		c.mu.Lock()
		r := c.running
		c.mu.Unlock()
		var n int
		if _, err := fmt.Sscan(string(arg), &n); err != nil || r == nil || n >= len(r.middle) {
			return nil, errors.New("cellar: the cell of this command is over") // a replay: what was done between statements is not done again
		}
		x := r.middle[n]
		if err := x.do(x); err != nil {
			r.err = err
			return nil, err
		}
		return nil, nil
	}
}
