package kernels

import (
	"context"
	"errors"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
)

// Works tells that the kernel executes a cell, or has ended it.
func (k *Kernel) Works(on bool) {
	if on != executes(k.phase.Load()) {
		k.phase.Add(1)
	}
}

// executes is true for the odd phases: cells and the pauses between them are numbered alike.
func executes(phase int64) bool { return phase%2 == 1 }

// listen sends heartbeats, and notes that the kernel is lost when none was answered for so long. Those that were never answered say nothing:
// some kernels don't. In most a beat is a thread's business, so that a busy kernel does answer; IRkernel answers between cells only, which
// can't be told from a kernel that hangs. So while a cell runs, beats are missed only if one was answered in that very cell; of ipykernel
// we know that it does.
func (k *Kernel) listen(ctx context.Context, silence time.Duration) {
	lost := make(chan struct{})
	k.Lost = lost
	if silence < 0 {
		return
	}
	_, always := ipykernelOf(k.spec.Argv)
	k.running.Go(func() {
		// Beats that we waited for are counted, not the time: while this process, or the machine, stood still, nobody listened.
		const beats = 10
		heard := false  // ever
		within := false // this phase
		phase := k.phase.Load()
		for missed := 0; missed < beats; {
			if now := k.phase.Load(); now != phase {
				phase, within, missed = now, false, 0
			}
			waiting, cancel := context.WithTimeout(ctx, silence/beats)
			err := k.client.Beat(waiting)
			switch {
			case err == nil:
				heard, within, missed = true, true, 0
				<-waiting.Done() // a beat each time
			case errors.Is(err, jupyter.ErrClosed):
				cancel()
				return // the other channels say so too
			case heard && (within || always || !executes(phase)):
				missed++
			}
			cancel()
			if ctx.Err() != nil {
				return
			}
		}
		close(lost)
	})
}
