package live

import (
	"sync"
	"sync/atomic"
)

var (
	handlers sync.Map // goroutine → the message that it handles
	handling atomic.Int64
)

// Handle makes the calling goroutine the handler of a message from the front-end, until the returned function is called.
func Handle(message int) (done func()) {
	id := Hooks.Goroutine()
	handlers.Store(id, message)
	handling.Add(1)
	lookAgain()
	return func() {
		handlers.Delete(id)
		episode.Lock()
		defer episode.Unlock()
		if handling.Add(-1) == 0 && cell.Load() == 0 {
			over() // what was asked was for it
		}
		look()
	}
}

func handles(id uintptr) bool { _, ok := handlers.Load(id); return ok }

// Handled is the message that the calling goroutine handles; 0: none.
func Handled() int {
	if handling.Load() == 0 {
		return 0
	}
	message, _ := handlers.Load(Hooks.Goroutine())
	n, _ := message.(int)
	return n
}
