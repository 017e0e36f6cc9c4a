//go:build !linux || !amd64

package halt

// Begin does nothing here.
func Begin() {}

// End does nothing here: nothing was halted.
func End() (halted bool) { return false }

// Prepare does nothing here.
func Prepare() {}

// Hold does nothing here.
func Hold(g uintptr) {}

// Goroutine does nothing here.
func Goroutine(g uintptr, over <-chan struct{}) {}

// Polls does nothing here: it can't be done.
func Polls(polled uintptr) bool { return false }

// Aim does nothing here.
func Aim(goroutines []uintptr) (begun bool) { return false }

// Withdraw does nothing here.
func Withdraw() {}

// Hit is never so here.
func Hit() bool { return false }
