package goobj

import "encoding/binary"

// Definition is what an object says of a symbol.
type Definition struct {
	Name
	Kind  Kind
	Size  int
	Align int // 0: what its size asks for
	flags uint16
	abi   uint16
}

// Kind is the kind of memory that a symbol stands in (cmd/internal/objabi.SymKind).
type Kind uint8

// Kinds of symbols; those of FIPS packages follow the plain ones.
const (
	Text Kind = 1 + iota
	textFIPS
	ReadOnly
	readOnlyFIPS
	PlainData // without pointers
	plainDataFIPS
	Data
	dataFIPS
	Zero
	PlainZero
)

// Plain gives the kind without its mark for FIPS.
func (k Kind) Plain() Kind {
	if k >= Text && k <= dataFIPS && k%2 == 0 {
		return k - 1
	}
	return k
}

const (
	flagRepeated = 1 << iota
	flagLocal
	flagTypeLink
	_
	_
	_
	flagType
	_
	_
	flagItab
)

// Private reports whether a symbol is this object's own, whatever its name.
func (d Definition) Private() bool { return d.abi == 0xffff || d.flags&flagLocal != 0 }

// Repeated reports whether each object that needs the symbol has it.
func (d Definition) Repeated() bool { return d.flags&flagRepeated != 0 }

// IsText reports whether it is code.
func (d Definition) IsText() bool { return d.Kind.Plain() == Text }

// IsType reports whether it describes a type.
func (d Definition) IsType() bool { return d.flags&flagType != 0 }

// IsItab reports whether it is the table of a type's methods for an interface.
func (d Definition) IsItab() bool { return d.flags&flagItab != 0 }

// IsTypeLink reports whether reflection finds the type by its text.
func (d Definition) IsTypeLink() bool { return d.flags&flagTypeLink != 0 }

// Definition is what the tables say of a symbol.
func (o *Object) Definition(i int) Definition {
	b := o.b[int(o.blocks[blockSymbols])+i*symbolSize:][:symbolSize]
	d := Definition{
		Kind:  Kind(b[10]),
		Size:  int(binary.LittleEndian.Uint32(b[13:])),
		Align: int(binary.LittleEndian.Uint32(b[17:])),
		flags: uint16(b[11]) | uint16(b[12])<<8,
		abi:   binary.LittleEndian.Uint16(b[8:]),
	}
	n, from := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	d.Name = Name{string(o.b[from : from+n]), d.abi == 0 && (d.Kind == 0 || d.IsText())}
	return d
}

// Relocation is a place in a symbol's content that depends on where another stands.
type Relocation struct {
	At     int
	Size   int
	Kind   RelocationKind
	Weak   bool // does not make its target needed
	Add    int64
	Target Reference
}

// RelocationKind says what is written (cmd/internal/objabi.RelocType).
type RelocationKind uint16

// Kinds of relocations on amd64.
const (
	Address  RelocationKind = 1
	Offset   RelocationKind = 5 // from the begin of the target's section, 32 bits
	Call     RelocationKind = 7
	Relative RelocationKind = 14 // to the program counter
	Thread   RelocationKind = 16 // to the program counter, of a word that holds where the thread keeps its goroutine; of no symbol
	Method   RelocationKind = 26 // as Offset, in a type's list of methods
	Keep     RelocationKind = 27 // nothing is written, but the target is needed
	Table    RelocationKind = 29 // relative to the program counter, of a word that holds the address

	weak = 1 << 15
)

// IsMark reports whether a kind only tells the linker what to keep: calls through pointers, uses of fields, types and methods, the order of
// initialisation.
func (k RelocationKind) IsMark() bool { return k == 10 || k >= 21 && k <= 25 || k == 99 }

// Relocations are a symbol's.
func (o *Object) Relocations(i int) []Relocation {
	from, to := o.span(blockRelocationIndex, i)
	list := make([]Relocation, 0, min(to-from, uint32(len(o.b)/relocationSize)))
	for ; from < to; from++ {
		b := o.b[o.blocks[blockRelocations]+from*relocationSize:][:relocationSize]
		kind := binary.LittleEndian.Uint16(b[5:])
		list = append(list, Relocation{
			At:     int(int32(binary.LittleEndian.Uint32(b))),
			Size:   int(b[4]),
			Kind:   RelocationKind(kind &^ weak),
			Weak:   kind&weak != 0,
			Add:    int64(binary.LittleEndian.Uint64(b[7:])),
			Target: Reference{binary.LittleEndian.Uint32(b[15:]), binary.LittleEndian.Uint32(b[19:])},
		})
	}
	return list
}

// Auxiliary is a symbol that describes another.
type Auxiliary struct {
	Kind   AuxiliaryKind
	Target Reference
}

// AuxiliaryKind says what it describes.
type AuxiliaryKind uint8

// Kinds of auxiliary symbols; those between are for debuggers.
const (
	TypeOf       AuxiliaryKind = 0
	FunctionInfo AuxiliaryKind = 1
	FunctionData AuxiliaryKind = 2
	StackDepth   AuxiliaryKind = 7
	FileTable    AuxiliaryKind = 8
	LineTable    AuxiliaryKind = 9
	InlineTable  AuxiliaryKind = 10
	ProgramData  AuxiliaryKind = 11
)

// Auxiliaries are a symbol's.
func (o *Object) Auxiliaries(i int) []Auxiliary {
	from, to := o.span(blockAuxiliaryIndex, i)
	list := make([]Auxiliary, 0, min(to-from, uint32(len(o.b)/auxiliarySize)))
	for ; from < to; from++ {
		b := o.b[o.blocks[blockAuxiliary]+from*auxiliarySize:][:auxiliarySize]
		list = append(list, Auxiliary{AuxiliaryKind(b[0]), Reference{binary.LittleEndian.Uint32(b[1:]), binary.LittleEndian.Uint32(b[5:])}})
	}
	return list
}

// Function is what the compiler notes of one.
type Function struct {
	Arguments uint32 // bytes
	ID, Flag  byte
	StartLine uint32
	Inlined   []Inlined
}

// Inlined is a call whose body stands in the caller.
type Inlined struct {
	Function Reference
	Parent   uint32 // program counter of the call in the parent's code
}

// ReadFunction reads a function's description: the content of its FunctionInfo.
func ReadFunction(b []byte) Function {
	f := Function{Arguments: binary.LittleEndian.Uint32(b), ID: b[8], Flag: b[9], StartLine: binary.LittleEndian.Uint32(b[12:])}
	files := binary.LittleEndian.Uint32(b[16:])
	tree := b[20+4*int(files):]
	for i := range int(binary.LittleEndian.Uint32(tree)) {
		x := tree[4+24*i:][:24]
		f.Inlined = append(f.Inlined, Inlined{
			Function: Reference{binary.LittleEndian.Uint32(x[12:]), binary.LittleEndian.Uint32(x[16:])},
			Parent:   binary.LittleEndian.Uint32(x[20:]),
		})
	}
	return f
}
