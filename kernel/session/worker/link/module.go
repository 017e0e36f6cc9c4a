package link

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"unsafe"
)

// moduleData is runtime.moduledata of Go 1.26: what the runtime knows of a loaded module.
type moduleData struct {
	header                       uintptr
	names                        []byte
	units                        []uint32
	files, programs, functions   []byte
	functionIndex                []functionEntry
	findFunction                 uintptr
	minPC, maxPC                 uintptr
	text, textEnd                uintptr
	plainData, plainDataEnd      uintptr
	data, dataEnd                uintptr
	zero, zeroEnd                uintptr
	plainZero, plainZeroEnd      uintptr
	coverage, coverageEnd        uintptr
	end, dataProgram, zeroProgam uintptr
	types, typesEnd              uintptr
	read                         uintptr
	functionData                 uintptr
	tablesEnd                    uintptr
	textSections                 []uintptr
	typeLinks                    []int32
	itabs                        []uintptr
	exports                      []uintptr
	pluginPath                   string
	packageHashes                []uintptr
	tasks                        []uintptr
	name                         string
	moduleHashes                 []uintptr
	hasMain                      uint8
	bad                          bool
	dataMask, zeroMask           bitVector
	typeMap                      map[int32]unsafe.Pointer
	next                         *moduleData
}

type functionEntry struct{ entry, function uint32 }

type bitVector struct {
	n     int32
	bytes *byte
}

//go:linkname firstmoduledata runtime.firstmoduledata
var firstmoduledata moduleData

//go:linkname lastmoduledatap runtime.lastmoduledatap
var lastmoduledatap *moduleData

//go:linkname modulesinit runtime.modulesinit
func modulesinit()

//go:linkname getGCMask runtime.getGCMask
func getGCMask(t unsafe.Pointer) *byte

// kept holds what only modules point to: the collector does not look there.
var kept []any

// register fills the module's tables and makes it known to the runtime.
func (m *module) register(t *tables) error {
	d := new(moduleData)
	at := m.tables
	take := func(n int) []byte {
		at = (at + 15) &^ 15
		at += n
		return m.bytes(&m.read, at-n, n)
	}
	place := func(b []byte) []byte {
		to := take(len(b))
		copy(to, b)
		return to
	}
	header := take(80)
	copy(header, unsafe.Slice((*byte)(pointer(firstmoduledata.header)), 8)) // magic, sizes
	d.header = uintptr(unsafe.Pointer(&header[0]))
	d.names, d.files, d.programs, d.functions = place(t.names), place(t.files), place(t.programs), place(t.functions)
	units := place(t.units)
	if len(units) > 0 {
		d.units = unsafe.Slice((*uint32)(unsafe.Pointer(&units[0])), len(units)/4)
	}
	index := place(t.index)
	d.findFunction = uintptr(unsafe.Pointer(&index[0]))
	d.functionIndex = unsafe.Slice((*functionEntry)(unsafe.Pointer(&d.functions[0])), len(m.functions)+1)
	binary.LittleEndian.PutUint64(header[8:], uint64(len(m.functions)))
	for i, b := range [][]byte{d.names, units, d.files, d.programs, d.functions} {
		if len(b) > 0 {
			binary.LittleEndian.PutUint64(header[32+8*i:], uint64(uintptr(unsafe.Pointer(&b[0]))-d.header))
		}
	}
	end := func(s *section) uintptr { return s.base + uintptr(s.size) }
	d.text, d.textEnd = m.text.base, end(&m.text)
	d.minPC, d.maxPC = m.text.base, m.text.base+uintptr(t.end)
	d.types, d.typesEnd = m.read.base, end(&m.read)
	d.read, d.functionData, d.tablesEnd = m.read.base, m.read.base, end(&m.read)
	d.data, d.dataEnd = m.data.base, end(&m.data)
	d.plainData, d.plainDataEnd = m.plainData.base, end(&m.plainData)
	d.zero, d.zeroEnd = m.zero.base, end(&m.zero)
	d.plainZero, d.plainZeroEnd = m.plainZero.base, end(&m.plainZero)
	d.end = end(&m.plainZero)
	d.pluginPath, d.name = m.path, m.path
	var err error
	if d.dataMask, err = m.mask(&m.data); err != nil {
		return err
	}
	if d.zeroMask, err = m.mask(&m.zero); err != nil {
		return err
	}
	d.typeMap = map[int32]unsafe.Pointer{}
	for t, n := range m.distant {
		d.typeMap[n] = pointer(t.address)
	}
	for _, s := range m.types {
		if s.flags&flagTypelink != 0 {
			n := int32(s.address - m.read.base)
			d.typeLinks = append(d.typeLinks, n)
			d.typeMap[n] = pointer(s.address)
		}
	}
	kept = append(kept, d, d.typeMap)
	m.data_ = d

	last := lastmoduledatap
	atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&last.next)), unsafe.Pointer(d))
	lastmoduledatap = d
	// Reflection looks types up by their text, in order.
	slices.SortFunc(d.typeLinks, func(a, b int32) int {
		return cmp.Compare(typeAt(m.read.base+uintptr(a)).String(), typeAt(m.read.base+uintptr(b)).String())
	})
	modulesinit()
	return nil
}

// mask tells the collector which words of a section are pointers.
func (m *module) mask(s *section) (bitVector, error) {
	words := s.size / 8
	bits := make([]byte, words/8+1)
	for _, x := range s.symbols {
		t, err := m.typeOf(x)
		if err != nil {
			return bitVector{}, err
		}
		size, own := typeMask(t)
		first := int(x.address-s.base) / 8
		for i := range size / 8 {
			if own[i/8]>>(i%8)&1 != 0 {
				bits[(first+i)/8] |= 1 << ((first + i) % 8)
			}
		}
	}
	kept = append(kept, bits)
	return bitVector{int32(words), &bits[0]}, nil
}

func (m *module) typeOf(x *symbol) (uintptr, error) {
	for _, a := range x.o.auxiliaries(x.index) {
		if a.kind == auxType {
			t, err := m.need(x.o, a.target)
			if err != nil {
				return 0, err
			}
			return t.address, nil
		}
	}
	return 0, fmt.Errorf("%s holds pointers and has no type", x.name)
}

// typeMask is internal/abi.Type's: PtrBytes at 8, TFlag at 20, GCData at 32.
func typeMask(t uintptr) (size int, mask []byte) {
	const onDemand = 1 << 4
	size = int(*(*uintptr)(pointer(t + 8)))
	p := *(**byte)(pointer(t + 32))
	if *(*byte)(pointer(t + 20))&onDemand != 0 {
		p = getGCMask(pointer(t))
	}
	if size == 0 {
		return 0, nil
	}
	return size, unsafe.Slice(p, size/64+1)
}

// settle makes the module use the types and itabs that the process may have built by itself before.
func (m *module) settle() error {
	var types []slot
	for _, p := range m.slots {
		if !p.target.itab {
			types = append(types, slot{at: (*uintptr)(pointer(p.at)), addend: uintptr(p.add), own: true})
		}
	}
	if _, err := cureTypes(types); err != nil {
		return err
	}
	for n, t := range m.data_.typeMap {
		if other, ok := replaced[uintptr(t)]; ok {
			m.data_.typeMap[n] = pointer(other)
		}
	}
	for _, p := range m.slots {
		if p.target.itab && p.target.address == 0 {
			i, err := m.itab(p.target)
			if err != nil {
				return err
			}
			p.target.address = i
		}
		if p.target.itab {
			*(*uintptr)(pointer(p.at)) = p.target.address + uintptr(p.add)
		}
	}
	return nil
}

// itab has the runtime make the table of a type's methods for an interface, or gives the one that there is.
func (m *module) itab(s *symbol) (uintptr, error) {
	var pair [2]uintptr
	for _, r := range s.o.relocations(s.index) {
		if r.at <= 8 && r.kind == relocateAddress {
			t, err := m.need(s.o, r.target)
			if err != nil {
				return 0, err
			}
			pair[r.at/8] = t.address
			if other, ok := replaced[t.address]; ok {
				pair[r.at/8] = other
			}
		}
	}
	i := uintptr(getitab(pointer(pair[0]), pointer(pair[1]), true))
	if i == 0 {
		return 0, fmt.Errorf("%s: %v has not the methods of %v", s.name, typeAt(pair[1]), typeAt(pair[0]))
	}
	// The runtime leaves the hash of the itabs that it builds zero; type switches compare it.
	if hash := (*uint32)(pointer(i + 16)); *hash == 0 {
		*hash = *(*uint32)(pointer(pair[1] + 16))
	}
	return i, nil
}
