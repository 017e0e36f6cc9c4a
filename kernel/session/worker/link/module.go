package link

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/cellar-go/cellar/kernel/session/internal/goobj"
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
		return m.read.bytes(at-n, n)
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
	d.text, d.textEnd = m.text.base, m.text.end()
	d.minPC, d.maxPC = m.text.base, m.text.base+uintptr(t.end)
	d.types, d.read, d.functionData = m.read.base, m.read.base, m.read.base
	d.typesEnd, d.tablesEnd = m.read.end(), m.read.end()
	d.data, d.dataEnd = m.data.base, m.data.end()
	d.plainData, d.plainDataEnd = m.plainData.base, m.plainData.end()
	d.zero, d.zeroEnd = m.zero.base, m.zero.end()
	d.plainZero, d.plainZeroEnd = m.plainZero.base, m.plainZero.end()
	d.end = m.plainZero.end()
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
		if s.IsTypeLink() {
			n := int32(s.address - m.read.base)
			d.typeLinks = append(d.typeLinks, n)
			d.typeMap[n] = pointer(s.address)
		}
	}
	kept = append(kept, d, d.typeMap)
	m.known = d

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
		size, own := typeMask(t.address)
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

func (m *module) typeOf(x *symbol) (*symbol, error) {
	for _, a := range x.Object.Auxiliaries(x.Index) {
		if a.Kind == goobj.TypeOf {
			return m.need(x.Object, a.Target)
		}
	}
	return nil, errors.New("it holds pointers and has no type")
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
	placed := make([]uintptr, len(m.types))
	for i, s := range m.types {
		placed[i] = s.address
	}
	if _, err := cureTypes(m.slots, placed...); err != nil {
		return err
	}
	for n, t := range m.known.typeMap {
		if other, ok := replaced[uintptr(t)]; ok {
			m.known.typeMap[n] = pointer(other)
		}
	}
	m.renumber()
	for _, s := range m.types {
		if err := m.hashAlike(s); err != nil {
			return err
		}
	}
	if err := m.extend(); err != nil {
		return err
	}
	for s, slots := range m.itabs {
		address, err := m.itab(s)
		if err != nil {
			return err
		}
		for _, slot := range slots {
			*slot.at = address + slot.addend
		}
	}
	return nil
}

// hashAlike gives a named map type the hash function of its unnamed twin, which its description asks to keep: reflection may have made that
// one, and a map of one type can be made one of the other (golang/go 37716). Layout of internal/abi.MapType: Hasher at 72.
func (m *module) hashAlike(s *symbol) error {
	if typeAt(s.address).Kind() != reflect.Map {
		return nil
	}
	for _, r := range s.Object.Relocations(s.Index) {
		if r.Kind != goobj.Keep {
			continue
		}
		t, err := m.need(s.Object, r.Target)
		if err != nil {
			return err
		}
		twin := t.address
		if other, ok := replaced[twin]; ok {
			twin = other
		}
		*(*uintptr)(pointer(s.address + 72)) = *(*uintptr)(pointer(twin + 72))
	}
	return nil
}

// itab has the runtime make the table of a type's methods for an interface, or gives the one that there is.
func (m *module) itab(s *symbol) (uintptr, error) {
	var pair [2]uintptr // interface, type
	for _, r := range s.Object.Relocations(s.Index) {
		if r.At > 8 || r.Kind != goobj.Address {
			continue
		}
		t, err := m.need(s.Object, r.Target)
		if err != nil {
			return 0, err
		}
		pair[r.At/8] = t.address
		if other, ok := replaced[t.address]; ok {
			pair[r.At/8] = other
		}
	}
	i := uintptr(getitab(pointer(pair[0]), pointer(pair[1]), true))
	if i == 0 {
		return 0, fmt.Errorf("%s: %v has not the methods of %v", s.Text, typeAt(pair[1]), typeAt(pair[0]))
	}
	// The runtime leaves the hash of the itabs that it builds zero; type switches compare it.
	if hash := (*uint32)(pointer(i + 16)); *hash == 0 {
		*hash = *(*uint32)(pointer(pair[1] + 16))
	}
	return i, nil
}
