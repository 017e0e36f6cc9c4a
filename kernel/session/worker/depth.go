package worker

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/goid"
	"github.com/cellar-go/cellar/kernel/session/internal/halt"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// watchDepth lets the checks of cells look for a recursion without end while the process's stacks take much memory. It sleeps in the
// system: no timer is the worker's own.
func (w *worker) watchDepth() {
	debug.SetMaxStack(int(live.Deepest) * 4) // what no check stops in time is still noticed before the machine is
	prepare := sync.OnceFunc(func() { go halt.Prepare() })
	sample := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	go func() {
		for long := 0; ; long++ { // for so many looks some stack has been deep
			wait := 50 * time.Millisecond
			if w.running.Load() {
				wait = 5 * time.Millisecond
			}
			pause := syscall.NsecToTimespec(wait.Nanoseconds())
			syscall.Nanosleep(&pause, nil)
			metrics.Read(sample)
			size := uintptr(sample[0].Value.Uint64())
			if size > live.Deepest/8 {
				prepare()
			}
			deep := size > live.Deepest
			live.Deep(deep)
			w.deep.Store(deep)
			if c := w.cell.Load(); !deep {
				long = 0
			} else if long > 3 && c != nil && goid.Room(c.g) > live.Deepest {
				c.sink()
			}
		}
	}()
}

// sink halts the goroutine of a cell that has a deep stack in a library, where no check stands. Should it come to one meanwhile, that ends
// it: what it has deferred is not to be halted.
func (c *running) sink() {
	if live.Sinks(c.g) {
		c.sinks.Do(func() {}) // none any more
		c.caught.Do(func() { close(c.sinking) })
		return
	}
	c.sinks.Do(func() {
		c.sunk.Store(true)
		go halt.Goroutine(c.g, c.sinking)
	})
}
