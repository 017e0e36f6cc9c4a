package table

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// File is an open Parquet file of any writer.
type File struct {
	r      io.ReaderAt
	size   int64
	name   string // in errors
	meta   format.FileMetaData
	root   *node
	leaves []*node
	keys   map[string]string // the footer's key-values
}

// Open reads the footer of a file of the given size.
func Open(r io.ReaderAt, size int64) (f *File, err error) {
	f = &File{r: r, size: size, name: fileName(r)}
	defer rescue(&err, func() string { return f.name })
	f.open()
	return f, nil
}

func (f *File) open() {
	tail := make([]byte, 8)
	if f.size < 12 {
		damage("it has %d bytes, less than an empty file has", f.size)
	}
	f.readAt(tail, f.size-8)
	switch string(tail[4:]) {
	case "PAR1":
	case "PARE":
		cannotRead(otherWriter, "it is encrypted")
	default:
		damage("it does not end as a Parquet file ends: it was cut short, or is something else")
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	if n > f.size-12 {
		damage("its footer is longer than the file")
	}
	b := make([]byte, n)
	f.readAt(b, f.size-8-n)
	decodeThrift(b, &f.meta)
	f.root = parseSchema(f.meta.Schema)
	f.leaves = number(f.root)
	f.keys = map[string]string{}
	for _, kv := range f.meta.KeyValueMetadata {
		f.keys[kv.Key] = kv.Value
	}
	if v, ours := f.keys[keyFormat]; ours && v != version {
		cannotRead("update cellar", "it has format %s of cellar's values, and this version knows %s", v, version)
	}
	f.checkRows()
}

// checkRows makes sure that row groups are complete and that a small file does not claim an absurd number of rows, before memory is
// taken for them.
func (f *File) checkRows() {
	rows := int64(0)
	for i := range f.meta.RowGroups {
		g := &f.meta.RowGroups[i]
		if len(g.Columns) != len(f.leaves) {
			damage("row group %d has %d of %d columns", i, len(g.Columns), len(f.leaves))
		}
		if g.NumRows < 0 || g.NumRows > plausible(f.size) {
			damage("row group %d claims %d rows", i, g.NumRows)
		}
		rows += g.NumRows
	}
	if rows != f.meta.NumRows || rows > plausible(f.size) {
		damage("the footer claims %d rows, its row groups %d", f.meta.NumRows, rows)
	}
}

// plausible is the most values that so many bytes can stand for: runs and compression go far, but not without end.
func plausible(bytes int64) int64 {
	if bytes > math.MaxInt64>>14 {
		return math.MaxInt64
	}
	return 1<<20 + bytes<<13
}

func (f *File) readAt(b []byte, at int64) {
	if n, err := f.r.ReadAt(b, at); n < len(b) {
		if err == io.EOF {
			damage("it is cut short: %d bytes at %d are missing", len(b)-n, at+int64(n))
		}
		panic(failure{err})
	}
}

// guardedReader refuses lists that claim more items than there are bytes, for which memory would be taken at once.
type guardedReader struct {
	thrift.BytesReader
	size int
}

func (r guardedReader) ReadList() (thrift.List, error) {
	l, err := r.BytesReader.ReadList()
	if err == nil && int(l.Size) > r.size-r.BytesRead() {
		err = io.ErrUnexpectedEOF
	}
	return l, err
}

// decodeThrift reads a structure from the start of b and returns its length.
func decodeThrift(b []byte, to any) int {
	r := guardedReader{new(thrift.CompactProtocol).NewReaderFromBytes(b), len(b)}
	if err := thrift.NewDecoder(r).Decode(to); err != nil {
		damage("its metadata is unreadable: %v", err)
	}
	return r.BytesRead()
}

// Info is what the footer says, or, of a file that Write has not made, as much as can be said without reading its values.
func (f *File) Info() (Info, error) {
	info := Info{Kind: kindOf(f.keys[keyShape]), Rows: f.meta.NumRows, Content: f.keys[keyContent]}
	if text, ok := f.keys[keyColumns]; ok {
		if err := json.Unmarshal([]byte(text), &info.Columns); err != nil {
			return Info{}, fault.New(fault.Storage, "write the file again", "%s is %w: its footer: %v", f.name, fault.ErrCorrupt, err)
		}
		return info, nil
	}
	for _, k := range f.root.kids {
		info.Columns = append(info.Columns, Column{Name: k.name, Type: k.String()})
	}
	return info, nil
}

// Inspect describes a file by its footer. Hashes are empty where another writer made the file: Hash computes them.
func Inspect(r io.ReaderAt, size int64) (Info, error) {
	f, err := Open(r, size)
	if err != nil {
		return Info{}, err
	}
	return f.Info()
}

// Verify reads every value and compares the hashes with those of the footer.
func Verify(r io.ReaderAt, size int64) error {
	said, err := Inspect(r, size)
	if err != nil {
		return err
	}
	if said.Content == "" {
		return fault.New(fault.Input, "", "%s carries no hashes: it was written by another program", fileName(r))
	}
	found, err := Hash(r, size)
	if err != nil {
		return err
	}
	const hint = "write the file again (`cellar materialize --force` for an asset)"
	for i, c := range found.Columns {
		if i < len(said.Columns) && said.Columns[i] != c {
			return fault.New(fault.Storage, hint, "%s is %w: column %q has other values or another type than its footer says", fileName(r), fault.ErrCorrupt, c.Name)
		}
	}
	if found.Content != said.Content || len(found.Columns) != len(said.Columns) {
		return fault.New(fault.Storage, hint, "%s is %w: its content is not what its footer says", fileName(r), fault.ErrCorrupt)
	}
	return nil
}

// Hash computes the hashes of any Parquet file from its values.
func Hash(r io.ReaderAt, size int64) (Info, error) {
	f, err := Open(r, size)
	if err != nil {
		return Info{}, err
	}
	blocks := make([][]digest, len(f.leaves))
	err = inParallel(len(f.leaves), func(i int) (err error) {
		defer rescue(&err, func() string { return fmt.Sprintf("%s: column %q", f.name, f.leaves[i].path) })
		blocks[i] = f.hashLeaf(i)
		return nil
	})
	if err != nil {
		return Info{}, err
	}
	info := Info{Kind: kindOf(f.keys[keyShape]), Rows: f.meta.NumRows}
	info.Columns, info.Content = summarise(f.root, f.leaves, blocks)
	return info, nil
}

func (f *File) hashLeaf(i int) (blocks []digest) {
	h, open := newLeafHash(f.leaves[i]), 0 // rows in the open block
	for g := range f.meta.RowGroups {
		rows := int64(0)
		for c := f.chunk(g, i); c.next(); {
			p := &c.page
			entry, value := 0, 0
			for entry < p.entries {
				if open == blockRows && p.startsRow(entry) {
					blocks, open = append(blocks, h.block()), 0
				}
				entries, values, started := p.split(entry, blockRows-open)
				h.addLevels(slice(p.reps, entry, entries), slice(p.defs, entry, entries), entries)
				h.addPlain(p.plain(value, value+values))
				p.eachZone(value, values, h.addZone)
				entry, value, open, rows = entry+entries, value+values, open+started, rows+int64(started)
			}
		}
		if rows != f.meta.RowGroups[g].NumRows {
			damage("row group %d has %d of %d rows", g, rows, f.meta.RowGroups[g].NumRows)
		}
	}
	if open > 0 {
		blocks = append(blocks, h.block())
	}
	return blocks
}

func slice(b []uint8, from, n int) []uint8 {
	if b == nil {
		return nil
	}
	return b[from : from+n]
}
