package link

/*
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
static uintptr_t reserveAt(uintptr_t at, uintptr_t size) {
	void *p = mmap((void *)at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (p == MAP_FAILED) return 0;
	if ((uintptr_t)p != at) { munmap(p, size); return 0; }
	return (uintptr_t)p;
}
static int allow(uintptr_t at, uintptr_t size, int write, int execute) {
	return mprotect((void *)at, size, PROT_READ | (write ? PROT_WRITE : 0) | (execute ? PROT_EXEC : 0));
}
*/
import "C"

import (
	"errors"
	"os"
)

const (
	reserved = 512 << 20 // address space for what is linked; a small cell takes about 20 KB
	distance = 512 << 20 // from the program: the C library's heap grows behind it
	step     = 64 << 20
)

// memory is a stretch of addresses so near to the program that calls and data can be reached by 32 bits.
type memory struct {
	start, end, next uintptr
}

// linked is where all that is linked in this process lies.
var linked memory

func (a *memory) reserve() error {
	program := firstmoduledata.text &^ (step - 1)
	for at := program + distance; at < program+1<<30+distance; at += step {
		if C.reserveAt(C.uintptr_t(at), reserved) != 0 {
			a.start, a.end, a.next = at, at+reserved, at
			return nil
		}
	}
	return errors.New("cellar: link: there is no free stretch of addresses near the program")
}

// take gives a module's sections their addresses, writable: code, what is only read, what is written, each on pages of their own.
func (a *memory) take(m *module) error {
	page := uintptr(os.Getpagesize())
	next := a.next
	for _, s := range m.sections() {
		if s == &m.text || s == &m.read || s == &m.data { // code; what is only read; what is written
			next = (next + page - 1) &^ (page - 1)
		} else {
			next = (next + 63) &^ 63
		}
		s.base = next
		next += uintptr(s.size)
	}
	next = (next + page - 1) &^ (page - 1)
	if next > a.end {
		return errors.New("the memory for linked cells is used up: restart the kernel")
	}
	if next > a.next && C.allow(C.uintptr_t(a.next), C.uintptr_t(next-a.next), 1, 0) != 0 {
		return errors.New("no memory")
	}
	a.next = next
	return nil
}

// protect takes the right to write away from code and from what is only read.
func (a *memory) protect(m *module) error {
	if !a.run(m) || C.allow(C.uintptr_t(m.read.base), C.uintptr_t(m.data.base-m.read.base), 0, 0) != 0 {
		return errors.New("the memory of a linked cell can't be made to run")
	}
	return nil
}

// run lets a module's code run, and not be written any more.
func (a *memory) run(m *module) bool {
	return C.allow(C.uintptr_t(m.text.base), C.uintptr_t(m.read.base-m.text.base), 0, 1) == 0
}

// writable lets what is only read be changed. It stays so.
func writable(address uintptr, size int) error {
	page := uintptr(os.Getpagesize())
	from, to := address&^(page-1), (address+uintptr(size)+page-1)&^(page-1)
	if C.allow(C.uintptr_t(from), C.uintptr_t(to-from), 1, 0) != 0 {
		return errors.New("the memory of a linked cell can't be changed")
	}
	return nil
}

// far reports whether a call can't reach an address.
func far(address uintptr) bool {
	return address > linked.start+1<<30 || linked.start > address+1<<30
}
