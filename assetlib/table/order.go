package table

import (
	"bytes"
	"cmp"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// entry is a key and a value of a map, by address.
type entry struct{ key, value unsafe.Pointer }

// sortedEntries are the entries of the map at p in the order of their keys, so that equal maps are stored as equal bytes.
func sortedEntries(s *shape, p unsafe.Pointer) []entry {
	m := reflect.ValueOf(anyAt(s.typ, p))
	out := make([]entry, 0, m.Len())
	for it := m.MapRange(); it.Next(); {
		out = append(out, entry{addressOf(it.Key().Interface()), addressOf(it.Value().Interface())})
	}
	slices.SortFunc(out, func(a, b entry) int { return compare(s.key, a.key, b.key) })
	for i := 1; i < len(out); i++ {
		if compare(s.key, out[i-1].key, out[i].key) == 0 {
			refuse("two keys of the map can't be told apart (NaN, or one instant in two locations)")
		}
	}
	return out
}

// compare orders two values of an ordered shape; 0 means that they are stored alike.
func compare(s *shape, p, q unsafe.Pointer) int {
	switch s.kind {
	case kBool:
		return cmp.Compare(*(*byte)(p), *(*byte)(q))
	case kInt, kDuration:
		return cmp.Compare(loadInt(p, s.typ.Size()), loadInt(q, s.typ.Size()))
	case kUint:
		return cmp.Compare(loadUint(p, s.typ.Size()), loadUint(q, s.typ.Size()))
	case kFloat:
		return cmp.Compare(loadFloat(p, s.typ.Size()), loadFloat(q, s.typ.Size()))
	case kString:
		return strings.Compare(*(*string)(p), *(*string)(q))
	case kFixed:
		return bytes.Compare(unsafe.Slice((*byte)(p), s.typ.Len()), unsafe.Slice((*byte)(q), s.typ.Len()))
	case kTime:
		t, u := *(*time.Time)(p), *(*time.Time)(q)
		var z zones
		return cmp.Or(t.Compare(u), strings.Compare(z.name(t), z.name(u)))
	case kEncoded:
		return bytes.Compare(s.codec.encode(p), s.codec.encode(q))
	case kArray:
		size := s.elem.typ.Size()
		for i := range s.typ.Len() {
			if c := compare(s.elem, unsafe.Add(p, uintptr(i)*size), unsafe.Add(q, uintptr(i)*size)); c != 0 {
				return c
			}
		}
	case kStruct:
		for _, f := range s.fields {
			if c := compare(f.shape, unsafe.Add(p, f.offset), unsafe.Add(q, f.offset)); c != 0 {
				return c
			}
		}
	}
	return 0
}

func loadFloat(p unsafe.Pointer, size uintptr) float64 {
	if size == 4 {
		return float64(*(*float32)(p))
	}
	return *(*float64)(p)
}

// Equal tells whether a and b, or what they point at, are the same value by the rules of the format (docs/formats/values.md): NaN equals NaN, 0 and -0 differ,
// nil and empty differ except for a whole table, times are equal when instant, zone name and offset are.
func Equal(a, b any) (same bool) {
	var err error // a map or a method that can't be stored: then they equal nothing
	defer func() { same = same && err == nil }()
	defer rescue(&err, func() string { return "" })
	if a == nil || b == nil {
		return a == b
	}
	ta, pa := variable(a)
	tb, pb := variable(b)
	if ta != tb || pa == nil || pb == nil {
		return ta == tb && pa == pb
	}
	l, err := layoutOf(ta)
	if err != nil {
		return reflect.DeepEqual(a, b)
	}
	if l.form == formRows && (*sliceHeader)(pa).Len == 0 && (*sliceHeader)(pb).Len == 0 {
		return true
	}
	return equal(l.whole, pa, pb)
}

// variable is the type and the address of the value that v is, or points at.
func variable(v any) (reflect.Type, unsafe.Pointer) {
	t, p := reflect.TypeOf(v), addressOf(v)
	for t.Kind() == reflect.Pointer && p != nil {
		t, p = t.Elem(), *(*unsafe.Pointer)(p)
	}
	return t, p
}

func equal(s *shape, p, q unsafe.Pointer) bool {
	switch s.kind {
	case kFloat:
		x, y := loadFloat(p, s.typ.Size()), loadFloat(q, s.typ.Size())
		return x == y && math.Signbit(x) == math.Signbit(y) || x != x && y != y
	case kBytes:
		x, y := *(*[]byte)(p), *(*[]byte)(q)
		return (x == nil) == (y == nil) && bytes.Equal(x, y)
	case kTime, kDate:
		t, u := *(*time.Time)(p), *(*time.Time)(q)
		tn, to := t.Zone()
		un, uo := u.Zone()
		return t.Equal(u) && tn == un && to == uo
	case kPointer:
		x, y := *(*unsafe.Pointer)(p), *(*unsafe.Pointer)(q)
		if x == nil || y == nil {
			return x == y
		}
		return equal(s.elem, x, y)
	case kList:
		x, y := (*sliceHeader)(p), (*sliceHeader)(q)
		return x.Len == y.Len && (x.Data == nil) == (y.Data == nil) && equalRun(s.elem, x.Data, y.Data, x.Len)
	case kArray:
		return equalRun(s.elem, p, q, s.typ.Len())
	case kStruct:
		for _, f := range s.fields {
			if !equal(f.shape, unsafe.Add(p, f.offset), unsafe.Add(q, f.offset)) {
				return false
			}
		}
		return true
	case kMap:
		if (*(*unsafe.Pointer)(p) == nil) != (*(*unsafe.Pointer)(q) == nil) {
			return false
		}
		return equalMaps(s, p, q)
	case kEmpty:
		return true
	}
	return compare(s, p, q) == 0
}

func equalRun(s *shape, p, q unsafe.Pointer, n int) bool {
	size := s.typ.Size()
	for i := range n {
		if !equal(s, unsafe.Add(p, uintptr(i)*size), unsafe.Add(q, uintptr(i)*size)) {
			return false
		}
	}
	return true
}

func equalMaps(s *shape, p, q unsafe.Pointer) bool {
	x, y := sortedEntries(s, p), sortedEntries(s, q)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !equal(s.key, x[i].key, y[i].key) || !equal(s.elem, x[i].value, y[i].value) {
			return false
		}
	}
	return true
}
