package link

import (
	"encoding/binary"
	"runtime"
	"sort"
	"strings"

	"github.com/cellar-go/cellar/kernel/session/internal/goobj"
)

// function is what tracebacks, the collector and defer have to know of one.
type function struct {
	*symbol
	goobj.Function
	depth, file, line, inline []byte
	program                   [][]byte // by its index in internal/abi: PCDATA
	data                      []*symbol
	deferReturn               uint32 // offset of the call
	inlined                   []inlined
}

// inlined is a call without a frame.
type inlined struct {
	name      string
	id        byte
	startLine uint32
	parent    uint32
}

const (
	programInlined = 2 // internal/abi.PCDATA_InlTreeIndex
	dataInlined    = 3 // internal/abi.FUNCDATA_InlTree
	dataWrapped    = 7 // internal/abi.FUNCDATA_WrapInfo
	none           = ^uint32(0)
)

// describe reads what the compiler has noted of a function.
func (m *module) describe(s *symbol) error {
	f := &function{symbol: s}
	m.functions = append(m.functions, f)
	o := s.Object
	for _, a := range o.Auxiliaries(s.Index) {
		var content []byte
		i, own := o.Index(a.Target)
		if own && o.Defines(i) {
			content = o.Content(i)
		}
		switch a.Kind {
		case goobj.FunctionInfo:
			f.Function = goobj.ReadFunction(content)
		case goobj.StackDepth:
			f.depth = content
		case goobj.FileTable:
			f.file = content
		case goobj.LineTable:
			f.line = content
		case goobj.InlineTable:
			f.inline = content
		case goobj.ProgramData:
			f.program = append(f.program, content)
		case goobj.FunctionData:
			var d *symbol
			// The assembler names some that are nowhere. Which function a wrapper calls is for execution traces alone, and may be far away.
			if own && o.Defines(i) && len(f.data) != dataWrapped {
				var err error
				if d, err = m.symbol(goobj.Place{Object: o, Index: i}); err != nil {
					return err
				}
			}
			f.data = append(f.data, d)
		}
	}
	for _, r := range o.Relocations(s.Index) {
		if r.Kind == goobj.Call && r.Target.Package == goobj.Builtin && m.linker.builtins[r.Target.Index].Text == "runtime.deferreturn" {
			f.deferReturn = uint32(r.At - 1) // the begin of the instruction
			break
		}
	}
	for _, x := range f.Inlined {
		name, of := m.called(o, x.Function)
		f.inlined = append(f.inlined, inlined{name, of.ID, of.StartLine, x.Parent})
	}
	return nil
}

// called tells of a function that was inlined: it need not be in the program.
func (m *module) called(o *goobj.Object, r goobj.Reference) (name string, f goobj.Function) {
	i, ok := o.Index(r)
	if !ok && r.Package == goobj.Builtin {
		return m.linker.builtins[r.Index].Text, f
	}
	if !ok {
		a, err := m.linker.archive(o.Package(r.Package))
		if err != nil {
			return "", f
		}
		o, i = a.Objects[0], int(r.Index)
	}
	name = o.Definition(i).Text
	if !o.Defines(i) {
		return name, f
	}
	for _, a := range o.Auxiliaries(i) {
		if a.Kind == goobj.FunctionInfo {
			if j, ok := o.Index(a.Target); ok {
				f = goobj.ReadFunction(o.Content(j))
			}
		}
	}
	return name, f
}

// tables are the parts of what the runtime calls pclntab; see cmd/link/internal/ld/pcln.go for its layout.
type tables struct {
	names, units, files, programs, functions, index []byte
	end                                             uint32 // of the functions' text
}

func (t *tables) size() int {
	n := 128
	for _, b := range t.all() {
		n += len(b) + 16
	}
	return n
}

func (t *tables) all() [][]byte {
	return [][]byte{t.names, t.units, t.files, t.programs, t.functions, t.index}
}

// functionTables writes the tables. It is called when the functions have their offsets, and before the module has memory.
func (m *module) functionTables() *tables {
	t := &tables{programs: []byte{0}} // an offset of zero means none
	names, files, programs := map[string]uint32{}, map[string]uint32{}, map[string]uint32{}
	name := func(s string) uint32 {
		at, ok := names[s]
		if !ok {
			at = uint32(len(t.names))
			names[s] = at
			t.names = append(append(t.names, s...), 0)
		}
		return at
	}
	program := func(b []byte) uint32 {
		if len(b) == 0 {
			return 0
		}
		at, ok := programs[string(b)]
		if !ok {
			at = uint32(len(t.programs))
			programs[string(b)] = at
			t.programs = append(t.programs, b...)
		}
		return at
	}
	units := map[*goobj.Object]uint32{}
	unit := func(o *goobj.Object) uint32 {
		at, ok := units[o]
		if !ok {
			at = uint32(len(t.units) / 4)
			units[o] = at
			for _, file := range o.Files() {
				if rest, ok := strings.CutPrefix(file, "$GOROOT/"); ok {
					file = runtime.GOROOT() + "/" + rest
				}
				offset, ok := files[file]
				if !ok {
					offset = uint32(len(t.files))
					files[file] = offset
					t.files = append(append(t.files, file...), 0)
				}
				t.units = binary.LittleEndian.AppendUint32(t.units, offset)
			}
		}
		return at
	}
	starts := make([]uint32, len(m.functions))
	var body []byte
	head := (8*len(m.functions) + 4 + 7) &^ 7
	word := func(x uint32) { body = binary.LittleEndian.AppendUint32(body, x) }
	for i, f := range m.functions {
		body = append(body, make([]byte, -len(body)&7)...)
		starts[i] = uint32(head + len(body))
		var data, programs []uint32
		for _, d := range f.data {
			if d == nil || d.Size == 0 {
				data = append(data, none)
			} else {
				data = append(data, uint32(d.address))
			}
		}
		for _, b := range f.program {
			programs = append(programs, program(b))
		}
		if len(f.inlined) > 0 {
			var tree []byte
			for _, x := range f.inlined {
				tree = append(tree, x.id, 0, 0, 0)
				for _, n := range []uint32{name(x.name), x.parent, x.startLine} {
					tree = binary.LittleEndian.AppendUint32(tree, n)
				}
			}
			for len(data) <= dataInlined {
				data = append(data, none)
			}
			for len(programs) <= programInlined {
				programs = append(programs, 0)
			}
			data[dataInlined], programs[programInlined] = uint32(m.read.write(tree, 4)), program(f.inline)
		}
		word(uint32(f.address))
		word(name(f.Text))
		word(f.Arguments)
		word(f.deferReturn)
		word(program(f.depth))
		word(program(f.file))
		word(program(f.line))
		word(uint32(len(programs)))
		word(unit(f.Object))
		word(f.StartLine)
		body = append(body, f.ID, f.Flag, 0, byte(len(data)))
		for _, x := range append(programs, data...) {
			word(x)
		}
		t.end = uint32(f.address) + uint32(f.Size)
	}
	for i, f := range m.functions {
		t.functions = binary.LittleEndian.AppendUint32(t.functions, uint32(f.address))
		t.functions = binary.LittleEndian.AppendUint32(t.functions, starts[i])
	}
	t.functions = binary.LittleEndian.AppendUint32(t.functions, t.end)
	t.functions = append(append(t.functions, make([]byte, head-len(t.functions))...), body...)
	t.index = m.functionIndex(t.end)
	return t
}

// functionIndex finds the function of a program counter: for each 4096 bytes the number of the first function there, and for each 256 of
// them how many more.
func (m *module) functionIndex(end uint32) (index []byte) {
	const bucket, part = 4096, 256
	first := func(at uint32) int { // the function that holds the byte
		return max(0, sort.Search(len(m.functions), func(i int) bool { return uint32(m.functions[i].address) > at })-1)
	}
	for at := uint32(0); at < end; at += bucket {
		base := first(at)
		index = binary.LittleEndian.AppendUint32(index, uint32(base))
		for j := uint32(0); j < bucket/part; j++ {
			more := 0
			if x := at + j*part; x < end {
				more = min(first(x)-base, 255) // the runtime looks further from there
			}
			index = append(index, byte(more))
		}
	}
	return index
}
