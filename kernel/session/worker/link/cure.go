package link

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

static unsigned long loadBase(const char *path) {
	void *h = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	struct link_map *m = 0;
	if (!h || dlinfo(h, RTLD_DI_LINKMAP, &m)) return 0;
	return (unsigned long)m->l_addr;
}
*/
import "C"

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"unsafe"

	"github.com/cellar-go/cellar/kernel/session/internal/goobj"
)

// programBase is what is added to the addresses in the program's file.
func programBase() uintptr { return uintptr(C.loadBase(nil)) }

//go:linkname getitab runtime.getitab
func getitab(inter, typ unsafe.Pointer, canfail bool) unsafe.Pointer

// slot is a word of a loaded module that the dynamic linker filled with the address of a symbol.
type slot struct {
	at     *uintptr
	addend uintptr
	own    bool // the symbol is the module's own
}

func (s slot) symbol() uintptr { return *s.at - s.addend }

func (s slot) set(address uintptr) error {
	size := uintptr(syscall.Getpagesize())
	page := uintptr(unsafe.Pointer(s.at)) &^ (size - 1)
	if err := syscall.Mprotect(unsafe.Slice((*byte)(pointer(page)), size), syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
		return fmt.Errorf("cellar: cure a plugin: %w", err)
	}
	*s.at = address + s.addend
	return nil
}

// Cure makes a plugin that was just opened use the itabs and the composed types which the runtime and reflection have built before it
// brought its own, and the types and variables that this linker had to place itself. They are compared by address: two of one kind make
// assertions, type switches, == and map keys wrong without any error. Layout of an itab (internal/abi.ITab): interface, type, hash at 0,
// 8, 16.
func (l *Linker) Cure(file string) (cured int, err error) {
	itabs, types, err := l.slots(file)
	if err != nil {
		return 0, err
	}
	for _, s := range itabs {
		own := s.symbol()
		known := uintptr(getitab(*(*unsafe.Pointer)(pointer(own)), *(*unsafe.Pointer)(pointer(own + 8)), true))
		if known == 0 || known == own {
			continue
		}
		if err := s.set(known); err != nil {
			return cured, err
		}
		// The runtime leaves the hash of the itabs that it builds zero; type switches compare it.
		*(*uint32)(pointer(known + 16)) = *(*uint32)(pointer(own + 16))
		cured++
	}
	more, err := cureTypes(types)
	return cured + more, err
}

// slots lists the words of a module that point to itabs, and those that point to type descriptors.
func (l *Linker) slots(file string) (itabs, types []slot, err error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return nil, nil, err
	}
	section := f.Section(".rela.dyn")
	if section == nil {
		return nil, nil, fmt.Errorf("cellar: cure %s: it has no relocations", file)
	}
	relocations, err := section.Data()
	if err != nil {
		return nil, nil, err
	}
	placed := map[string]uintptr{}
	for n, address := range l.known {
		placed[n.Exported()] = address
	}
	path := C.CString(file)
	defer C.free(unsafe.Pointer(path))
	base := uintptr(C.loadBase(path))
	for r := relocations; len(r) >= 24; r = r[24:] {
		offset, info, addend := binary.LittleEndian.Uint64(r), binary.LittleEndian.Uint64(r[8:]), binary.LittleEndian.Uint64(r[16:])
		index := info >> 32
		if index == 0 || !pointsToSymbol(f.Machine, uint32(info)) {
			continue
		}
		symbol := symbols[index-1]
		s := slot{at: (*uintptr)(pointer(base + uintptr(offset))), addend: uintptr(addend)}
		switch {
		case strings.HasPrefix(symbol.Name, "go:itab."):
			itabs = append(itabs, s)
		case goobj.Name{Text: symbol.Name}.IsType():
			s.own = symbol.Section != elf.SHN_UNDEF && s.symbol() == base+uintptr(symbol.Value)
			types = append(types, s)
			fallthrough
		default:
			l.note(symbol.Name, s.at)
			if address, ok := placed[symbol.Name]; ok && symbol.Section != elf.SHN_UNDEF && elf.ST_TYPE(symbol.Info) != elf.STT_FUNC && address != s.symbol() {
				replaced[s.symbol()] = address
				if err := s.set(address); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	return itabs, types, nil
}

func pointsToSymbol(m elf.Machine, kind uint32) bool {
	switch m {
	case elf.EM_X86_64:
		return elf.R_X86_64(kind) == elf.R_X86_64_GLOB_DAT || elf.R_X86_64(kind) == elf.R_X86_64_64
	case elf.EM_AARCH64:
		return elf.R_AARCH64(kind) == elf.R_AARCH64_GLOB_DAT || elf.R_AARCH64(kind) == elf.R_AARCH64_ABS64
	}
	return false
}
