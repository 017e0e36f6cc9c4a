package link

/*
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#cgo LDFLAGS: -ldl
static void *find(const char *name) { return dlsym(RTLD_DEFAULT, name); }
*/
import "C"

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"unsafe"
)

// symbol is one that a module needs.
type symbol struct {
	place
	definition
	external bool    // in the process before; address is where
	address  uintptr // zero until it is placed
	section  *section
	itab     bool
}

func (s *symbol) isType() bool {
	return strings.HasPrefix(s.name, "type:") && !strings.HasPrefix(s.name, "type:.") && s.flags&flagGoType != 0
}

// module is what one Load adds to the process.
type module struct {
	linker  *Linker
	path    string
	own     *archive
	symbols map[place]*symbol
	named   map[name]*symbol
	order   []*symbol // those to be placed, as they were found
	entry   *symbol

	text, read, data, plainData, zero, plainZero section
	functions                                    []*function
	stubs                                        map[*symbol]int // offsets in text
	table                                        map[*symbol]int // offsets in read of the slots with addresses
	distant                                      map[*symbol]int32
	slots                                        []patch
	types                                        []*symbol
	tables                                       int // offset in read
	data_                                        *moduleData
}

// need finds or makes the symbol that a reference in o points to.
func (m *module) need(o *object, r reference) (*symbol, error) {
	if i, ok := o.index(r); ok {
		return m.symbol(place{o, i})
	}
	if r.pkg == builtin {
		return m.byName(m.linker.builtins[r.index], "")
	}
	path := o.packageAt(r.pkg)
	a, err := m.linker.archive(path)
	if err != nil {
		return nil, err
	}
	return m.symbol(place{a.objects[0], int(r.index)})
}

// symbol is what stands at a place of an object.
func (m *module) symbol(p place) (*symbol, error) {
	if s := m.symbols[p]; s != nil {
		return s, nil
	}
	d := p.o.definition(p.index)
	if p.index >= p.o.defined || d.kind == 0 { // only a name
		s, err := m.byName(d.known(), p.o.path)
		if err == nil {
			m.symbols[p] = s
		}
		return s, err
	}
	s := &symbol{place: p, definition: d}
	s.itab = d.flags&flagItab != 0
	switch {
	case d.abi == staticABI, d.flags&flagLocal != 0, p.o.contentAddressed(p.index), s.itab:
	case isText(d.kind), s.isType(), d.kind >= kindNoPointerData && d.kind < kindThreadLocal && d.flags&flagDupok == 0:
		if other := m.named[d.known()]; other != nil {
			m.symbols[p] = other
			return other, nil
		}
		s.address = m.linker.find(d.known())
		s.external = s.address != 0
		m.named[d.known()] = s
	}
	m.symbols[p] = s
	if !s.external {
		m.order = append(m.order, s)
	}
	return s, nil
}

// byName finds what an object only names: in the process, else where it is defined, which its own name tells.
func (m *module) byName(n name, from string) (*symbol, error) {
	if s := m.named[n]; s != nil {
		return s, nil
	}
	if address := m.linker.find(n); address != 0 {
		s := &symbol{definition: definition{name: n.text}, external: true, address: address}
		if strings.HasPrefix(n.text, "type:") && !strings.HasPrefix(n.text, "type:.") {
			s.flags = flagGoType
		}
		m.named[n] = s
		return s, nil
	}
	for _, path := range []string{from, definingPackage(n.text)} {
		var a *archive
		if path == "main" {
			a = m.own
		} else if a, _ = m.linker.archive(path); a == nil {
			continue
		}
		if p, ok := a.find(n); ok {
			return m.symbol(p)
		}
	}
	return nil, fmt.Errorf("%s is nowhere defined", n.text)
}

func (d definition) known() name { return name{d.name, d.abi == 0 && isText(d.kind)} }

// definingPackage is the path in a symbol's name: net/http.(*Client).Do is of net/http.
func definingPackage(symbol string) string {
	symbol = strings.TrimLeft(strings.TrimPrefix(symbol, "type:"), "*[]")
	slash := strings.LastIndexByte(symbol[:len(symbol)-len(strings.TrimLeft(symbol, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-~/.%"))], '/')
	dot := strings.IndexByte(symbol[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(symbol[:slash+1+dot], "%2e", ".")
}

// find looks through the package's objects.
func (a *archive) find(n name) (place, bool) {
	if a.byName == nil {
		a.byName = map[name]place{}
		for _, o := range a.objects {
			for i := range o.defined {
				if d := o.definition(i); d.flags&flagLocal == 0 && d.abi != staticABI && d.kind != 0 && d.name != "" {
					if _, ok := a.byName[d.known()]; !ok {
						a.byName[d.known()] = place{o, i}
					}
				}
			}
		}
	}
	p, ok := a.byName[n]
	return p, ok
}

// find is the address of what the process holds, or zero.
func (l *Linker) find(n name) uintptr {
	address, ok := l.known[n]
	if !ok {
		if address, ok = l.bound[n]; !ok {
			if address = exported(n); address != 0 {
				l.bound[n] = address
			}
		}
	}
	if other, ok := replaced[address]; ok {
		return other
	}
	return address
}

// exported asks the dynamic linker. A function that has a version of each calling convention is exported under its plain name for Go's own,
// as cmd/link's mangleABIName does it. The program's own main is not for cells.
func exported(n name) uintptr {
	if strings.HasPrefix(n.text, "main.") || !strings.ContainsAny(n.text, ".:") {
		return 0
	}
	text := mangled(n.text)
	if n.abi0 {
		if address := lookup(text + ".abi0"); address != 0 {
			return address
		}
	}
	return lookup(text)
}

func lookup(text string) uintptr {
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
