package live

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// Loops poll: they load a word that can't be read while a goroutine is to stop. That costs less than a flag, which takes a branch and a call
// that may happen. Goroutines that were left behind in a library are not stopped so; the checks behind its calls see to them.

// settles is how soon it is noticed that a goroutine was stopped at a poll and comes by no check.
const settles = 10 * time.Millisecond

// Polled is the address of what Poll loads: where programs have nothing, and short in code. Only a worker that has put it there runs
// cells that poll.
const Polled = 1 << 20

// Poll stands in the loops of a cell.
func Poll() { atomic.LoadUint32((*uint32)(unsafe.Add(nil, Polled))) }

// aim makes polls panic in the goroutines that are to stop, or no more. The caller holds episode.
func aim(stop bool) {
	switch {
	case Hooks.Aim == nil:
	case !stop:
		Hooks.Withdraw()
	case Hooks.Aim(toStop()):
		time.AfterFunc(settles, settle)
	}
}

// hit reports whether a poll has made a goroutine panic: it begins to stop.
func hit() bool { return Hooks.Aim != nil && Hooks.Hit() }

// settle lets that goroutine's deferred functions run.
func settle() {
	if hit() {
		Pause()
	} else if stopping.Load() {
		time.AfterFunc(settles, settle)
	}
}
