//go:build linux && amd64

package halt

/*
#include "halt.h"
*/
import "C"

import (
	"debug/dwarf"
	"debug/elf"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

//go:linkname findfunc runtime.findfunc
func findfunc(pc uintptr) (info [2]uintptr)

// word is where the target's way has come to; the signal handlers go on from armed.
var word atomic.Int32

const (
	off = iota
	armed
	stepping
	done
	ended
)

// held is the goroutine that is not to be halted for now.
var held atomic.Uintptr

// Hold spares a goroutine, by what goid.Current says there, until the next Hold; 0 is none. One at a time may call it.
func Hold(g uintptr) { held.Store(g) }

// install puts the signal handlers in front of the runtime's own.
var install = sync.OnceValue(func() bool {
	offset, find := preemptOffset(), findfunc
	return offset != 0 && C.halt_install(C.uintptr_t(offset), C.uintptr_t(**(**uintptr)(unsafe.Pointer(&find))), (*C.int32_t)(unsafe.Pointer(&word)), (*C.uintptr_t)(unsafe.Pointer(&held))) == 0
})

// between two attempts: most come to nothing, where a library mostly calls the runtime.
const between = 100 * time.Microsecond

var one sync.Mutex // there is one target

// Begin is called before a goroutine runs that may become the target, End by that goroutine when it is over.
func Begin() { word.Store(off) }

// End is one instruction: it is called where the target may still be halted. It reports whether that was the last thing that happened to it.
func End() (halted bool) { return word.Swap(ended) == done }

// Prepare does what the first Goroutine of a process would take a tenth of a second for.
func Prepare() { install() }

// Goroutine tries to make the goroutine panic for which Begin was called, until it does or over is closed; g is what goid.Current says
// there.
func Goroutine(g uintptr, over <-chan struct{}) {
	one.Lock()
	defer one.Unlock()
	if !install() {
		return
	}
	select {
	case <-over: // another may have begun
		return
	default:
	}
	C.halt_target(C.uintptr_t(g))
	word.CompareAndSwap(done, off) // something has recovered
	word.CompareAndSwap(off, armed)
	defer word.CompareAndSwap(armed, off)
	for i := 0; ; i++ {
		thread := int(C.halt_thread())
		switch {
		case word.Load() == stepping && i%50 != 0: // a signal would end the attempt
		case thread != 0 && i%20 != 0:
			syscall.Tgkill(os.Getpid(), thread, syscall.SIGURG)
		default: // it may have moved
			signalThreads()
		}
		pause := syscall.NsecToTimespec(int64(between))
		syscall.Nanosleep(&pause, nil)
		select {
		case <-over:
			return
		default:
		}
		if now := word.Load(); now == done || now == ended {
			return
		}
	}
}

// signalThreads sends each thread what the runtime sends for a preemption: the one that runs the goroutine will find that it does.
func signalThreads() {
	pid := os.Getpid()
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		if tid, err := strconv.Atoi(task.Name()); err == nil {
			syscall.Tgkill(pid, tid, syscall.SIGURG)
		}
	}
}

// preemptOffset is where in the runtime's g the wish to preempt stands, by the program's own debug information; 0: not known.
var preemptOffset = sync.OnceValue(func() (offset uintptr) {
	file, err := elf.Open("/proc/self/exe")
	if err != nil {
		return 0
	}
	defer file.Close()
	data, err := file.DWARF()
	if err != nil {
		return 0
	}
	for r := data.Reader(); ; {
		e, err := r.Next()
		if err != nil || e == nil {
			return 0
		}
		if e.Tag == dwarf.TagCompileUnit {
			continue
		}
		if name, _ := e.Val(dwarf.AttrName).(string); e.Tag == dwarf.TagStructType && name == "runtime.g" {
			t, err := data.Type(e.Offset)
			if s, ok := t.(*dwarf.StructType); err == nil && ok {
				for _, f := range s.Field {
					if f.Name == "preempt" && f.Type.Size() == 1 {
						return uintptr(f.ByteOffset)
					}
				}
			}
			return 0
		}
		r.SkipChildren()
	}
})
