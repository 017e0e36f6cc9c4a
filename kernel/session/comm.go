package session

import (
	"context"

	"github.com/cellar-go/cellar/display/comm"
)

// Comm gives a packet of the front-end to its handler in the worker, and waits until that has returned; a cell may run meanwhile.
// What the handler shows goes to sink. It reports whether there was a handler. Packets of one comm have to come one after the other.
func (s *Session) Comm(ctx context.Context, packet comm.Packet, sink func(Event)) (taken bool, err error) {
	if err := s.Ready(ctx); err != nil {
		return false, err
	}
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	replies, over := p.handle(packet, sink)
	defer over()
	select {
	case r := <-replies:
		switch {
		case r.Interrupted:
			return true, ErrInterrupted
		case r.Panic != nil:
			return true, newPanic(r.Panic)
		}
		return r.Taken, nil
	case <-p.dead:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
