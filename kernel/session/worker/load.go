package worker

import (
	"fmt"
	"plugin"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// load opens a plugin, cures it, and runs its entry.
func (w *worker) load(r wire.Request) {
	reply := wire.Reply{Op: "done", ID: r.ID}
	start := time.Now()
	entry, cured, err := open(r.File, r.Entry)
	live.At(-1)
	reply.Load, reply.Cured = time.Since(start), cured
	if err != nil {
		reply.Refused = err.Error()
	} else if entry != nil {
		start = time.Now()
		w.inputAsked.Store(false)
		w.mayRead.Store(w.mayRead.Load() || r.Input)
		w.running.Store(true)
		run(entry, &reply)
		w.running.Store(false)
		reply.Run, reply.Step = time.Since(start), live.Step()
		if values := live.Shown(); values != nil && reply.Panic == nil {
			reply.Bundle = w.present(values, &reply)
		}
	}
	w.mark(reply, 1, 2)
}

func open(file, name string) (entry func(), cured int, err error) {
	defer func() {
		if e := recover(); e != nil { // a package's own initialisation
			err = fmt.Errorf("panic: %v", e)
		}
	}()
	p, err := plugin.Open(file)
	if err != nil {
		return nil, 0, err
	}
	if cured, err = cure(file); err != nil || name == "" {
		return nil, cured, err
	}
	symbol, err := p.Lookup(name)
	if err != nil {
		return nil, cured, err
	}
	return symbol.(func()), cured, nil
}

// run calls the entry of a cell in a goroutine of its own, so that runtime.Goexit ends the cell alone.
func run(entry func(), reply *wire.Reply) {
	over := make(chan struct{})
	go func() {
		finished := false
		defer close(over)
		defer live.End()
		defer func() {
			if finished {
				return
			}
			switch value := recover(); value.(type) {
			case nil:
				reply.Panic = &wire.Panic{Value: "the cell ended its goroutine (runtime.Goexit)"}
			case live.Interrupted:
				reply.Interrupted = true
			default:
				reply.Panic = describe(value)
			}
		}()
		live.Begin()
		entry()
		finished = true
	}()
	<-over
}

// describe is called by a deferred function while the stack of the panic still stands.
func describe(value any) *wire.Panic {
	p := &wire.Panic{Value: panicText(value), Trace: string(debug.Stack())}
	pcs := make([]uintptr, 200)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicking := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			p.Frames, panicking = nil, true
		case panicking && len(p.Frames) == 0 && strings.HasPrefix(f.Function, "runtime."):
		case strings.HasPrefix(f.Function, "github.com/cellar-go/cellar/kernel/session/"), strings.HasPrefix(f.Function, "github.com/cellar-go/cellar/display/comm."), f.Function == "runtime.goexit":
		default:
			p.Frames = append(p.Frames, wire.Frame{Function: f.Function, File: f.File, Line: f.Line})
		}
		if !more {
			return p
		}
	}
}

// panicText is what the runtime would print.
func panicText(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("(%T), whose own text panics", value)
		}
	}()
	switch v := value.(type) {
	case error:
		return v.Error()
	case fmt.Stringer:
		return v.String()
	case string:
		return v
	}
	return fmt.Sprintf("%T(%+v)", value, value)
}

func (w *worker) goroutinePanic(value any) {
	w.mark(wire.Reply{Op: "goroutine", Panic: describe(value)}, 1)
}
