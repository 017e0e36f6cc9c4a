package table

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"sync"
	"unsafe"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Info describes a stored value.
type Info struct {
	Kind    string   // "table" (a slice of structs, one row each) or "value" (anything else, a nested table of one row)
	Rows    int64    // of the table
	Columns []Column // the top-level fields, in file order
	Content string   // "x3:…", the logical content hash: the same for equal columns, whoever wrote the file and how
}

// Column is a top-level field.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // readable and logical: int64, timestamp[ns, UTC], list<double>, struct{…}
	Hash string `json:"hash"` // "x3:…", of the column's values
}

// Check tells whether values of type t can be stored: nil, or a fault that names the field in the way.
func Check(t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	_, err := layoutOf(t)
	return err
}

// Footer keys. They are written in sorted order, so that equal values give equal bytes.
const (
	keyColumns = "cellar.columns"
	keyContent = "cellar.content"
	keyFormat  = "cellar.format"
	keyGo      = "cellar.go"
	keyShape   = "cellar.shape"
	version    = "1"
	createdBy  = "cellar version 1"
)

const (
	maxGroupRows  = 1 << 19   // rows of a row group
	maxGroupBytes = 128 << 20 // and roughly its size, before compression
)

// Write stores v, or what it points at, as a Parquet file. Equal values give equal bytes. Nothing is written if the type can't be
// stored; if a single value can't, the error names column and row, and w holds the beginning of a file.
func Write(w io.Writer, v any) (Info, error) {
	if v == nil {
		return Info{}, fault.New(fault.Input, "give it a value", "nil can't be stored")
	}
	t, p := variable(v)
	if t.Kind() == reflect.Pointer {
		return Info{}, fault.New(fault.Input, "give it a value", "a nil %s can't be stored", reflect.TypeOf(v))
	}
	l, err := layoutOf(t)
	if err != nil {
		return Info{}, err
	}
	root := nodeOf("schema", l.root)
	leaves := number(root)
	f := &fileWriter{w: w, layout: l, root: root, leaves: leaves, blocks: make([][]digest, len(leaves))}
	f.base, f.rows = p, 1
	if l.form == formRows {
		h := (*sliceHeader)(p)
		f.base, f.rows = h.Data, h.Len
	}
	if err := f.write(); err != nil {
		return Info{}, err
	}
	runtime.KeepAlive(v)
	return f.close()
}

type fileWriter struct {
	w      io.Writer
	offset int64
	layout *layout
	root   *node
	leaves []*node
	base   unsafe.Pointer // of the first row
	rows   int
	groups []format.RowGroup
	blocks [][]digest // of each leaf
}

func (f *fileWriter) emit(b []byte) error {
	n, err := f.w.Write(b)
	f.offset += int64(n)
	if err != nil {
		return fault.New(fault.Storage, "", "writing Parquet: %w", err)
	}
	return nil
}

// part is a row group being made.
type part struct {
	*shredder
	err  error
	rows int
	done chan struct{}
}

// write shreds row groups in parallel and writes them in order. As many are in memory as there are workers, and one more.
func (f *fileWriter) write() error {
	if err := f.emit([]byte("PAR1")); err != nil {
		return err
	}
	free := make(chan *shredder, runtime.GOMAXPROCS(0)+1)
	first := newShredder(f.layout, f.root, f.leaves)
	per, err := f.groupRows(first)
	if err != nil {
		return err
	}
	count := (f.rows + per - 1) / per
	free <- first
	for range min(count, cap(free)) - 1 {
		free <- newShredder(f.layout, f.root, f.leaves)
	}
	parts := make(chan *part, cap(free)) // in order
	stop := make(chan struct{})
	var starter sync.WaitGroup
	starter.Go(func() {
		defer close(parts)
		for from := 0; from < f.rows; from += per {
			select {
			case s := <-free:
				p := &part{shredder: s, rows: min(per, f.rows-from), done: make(chan struct{})}
				go func() { defer close(p.done); p.err = f.shred(s, from, p.rows) }()
				parts <- p
			case <-stop:
				return
			}
		}
	})
	var failed error
	for p := range parts {
		<-p.done
		if failed == nil {
			if failed = p.err; failed == nil {
				failed = f.group(p)
			}
			if failed != nil {
				close(stop)
			}
		}
		free <- p.shredder
	}
	starter.Wait()
	return failed
}

// groupRows chooses the rows of a row group, from the size of a few rows spread over all.
func (f *fileWriter) groupRows(s *shredder) (int, error) {
	const samples = 64
	step := max(1, f.rows/samples)
	size, seen := 0, 0
	for i := 0; i < f.rows; i += step {
		if err := f.shred(s, i, 1); err != nil {
			return 0, err
		}
		for _, w := range s.leaves {
			size += int(w.plainLen)
		}
		seen++
	}
	per := maxGroupRows
	if size > 0 {
		per = min(per, maxGroupBytes*seen/size)
	}
	return max(blockRows, per/blockRows*blockRows), nil
}

// shred makes the chunks of rows from on.
func (f *fileWriter) shred(s *shredder, from, count int) (err error) {
	defer rescue(&err, func() string {
		if f.layout.form == formRows {
			return fmt.Sprintf("column %q, row %d,", s.names[s.column], s.row)
		}
		return fmt.Sprintf("column %q", s.names[s.column])
	})
	for _, w := range s.leaves {
		w.reset()
	}
	stride := f.layout.row.typ.Size()
	for at := from; at < from+count; at += blockRows {
		n := min(blockRows, from+count-at)
		s.row = at
		if !f.layout.ptrs {
			s.rows(unsafe.Add(f.base, uintptr(at)*stride), stride, n)
			continue
		}
		s.pointers(unsafe.Slice((*unsafe.Pointer)(f.base), f.rows)[at : at+n])
	}
	for i, w := range s.leaves {
		s.column = f.columnOf(i)
		w.flush()
	}
	return nil
}

// columnOf is the column of a leaf.
func (f *fileWriter) columnOf(leaf int) int {
	for i, k := range f.root.kids {
		if leaf < k.last {
			return i
		}
	}
	return 0
}

// group writes a row group that is ready.
func (f *fileWriter) group(p *part) error {
	g := format.RowGroup{NumRows: int64(p.rows), FileOffset: f.offset, Ordinal: int16(len(f.groups))}
	for i, w := range p.leaves {
		pieces, md := w.finish()
		if len(pieces[0]) > 0 {
			md.DictionaryPageOffset = f.offset
		}
		md.DataPageOffset += f.offset
		g.TotalByteSize += md.TotalUncompressedSize
		g.TotalCompressedSize += md.TotalCompressedSize
		g.Columns = append(g.Columns, format.ColumnChunk{MetaData: md})
		f.blocks[i] = append(f.blocks[i], w.digests...)
		for _, b := range pieces {
			if err := f.emit(b); err != nil {
				return err
			}
		}
	}
	f.groups = append(f.groups, g)
	return nil
}

// close writes the footer.
func (f *fileWriter) close() (Info, error) {
	columns, content := summarise(f.root, f.leaves, f.blocks)
	info := Info{Kind: kindOf(f.layout.form), Rows: int64(f.rows), Columns: columns, Content: content}
	listed, err := json.Marshal(columns)
	if err != nil {
		return Info{}, fmt.Errorf("cellar: footer: %w", err)
	}
	hints, err := json.Marshal(goHints(f.layout.root, f.root))
	if err != nil {
		return Info{}, fmt.Errorf("cellar: footer: %w", err)
	}
	schema := []format.SchemaElement{{Name: "schema", NumChildren: thrift.New(int32(len(f.root.kids)))}}
	for _, k := range f.root.kids {
		schema = k.elements(schema)
	}
	md := format.FileMetaData{
		Version: 2, Schema: schema, NumRows: int64(f.rows), RowGroups: f.groups, CreatedBy: createdBy,
		KeyValueMetadata: []format.KeyValue{
			{Key: keyColumns, Value: string(listed)}, {Key: keyContent, Value: content}, {Key: keyFormat, Value: version},
			{Key: keyGo, Value: string(hints)}, {Key: keyShape, Value: f.layout.form},
		},
		ColumnOrders: make([]format.ColumnOrder, len(f.leaves)),
	}
	for i := range md.ColumnOrders {
		md.ColumnOrders[i].Value = &format.TypeDefinedOrder{}
	}
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &md)
	if err != nil {
		return Info{}, fmt.Errorf("cellar: footer: %w", err)
	}
	size := len(b)
	b = append(b, byte(size), byte(size>>8), byte(size>>16), byte(size>>24))
	if err := f.emit(append(b, "PAR1"...)); err != nil {
		return Info{}, err
	}
	return info, nil
}

func kindOf(form string) string {
	if form == formStruct || form == formSingle {
		return "value"
	}
	return "table"
}

// goHints says of columns, by path, what Parquet's types can't: durations, and types stored by their own methods.
func goHints(s *shape, n *node) map[string]string {
	out := map[string]string{}
	var visit func(s *shape, n *node)
	visit = func(s *shape, n *node) {
		switch s.kind {
		case kDuration:
			out[n.path] = "time.Duration"
		case kEncoded:
			out[n.path] = s.codec.name + " of " + s.typ.String()
		case kPointer:
			visit(s.elem, n)
		case kList, kArray:
			visit(s.elem, n.kids[0])
		case kMap:
			visit(s.key, n.kids[0])
			visit(s.elem, n.kids[1])
		case kStruct:
			for i, f := range s.fields {
				visit(f.shape, n.kids[i])
			}
		}
	}
	visit(s, n)
	return out
}
