package link

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// section is a part of a module's memory.
type section struct {
	size    int
	base    uintptr // once the module has its memory
	symbols []*symbol
	blobs   []blob // what the linker itself writes there
}

type blob struct {
	at      int
	content []byte
}

func (s *section) take(size, align int) (at int) {
	at = (s.size + align - 1) &^ (align - 1)
	s.size = at + size
	return at
}

func (s *section) write(content []byte, align int) (at int) {
	at = s.take(len(content), align)
	s.blobs = append(s.blobs, blob{at, content})
	return at
}

// patch is a word with the address of a symbol that may still turn out to be another.
type patch struct {
	at     uintptr
	target *symbol
	add    int64
}

const (
	textAlign = 32
	stubSize  = 16
)

// link finds all that the entry needs and is new, gives it memory, relocates it and tells the runtime.
func (m *module) link(entry string) (err error) {
	p, ok := m.own.find(name{text: entry})
	if !ok {
		return fmt.Errorf("no function %s", entry)
	}
	if m.entry, err = m.symbol(p); err != nil {
		return err
	}
	m.stubs, m.table, m.distant = map[*symbol]int{}, map[*symbol]int{}, map[*symbol]int32{}
	m.read.take(16, 16) // an offset of zero means none
	for i := 0; i < len(m.order); i++ {
		if err := m.collect(m.order[i]); err != nil {
			return fmt.Errorf("%s: %w", m.order[i].name, err)
		}
	}
	for _, s := range m.order {
		if err := m.arrange(s); err != nil {
			return err
		}
	}
	for _, f := range m.functions {
		for t := range f.calls {
			if m.far(t) {
				m.stub(t)
			}
		}
	}
	tables := m.functionTables()
	if err := m.allocate(tables.size()); err != nil {
		return err
	}
	for _, s := range m.order {
		if err := m.relocate(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for t, at := range m.stubs { // jmp *0(rip); the address behind it
		code := m.bytes(&m.text, at, stubSize)
		copy(code, "\xff\x25\x00\x00\x00\x00")
		binary.LittleEndian.PutUint64(code[6:], uint64(t.address))
	}
	for t, at := range m.table {
		m.word(m.read.base+uintptr(at), t, 0)
	}
	if err := m.register(tables); err != nil {
		return err
	}
	if err := m.settle(); err != nil {
		return err
	}
	for n, s := range m.named {
		if !s.external && (isText(s.kind) || s.isType() || s.section != &m.read) {
			m.linker.known[n] = s.address
		}
	}
	return linked.protect(m)
}

// collect notes all that a symbol needs.
func (m *module) collect(s *symbol) error {
	if s.kind >= kindThreadLocal {
		return fmt.Errorf("a symbol of kind %d can't be linked here", s.kind)
	}
	var f *function
	if isText(s.kind) {
		f = &function{symbol: s, calls: map[*symbol]bool{}}
		m.functions = append(m.functions, f)
		if err := m.describe(f); err != nil {
			return err
		}
	}
	for _, r := range s.o.relocations(s.index) {
		if isMark(r.kind) || r.weak {
			continue
		}
		t, err := m.need(s.o, r.target)
		if err != nil {
			return err
		}
		switch r.kind {
		case relocateTable:
			if _, ok := m.table[t]; !ok {
				m.table[t] = m.read.take(8, 8)
			}
		case relocateCall:
			if f == nil {
				return fmt.Errorf("a call outside of a function")
			}
			f.calls[t] = true
		case relocateMethod, relocateOffset:
			if t.external && isText(t.kind) {
				m.stub(t)
			} else if t.external && t.isType() {
				m.distant[t] = 0
			} else if t.external {
				return fmt.Errorf("%s is not of this module", t.name)
			}
		}
	}
	if s.kind >= kindData && s.kind <= kindZero { // the collector has to know which words are pointers
		for _, a := range s.o.auxiliaries(s.index) {
			if a.kind == auxType {
				if _, err := m.need(s.o, a.target); err != nil {
					return err
				}
			}
		}
	}
	if s.isType() {
		m.types = append(m.types, s)
	}
	return nil
}

// far reports whether a call can't reach a symbol.
func (m *module) far(t *symbol) bool {
	return t.external && (t.address > linked.start+1<<30 || linked.start > t.address+1<<30)
}

func (m *module) stub(t *symbol) int {
	at, ok := m.stubs[t]
	if !ok {
		at = -1 // it follows the functions: see functionTables
		m.stubs[t] = at
	}
	return at
}

// arrange gives a symbol its place in a section.
func (m *module) arrange(s *symbol) error {
	if s.itab {
		return nil // the runtime makes it
	}
	switch s.kind {
	case kindText, kindTextFIPS:
		s.section = &m.text
	case kindReadOnly, kindReadOnlyFIPS:
		s.section = &m.read
	case kindNoPointerData, kindNoPointerDataFIPS:
		s.section = &m.plainData
	case kindData, kindDataFIPS:
		s.section = &m.data
	case kindZero:
		s.section = &m.zero
	case kindNoPointerZero:
		s.section = &m.plainZero
	default:
		return fmt.Errorf("%s: a symbol of kind %d can't be linked here", s.name, s.kind)
	}
	align := s.align
	if align == 0 {
		for align = 1; align < 32 && align*2 <= s.size; {
			align *= 2
		}
		if isText(s.kind) {
			align = textAlign
		}
	}
	if s.kind >= kindData && s.kind <= kindZero { // masks have a bit a word
		align = max(align, 8)
	}
	s.address = uintptr(s.section.take(s.size, align)) // an offset, until there is memory
	s.section.symbols = append(s.section.symbols, s)
	return nil
}

// allocate gets the module's memory and copies its content there.
func (m *module) allocate(tables int) error {
	for t := range m.stubs {
		m.stubs[t] = m.text.take(stubSize, 16)
	}
	m.read.take(0, 64)
	tableBase := m.read.take(tables, 64)
	m.tables = tableBase
	if err := linked.take(m); err != nil {
		return err
	}
	for _, s := range m.sections() {
		for _, x := range s.symbols {
			x.address += s.base
			if s != &m.zero && s != &m.plainZero {
				copy(m.bytes(s, int(x.address-s.base), x.size), x.o.data(x.index))
			}
		}
		for _, b := range s.blobs {
			copy(m.bytes(s, b.at, len(b.content)), b.content)
		}
	}
	next := int32(m.read.size)
	for t := range m.distant {
		next++
		m.distant[t] = next
	}
	return nil
}

func (m *module) sections() []*section {
	return []*section{&m.text, &m.read, &m.data, &m.plainData, &m.zero, &m.plainZero}
}

func (m *module) bytes(s *section, at, size int) []byte {
	return unsafe.Slice((*byte)(pointer(s.base+uintptr(at))), size)
}

// word writes the address of a symbol.
func (m *module) word(at uintptr, t *symbol, add int64) {
	*(*uintptr)(pointer(at)) = t.address + uintptr(add)
	if t.itab || t.isType() && !t.external {
		m.slots = append(m.slots, patch{at, t, add})
	}
}

// relocate writes the addresses of others into a symbol's content.
func (m *module) relocate(s *symbol) error {
	if s.itab {
		return nil
	}
	for _, r := range s.o.relocations(s.index) {
		if isMark(r.kind) || r.weak {
			continue
		}
		t, err := m.need(s.o, r.target)
		if err != nil {
			return err
		}
		at := s.address + uintptr(r.at)
		behind := int64(at) + int64(r.size)
		var value int64
		switch r.kind {
		case relocateAddress:
			if r.size != 8 {
				return fmt.Errorf("an address of %d bytes", r.size)
			}
			m.word(at, t, r.add)
			continue
		case relocateTable:
			value = int64(m.read.base) + int64(m.table[t]) + r.add - behind
		case relocateCall:
			value = int64(t.address)
			if stub, ok := m.stubs[t]; ok {
				value = int64(m.text.base) + int64(stub)
			}
			value += r.add - behind
		case relocateRelative:
			if t.itab {
				return fmt.Errorf("%s is used without a table", t.name)
			}
			value = int64(t.address) + r.add - behind
		case relocateOffset, relocateMethod:
			value = m.offset(t) + r.add
		default:
			return fmt.Errorf("relocation %d of %s is not known", r.kind, t.name)
		}
		if r.size != 4 || value > math.MaxInt32 || value < math.MinInt32 {
			return fmt.Errorf("%s is out of reach", t.name)
		}
		*(*int32)(pointer(at)) = int32(value)
	}
	return nil
}

// offset is a symbol's place from the begin of what the runtime counts from: code from the text, all else from the types. For types of
// other modules the runtime has a map.
func (m *module) offset(t *symbol) int64 {
	if stub, ok := m.stubs[t]; ok {
		return int64(stub)
	}
	if n, ok := m.distant[t]; ok {
		return int64(n)
	}
	if isText(t.kind) {
		return int64(t.address - m.text.base)
	}
	return int64(t.address - m.read.base)
}

// pointer makes one of an address outside of the Go heap.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
