package worker

import (
	"math"
	"runtime"
	"strings"
	"time"
	_ "unsafe" // for linkname

	"github.com/cellar-go/cellar/display/comm"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

const (
	stuckAfter = 1500 * time.Millisecond // between the first two looks that find a cell stuck
	stuckLooks = 10                      // more that must, since a busy machine may show a moment between two timers twice
	stuckDoubt = 2                       // of them that one takes back which finds it running: a request of the session may be under way
)

//go:linkname timeSleepUntil runtime.timeSleepUntil
func timeSleepUntil() int64

// stuck ends a cell that waits while all goroutines wait for each other and no timer is set, as the runtime would end the program: it does not
// find out, since the worker waits for requests. Where a front-end's message or a thread of C may wake the cell, the session is
// told, once a cell.
type stuck struct {
	told, suspect *running
	looks         int // that have found the suspect stuck, after the first
	next          time.Time
}

// look is called now and then by the only goroutine of the worker that sleeps: no timer is the worker's own.
func (s *stuck) look(w *worker) {
	c := w.cell.Load()
	if c == nil || c == s.told || time.Now().Before(s.next) {
		return
	}
	s.next = time.Now().Add(stuckAfter)
	if runtime.NumGoroutine() > 2000 || w.asks() || timeSleepUntil() != math.MaxInt64 || !allWait(string(allStacks())) || timeSleepUntil() != math.MaxInt64 {
		if s.looks -= stuckDoubt; s.suspect != c || s.looks < 0 {
			s.suspect = nil
		} else {
			s.next = time.Time{}
		}
		return
	}
	if s.suspect != c {
		s.suspect, s.looks = c, 0
		return
	}
	if s.looks++; s.looks < stuckLooks {
		s.next = time.Time{}
		return
	}
	s.told = c
	if !comm.Expects() && !w.foreign.Load() {
		c.deadlock.Store(true)
		w.stop()
		return
	}
	where, _ := c.whereabouts()
	w.mark(wire.Reply{Op: "stuck", Left: where[strings.LastIndex(where, " ")+1:]}, 1)
}

// asks reports whether a cell waits for the session's answer.
func (w *worker) asks() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.calls) > 0 }

// allWait reports whether each goroutine but the worker's own waits for another one.
func allWait(stacks string) bool {
	for _, stack := range strings.Split(stacks, "\n\n") {
		if strings.Contains(stack, "/session/worker.Main") || strings.Contains(stack, "/session/worker.(*worker).watch") {
			continue
		}
		_, state, _ := strings.Cut(stack, " [")
		state, _, _ = strings.Cut(state, "]")
		state, _, _ = strings.Cut(state, ",")
		if !strings.HasPrefix(state, "chan ") && !strings.HasPrefix(state, "select") && !strings.HasPrefix(state, "sync.") && state != "semacquire" && state != "coroutine" {
			return false
		}
	}
	return true
}
