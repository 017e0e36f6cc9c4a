//go:build !amd64

package goid

import (
	"bytes"
	"runtime"
	"strconv"
)

// Current is a number that the calling goroutine has for itself, as the runtime prints it.
func Current() uintptr {
	var b [64]byte
	line, _ := bytes.CutPrefix(b[:runtime.Stack(b[:], false)], []byte("goroutine "))
	number, _, _ := bytes.Cut(line, []byte(" "))
	n, _ := strconv.ParseUint(string(number), 10, 64)
	return uintptr(n)
}
