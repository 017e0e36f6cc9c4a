package goid

import (
	"encoding/binary"
	"unsafe"
)

// Current is a number that the calling goroutine has for itself while it lives: where the runtime keeps it. Another may have it later.
func Current() uintptr

// Depth is how many bytes of its stack the calling goroutine uses.
func Depth() uintptr

// Room is how many bytes the stack of a goroutine has; g is what Current says there.
func Room(g uintptr) uintptr {
	bounds := *(**[2]uintptr)(unsafe.Pointer(&g)) // they stand first in it, and it stays where it is
	return bounds[1] - bounds[0]
}

// code is where the instructions of Current are.
func code() uintptr

// Offset is where the system's thread keeps its goroutine, counted from the thread's own register, FS; 0: not known. It is what the linker
// has written into Current: as a number, or as the address of one.
func Offset() int64 {
	at := code()
	bytes := *(**[16]byte)(unsafe.Pointer(&at))
	number := int64(int32(binary.LittleEndian.Uint32(bytes[5:])))
	if [5]byte(bytes[:]) == [5]byte{0x64, 0x48, 0x8b, 0x04, 0x25} { // movq %fs:number, %rax
		return number
	}
	if [3]byte(bytes[:]) == [3]byte{0x48, 0x8b, 0x05} && [4]byte(bytes[7:]) == [4]byte{0x64, 0x48, 0x8b, 0x00} { // movq number(%rip), %rax; movq %fs:(%rax), %rax
		at += 7 + uintptr(int64(int32(binary.LittleEndian.Uint32(bytes[3:]))))
		return **(**int64)(unsafe.Pointer(&at))
	}
	return 0
}
