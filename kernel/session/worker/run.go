package worker

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cellar-go/cellar/kernel/session/internal/halt"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// running is the cell that runs.
type running struct {
	over chan struct{} // closed when its goroutine has ended
	left chan string   // what its goroutine is left behind in
	gone chan struct{} // closed when nobody waits for it any more
	stop sync.Once
	in   atomic.Pointer[string] // what was halted

	behind atomic.Bool // it was left

	goroutine string  // as the runtime prints it
	g         uintptr // goid.Current of it
}

// run calls the entry of a cell in a goroutine of its own, so that runtime.Goexit ends the cell alone, and one that waits in a library can
// be left behind.
func (w *worker) run(entry func(), reply *wire.Reply) {
	c := &running{over: make(chan struct{}), left: make(chan string), gone: make(chan struct{})}
	defer close(c.gone)
	halt.Begin()
	w.allowReads()
	var ended wire.Reply // not reply: the goroutine may end when that is sent
	begun := make(chan struct{})
	go func() {
		finished := false
		defer func() {
			if value := recover(); value != nil && !halt.IsHalt(value) {
				panic(value)
			}
		}()
		defer close(c.over)
		defer live.End()
		ended.Interrupted = true // should it be halted between here and there
		defer func() {
			if !c.behind.Load() { // else another cell may be the target
				halt.End()
			}
			ended.Interrupted = false
			if finished {
				return
			}
			value := recover()
			if halt.IsHalt(value) && c.in.Load() != nil {
				ended.Interrupted, ended.Halted = true, *c.in.Load()
				return
			}
			switch value.(type) {
			case nil:
				ended.Panic = describe(nil)
				ended.Panic.Ended, ended.Panic.Value = true, "runtime.Goexit ended the cell"
				if call, code := live.Exited(); call != "" {
					ended.Panic.Value = fmt.Sprintf("%s ended the cell with code %d; the session goes on", call, code)
				}
			case live.Interrupted:
				ended.Interrupted = true
			default:
				ended.Panic = describe(value)
			}
		}()
		live.Begin()
		c.goroutine, c.g = goroutineNumber(), live.Hooks.Goroutine()
		close(begun)
		entry()
		finished = true
	}()
	<-begun
	w.cell.Store(c)
	defer w.cell.Store(nil)
	select {
	case <-c.over:
		reply.Panic, reply.Interrupted, reply.Halted = ended.Panic, ended.Interrupted, ended.Halted
	case reply.Left = <-c.left:
		reply.Interrupted = true
	}
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
	p := &wire.Panic{Value: panicText(value), Trace: string(debug.Stack())}
	pcs := make([]uintptr, 200)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicking := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic" || f.Function == "runtime.Goexit":
			p.Frames, panicking = nil, true
		case panicking && len(p.Frames) == 0 && strings.HasPrefix(f.Function, "runtime."):
		case strings.HasPrefix(f.Function, "github.com/cellar-go/cellar/kernel/session/"), strings.HasPrefix(f.Function, "github.com/cellar-go/cellar/display/comm."), f.Function == "runtime.goexit":
		case strings.Contains(f.File, "/kernel/session/live/"): // inlined
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
	p := describe(value)
	user := p.Frames[:0] // a guarded function is called by reflection
	for _, f := range p.Frames {
		if !strings.HasPrefix(f.Function, "reflect.") {
			user = append(user, f)
		}
	}
	p.Frames = user
	w.mark(wire.Reply{Op: "goroutine", Panic: p}, 1)
}
