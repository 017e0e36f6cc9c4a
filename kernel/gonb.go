package kernel

import (
	"sync"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/scratch"
	"github.com/cellar-go/cellar/kernel/commands"
	"github.com/cellar-go/cellar/kernel/gonb"
	"github.com/cellar-go/cellar/kernel/session"
)

// gonbPipes lets notebooks that import GoNB's packages show what they show: each worker gets pipes of its own.
type gonbPipes struct {
	kernel *kernel
	dir    *scratch.Dir // where they are, and where !* commands run

	mu       sync.Mutex
	pipes    *gonb.Pipes // of the worker that lives
	question string
	password bool
}

func (k *kernel) forGonb(parent string) (*gonbPipes, error) {
	dir, err := scratch.Make(parent, "gonb")
	if err != nil {
		return nil, fault.New(fault.Storage, "free some room, or set TMPDIR", "kernel: %w", err)
	}
	k.gonb = &gonbPipes{kernel: k, dir: dir}
	return k.gonb, nil
}

// environment makes the pipes of a worker that is about to start.
func (g *gonbPipes) environment() []string {
	g.end()
	pipes, err := gonb.Listen(g.dir.Path, gonb.Handler{Show: g.show, Prompt: g.ask, Refuse: func(why string) {
		g.event(session.Event{Kind: session.Stderr, Text: why + "\n"})
	}})
	if err != nil {
		g.kernel.log("%v", err)
		return nil
	}
	g.mu.Lock()
	g.pipes = pipes
	g.mu.Unlock()
	return append(pipes.Env(), commands.TempDir+"="+g.dir.Path)
}

func (g *gonbPipes) show(b display.Bundle) { g.event(session.Event{Kind: session.Display, Bundle: b}) }

// event shows something under the cell that runs, or the last one.
func (g *gonbPipes) event(e session.Event) {
	g.kernel.mu.Lock()
	out := g.kernel.out
	g.kernel.mu.Unlock()
	if out != nil {
		out.show(e)
	} else {
		g.kernel.background(e)
	}
}

// showBy says where what is shown belongs; nil: under the cell that ran last.
func (k *kernel) showBy(out *output) { k.mu.Lock(); defer k.mu.Unlock(); k.out = out }

// ask keeps what gonbui.RequestInput says for the time when the cell reads its input.
func (g *gonbPipes) ask(question string, password bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.question, g.password = question, password
}

// prompt is what ask kept, once.
func (g *gonbPipes) prompt() (question string, password bool) {
	g.drain()
	g.mu.Lock()
	defer g.mu.Unlock()
	question, password = g.question, g.password
	g.question, g.password = "", false
	return question, password
}

func (g *gonbPipes) drain() {
	g.mu.Lock()
	pipes := g.pipes
	g.mu.Unlock()
	if pipes != nil {
		pipes.Drain()
	}
}

// end closes the pipes of the worker that lived.
func (g *gonbPipes) end() {
	g.mu.Lock()
	pipes := g.pipes
	g.pipes = nil
	g.mu.Unlock()
	if pipes != nil {
		pipes.Close()
	}
}

func (g *gonbPipes) close() {
	g.end()
	g.dir.Remove()
}
