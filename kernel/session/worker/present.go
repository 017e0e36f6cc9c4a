package worker

import (
	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// present makes a bundle of the values of a cell's last expression. The text of a value is the user's code too: it may panic.
func (w *worker) present(values []any, reply *wire.Reply) (b *display.Bundle) {
	defer func() {
		if value := recover(); value != nil {
			b, reply.Panic = nil, describe(value)
		}
	}()
	if shown := display.OfAll(values...); len(shown.Data) > 0 {
		return &shown
	}
	return nil // the cell has shown it already
}
