// Package halt makes a goroutine panic from outside: one that computes in a library and looks at no flag, and one that polls.
//
// In a library it does so at one kind of place only: where the goroutine has just called a Go function that defers nothing and before that has done
// anything. To the compiler any such call may panic, so nothing is half written; to the runtime it is a fault like a division by zero at
// an instruction where it would also let a goroutine be preempted: its own signal handlers decide on both. A lock that the
// library holds and would not release in a deferred call stays held.
//
// A poll loads a word from a page of memory that can't be read while goroutines are to stop: it costs that load and nothing else. To the
// runtime the fault is one at a place where a load through a pointer could have one.
//
// What they panic with is the runtime's floatError: no Go code makes a floating point error otherwise on linux/amd64, which alone has all
// this. It knows nothing of cells. Start reading at Goroutine and Aim, then halt.c.
package halt
