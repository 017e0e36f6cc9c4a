package worker

/*
#include <stdio.h>
static void flushAll(void) { fflush(NULL); }
*/
import "C"

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/display/comm"
	_ "github.com/cellar-go/cellar/display/widget" // there from the start: no cell waits for it
	"github.com/cellar-go/cellar/kernel/session/internal/goid"
	"github.com/cellar-go/cellar/kernel/session/internal/halt"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
	"github.com/cellar-go/cellar/kernel/session/live"
	"github.com/cellar-go/cellar/kernel/session/worker/link"
)

// Main serves a session until it goes away.
func Main() {
	nonce := os.Getenv(wire.Nonce)
	if nonce == "" {
		os.Stderr.WriteString("cellar: this program is a part of a live session; it does nothing by itself\n")
		os.Exit(2)
	}
	os.Unsetenv(wire.Nonce)
	takeBound()
	for _, fd := range []int{wire.Requests, wire.Replies, wire.Crash} {
		syscall.CloseOnExec(fd)
	}
	if crash := os.NewFile(wire.Crash, "crash"); crash != nil {
		debug.SetCrashOutput(crash, debug.CrashOptions{})
		crash.Close()
	}
	flag.CommandLine.Init(os.Args[0], flag.PanicOnError) // a wrong flag is an error of the cell, not the end of the process
	// Should memory run out, the system is to end this process, not the kernel.
	os.WriteFile("/proc/self/oom_score_adj", []byte("900"), 0)
	w := &worker{nonce: nonce, out: json.NewEncoder(os.NewFile(wire.Replies, "replies")), calls: map[int]chan wire.Request{}}
	w.ownStdin()
	w.ownOutput()
	w.linker, w.noLinker = link.New(nil)
	live.Hooks.New = func(p any) any { return reflect.New(reflect.TypeOf(p).Elem()).Interface() }
	live.Hooks.Call = w.call
	live.Hooks.Panic = w.goroutinePanic
	live.Hooks.Ended = w.goroutineEnded
	live.Hooks.Goroutine = goid.Current
	live.Hooks.Depth = goid.Depth
	live.Hooks.Guarded = guarded
	display.SetSink(w.display)
	display.SetAsker(w.ask)
	comm.SetTransport(w.transmit)
	w.watch()
	floatError = live.Interrupted{}
	polls := halt.Polls(live.Polled)
	if polls {
		live.Hooks.Aim, live.Hooks.Withdraw, live.Hooks.Hit = halt.Aim, halt.Withdraw, halt.Hit
	}
	w.watchDepth()
	w.send(wire.Reply{Op: "ready", Polls: polls})

	requests := json.NewDecoder(os.NewFile(wire.Requests, "requests"))
	cells := make(chan wire.Request, 1)
	loader := make(chan uintptr)
	go func() { // a goroutine of its own: a C library may need the stack of a thread that stays
		loader <- goid.Current()
		for r := range cells {
			w.load(r)
			display.NextCell()
		}
	}()
	outliveExits(goid.Current(), <-loader)
	w.own = runtime.NumGoroutine()
	for {
		var r wire.Request
		if err := requests.Decode(&r); err != nil {
			os.Exit(0) // the session is gone
		}
		switch r.Op {
		case "load":
			cells <- r
		case "link":
			w.linker, w.noLinker = link.New(r.Names)
		case "interrupt":
			w.stop()
			if r.Free {
				go debug.FreeOSMemory()
			}
		case "foreign":
			w.foreign.Store(true)
		case "answer":
			w.answer(r)
		case "end":
			go w.endInput(r.ID)
		case "input":
			w.inputAsked.Store(false)
		case "comm":
			go w.handle(r)
		case "chdir", "setenv", "args", "flags", "surroundings":
			w.send(surroundings(r))
		case "values":
			w.send(wire.Reply{Op: "values", ID: r.ID, Values: values(r.Names)})
		case "code":
			w.send(wire.Reply{Op: "values", ID: r.ID, Values: code(r.Names, r.Quiet)})
		case "held":
			w.send(wire.Reply{Op: "values", ID: r.ID, Values: held(r.Names)})
		}
	}
}

// worker holds the pipes to the session.
type worker struct {
	nonce string
	mu    sync.Mutex // guards out, marks, calls
	out   *json.Encoder
	marks int
	calls map[int]chan wire.Request
	asked int
	own   int // goroutines that are no cell's

	cell    atomic.Pointer[running] // nil: none runs
	outputs [3]int                  // what the process began with as 1 and 2: a cell may close those
	stdin   *os.File                // os.Stdin, unless a cell sets that; nil: not to be had

	linker   *link.Linker
	noLinker error // why cells have to come as plugins

	running, mayRead, inputAsked atomic.Bool
	foreign                      atomic.Bool // C code is loaded, whose threads may call back
	deep                         atomic.Bool // some stack is: it takes seconds to look at all
}

func (w *worker) send(r wire.Reply) {
	defer w.spare()()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out.Encode(r)
}

// spare keeps the calling goroutine from being halted until it calls what it gets: half a reply, or mu kept for ever, would be the end of the
// session. Only the cell's goroutine can be halted.
func (w *worker) spare() (over func()) {
	g := goid.Current()
	if c := w.cell.Load(); c == nil || c.g != g {
		return func() {}
	}
	halt.Hold(g)
	return func() { halt.Hold(0) }
}

// mark sends a reply and writes its mark behind what the process has written so far.
func (w *worker) mark(r wire.Reply, files ...int) {
	defer w.spare()()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks++
	r.Mark = w.marks
	C.flushAll()
	if r.Op == "done" {
		r.Goroutines = max(0, runtime.NumGoroutine()-w.own)
	}
	if w.out.Encode(r) != nil {
		r.Bundle = &display.Bundle{Data: map[string]any{"text/plain": "cellar: this value can't be shown: it does not encode as JSON"}}
		w.out.Encode(r)
	}
	for _, fd := range files {
		text := []byte(wire.Mark(w.nonce, r.Mark))
		for len(text) > 0 {
			n, err := syscall.Write(w.outputs[fd], text)
			if err == syscall.EINTR || err == syscall.EAGAIN {
				continue
			}
			if err != nil {
				break
			}
			text = text[n:]
		}
	}
}

func (w *worker) display(b display.Bundle) {
	w.mark(wire.Reply{Op: "display", Bundle: &b, Handler: live.Handled()}, 1)
}

func (w *worker) call(method string, arg []byte) ([]byte, error) {
	reply := make(chan wire.Request, 1)
	w.mu.Lock()
	w.asked++
	id := w.asked
	w.calls[id] = reply
	w.mu.Unlock()
	w.mark(wire.Reply{Op: "call", ID: id, Method: method, Data: arg}, 1, 2)
	defer func() { w.mu.Lock(); delete(w.calls, id); w.mu.Unlock() }()
	r := live.Recv(reply)
	if r.Error != "" {
		return nil, errors.New(r.Error)
	}
	return r.Data, nil
}

func (w *worker) answer(r wire.Request) {
	w.mu.Lock()
	reply := w.calls[r.ID]
	w.mu.Unlock()
	if reply != nil {
		reply <- r
	}
}
