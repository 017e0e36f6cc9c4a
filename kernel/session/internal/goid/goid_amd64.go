package goid

// Current is a number that the calling goroutine has for itself while it lives: where the runtime keeps it. Another may have it later.
func Current() uintptr
