package table

import (
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"
	"unsafe"
)

// shredder takes the rows of one row group apart into the chunks of their leaves (the record shredding of the Dremel paper).
type shredder struct {
	columns []blockFunc
	leaves  []*chunkWriter
	names   []string

	column, row int // what is being worked on, for errors
}

// writeFunc stores the value at p; rep is the repetition level of the first entry that it makes.
type writeFunc func(p unsafe.Pointer, rep uint8)

// blockFunc stores the n values that lie stride bytes apart from p on.
type blockFunc func(p unsafe.Pointer, stride uintptr, n int)

func newShredder(l *layout, root *node, leaves []*node) *shredder {
	s := &shredder{}
	for _, n := range leaves {
		s.leaves = append(s.leaves, newChunkWriter(n))
	}
	for i, f := range l.root.fields {
		s.columns = append(s.columns, s.block(f.shape, root.kids[i], f.offset))
		s.names = append(s.names, f.name)
	}
	return s
}

// rows stores n rows from p on.
func (s *shredder) rows(p unsafe.Pointer, stride uintptr, n int) {
	for i, column := range s.columns {
		s.column = i
		column(p, stride, n)
	}
	for _, w := range s.leaves {
		w.endBlock(n)
	}
}

// block is the loop over rows for one column; plain required fields get one without a call per row.
func (s *shredder) block(sh *shape, n *node, offset uintptr) blockFunc {
	switch {
	case sh.kind == kStruct && !n.optional:
		var parts []blockFunc
		for i, f := range sh.fields {
			parts = append(parts, s.block(f.shape, n.kids[i], offset+f.offset))
		}
		return func(p unsafe.Pointer, stride uintptr, count int) {
			for _, part := range parts {
				part(p, stride, count)
			}
		}
	case sh.kind == kString && n.maxDef == 0:
		w := s.leaves[n.first]
		return func(p unsafe.Pointer, stride uintptr, count int) {
			row := s.row
			for i := range count {
				s.row = row + i
				w.addString(*(*string)(unsafe.Add(p, uintptr(i)*stride+offset)))
			}
			s.row = row
			w.entries += count
		}
	case n.form == leafNode && n.maxDef == 0 && sh.typ.Size() == 8 && (sh.kind == kInt || sh.kind == kUint || sh.kind == kFloat || sh.kind == kDuration):
		w := s.leaves[n.first]
		return func(p unsafe.Pointer, stride uintptr, count int) {
			dst := w.extend(8 * count)
			for at := offset; len(dst) >= 8; dst, at = dst[8:], at+stride { // an address beyond the last row must not exist
				binary.LittleEndian.PutUint64(dst, *(*uint64)(unsafe.Add(p, at)))
			}
			w.entries += count
		}
	}
	write := s.value(sh, n)
	return func(p unsafe.Pointer, stride uintptr, count int) {
		row := s.row
		for i := range count {
			s.row = row + i
			write(unsafe.Add(p, uintptr(i)*stride+offset), 0)
		}
		s.row = row
	}
}

// value stores any value.
func (s *shredder) value(sh *shape, n *node) writeFunc {
	if n.form == leafNode && sh.kind != kPointer {
		return s.leaf(sh, s.leaves[n.first])
	}
	switch sh.kind {
	case kPointer:
		inner, absent := s.value(sh.elem, n), s.absent(n)
		zeroIsNull := sh.elem.kind == kTime || sh.elem.kind == kDate
		return func(p unsafe.Pointer, rep uint8) {
			q := *(*unsafe.Pointer)(p)
			if q == nil {
				absent(rep, n.def-1)
				return
			}
			if zeroIsNull && (*time.Time)(q).IsZero() {
				refuse("it points at the zero time, which is stored as null and would come back as a nil pointer")
			}
			inner(q, rep)
		}
	case kList:
		inner, absent, size := s.value(sh.elem, n.kids[0]), s.absent(n), sh.elem.typ.Size()
		return func(p unsafe.Pointer, rep uint8) {
			h := (*sliceHeader)(p)
			switch {
			case h.Len > 0:
				for i := range h.Len {
					inner(unsafe.Add(h.Data, uintptr(i)*size), rep)
					rep = n.rep
				}
			case h.Data == nil:
				absent(rep, n.def-1)
			default:
				absent(rep, n.def)
			}
		}
	case kArray:
		inner, size, count := s.value(sh.elem, n.kids[0]), sh.elem.typ.Size(), sh.typ.Len()
		return func(p unsafe.Pointer, rep uint8) {
			for i := range count {
				inner(unsafe.Add(p, uintptr(i)*size), rep)
				rep = n.rep
			}
		}
	case kMap:
		key, elem, absent := s.value(sh.key, n.kids[0]), s.value(sh.elem, n.kids[1]), s.absent(n)
		return func(p unsafe.Pointer, rep uint8) {
			if *(*unsafe.Pointer)(p) == nil {
				absent(rep, n.def-1)
				return
			}
			entries := sortedEntries(sh, p)
			if len(entries) == 0 {
				absent(rep, n.def)
			}
			for _, e := range entries {
				key(e.key, rep)
				elem(e.value, rep)
				rep = n.rep
			}
		}
	}
	var offsets []uintptr
	var parts []writeFunc
	for i, f := range sh.fields {
		offsets, parts = append(offsets, f.offset), append(parts, s.value(f.shape, n.kids[i]))
	}
	return func(p unsafe.Pointer, rep uint8) {
		for i, part := range parts {
			part(unsafe.Add(p, offsets[i]), rep)
		}
	}
}

// absent stores, in every leaf below n, that nothing is there beyond level def.
func (s *shredder) absent(n *node) func(rep, def uint8) {
	leaves := s.leaves[n.first:n.last]
	return func(rep, def uint8) {
		for _, w := range leaves {
			w.null(rep, def)
		}
	}
}

func (s *shredder) leaf(sh *shape, w *chunkWriter) writeFunc {
	size, fixed := sh.typ.Size(), w.n.leaf.length
	switch sh.kind {
	case kBool:
		return func(p unsafe.Pointer, rep uint8) { w.vals = append(w.vals, *(*byte)(p)); w.put(rep) }
	case kEmpty:
		return func(_ unsafe.Pointer, rep uint8) { w.vals = append(w.vals, 1); w.put(rep) }
	case kInt, kUint, kFloat, kDuration:
		return func(p unsafe.Pointer, rep uint8) {
			switch {
			case size == 8:
				w.vals = binary.LittleEndian.AppendUint64(w.vals, *(*uint64)(p))
			case size == 4:
				w.vals = binary.LittleEndian.AppendUint32(w.vals, *(*uint32)(p))
			case sh.kind == kUint:
				w.vals = binary.LittleEndian.AppendUint32(w.vals, uint32(loadUint(p, size)))
			default:
				w.vals = binary.LittleEndian.AppendUint32(w.vals, uint32(loadInt(p, size)))
			}
			w.put(rep)
		}
	case kString:
		return func(p unsafe.Pointer, rep uint8) { w.addString(*(*string)(p)); w.put(rep) }
	case kBytes:
		return func(p unsafe.Pointer, rep uint8) {
			b := *(*[]byte)(p)
			if b == nil {
				w.null(rep, w.n.maxDef-1)
				return
			}
			w.addBytes(b)
			w.put(rep)
		}
	case kFixed:
		return func(p unsafe.Pointer, rep uint8) {
			w.vals = append(w.vals, unsafe.Slice((*byte)(p), fixed)...)
			w.put(rep)
		}
	case kEncoded:
		return func(p unsafe.Pointer, rep uint8) {
			b := sh.codec.encode(p)
			if sh.codec.text {
				w.addString(string(b))
			} else {
				w.addBytes(b)
			}
			w.put(rep)
		}
	case kDate:
		return func(p unsafe.Pointer, rep uint8) {
			t := *(*time.Time)(p)
			if t.IsZero() {
				w.null(rep, w.n.maxDef-1)
				return
			}
			day := t.Unix() / 86400
			if !t.Equal(time.Unix(day*86400, 0)) || t.Location() != time.UTC || day != int64(int32(day)) {
				refuse("%s is not midnight UTC, as the tag `date` asks for", t)
			}
			w.vals = binary.LittleEndian.AppendUint32(w.vals, uint32(int32(day)))
			w.put(rep)
		}
	}
	w.zones = &zones{}
	return func(p unsafe.Pointer, rep uint8) { // kTime
		t := *(*time.Time)(p)
		if t.IsZero() && t.Location() == time.UTC {
			if !w.n.optional {
				refuse("the zero time can't be the key of a map")
			}
			w.null(rep, w.n.maxDef-1)
			return
		}
		ns := t.UnixNano()
		if sec := t.Unix(); sec < math.MinInt64/1_000_000_000+1 || sec > math.MaxInt64/1_000_000_000-1 {
			refuse("%s is outside of what nanoseconds since 1970 in 64 bits hold (1677 to 2262); the zero time is stored only in UTC", t)
		}
		w.addTime(t, ns)
		w.put(rep)
	}
}

func loadInt(p unsafe.Pointer, size uintptr) int64 {
	switch size {
	case 1:
		return int64(*(*int8)(p))
	case 2:
		return int64(*(*int16)(p))
	case 4:
		return int64(*(*int32)(p))
	}
	return *(*int64)(p)
}

func loadUint(p unsafe.Pointer, size uintptr) uint64 {
	switch size {
	case 1:
		return uint64(*(*uint8)(p))
	case 2:
		return uint64(*(*uint16)(p))
	case 4:
		return uint64(*(*uint32)(p))
	}
	return *(*uint64)(p)
}

func checkText(s string) {
	if !utf8.ValidString(s) {
		refuse("%.40q is not UTF-8 (make the field a []byte)", s)
	}
}

// pointers stores the rows that ps point at.
func (s *shredder) pointers(ps []unsafe.Pointer) {
	for i, column := range s.columns {
		s.column = i
		row := s.row
		for j, p := range ps {
			s.row = row + j
			if p == nil {
				refuse("the row is a nil pointer")
			}
			column(p, 0, 1)
		}
		s.row = row
	}
	for _, w := range s.leaves {
		w.endBlock(len(ps))
	}
}
