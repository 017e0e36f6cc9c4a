package link

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cellar-go/cellar/kernel/session/internal/goobj"
)

// A type of a cell may get methods in a later one, and its values are to have them. So the descriptors of such types lie outside of what the
// runtime takes for a module's types: it then looks their names, types and functions up in a table of its own (runtime.reflectOffs, made
// for what reflection composes), which any address can be put into at any time.

// open reports whether a symbol describes a type that may get methods: one with a name that a cell has declared, or a pointer to one.
func open(s *symbol) bool {
	if !s.Name.IsType() || s.external && (s.address < linked.start || s.address >= linked.end) {
		return false
	}
	name := strings.TrimPrefix(strings.TrimPrefix(s.Text, "type:"), "*")
	return strings.HasPrefix(name, "main.")
}

// Layout of internal/abi.Type, PtrType, UncommonType and Method.
const (
	flagAt, kindAt = 20, 23
	uncommonFlag   = 1 << 0
	pointerKind    = 22
	pointerSize    = 56
	uncommonSize   = 16
	methodSize     = 16
)

// uncommonAt is where in a descriptor its methods are told of; zero if they are not.
func uncommonAt(descriptor []byte) int {
	if descriptor[flagAt]&uncommonFlag == 0 {
		return 0
	}
	switch reflect.Kind(descriptor[kindAt] & 31) {
	case reflect.Struct, reflect.Interface:
		return 80
	case reflect.Pointer, reflect.Func, reflect.Slice:
		return pointerSize
	case reflect.Array:
		return 72
	case reflect.Chan:
		return 64
	case reflect.Map:
		return mapTypeSize
	}
	return 48
}

// mapTypeSize is that of internal/abi.MapType.
const mapTypeSize = 48 + 3*8 + 8 + 3*8 + 8

// room is what a descriptor takes: a pointer's has none for methods where there are none yet.
func room(s *symbol) int {
	if content := s.Object.Content(s.Index); len(content) > kindAt && content[kindAt]&31 == pointerKind && uncommonAt(content) == 0 {
		return pointerSize + uncommonSize
	}
	return s.Size
}

// addition is a type of the process of which an object knows more methods.
type addition struct {
	symbol  *symbol // in the object
	address uintptr // in the process
	at      int     // of the new list of methods in the open section
	first   int     // of the list in the object's descriptor
	count   int
	xcount  uint16
	path    *symbol // name of the package
}

// additions finds them. What the methods need is needed by the module.
func (m *module) additions() error {
	o := m.own.Objects[0]
	for i := range o.Count() {
		d := o.Definition(i)
		if !d.IsType() || !strings.HasPrefix(strings.TrimPrefix(d.Text, "type:"), "main.") && !strings.HasPrefix(d.Text, "type:*main.") {
			continue
		}
		address := m.linker.find(d.Name)
		if address == 0 {
			continue
		}
		content := o.Content(i)
		at := uncommonAt(content)
		if at == 0 {
			continue
		}
		a := &addition{symbol: &symbol{Place: goobj.Place{Object: o, Index: i}, Definition: d}, address: address,
			count: int(binary.LittleEndian.Uint16(content[at+4:])), xcount: binary.LittleEndian.Uint16(content[at+6:])}
		a.first = at + int(binary.LittleEndian.Uint32(content[at+8:]))
		if a.count <= methodCount(address) {
			continue
		}
		if address < linked.start || address >= linked.end {
			return fmt.Errorf("%s lies where it can't get methods", d.Text)
		}
		for _, r := range o.Relocations(i) {
			if r.At == at && r.Kind == goobj.Offset {
				var err error
				if a.path, err = m.need(o, r.Target); err != nil {
					return err
				}
			}
			if r.At < a.first || r.At >= a.first+a.count*methodSize {
				continue
			}
			if _, err := m.need(o, r.Target); err != nil {
				return err
			}
		}
		m.added = append(m.added, a)
	}
	return nil
}

func methodCount(address uintptr) int {
	at := uncommonAt(unsafe.Slice((*byte)(pointer(address)), kindAt+1))
	if at == 0 {
		return 0
	}
	return int(*(*uint16)(pointer(address + uintptr(at) + 4)))
}

// fill writes the new lists, into the module's own memory.
func (m *module) fill() error {
	for _, a := range m.added {
		list := m.open.base + uintptr(a.at)
		for i := range a.count * methodSize / 4 { // a method that nobody may call
			*(*int32)(pointer(list + uintptr(4*i))) = -1
		}
		for _, r := range a.symbol.Object.Relocations(a.symbol.Index) {
			if r.At < a.first || r.At >= a.first+a.count*methodSize || r.Kind.IsMark() {
				continue
			}
			t, err := m.need(a.symbol.Object, r.Target)
			if err != nil {
				return err
			}
			m.number(list+uintptr(r.At-a.first), t)
		}
	}
	return nil
}

// numbered is a word of an open type that stands for an address.
type numbered struct {
	at *int32
	of *symbol
}

// number writes what stands for a symbol in an open type.
func (m *module) number(at uintptr, t *symbol) {
	word := (*int32)(pointer(at))
	*word = addReflectOff(pointer(t.address))
	if t.isType() {
		m.numbers = append(m.numbers, numbered{word, t})
	}
}

// renumber does it again where another type than the module's own turned out to be the right one.
func (m *module) renumber() {
	for _, n := range m.numbers {
		if other, ok := replaced[n.of.address]; ok {
			*n.at = addReflectOff(pointer(other))
		}
	}
}

// extend gives the types their methods. What the runtime remembers of not finding them is forgotten.
func (m *module) extend() error {
	if len(m.added) == 0 {
		return nil
	}
	sites, err := m.linker.assertions()
	if err != nil {
		return err
	}
	if !linked.run(m) { // from here on others may call them
		return errors.New("the memory of a linked cell can't be made to run")
	}
	for _, a := range m.added {
		if err := writable(a.address, pointerSize+2*uncommonSize); err != nil {
			return err
		}
		descriptor := unsafe.Slice((*byte)(pointer(a.address)), kindAt+1)
		at := uncommonAt(descriptor)
		if at == 0 {
			at = pointerSize
			if a.path != nil {
				*(*int32)(pointer(a.address + uintptr(at))) = addReflectOff(pointer(a.path.address))
			}
		}
		uncommon := a.address + uintptr(at)
		list := m.open.base + uintptr(a.at)
		// Count and place are one word to the processor: nobody reads one of the old list and the other of the new.
		atomic.StoreUint64((*uint64)(pointer(uncommon+4)), uint64(a.count)|uint64(a.xcount)<<16|uint64(list-uncommon)<<32)
		descriptor[flagAt] |= uncommonFlag
	}
	lock(&itabLock)
	t := itabTable
	for _, i := range unsafe.Slice(&t.entries[0], t.size) {
		if i == nil || i.fun[0] != 0 {
			continue
		}
		for _, a := range m.added {
			if uintptr(i.typ) == a.address {
				itabInit(i, true)
			}
		}
	}
	unlockMutex(&itabLock)
	forget := func() {
		for _, s := range sites {
			atomic.StoreUintptr(s.at, s.empty)
		}
	}
	forget()
	time.AfterFunc(50*time.Millisecond, forget) // one that has just been found may be on its way there
	for _, name := range cachesOfMethods {
		if address := m.linker.find(goobj.Name{Text: name}); address != 0 {
			(*sync.Map)(pointer(address)).Clear()
		}
	}
	return nil
}

// cachesOfMethods are where the standard library remembers by a type whether it has a method; each is a sync.Map.
var cachesOfMethods = []string{"encoding/json.encoderCache", "encoding/json.fieldCache"}

// assertion is the place where a type assertion or a switch remembers what it has found.
type assertion struct {
	at    *uintptr
	empty uintptr
}

// The names of what such a place holds at first.
var noAssertions = []string{"runtime.emptyTypeAssertCache", "runtime.emptyInterfaceSwitchCache"}

// assertions are all of them: those of modules linked here and of plugins were noted, the program's stand in its file.
func (l *Linker) assertions() ([]assertion, error) {
	if l.program != nil {
		return append(l.program, l.asserts...), nil
	}
	file, err := elf.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	empty := map[uint64]bool{}
	for _, name := range noAssertions {
		address := l.find(goobj.Name{Text: name})
		if address == 0 {
			return nil, fmt.Errorf("%s is nowhere", name)
		}
		empty[uint64(address)] = true
	}
	l.program = []assertion{}
	add := func(at, word uint64) {
		if empty[word] {
			l.program = append(l.program, assertion{(*uintptr)(pointer(uintptr(at))), uintptr(word)})
		}
	}
	if section := file.Section(".rela.dyn"); section != nil && file.Type == elf.ET_DYN { // position-independent
		relocations, err := section.Data()
		if err != nil {
			return nil, err
		}
		base := uint64(programBase())
		for r := relocations; len(r) >= 24; r = r[24:] {
			if elf.R_X86_64(binary.LittleEndian.Uint32(r[8:])) == elf.R_X86_64_RELATIVE {
				add(base+binary.LittleEndian.Uint64(r), base+binary.LittleEndian.Uint64(r[16:]))
			}
		}
	} else if section := file.Section(".data"); section != nil {
		data, err := section.Data()
		if err != nil {
			return nil, err
		}
		for i := 0; i+8 <= len(data); i += 8 {
			add(section.Addr+uint64(i), binary.LittleEndian.Uint64(data[i:]))
		}
	}
	if len(l.program) == 0 {
		return nil, errors.New("the program's assertions are not known")
	}
	return append(l.program, l.asserts...), nil
}

// note keeps the place of an assertion's memory, if it is one.
func (l *Linker) note(name string, at *uintptr) {
	for _, n := range noAssertions {
		if n == name {
			l.asserts = append(l.asserts, assertion{at, *at})
		}
	}
}

// itab is internal/abi.ITab.
type itab struct {
	inter, typ unsafe.Pointer
	hash       uint32
	fun        [1]uintptr
}

//go:linkname itabTable runtime.itabTable
var itabTable *struct {
	size, count uintptr
	entries     [512]*itab
}

//go:linkname itabLock runtime.itabLock
var itabLock uintptr

//go:linkname lock runtime.lock2
func lock(mutex *uintptr)

//go:linkname unlockMutex runtime.unlock2
func unlockMutex(mutex *uintptr)

//go:linkname itabInit runtime.itabInit
func itabInit(m *itab, firstTime bool) string

//go:linkname addReflectOff reflect.addReflectOff
func addReflectOff(p unsafe.Pointer) int32
