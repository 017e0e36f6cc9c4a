package worker

import (
	"math"
	"runtime"
	"strings"
	"time"
	_ "unsafe" // for linkname

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// stuckAfter is the time between two looks, both of which must find a cell stuck.
const stuckAfter = 1500 * time.Millisecond

//go:linkname timeSleepUntil runtime.timeSleepUntil
func timeSleepUntil() int64

// stuck tells the session, once a cell, when the cell and all goroutines wait for each other and no timer is set: nothing but an interrupt
// ends that. The runtime does not find out, since the worker waits for requests.
type stuck struct {
	told, suspect *running
	next          time.Time
}

// look is called now and then by the only goroutine of the worker that sleeps: no timer is the worker's own.
func (s *stuck) look(w *worker) {
	c := w.cell.Load()
	if c == nil || c == s.told || time.Now().Before(s.next) {
		return
	}
	s.next = time.Now().Add(stuckAfter)
	if runtime.NumGoroutine() > 2000 || timeSleepUntil() != math.MaxInt64 || !allWait(string(allStacks())) {
		s.suspect = nil
		return
	}
	if s.suspect != c {
		s.suspect = c
		return
	}
	s.told = c
	where, _ := c.whereabouts()
	w.mark(wire.Reply{Op: "stuck", Left: where[strings.LastIndex(where, " ")+1:]}, 1)
}

// allWait reports whether each goroutine but the worker's own waits for another one.
func allWait(stacks string) bool {
	for _, stack := range strings.Split(stacks, "\n\n") {
		if strings.Contains(stack, "/session/worker.Main") || strings.Contains(stack, "/session/worker.(*worker).watch") {
			continue
		}
		_, state, _ := strings.Cut(stack, " [")
		state, _, _ = strings.Cut(state, "]")
		state, _, _ = strings.Cut(state, ",")
		if !strings.HasPrefix(state, "chan ") && !strings.HasPrefix(state, "select") && !strings.HasPrefix(state, "sync.") && state != "semacquire" {
			return false
		}
	}
	return true
}
