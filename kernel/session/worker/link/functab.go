package link

import (
	"encoding/binary"
	"runtime"
	"sort"
	"strings"
)

// function is what tracebacks, the collector and defer have to know of one.
type function struct {
	symbol *symbol
	calls  map[*symbol]bool
	info   []byte // goobj.FuncInfo
	depth, file, line,
	inline []byte
	program     [][]byte // pcdata by kind
	data        []*symbol
	deferReturn uint32
	inlined     []inlined
}

type inlined struct {
	name      string
	id        byte
	startLine uint32
	parent    uint32 // program counter
}

const (
	programInlined = 2 // internal/abi.PCDATA_InlTreeIndex
	dataInlined    = 3 // FUNCDATA_InlTree
	none           = ^uint32(0)
)

// describe reads what the compiler has noted of a function.
func (m *module) describe(f *function) error {
	s := f.symbol
	content := func(r reference) ([]byte, error) {
		if r == (reference{}) {
			return nil, nil
		}
		i, ok := s.o.index(r)
		if !ok {
			return nil, errNotObject
		}
		return s.o.data(i), nil
	}
	for _, a := range s.o.auxiliaries(s.index) {
		b, err := content(a.target)
		switch a.kind {
		case auxFunction:
			f.info = b
		case auxStackDepth:
			f.depth = b
		case auxFile:
			f.file = b
		case auxLine:
			f.line = b
		case auxInline:
			f.inline = b
		case auxProgramData:
			f.program = append(f.program, b)
		case auxFunctionData:
			var d *symbol
			if i, ok := s.o.index(a.target); a.target != (reference{}) && (!ok || i < s.o.defined) {
				d, err = m.need(s.o, a.target)
			}
			f.data = append(f.data, d)
		default:
			continue
		}
		if err != nil {
			return err
		}
	}
	for _, r := range s.o.relocations(s.index) {
		if r.kind == relocateCall && f.deferReturn == 0 && m.isDeferReturn(s.o, r.target) {
			f.deferReturn = uint32(r.at - 1) // the begin of the call
		}
	}
	if f.info == nil {
		return nil
	}
	files := binary.LittleEndian.Uint32(f.info[16:])
	tree := f.info[20+4*files:]
	for i := range binary.LittleEndian.Uint32(tree) {
		b := tree[4+24*i:]
		x := inlined{parent: binary.LittleEndian.Uint32(b[20:])}
		x.name, x.id, x.startLine = m.called(s.o, reference{binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])})
		f.inlined = append(f.inlined, x)
	}
	return nil
}

func (m *module) isDeferReturn(o *object, r reference) bool {
	return r.pkg == builtin && m.linker.builtins[r.index].text == "runtime.deferreturn"
}

// called tells of a function that was inlined: it need not be in the program.
func (m *module) called(o *object, r reference) (name string, id byte, startLine uint32) {
	i, ok := o.index(r)
	if !ok {
		if r.pkg == builtin {
			return m.linker.builtins[r.index].text, 0, 0
		}
		a, err := m.linker.archive(o.packageAt(r.pkg))
		if err != nil {
			return o.referenceName(r), 0, 0
		}
		o, i = a.objects[0], int(r.index)
	}
	name = o.definition(i).name
	if i >= o.defined {
		return name, 0, 0
	}
	for _, a := range o.auxiliaries(i) {
		if a.kind == auxFunction {
			if j, ok := o.index(a.target); ok {
				info := o.data(j)
				return name, info[8], binary.LittleEndian.Uint32(info[12:])
			}
		}
	}
	return name, 0, 0
}

// tables are the parts of what the runtime calls pclntab; see cmd/link/internal/ld/pcln.go for its layout.
type tables struct {
	names, files, programs, functions, index []byte
	units                                    []byte
	end                                      uint32 // of the functions' text
}

func (t *tables) size() int {
	n := 128
	for _, b := range t.all() {
		n += len(b) + 16
	}
	return n
}

func (t *tables) all() []([]byte) {
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
	units := map[*object]uint32{}
	unit := func(o *object) uint32 {
		at, ok := units[o]
		if !ok {
			at = uint32(len(t.units) / 4)
			units[o] = at
			for i := range o.fileCount() {
				file := o.fileAt(uint32(i))
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
	head := uint32(8*len(m.functions) + 4)
	head = (head + 7) &^ 7
	word := func(x uint32) { body = binary.LittleEndian.AppendUint32(body, x) }
	for i, f := range m.functions {
		for len(body)%8 != 0 {
			body = append(body, 0)
		}
		starts[i] = head + uint32(len(body))
		data := make([]uint32, len(f.data))
		for j, d := range f.data {
			data[j] = none
			if d != nil && d.size > 0 {
				data[j] = uint32(d.address)
			}
		}
		program_ := make([]uint32, len(f.program))
		for j, b := range f.program {
			program_[j] = program(b)
		}
		if len(f.inlined) > 0 {
			var tree []byte
			for _, x := range f.inlined {
				tree = append(tree, x.id, 0, 0, 0)
				tree = binary.LittleEndian.AppendUint32(tree, name(x.name))
				tree = binary.LittleEndian.AppendUint32(tree, x.parent)
				tree = binary.LittleEndian.AppendUint32(tree, x.startLine)
			}
			for len(data) <= dataInlined {
				data = append(data, none)
			}
			data[dataInlined] = uint32(m.read.write(tree, 4))
			for len(program_) <= programInlined {
				program_ = append(program_, 0)
			}
			program_[programInlined] = program(f.inline)
		}
		var arguments, startLine uint32
		var id, flag byte
		if f.info != nil {
			arguments, id, flag, startLine = binary.LittleEndian.Uint32(f.info), f.info[8], f.info[9], binary.LittleEndian.Uint32(f.info[12:])
		}
		word(uint32(f.symbol.address))
		word(name(f.symbol.name))
		word(arguments)
		word(f.deferReturn)
		word(program(f.depth))
		word(program(f.file))
		word(program(f.line))
		word(uint32(len(program_)))
		word(unit(f.symbol.o))
		word(startLine)
		body = append(body, id, flag, 0, byte(len(data)))
		for _, x := range program_ {
			word(x)
		}
		for _, x := range data {
			word(x)
		}
		t.end = uint32(f.symbol.address) + uint32(f.symbol.size)
	}
	for i, f := range m.functions {
		t.functions = binary.LittleEndian.AppendUint32(t.functions, uint32(f.symbol.address))
		t.functions = binary.LittleEndian.AppendUint32(t.functions, starts[i])
	}
	t.functions = binary.LittleEndian.AppendUint32(t.functions, t.end)
	for uint32(len(t.functions)) < head {
		t.functions = append(t.functions, 0)
	}
	t.functions = append(t.functions, body...)
	t.index = m.functionIndex(t.end)
	return t
}

// functionIndex finds the function of a program counter: for each 4096 bytes the number of the first function there, and for each 256 of
// them how many more.
func (m *module) functionIndex(end uint32) (index []byte) {
	const bucket, part = 4096, 256
	first := func(at uint32) int { // the function that holds the byte
		return max(0, sort.Search(len(m.functions), func(i int) bool { return uint32(m.functions[i].symbol.address) > at })-1)
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
