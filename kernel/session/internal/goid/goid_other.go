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

// Depth would be how many bytes of its stack the calling goroutine uses: it is not known here.
func Depth() uintptr { return 0 }

// Room would be how many bytes the stack of a goroutine has: it is not known here.
func Room(g uintptr) uintptr { return 0 }

// Offset would be where the system's thread keeps its goroutine: it is not known here.
func Offset() int64 { return 0 }
