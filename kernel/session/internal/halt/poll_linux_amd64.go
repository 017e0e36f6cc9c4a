package halt

/*
#include "halt.h"
*/
import "C"

import "unsafe"

// Polls puts a word at an address, which goroutines load when they poll. It reports whether it could.
func Polls(polled uintptr) bool { return C.halt_polls(C.uintptr_t(polled)) == 0 }

// Aim says which goroutines are to panic when they poll, by what goid.Current says there. The first one does, and Hit is true until
// Withdraw. It reports whether it has begun to aim.
func Aim(goroutines []uintptr) (begun bool) {
	return C.halt_aim((*C.uintptr_t)(unsafe.Pointer(unsafe.SliceData(goroutines))), C.int(len(goroutines))) != 0
}

// Withdraw takes Aim back.
func Withdraw() { C.halt_withdraw() }

// Hit reports whether one has been made to panic.
func Hit() bool { return C.halt_hit() != 0 }
