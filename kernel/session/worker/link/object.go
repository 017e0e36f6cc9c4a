package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// object is a Go object file as cmd/internal/goobj describes it: tables of symbols with their relocations and data, all by index.
type object struct {
	path    string // of the package
	b       []byte
	blocks  [19]uint32
	defined int // symbols with content; by-name references follow
	names   map[reference]string
	files   []string
}

// The blocks of an object file, in order.
const (
	blockImports = iota
	blockPackages
	blockFiles
	blockSymbols
	blockHashed64
	blockHashed
	blockNamed
	blockNamedReferences
	blockReferenceFlags
	blockHash64
	blockHash
	blockRelocationIndex
	blockAuxiliaryIndex
	blockDataIndex
	blockRelocations
	blockAuxiliary
	blockData
	blockReferenceNames
	blockEnd
)

// Special package indices of a reference.
const (
	byName   = 1<<31 - 1 - iota // in the tables of symbols without a package
	hashed64                    // content-addressed
	hashed
	builtin // a list in the toolchain; names stand in the reference names
	self
)

const (
	symbolSize     = 21
	relocationSize = 23
	auxiliarySize  = 9
	magic          = "\x00go120ld"
	staticABI      = 0xffff
)

// reference names a symbol: a package and an index there.
type reference struct{ pkg, index uint32 }

// definition is what an object says of a symbol.
type definition struct {
	name  string
	abi   uint16
	kind  uint8
	flags uint16 // Flag and Flag2
	size  int
	align int
}

const (
	flagDupok    = 1 << 0
	flagLocal    = 1 << 1 // of this object, whatever its name
	flagTypelink = 1 << 2
	flagGoType   = 1 << 6
	flagItab     = 1 << (8 + 1)
)

// Kinds of symbols (cmd/internal/objabi.SymKind); those of FIPS packages follow the plain ones.
const (
	kindText = 1 + iota
	kindTextFIPS
	kindReadOnly
	kindReadOnlyFIPS
	kindNoPointerData
	kindNoPointerDataFIPS
	kindData
	kindDataFIPS
	kindZero
	kindNoPointerZero
	kindThreadLocal
)

func isText(kind uint8) bool { return kind == kindText || kind == kindTextFIPS }

// archive holds the objects of one package: the compiler's and the assembler's.
type archive struct {
	mapped  []byte
	objects []*object
	byName  map[name]place // of all that is not static; made when it is first needed
}

type name struct {
	text string
	abi0 bool // a function of the assembler's convention
}

type place struct {
	o     *object
	index int
}

var errNotObject = errors.New("not a Go object file of a known version")

// readArchive maps an archive and finds the objects in it. What a mapping holds must not change: archives of the build cache never do.
func readArchive(path, file string) (*archive, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", file, err)
	}
	a := &archive{mapped: b}
	const header = 60
	for rest, ok := bytes.CutPrefix(b, []byte("!<arch>\n")); ok && len(rest) >= header; {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || size > len(rest)-header {
			return nil, fmt.Errorf("%s: %w", file, errNotObject)
		}
		member := rest[header : header+size]
		rest = rest[min(header+size+size&1, len(rest)):]
		// "go object linux amd64 go1.26 …\n…\n!\n" stands in front of the tables.
		if _, tables, found := bytes.Cut(member, []byte("\n!\n")); found && bytes.HasPrefix(member, []byte("go object ")) && bytes.HasPrefix(tables, []byte(magic)) {
			o, err := readObject(path, tables)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			a.objects = append(a.objects, o)
		}
	}
	if len(a.objects) == 0 {
		return nil, fmt.Errorf("%s: %w", file, errNotObject)
	}
	return a, nil
}

func readObject(path string, b []byte) (o *object, err error) {
	defer func() {
		if recover() != nil { // an index outside of the file
			o, err = nil, errNotObject
		}
	}()
	o = &object{path: path, b: b}
	at := len(magic) + 8 + 4 // fingerprint, flags
	for i := range o.blocks {
		o.blocks[i] = o.uint32(uint32(at + 4*i))
	}
	for i := 1; i < len(o.blocks); i++ {
		if o.blocks[i] < o.blocks[i-1] || int(o.blocks[i]) > len(b) {
			return nil, errNotObject
		}
	}
	o.defined = int(o.blocks[blockNamedReferences]-o.blocks[blockSymbols]) / symbolSize
	return o, nil
}

func (o *object) fingerprint() [8]byte { return [8]byte(o.b[len(magic):]) }

func (o *object) uint32(at uint32) uint32 { return binary.LittleEndian.Uint32(o.b[at:]) }

func (o *object) text(at uint32) string {
	n, from := o.uint32(at), o.uint32(at+4)
	return string(o.b[from : from+n])
}

func (o *object) count(block int) int {
	return int(o.blocks[block+1]-o.blocks[block]) / symbolSize
}

// index is where in the tables a reference within this object points to; ok is false if it points to another package.
func (o *object) index(r reference) (i int, ok bool) {
	i = int(r.index)
	switch r.pkg {
	case byName:
		return i + o.count(blockSymbols) + o.count(blockHashed64) + o.count(blockHashed), true
	case hashed:
		return i + o.count(blockSymbols) + o.count(blockHashed64), true
	case hashed64:
		return i + o.count(blockSymbols), true
	case self:
		return i, true
	}
	return 0, false
}

// contentAddressed reports whether equal content is all that a symbol is.
func (o *object) contentAddressed(i int) bool {
	from := o.count(blockSymbols)
	return i >= from && i < from+o.count(blockHashed64)+o.count(blockHashed)
}

func (o *object) packageAt(i uint32) string { return o.text(o.blocks[blockPackages] + 8*i) }

func (o *object) fileAt(i uint32) string { return o.text(o.blocks[blockFiles] + 8*i) }

func (o *object) fileCount() int { return int(o.blocks[blockFiles+1]-o.blocks[blockFiles]) / 8 }

func (o *object) definition(i int) definition {
	b := o.b[int(o.blocks[blockSymbols])+i*symbolSize:][:symbolSize]
	n, from := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	return definition{
		name:  string(o.b[from : from+n]),
		abi:   binary.LittleEndian.Uint16(b[8:]),
		kind:  b[10],
		flags: uint16(b[11]) | uint16(b[12])<<8,
		size:  int(binary.LittleEndian.Uint32(b[13:])),
		align: int(binary.LittleEndian.Uint32(b[17:])),
	}
}

// referenceName is the name of a symbol of another package.
func (o *object) referenceName(r reference) string {
	if o.names == nil {
		o.names = map[reference]string{}
		for at := o.blocks[blockReferenceNames]; at+16 <= o.blocks[blockEnd]; at += 16 {
			o.names[reference{o.uint32(at), o.uint32(at + 4)}] = o.text(at + 8)
		}
	}
	return o.names[r]
}

// span is a symbol's part of one of the blocks that have an index.
func (o *object) span(index, i int) (from, to uint32) {
	at := o.blocks[index] + uint32(4*i)
	return o.uint32(at), o.uint32(at + 4)
}

func (o *object) data(i int) []byte {
	from, to := o.span(blockDataIndex, i)
	return o.b[o.blocks[blockData]+from : o.blocks[blockData]+to]
}

// relocation is a place in a symbol's content that holds the address of another.
type relocation struct {
	at     int
	size   int
	kind   uint16
	weak   bool
	add    int64
	target reference
}

// Kinds of relocations (cmd/internal/objabi.RelocType) that name a place.
const (
	relocateAddress  = 1
	relocateOffset   = 5 // from the section's begin, 32 bits
	relocateCall     = 7
	relocateRelative = 14 // to the program counter
	relocateMethod   = 26 // like relocateOffset
	relocateTable    = 29 // relative to the program counter, by a slot that holds the address
	relocateWeak     = 1 << 15
)

// isMark reports whether a kind of relocation only tells the linker what to keep: calls through pointers, uses of fields, types and
// methods, the order of initialisation.
func isMark(kind uint16) bool {
	return kind == 10 || kind >= 21 && kind <= 25 || kind == 27 || kind == 99
}

func (o *object) relocations(i int) []relocation {
	from, to := o.span(blockRelocationIndex, i)
	list := make([]relocation, 0, to-from)
	for ; from < to; from++ {
		b := o.b[o.blocks[blockRelocations]+from*relocationSize:][:relocationSize]
		kind := binary.LittleEndian.Uint16(b[5:])
		list = append(list, relocation{
			at:     int(int32(binary.LittleEndian.Uint32(b))),
			size:   int(b[4]),
			kind:   kind &^ relocateWeak,
			weak:   kind&relocateWeak != 0,
			add:    int64(binary.LittleEndian.Uint64(b[7:])),
			target: reference{binary.LittleEndian.Uint32(b[15:]), binary.LittleEndian.Uint32(b[19:])},
		})
	}
	return list
}

// Kinds of auxiliary symbols; those between are for debuggers.
const (
	auxType         = 0
	auxFunction     = 1
	auxFunctionData = 2
	auxStackDepth   = 7
	auxFile         = 8
	auxLine         = 9
	auxInline       = 10
	auxProgramData  = 11
)

type auxiliary struct {
	kind   uint8
	target reference
}

func (o *object) auxiliaries(i int) []auxiliary {
	from, to := o.span(blockAuxiliaryIndex, i)
	list := make([]auxiliary, 0, to-from)
	for ; from < to; from++ {
		b := o.b[o.blocks[blockAuxiliary]+from*auxiliarySize:][:auxiliarySize]
		list = append(list, auxiliary{b[0], reference{binary.LittleEndian.Uint32(b[1:]), binary.LittleEndian.Uint32(b[5:])}})
	}
	return list
}
