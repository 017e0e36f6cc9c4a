package live

import (
	"sync"
	"sync/atomic"
)

var (
	handlers sync.Map // goroutine → the message that it handles
	handling atomic.Int64
)

// Handle makes the calling goroutine the handler of a message from the front-end, until over is called.
func Handle(message int) (over func()) {
	id := goroutine()
	handlers.Store(id, message)
	handling.Add(1)
	return func() {
		handlers.Delete(id)
		if handling.Add(-1) == 0 && *cell.Load() == "" {
			renew()
		}
	}
}

func handles(id string) bool { _, ok := handlers.Load(id); return ok }

// Handled is the message that the calling goroutine handles; 0: none.
func Handled() int {
	if handling.Load() == 0 {
		return 0
	}
	message, _ := handlers.Load(goroutine())
	n, _ := message.(int)
	return n
}
