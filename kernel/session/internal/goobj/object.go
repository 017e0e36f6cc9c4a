package goobj

import "encoding/binary"

// Object is one object file: tables of symbols with their relocations, auxiliary symbols and content, all by index. Its methods panic
// when an index in a damaged file points out of it.
type Object struct {
	Path    string // of its package
	b       []byte
	blocks  [blockEnd + 1]uint32
	defined int // symbols with content; references by name follow
}

const magic = "\x00go120ld"

// The blocks of an object file, in order; blockEnd is where the last one ends.
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
	blockContentIndex
	blockRelocations
	blockAuxiliary
	blockContent
	blockReferenceNames
	blockEnd
)

const (
	symbolSize     = 21
	relocationSize = 23
	auxiliarySize  = 9
)

// Reference names a symbol by a package and an index there. Packages from 1 on are those in the object's list.
type Reference struct{ Package, Index uint32 }

// Special packages of a reference.
const (
	byName   = 1<<31 - 1 - iota // symbols that have a name only
	hashed64                    // symbols that are their content
	hashed
	Builtin // the toolchain's list of the runtime's symbols
	self
)

func parseObject(path string, b []byte) (*Object, error) {
	o := &Object{Path: path, b: b}
	at := uint32(len(magic) + 8 + 4) // fingerprint, flags
	if len(b) < int(at)+4*len(o.blocks) {
		return nil, ErrFormat
	}
	for i := range o.blocks {
		o.blocks[i] = o.uint32(at + uint32(4*i))
		if int64(o.blocks[i]) > int64(len(b)) || i > 0 && o.blocks[i] < o.blocks[i-1] {
			return nil, ErrFormat
		}
	}
	o.defined = o.count(blockSymbols) + o.count(blockHashed64) + o.count(blockHashed) + o.count(blockNamed)
	return o, nil
}

func (o *Object) uint32(at uint32) uint32 { return binary.LittleEndian.Uint32(o.b[at:]) }

func (o *Object) text(at uint32) string {
	n, from := o.uint32(at), o.uint32(at+4)
	return string(o.b[from : from+n])
}

func (o *Object) count(block int) int { return int(o.blocks[block+1]-o.blocks[block]) / symbolSize }

// Fingerprint is of what other packages see of this one.
func (o *Object) Fingerprint() [8]byte { return [8]byte(o.b[len(magic):]) }

// Imports are the fingerprints of the packages that the object was compiled with.
func (o *Object) Imports() map[string][8]byte {
	all := map[string][8]byte{}
	for at := o.blocks[blockImports]; at+16 <= o.blocks[blockPackages]; at += 16 {
		all[o.text(at)] = [8]byte(o.b[at+8:])
	}
	return all
}

// Package is the path of another package that a reference names.
func (o *Object) Package(i uint32) string { return o.text(o.blocks[blockPackages] + 8*i) }

// Files are the names of the source files; functions refer to them by index.
func (o *Object) Files() []string {
	var all []string
	for at := o.blocks[blockFiles]; at+8 <= o.blocks[blockSymbols]; at += 8 {
		all = append(all, o.text(at))
	}
	return all
}

// Index is where in the tables a reference points to, if it is to a symbol of this object's tables.
func (o *Object) Index(r Reference) (i int, ok bool) {
	i = int(r.Index)
	switch r.Package {
	case byName:
		i += o.count(blockHashed)
		fallthrough
	case hashed:
		i += o.count(blockHashed64)
		fallthrough
	case hashed64:
		i += o.count(blockSymbols)
		fallthrough
	case self:
		return i, true
	}
	return 0, false
}

// Count is how many symbols the object's tables define.
func (o *Object) Count() int { return o.defined }

// Defines reports whether the object has a symbol's content, not just its name.
func (o *Object) Defines(i int) bool { return i < o.defined }

// ContentAddressed reports whether equal content is all that a symbol is.
func (o *Object) ContentAddressed(i int) bool {
	from := o.count(blockSymbols)
	return i >= from && i < from+o.count(blockHashed64)+o.count(blockHashed)
}

// span is a symbol's part of one of the blocks that have an index.
func (o *Object) span(index, i int) (from, to uint32) {
	at := o.blocks[index] + uint32(4*i)
	return o.uint32(at), o.uint32(at + 4)
}

// Content is a symbol's bytes before relocation; zeros at its end are left out.
func (o *Object) Content(i int) []byte {
	from, to := o.span(blockContentIndex, i)
	return o.b[o.blocks[blockContent]+from : o.blocks[blockContent]+to]
}
