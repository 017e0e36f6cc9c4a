// Package halt makes a goroutine panic that computes in a library and looks at no flag.
//
// It does so at one kind of place only: where the goroutine has just called a Go function that defers nothing and before that has done
// anything. To the compiler any such call may panic, so nothing is half written; to the runtime it is a fault like a division by zero at
// an instruction where it would also let a goroutine be preempted: its own signal handlers decide on both. A lock that the
// library holds and would not release in a deferred call stays held. It knows nothing of cells. Only linux/amd64 has it. Start reading at Goroutine, then halt.c.
package halt
