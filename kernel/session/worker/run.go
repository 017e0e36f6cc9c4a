package worker

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	_ "unsafe" // for linkname

	"github.com/cellar-go/cellar/kernel/session/internal/halt"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// floatError is what goroutines panic with that are halted, or stopped at a poll.
//
//go:linkname floatError runtime.floatError
var floatError error

// running is the cell that runs.
type running struct {
	over chan struct{} // closed when its goroutine has ended
	left chan string   // what its goroutine is left behind in
	gone chan struct{} // closed when nobody waits for it any more
	stop sync.Once
	in   atomic.Pointer[string] // what was halted

	behind   atomic.Bool // it was left
	deadlock atomic.Bool // it is stopped because nothing could wake it
	sunk     atomic.Bool // it is halted because its stack is deep
	sinks    sync.Once
	sinking  chan struct{} // closed when that is over
	caught   sync.Once

	goroutine string  // as the runtime prints it
	g         uintptr // goid.Current of it
}

// run calls the entry of a cell in a goroutine of its own, so that runtime.Goexit ends the cell alone, and one that waits in a library can
// be left behind.
func (w *worker) run(entry func(), reply *wire.Reply) {
	c := &running{over: make(chan struct{}), left: make(chan string), gone: make(chan struct{}), sinking: make(chan struct{})}
	defer close(c.gone)
	defer c.caught.Do(func() { close(c.sinking) })
	halt.Begin()
	w.allowReads()
	ended := *reply // another one: the goroutine may end when that is sent
	begun := make(chan struct{})
	go func() {
		finished := false
		defer func() {
			if value := recover(); value != nil && value != any(live.Interrupted{}) {
				panic(value)
			}
		}()
		defer close(c.over)
		defer live.End()
		ended.Interrupted = true // should it be halted between here and there
		defer func() {
			halted := !c.behind.Load() && halt.End() // of one left behind another cell may be the target
			ended.Interrupted = false
			if finished {
				return
			}
			value := recover()
			if halted && c.sunk.Load() {
				ended.Panic = describe(nil)
				ended.Panic.Ended, ended.Panic.Value = true, endingText(live.Ending{Overflow: true}, "the cell")
				return
			}
			switch value.(type) {
			case nil:
				ended.Panic = describe(nil)
				ended.Panic.Ended, ended.Panic.Value = true, "runtime.Goexit ended the cell"
				if e := live.Ended(); e != nil {
					ended.Panic.Value = endingText(*e, "the cell")
				}
			case live.Interrupted:
				ended.Interrupted = true
				if in := c.in.Load(); halted && in != nil {
					ended.Halted = *in
				}
				ended.Panic = describe(nil)
			default:
				ended.Panic = describe(value)
			}
		}()
		live.Begin()
		c.goroutine, c.g = goroutineNumber(), live.Hooks.Goroutine()
		w.cell.Store(c)
		close(begun)
		entry()
		if values := live.Shown(); values != nil {
			asked, told := live.Stopping(), live.Told()
			ended.Bundle = present(values)
			if live.Stopping() && (!asked || live.Told() != told) { // fmt shows the panic that a String method is stopped with
				ended.Bundle = nil
				panic(live.Interrupted{})
			}
		}
		finished = true
	}()
	<-begun
	defer w.cell.Store(nil)
	select {
	case <-c.over:
		*reply = ended
	case reply.Left = <-c.left:
		reply.Interrupted = true
	}
	reply.Deadlock = reply.Interrupted && c.deadlock.Load()
}

// goroutineNumber is the number of the calling goroutine, as the runtime prints it.
func goroutineNumber() string {
	var b [64]byte
	line := string(b[:runtime.Stack(b[:], false)])
	number, _, _ := strings.Cut(strings.TrimPrefix(line, "goroutine "), " ")
	return number
}

// guarded makes a function of f's type that reports a panic and lives on.
func guarded(f any) any {
	v := reflect.ValueOf(f)
	if v.IsNil() {
		return f // the go statement panics, as it should
	}
	call := v.Call
	if v.Type().IsVariadic() {
		call = v.CallSlice
	}
	return reflect.MakeFunc(v.Type(), func(args []reflect.Value) []reflect.Value {
		defer live.Guard()
		return call(args)
	}).Interface()
}

// describe is called by a deferred function while the stack of the panic still stands.
func describe(value any) *wire.Panic {
	trace := make([]byte, 64<<10) // once: deep stacks take long
	p := &wire.Panic{Value: panicText(value), Trace: string(trace[:runtime.Stack(trace, false)])}
	pcs := make([]uintptr, 200)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicking := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic" || f.Function == "runtime.Goexit":
			p.Frames, panicking = nil, true
		case panicking && len(p.Frames) == 0 && strings.HasPrefix(f.Function, "runtime."):
		case len(p.Frames) == 0 && exiting(f.Function):
		case strings.HasPrefix(f.Function, "github.com/cellar-go/cellar/kernel/session/"), strings.HasPrefix(f.Function, "github.com/cellar-go/cellar/display/comm."), strings.HasPrefix(f.Function, "github.com/cellar-go/cellar/display/widget."), f.Function == "runtime.goexit":
		case strings.Contains(f.File, "/kernel/session/live/"): // inlined
		default:
			p.Frames = append(p.Frames, wire.Frame{Function: f.Function, File: strings.TrimPrefix(f.File, runtime.GOROOT()+"/src/"), Line: f.Line})
		}
		if !more {
			return p
		}
	}
}

// exiting reports whether a function stands between a call of os.Exit and the hook that it runs.
func exiting(function string) bool {
	return strings.HasPrefix(function, "internal/runtime/exithook.") || function == "runtime.runExitHooks" || function == "os.runtime_beforeExit" || function == "os.Exit"
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

// endingText says how a goroutine ended itself.
func endingText(e live.Ending, whose string) string {
	switch {
	case e.Overflow:
		return "stack overflow: the recursion has no end; " + whose + " was ended, the session goes on"
	case e.Code < 0:
		return fmt.Sprintf("%s ended %s; the session goes on", e.Call, whose)
	}
	return fmt.Sprintf("%s ended %s with code %d; the session goes on", e.Call, whose, e.Code)
}

// goroutineEnded is called by a goroutine before it ends itself.
func (w *worker) goroutineEnded(e live.Ending) {
	p := describe(nil)
	p.Ended, p.Value = true, endingText(e, "a goroutine of the session")
	w.goroutineOver(p)
}

func (w *worker) goroutinePanic(value any) {
	w.goroutineOver(describe(value))
}

func (w *worker) goroutineOver(p *wire.Panic) {
	user := p.Frames[:0] // a guarded function is called by reflection
	for _, f := range p.Frames {
		if !strings.HasPrefix(f.Function, "reflect.") {
			user = append(user, f)
		}
	}
	p.Frames = user
	w.mark(wire.Reply{Op: "goroutine", Panic: p}, 1)
}
