package display

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

const (
	textLimit   = 20000 // bytes of a value's text
	lineWidth   = 100   // bytes of a value that is still shown in one line
	mostItems   = 1000  // elements of a slice or map in a text
	deepest     = 20    // levels of a value that are shown
	mostOrdered = 100_000
)

// printer writes values as fmt's %+v does, with these differences: it has an end, where fmt would write all of a huge value, and go round
// in a circle until the process died; it follows pointers, but for those within std's types; it lets the unexported fields of a cell's
// own types speak by their methods too, and values of std's types by those of their pointers; functions and channels are named by their
// type; bytes that are text, matrices and what package sync holds are readable; and what a slice of interfaces holds tells its type.
type printer struct {
	text  []byte
	limit int
	path  []uintptr // the pointers that are followed
	std   bool      // within a type of the standard library
}

// valueText is a value in at most limit bytes and a few.
func valueText(v reflect.Value, limit int) string {
	p := printer{limit: limit}
	p.value(v, 0)
	return string(p.text)
}

func (p *printer) full() bool { return len(p.text) >= p.limit }

func (p *printer) add(s string) {
	if room := p.limit - len(p.text); len(s) > room {
		s = shortened(s, max(room, 0))
	}
	p.text = append(p.text, s...)
}

func (p *printer) value(v reflect.Value, depth int) {
	if !v.IsValid() {
		p.add("<nil>")
		return
	}
	if v.CanInterface() && v.Kind() != reflect.Interface {
		if says(v.Type()) {
			p.add(said(v.Interface()))
			return
		}
		if v.Kind() == reflect.Struct && isStd(v.Type()) && says(reflect.PointerTo(v.Type())) { // a big.Int, a strings.Builder
			p.add(said(copied(v).Addr().Interface()))
			return
		}
		if m, ok := matrixOf(v.Interface()); ok {
			p.matrix(m)
			return
		}
	}
	if v.Kind() == reflect.Struct && p.shared(v, depth) {
		return
	}
	switch v.Kind() {
	case reflect.String:
		p.add(v.String())
	case reflect.Interface:
		p.value(v.Elem(), depth)
	case reflect.Struct:
		defer func(std bool) { p.std = std }(p.std)
		p.std = p.std || isStd(v.Type())
		p.within(v, depth, "{", "}", func() {
			v := open(v)
			for i := range v.NumField() {
				if p.separate(i) {
					return
				}
				p.add(v.Type().Field(i).Name + ":")
				p.value(field(v, i), depth+1)
			}
		})
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 && p.bytes(v) {
			return
		}
		p.within(v, depth, "[", "]", func() {
			for i := range v.Len() {
				if i == mostItems || p.separate(i) {
					p.add(fmt.Sprintf("… (%d in all)", v.Len()))
					return
				}
				if e := v.Index(i); e.Kind() == reflect.Interface && !e.IsNil() {
					p.typed(e.Elem(), depth+1)
				} else {
					p.value(e, depth+1)
				}
			}
		})
	case reflect.Map:
		p.within(v, depth, "map[", "]", func() {
			for i, key := range keys(v, mostItems) {
				if p.separate(i) {
					break
				}
				p.value(key, depth+1)
				p.add(":")
				p.value(v.MapIndex(key), depth+1)
			}
			if v.Len() > mostItems || p.full() {
				p.add(fmt.Sprintf("… (%d in all)", v.Len()))
			}
		})
	case reflect.Pointer:
		if v.IsNil() {
			p.add("<nil>")
			return
		}
		if depth > 0 && (p.std || !v.CanInterface()) {
			p.add("&…")
			return
		}
		switch v.Elem().Kind() {
		case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map, reflect.Pointer:
			p.within(v, depth, "&", "", func() { p.value(v.Elem(), depth+1) })
		default:
			p.add("&")
			p.value(v.Elem(), depth+1)
		}
	case reflect.Func, reflect.Chan:
		if v.IsNil() {
			p.add("<nil>")
			return
		}
		p.add(typeName(v.Type()))
	default:
		p.text = fmt.Appendf(p.text, "%+v", v)
	}
}

// within writes what a value holds between two brackets, unless that goes in a circle or too deep.
func (p *printer) within(v reflect.Value, depth int, open, closing string, content func()) {
	if depth > deepest {
		p.add(open + "…" + closing)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if at := v.Pointer(); at != 0 && (v.Kind() != reflect.Slice || v.Len() > 0) {
			if slices.Contains(p.path, at) && v.Kind() != reflect.Slice || count(p.path, at) > 1 { // a slice begins where its first element does
				p.add(open + "… in a circle" + closing)
				return
			}
			p.path = append(p.path, at)
			defer func() { p.path = p.path[:len(p.path)-1] }()
		}
	}
	p.text = append(p.text, open...)
	content()
	p.text = append(p.text, closing...)
}

// open makes the fields of a struct of a cell readable for field.
func open(v reflect.Value) reflect.Value {
	if pkg := v.Type().PkgPath(); (pkg == "main" || pkg == "") && !v.CanAddr() && v.CanInterface() {
		return copied(v)
	}
	return v
}

// copied is a copy of a value that has an address.
func copied(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// field is a field of a struct; one of a cell's type as if it were exported.
func field(v reflect.Value, i int) reflect.Value {
	f := v.Field(i)
	if pkg := v.Type().PkgPath(); (pkg == "main" || pkg == "") && !f.CanInterface() && f.CanAddr() {
		return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
	}
	return f
}

// isStd tells types of the standard library from others by their path, which has no dot before the first slash.
func isStd(t reflect.Type) bool {
	first, _, _ := strings.Cut(t.PkgPath(), "/")
	return first != "" && first != "main" && !strings.Contains(first, ".")
}

func count(all []uintptr, one uintptr) (n int) {
	for _, x := range all {
		if x == one {
			n++
		}
	}
	return n
}

// separate writes what stands before the ith of several; it reports whether there is no more room.
func (p *printer) separate(i int) bool {
	if i > 0 {
		p.text = append(p.text, ' ')
	}
	return p.full()
}

// says reports whether values of a type say by a method how fmt prints them.
func says(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[error]()) || t.Implements(reflect.TypeFor[fmt.Stringer]()) || t.Implements(reflect.TypeFor[fmt.Formatter]())
}

// said is what a value says of itself. The sign that %+v asks numbers for is left out, the stack that it asks errors for is not. fmt survives
// a String that panics.
func said(v any) string {
	if _, ok := v.(error); ok {
		return fmt.Sprintf("%+v", v)
	}
	return fmt.Sprint(v)
}

// keys are the first n keys of a map in their order. Those of a map that is too large to be ordered come as they come.
func keys(m reflect.Value, n int) []reflect.Value {
	var all []reflect.Value
	for r := m.MapRange(); r.Next(); {
		if all = append(all, r.Key()); m.Len() > mostOrdered && len(all) == n {
			return all
		}
	}
	slices.SortStableFunc(all, compare)
	return all[:min(n, len(all))]
}

// compare orders keys as fmt does, as far as anybody sees it.
func compare(a, b reflect.Value) int {
	if a.Kind() == reflect.Interface {
		a, b = a.Elem(), b.Elem()
	}
	if a.Kind() != b.Kind() {
		return cmp.Compare(a.Kind(), b.Kind())
	}
	switch {
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	case a.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	case a.Kind() == reflect.Bool:
		return cmp.Compare(strconv.FormatBool(a.Bool()), strconv.FormatBool(b.Bool()))
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if c := compare(a.Field(i), b.Field(i)); c != 0 {
				return c
			}
		}
	case a.Kind() == reflect.Array:
		for i := range a.Len() {
			if c := compare(a.Index(i), b.Index(i)); c != 0 {
				return c
			}
		}
	}
	return 0
}

// typeName is a type as a cell writes it.
func typeName(t reflect.Type) string {
	name := strings.NewReplacer("interface {}", "any", "[]uint8", "[]byte").Replace(t.String())
	parts := strings.Split(name, "main.")
	for i := range parts[:len(parts)-1] {
		if last, _ := utf8.DecodeLastRuneInString(parts[i]); unicode.IsLetter(last) || unicode.IsDigit(last) || strings.ContainsRune("_/", last) {
			parts[i] += "main." // the end of another package's name
		}
	}
	return strings.Join(parts, "")
}
