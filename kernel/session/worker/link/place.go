package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/cellar-go/cellar/kernel/session/internal/goid"
	"github.com/cellar-go/cellar/kernel/session/internal/goobj"
)

// section is a part of a module's memory.
type section struct {
	size    int
	base    uintptr // once the module has memory
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

func (s *section) end() uintptr { return s.base + uintptr(s.size) }

func (s *section) bytes(at, size int) []byte {
	return unsafe.Slice((*byte)(pointer(s.base+uintptr(at))), size)
}

// pointer makes one of an address outside of the Go heap.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// link finds all that the entry needs and is new, gives it memory, relocates it and tells the runtime.
func (m *module) link(entry goobj.Name) (*symbol, error) {
	p, ok := m.own.Find(entry)
	if !ok {
		return nil, fmt.Errorf("no function %s", entry.Text)
	}
	start, err := m.symbol(p)
	if err != nil {
		return nil, err
	}
	m.read.take(16, 16) // an offset of zero means none
	if err := m.additions(); err != nil {
		return nil, err
	}
	for i := 0; i < len(m.order); i++ { // which grows
		if err := m.collect(m.order[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", m.order[i].Text, err)
		}
	}
	for _, s := range m.order {
		if err := m.arrange(s); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Text, err)
		}
	}
	for _, a := range m.added {
		a.at = m.open.take(a.count*methodSize, 8)
	}
	tables := m.functionTables()
	if err := m.allocate(tables.size()); err != nil {
		return nil, err
	}
	for _, s := range m.order {
		if err := m.relocate(s); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Text, err)
		}
	}
	if err := m.fill(); err != nil {
		return nil, err
	}
	for t, at := range m.stubs { // jmp *0(rip), and the address behind it
		code := m.text.bytes(at, stubSize)
		copy(code, "\xff\x25\x00\x00\x00\x00")
		binary.LittleEndian.PutUint64(code[6:], uint64(t.address))
	}
	for t, at := range m.table {
		m.word(m.read.base+uintptr(at), t, 0)
	}
	if err := m.register(tables); err != nil {
		return nil, err
	}
	if err := m.settle(); err != nil {
		return nil, err
	}
	for n, s := range m.named {
		if !s.external {
			m.linker.known[n] = s.address
		}
	}
	return start, linked.protect(m)
}

// collect notes all that a symbol needs.
func (m *module) collect(s *symbol) error {
	if s.IsText() {
		if err := m.describe(s); err != nil {
			return err
		}
	}
	if k := s.Kind.Plain(); k == goobj.Data || k == goobj.Zero { // the collector has to know which words are pointers
		if _, err := m.typeOf(s); err != nil {
			return err
		}
	}
	if s.isType() {
		m.types = append(m.types, s)
	}
	for _, r := range s.Object.Relocations(s.Index) {
		if r.Weak && (r.Kind == goobj.Call || r.Kind == goobj.Relative) {
			return fmt.Errorf("a weak relocation of kind %d can't be linked here", r.Kind)
		}
		if r.Kind.IsMark() || r.Weak {
			continue
		}
		if r.Kind == goobj.Thread {
			if goid.Offset() == 0 {
				return errors.New("it is not known where a thread keeps its goroutine")
			}
			if m.thread == 0 {
				m.thread = m.read.take(8, 8)
			}
			continue
		}
		t, err := m.need(s.Object, r.Target)
		if err != nil {
			return err
		}
		switch {
		case r.Kind == goobj.Table:
			if _, ok := m.table[t]; !ok {
				m.table[t] = m.read.take(8, 8)
			}
		case r.Kind == goobj.Call:
			if t.external && far(t.address) {
				m.stubs[t] = 0
			}
		case open(s): // it has numbers of its own for what it refers to
		case open(t) && r.Kind == goobj.Offset:
			m.distant[t] = 0
		case r.Kind != goobj.Offset && r.Kind != goobj.Method || !t.external:
		case t.isType():
			m.distant[t] = 0
		case r.Kind == goobj.Method:
			m.stubs[t] = 0
		default:
			return fmt.Errorf("%s is not in this module", t.Text)
		}
	}
	return nil
}

const stubSize = 16

// arrange gives a symbol its place in a section. Itabs have none: the runtime makes them.
func (m *module) arrange(s *symbol) error {
	if s.IsItab() {
		return nil
	}
	sections := map[goobj.Kind]*section{goobj.Text: &m.text, goobj.ReadOnly: &m.read, goobj.Data: &m.data, goobj.PlainData: &m.plainData,
		goobj.Zero: &m.zero, goobj.PlainZero: &m.plainZero}
	s.section = sections[s.Kind.Plain()]
	if s.section == nil {
		return fmt.Errorf("symbols of kind %d can't be linked here", s.Kind)
	}
	align := s.Align
	if align == 0 {
		align = 32
		for !s.IsText() && align > 1 && align > s.Size {
			align /= 2
		}
	}
	if s.section == &m.data || s.section == &m.zero {
		align = max(align, 8) // masks have a bit a word
	}
	size := s.Size
	if open(s) {
		s.section, size = &m.open, room(s)
	}
	s.address = uintptr(s.section.take(size, align))
	s.section.symbols = append(s.section.symbols, s)
	return nil
}

// allocate gets the module's memory, with room for tables, and copies its content there.
func (m *module) allocate(tables int) error {
	for t := range m.stubs {
		m.stubs[t] = m.text.take(stubSize, 16)
	}
	m.tables = m.read.take(tables, 64)
	if err := linked.take(m); err != nil {
		return err
	}
	for _, s := range m.sections() {
		for _, x := range s.symbols {
			copy(s.bytes(int(x.address), x.Size), x.Object.Content(x.Index))
			x.address += s.base
		}
		for _, b := range s.blobs {
			copy(s.bytes(b.at, len(b.content)), b.content)
		}
	}
	next := int32(-1) // no offset of this module's own; -1 means none
	for t := range m.distant {
		next--
		m.distant[t] = next
	}
	return nil
}

// sections in the order of their addresses: code, what is only read, what is written.
func (m *module) sections() []*section {
	return []*section{&m.text, &m.read, &m.open, &m.data, &m.plainData, &m.zero, &m.plainZero}
}

// word writes the address of a symbol, and notes it if another may turn out to be the right one.
func (m *module) word(at uintptr, t *symbol, add int64) {
	s := slot{at: (*uintptr)(pointer(at)), addend: uintptr(add), own: true}
	*s.at = t.address + s.addend
	switch {
	case t.IsItab():
		m.itabs[t] = append(m.itabs[t], s)
	case t.isType() && !t.external:
		m.slots = append(m.slots, s)
	default:
		m.linker.note(t.Text, s.at)
	}
}

// relocate writes the addresses of others into a symbol's content.
func (m *module) relocate(s *symbol) error {
	if s.IsItab() {
		return nil
	}
	for _, r := range s.Object.Relocations(s.Index) {
		if r.Kind.IsMark() || r.Kind == goobj.Keep || r.Weak {
			continue
		}
		if r.Kind == goobj.Thread { // r.Add counts from the end of the instruction
			word := m.read.base + uintptr(m.thread)
			*(*int64)(pointer(word)) = goid.Offset()
			*(*int32)(pointer(s.address + uintptr(r.At))) = int32(int64(word) + r.Add - int64(s.address) - int64(r.At))
			continue
		}
		t, err := m.need(s.Object, r.Target)
		if err != nil {
			return err
		}
		at := s.address + uintptr(r.At)
		behind := int64(at) + int64(r.Size)
		size, value := 4, r.Add
		switch r.Kind {
		case goobj.Address:
			size = 8
		case goobj.Table:
			value += int64(m.read.base) + int64(m.table[t]) - behind
		case goobj.Call, goobj.Relative:
			if t.IsItab() {
				return fmt.Errorf("%s is used without a table", t.Text)
			}
			address := int64(t.address)
			if stub, ok := m.stubs[t]; ok && r.Kind == goobj.Call {
				address = int64(m.text.base) + int64(stub)
			}
			value += address - behind
		case goobj.Offset, goobj.Method:
			if s.section == &m.open {
				m.number(at, t)
				continue
			}
			value += m.offset(t)
		default:
			return fmt.Errorf("relocations of kind %d can't be linked here", r.Kind)
		}
		if r.Size != size || size == 4 && (value > math.MaxInt32 || value < math.MinInt32) {
			return fmt.Errorf("%s is out of reach", t.Text)
		}
		if size == 8 {
			m.word(at, t, r.Add)
		} else {
			*(*int32)(pointer(at)) = int32(value)
		}
	}
	return nil
}

// offset is a symbol's place from the begin of what the runtime counts from: for code the text, for all else the types.
func (m *module) offset(t *symbol) int64 {
	if stub, ok := m.stubs[t]; ok {
		return int64(stub)
	}
	if n, ok := m.distant[t]; ok {
		return int64(n)
	}
	if t.section == nil {
		return math.MaxInt64
	}
	if t.section == &m.text {
		return int64(t.address - m.text.base)
	}
	return int64(t.address - m.read.base)
}
