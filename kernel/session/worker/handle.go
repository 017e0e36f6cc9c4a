package worker

import (
	"github.com/cellar-go/cellar/display/comm"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// transmit sends a packet to the front-end, behind what was written before.
func (w *worker) transmit(p comm.Packet) {
	w.mark(wire.Reply{Op: "comm", Comm: &p, Handler: live.Handled()}, 1)
}

// handle gives a packet of the front-end to its handler, in the calling goroutine: a cell may run meanwhile.
func (w *worker) handle(r wire.Request) {
	reply := wire.Reply{Op: "done", ID: r.ID}
	defer func() {
		switch value := recover(); value.(type) {
		case nil: // it has returned, or ended its goroutine
		case live.Interrupted:
			reply.Interrupted = true
		default:
			reply.Panic = describe(value)
		}
		w.mark(reply, 1, 2)
	}()
	defer live.Handle(r.ID)()
	reply.Taken = true
	reply.Taken = comm.Deliver(*r.Comm)
}
