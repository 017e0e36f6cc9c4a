package table

import (
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/cellar-go/cellar/internal/fault"
)

// Read fills *ptr from a file of any writer. Types are compared before anything is read: a field without a column, a column that is
// wider than its field and a null that the field can't hold are errors; columns without a field are left out, which makes reading a
// few of many columns cheap. *ptr is changed only if all goes well.
func Read(r io.ReaderAt, size int64, ptr any) error {
	rv := reflect.ValueOf(ptr)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fault.New(fault.Input, "pass &v", "Read needs a pointer to a variable, not %T", ptr)
	}
	f, err := Open(r, size)
	if err != nil {
		return err
	}
	target := rv.Elem()
	if target.Kind() == reflect.Pointer { // *T where T is stored: a new T
		fresh := reflect.New(target.Type().Elem())
		if err := f.read(fresh); err != nil {
			return err
		}
		target.Set(fresh)
		return nil
	}
	fresh := reflect.New(target.Type())
	if err := f.read(fresh); err != nil {
		return err
	}
	target.Set(fresh.Elem())
	return nil
}

// column is a part of a row that is read on its own: a field, or one of a field that is a struct.
type column struct {
	node   *node
	shape  *shape
	offset uintptr
}

// read fills the variable that rv points at.
func (f *File) read(rv reflect.Value) error {
	t := rv.Type().Elem()
	l, err := layoutOf(t)
	if err != nil {
		return err
	}
	columns, err := f.match(l, t)
	if err != nil {
		return err
	}
	rows := rowSet{base: rv.UnsafePointer(), stride: l.row.typ.Size(), count: int(f.meta.NumRows)}
	if l.form == formRows {
		rows.base = makeSlice(t, rv.UnsafePointer(), rows.count)
		if l.ptrs {
			rows.ptrs = unsafe.Slice((*unsafe.Pointer)(rows.base), rows.count)
			for i := range rows.ptrs {
				rows.ptrs[i] = reflect.New(l.row.typ).UnsafePointer()
			}
		}
	}
	starts := make([]int, len(f.meta.RowGroups)+1)
	for i, g := range f.meta.RowGroups {
		starts[i+1] = starts[i] + int(g.NumRows)
	}
	// Columns of a row group are read in step, a block of rows after the other, so that a row is in the cache while it is filled.
	// Where there are fewer row groups than processors, the columns are shared out.
	groups := len(f.meta.RowGroups)
	sets := 1
	if groups > 0 {
		sets = min(len(columns), (runtime.GOMAXPROCS(0)+groups-1)/groups)
	}
	err = inParallel(groups*sets, func(i int) (err error) {
		g, set := i/sets, i%sets
		part := rows.slice(starts[g], starts[g+1])
		at := ""
		defer rescue(&err, func() string {
			if l.form == formRows {
				return fmt.Sprintf("%s: column %q, row %d,", f.name, at, starts[g]+part.at)
			}
			return fmt.Sprintf("%s: column %q", f.name, at)
		})
		f.readColumns(g, columns[set*len(columns)/sets:(set+1)*len(columns)/sets], &part, &at)
		return nil
	})
	runtime.KeepAlive(rv)
	return err
}

// match finds the column of every field and checks that it fits.
func (f *File) match(l *layout, t reflect.Type) (columns []column, err error) {
	at := t.String()
	defer rescue(&err, func() string { return f.name + ": " + at })
	if l.form != formRows && f.meta.NumRows != 1 {
		misfit("the file is a table of %d rows, and %s holds one", f.meta.NumRows, t)
	}
	for _, fd := range l.root.fields {
		at = fmt.Sprintf("column %q", fd.name)
		columns = append(columns, flatten(column{f.root.field(fd), fd.shape, fd.offset})...)
	}
	probe := &assembler{}
	for _, c := range columns {
		at = fmt.Sprintf("column %q", c.node.path)
		probe.value(c.shape, c.node)
	}
	return columns, nil
}

// field is the kid of n that holds a Go field.
func (n *node) field(f field) *node {
	var names []string
	for _, k := range n.kids {
		if k.name == f.name {
			return k
		}
		names = append(names, k.name)
	}
	if len(names) > 20 {
		names = append(names[:20], "…")
	}
	misfit("there is no column %q for the field %s; there are %s", f.name, f.path, strings.Join(names, ", "))
	return nil
}

// flatten replaces a struct by its fields.
func flatten(c column) []column {
	if c.shape.kind != kStruct || c.node.form != groupNode || c.node.optional {
		return []column{c}
	}
	var out []column
	for _, f := range c.shape.fields {
		out = append(out, flatten(column{c.node.field(f), f.shape, c.offset + f.offset})...)
	}
	return out
}

// rowSet is the memory of rows.
type rowSet struct {
	base   unsafe.Pointer
	stride uintptr
	ptrs   []unsafe.Pointer // of each row, if they lie apart
	count  int
	at     int // the row being read
}

func (r rowSet) slice(from, to int) rowSet {
	if r.ptrs != nil {
		return rowSet{ptrs: r.ptrs[from:to], count: to - from}
	}
	if from == to { // there may be no such address
		return rowSet{}
	}
	return rowSet{base: unsafe.Add(r.base, uintptr(from)*r.stride), stride: r.stride, count: to - from}
}

func (r *rowSet) row(i int) unsafe.Pointer {
	if r.ptrs != nil {
		return r.ptrs[i]
	}
	return unsafe.Add(r.base, uintptr(i)*r.stride)
}

// readColumns fills some columns of a row group; at names the one being read.
func (f *File) readColumns(g int, columns []column, rows *rowSet, at *string) {
	readers := make([]columnReader, len(columns))
	for i, c := range columns {
		*at = c.node.path
		if c.node.form == leafNode && c.node.maxRep == 0 {
			readers[i] = f.flat(g, c)
		} else {
			readers[i] = f.nested(g, c)
		}
	}
	const block = 4096
	for from := 0; from < rows.count; from += block {
		for i, r := range readers {
			*at = columns[i].node.path
			r.read(rows, from, min(block, rows.count-from))
		}
	}
	for i, r := range readers {
		*at = columns[i].node.path
		if r.more() {
			damage("row group %d has more values than rows", g)
		}
	}
}

// columnReader reads one column of a row group from its first row on.
type columnReader interface {
	// read fills the column of n rows from from on, which follow those of the last call.
	read(rows *rowSet, from, n int)
	// more tells whether values are left.
	more() bool
}

// nestedReader assembles values from several leaves or levels, which are all loaded.
type nestedReader struct {
	column
	assembler
	value readFunc
}

func (f *File) nested(g int, c column) *nestedReader {
	r := &nestedReader{column: c}
	r.value = r.assembler.value(c.shape, c.node)
	for _, cur := range r.cursors {
		f.load(g, cur, func(*page) bool { return true })
	}
	return r
}

func (r *nestedReader) read(rows *rowSet, from, n int) {
	for rows.at = from; rows.at < from+n; rows.at++ {
		for _, cur := range r.cursors {
			if cur.ended() || cur.reps != nil && cur.reps[cur.entry] != 0 {
				damage("there are fewer rows than there should be")
			}
		}
		r.value(unsafe.Add(rows.row(rows.at), r.offset))
	}
}

func (r *nestedReader) more() bool {
	for _, cur := range r.cursors {
		if !cur.ended() {
			return true
		}
	}
	return false
}

// flatReader reads a leaf that has one entry a row, page by page.
type flatReader struct {
	column
	assembler
	value readFunc
	chunk *chunkReader
	used  int // entries of the page
}

func (f *File) flat(g int, c column) *flatReader {
	r := &flatReader{column: c, chunk: f.chunk(g, c.node.first)}
	r.value = r.assembler.value(c.shape, c.node)
	return r
}

func (r *flatReader) more() bool {
	for r.used == r.chunk.page.entries {
		if !r.chunk.next() {
			return false
		}
		r.used = 0
		r.cursors[0].page(&r.chunk.page)
	}
	return true
}

func (r *flatReader) read(rows *rowSet, from, n int) {
	for rows.at = from; n > 0; {
		if !r.more() {
			damage("there are fewer rows than there should be")
		}
		k := min(n, r.chunk.page.entries-r.used)
		if !r.copy(rows, from, k) {
			for i := range k {
				rows.at = from + i
				r.value(unsafe.Add(rows.row(from+i), r.offset))
			}
		}
		r.used, from, n = r.used+k, from+k, n-k
	}
}

// copy is the fast way for values that Go holds just as the page does, where none is null.
func (r *flatReader) copy(rows *rowSet, from, n int) bool {
	p, t := &r.chunk.page, r.node.leaf
	if rows.ptrs != nil || p.count != p.entries {
		return false
	}
	to, at, stride := rows.row(from), r.offset, rows.stride
	switch r.shape.kind {
	case kString:
		if t.class != cString {
			return false
		}
		for _, s := range p.str[r.used : r.used+n] {
			*(*string)(unsafe.Add(to, at)) = s
			at += stride
		}
	case kInt, kUint, kFloat, kDuration:
		if r.shape.typ.Size() != 8 || t.bits != 64 || r.shape.kind == kInt && t.class != cInt {
			return false
		}
		for _, u := range p.u64[r.used : r.used+n] {
			*(*uint64)(unsafe.Add(to, at)) = u
			at += stride
		}
	default:
		return false
	}
	return true
}

// load reads a chunk into a cursor, as long as more says so.
func (f *File) load(g int, cur *cursor, more func(*page) bool) {
	for c := f.chunk(g, cur.n.first); c.next(); {
		p := &c.page
		cur.entries += p.entries
		cur.reps, cur.defs = append(cur.reps, p.reps...), append(cur.defs, p.defs...)
		cur.bools, cur.u32, cur.u64 = append(cur.bools, p.bools...), append(cur.u32, p.u32...), append(cur.u64, p.u64...)
		cur.str, cur.zones = append(cur.str, p.str...), append(cur.zones, p.zones...)
		if !more(p) {
			return
		}
	}
}

// inParallel calls f for 0 to n-1 on all processors, and returns the first error in that order.
func inParallel(n int, f func(int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = f(i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
