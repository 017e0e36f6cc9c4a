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
	"crypto/sha256"
	"encoding/base64"
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
		if address = exported(n); address != 0 {
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
func exported(n goobj.Name) uintptr {
	if strings.HasPrefix(n.Text, "main.") || !strings.ContainsAny(n.Text, ".:") {
		return 0
	}
	text := mangled(n.Text)
	if n.ABI0 {
		if address := lookUp(text + ".abi0"); address != 0 {
			return address
		}
	}
	return lookUp(text)
}

func lookUp(text string) uintptr {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	return uintptr(C.find(c))
}

// mangled is how cmd/link writes a name in a program that uses plugins (typeSymbolMangle there): long names of types are hashed.
func mangled(text string) string {
	isType := strings.HasPrefix(text, "type:")
	switch at := strings.Contains(text, "@"); {
	case !isType && !at, strings.HasPrefix(text, "type:runtime."), len(text) <= 14 && !at:
		return text
	case isType && text[5] == '.':
		return "type:." + shortHash(text[5:])
	case isType:
		return "type:" + shortHash(text[5:])
	}
	from, to := strings.IndexByte(text, '['), strings.LastIndexByte(text, ']')
	if to <= from {
		to = len(text)
	}
	return text[:from+1] + shortHash(text[from+1:to]) + text[to:]
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	sum[0] ^= 0xff // cmd/internal/hash.Sum32
	return base64.StdEncoding.EncodeToString(sum[:6])
}
