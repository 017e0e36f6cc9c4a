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
	err = inParallel(len(f.meta.RowGroups)*len(columns), func(i int) (err error) {
		g, c := i/len(columns), columns[i%len(columns)]
		part := rows.slice(starts[g], starts[g+1])
		defer rescue(&err, func() string {
			if l.form == formRows {
				return fmt.Sprintf("%s: column %q, row %d,", f.name, c.node.path, starts[g]+part.at)
			}
			return fmt.Sprintf("%s: column %q", f.name, c.node.path)
		})
		f.readColumn(g, c, &part)
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
	return rowSet{base: unsafe.Add(r.base, uintptr(from)*r.stride), stride: r.stride, count: to - from}
}

func (r *rowSet) row(i int) unsafe.Pointer {
	if r.ptrs != nil {
		return r.ptrs[i]
	}
	return unsafe.Add(r.base, uintptr(i)*r.stride)
}

func (f *File) readColumn(g int, c column, rows *rowSet) {
	if c.node.form == leafNode && c.node.maxRep == 0 {
		f.readFlat(g, c, rows)
		return
	}
	a := &assembler{}
	read := a.value(c.shape, c.node)
	for _, cur := range a.cursors {
		f.load(g, cur, func(*page) bool { return true })
	}
	for rows.at = range rows.count {
		for _, cur := range a.cursors {
			if cur.ended() || cur.reps != nil && cur.reps[cur.entry] != 0 {
				damage("row group %d has fewer rows than it claims", g)
			}
		}
		read(unsafe.Add(rows.row(rows.at), c.offset))
	}
	for _, cur := range a.cursors {
		if !cur.ended() {
			damage("row group %d has more values than rows", g)
		}
	}
}

// load reads a chunk into a cursor, as long as more says so.
func (f *File) load(g int, cur *cursor, more func(*page) bool) {
	for c := f.chunk(g, cur.n.first); c.next(); {
		p := &c.page
		cur.entries += p.entries
		cur.reps, cur.defs = append(cur.reps, p.reps...), append(cur.defs, p.defs...)
		cur.bools, cur.u32, cur.u64 = append(cur.bools, p.bools...), append(cur.u32, p.u32...), append(cur.u64, p.u64...)
		cur.str, cur.shared = append(cur.str, p.str...), cur.shared || p.shared
		cur.zones = append(cur.zones, p.zones...)
		if !more(p) {
			return
		}
	}
}

// readFlat reads a leaf that has one entry a row, page by page.
func (f *File) readFlat(g int, c column, rows *rowSet) {
	a := &assembler{}
	read := a.value(c.shape, c.node)
	cur := a.cursors[0]
	at := 0
	for r := f.chunk(g, c.node.first); r.next(); {
		p := &r.page
		if p.entries > rows.count-at {
			damage("row group %d has more values than rows", g)
		}
		if p.entries > 0 && !copyPage(p, c, rows, at) {
			cur.page(p)
			for i := range p.entries {
				rows.at = at + i
				read(unsafe.Add(rows.row(at+i), c.offset))
			}
		}
		at += p.entries
	}
	if at != rows.count {
		damage("row group %d has %d of %d rows", g, at, rows.count)
	}
}

// copyPage is the fast way for values that Go holds just as the page does, where none is null.
func copyPage(p *page, c column, rows *rowSet, at int) bool {
	if rows.ptrs != nil || p.count != p.entries {
		return false
	}
	to, stride := unsafe.Add(rows.row(at), c.offset), rows.stride
	t := c.node.leaf
	switch c.shape.kind {
	case kString:
		if t.class != cString {
			return false
		}
		for _, s := range p.str {
			*(*string)(to) = s
			to = unsafe.Add(to, stride)
		}
	case kInt, kUint, kFloat, kDuration:
		if c.shape.typ.Size() != 8 || t.bits != 64 || c.shape.kind == kInt && t.class != cInt {
			return false
		}
		for _, u := range p.u64 {
			*(*uint64)(to) = u
			to = unsafe.Add(to, stride)
		}
	default:
		return false
	}
	return true
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
