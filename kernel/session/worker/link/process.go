package link

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
static void *find(const char *name) { return dlsym(RTLD_DEFAULT, name); }
*/
import "C"

import (
	"strings"
	"unsafe"

	"github.com/cellar-go/cellar/kernel/session/internal/goobj"
)

// find is the address of what the process holds, or zero.
func (l *Linker) find(n goobj.Name) uintptr {
	address, ok := l.known[n]
	if !ok {
		address, ok = l.bound[n]
	}
	if !ok {
		if address = l.exported(n); address != 0 {
			l.bound[n] = address
		}
	}
	if other, ok := replaced[address]; ok {
		return other
	}
	return address
}

// exported asks the dynamic linker. A function that has a version of each calling convention is exported under its plain name for Go's own,
// as cmd/link's mangleABIName does it. The program's own main is not for cells.
func (l *Linker) exported(n goobj.Name) uintptr {
	if strings.HasPrefix(n.Text, "main.") || !strings.ContainsAny(n.Text, ".:") {
		return 0
	}
	text := n.Exported()
	if n.ABI0 {
		if address := lookUp(text + ".abi0"); address != 0 {
			return address
		}
		if a, err := l.archive(n.Package()); err == nil {
			if p, both := a.Find(goobj.Name{Text: n.Text}); both && p.Definition().IsText() {
				return 0 // the plain one is of the other convention, and this one was not needed before
			}
		}
	}
	return lookUp(text)
}

func lookUp(text string) uintptr {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	return uintptr(C.find(c))
}
