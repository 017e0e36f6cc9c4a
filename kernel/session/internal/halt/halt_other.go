//go:build !linux || !amd64

package halt

// Begin does nothing here.
func Begin() {}

// End does nothing here.
func End() {}

// Goroutine does nothing here.
func Goroutine(g uintptr, over <-chan struct{}) {}

// IsHalt reports whether a panic is one of Goroutine's: none is.
func IsHalt(value any) bool { return false }
