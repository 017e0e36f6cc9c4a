package display

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// bytes writes bytes that are text as the conversion that makes them: []byte("text").
func (p *printer) bytes(v reflect.Value) bool {
	head := v.Bytes()
	if room := max(p.limit-len(p.text), 0); len(head) > room {
		head = head[:room]
		for i := 0; i < utf8.UTFMax && len(head) > 0 && !utf8.Valid(head); i++ { // a character that was cut
			head = head[:len(head)-1]
		}
	}
	if !readable(head) {
		return false
	}
	p.text = append(p.text, typeName(v.Type())+"("+quoted(string(head))...)
	if n := v.Len(); n > len(head) {
		p.text = append(p.text, "… ("+bytesText(n)+" in all)"...)
	}
	p.text = append(p.text, ')')
	return true
}

// readable reports whether bytes are text that can be printed.
func readable(b []byte) bool {
	words := false
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 || !unicode.IsGraphic(r) && !strings.ContainsRune("\n\r\t", r) {
			return false
		}
		words = words || !unicode.IsSpace(r)
		b = b[size:]
	}
	return words
}

// quoted is the literal of a text that is the easiest to read.
func quoted(s string) string {
	if strings.ContainsAny(strings.TrimRight(s, "\n"), "\"\\\n") && !strings.ContainsAny(s, "`\r\ufeff") {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// typed writes what an interface holds so that its type can be seen: as a constant that has it by itself, or with its name.
func (p *printer) typed(v reflect.Value, depth int) {
	t := v.Type()
	name := typeName(t)
	if v.CanInterface() && says(t) {
		if t.Kind() == reflect.Pointer {
			switch t.Elem().PkgPath() + "." + t.Elem().Name() {
			case "errors.errorString", "fmt.wrapError", "fmt.wrapErrors", "errors.joinError":
				name = "error"
			}
		}
		p.add(name + "(")
		p.value(v, depth)
		p.add(")")
		return
	}
	switch {
	case t == reflect.TypeFor[string]():
		p.add(quoted(v.String()))
	case t == reflect.TypeFor[float64]():
		text := fmt.Sprint(v.Float())
		if !strings.ContainsAny(text, ".eIN") {
			text += ".0"
		}
		p.add(text)
	case t == reflect.TypeFor[int](), t == reflect.TypeFor[bool](), t == reflect.TypeFor[complex128](),
		t == reflect.TypeFor[[]any](), t == reflect.TypeFor[map[string]any](), t.Kind() == reflect.Func, t.Kind() == reflect.Chan,
		t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && readable(v.Bytes()):
		p.value(v, depth)
	case isPlain(t.Kind()):
		p.add(name + "(")
		p.value(v, depth)
		p.add(")")
	case t.Kind() == reflect.Pointer && !v.IsNil() && t.Elem().Kind() == reflect.Struct && t.Elem().Name() != "" && !p.std:
		p.add("&" + typeName(t.Elem()))
		at := len(p.text)
		p.value(v, depth)
		p.text = append(p.text[:at], bytes.TrimPrefix(p.text[at:], []byte("&"))...)
	case t.Kind() == reflect.Pointer:
		p.add("(" + name + ")(")
		p.value(v, depth)
		p.add(")")
	case t.Kind() == reflect.Map && t.Name() == "" && !v.IsNil():
		p.add(name)
		at := len(p.text)
		p.value(v, depth)
		p.text = append(p.text[:at], bytes.TrimPrefix(p.text[at:], []byte("map"))...)
	default:
		if t.Name() != "" || t.Kind() != reflect.Struct {
			p.add(name)
		}
		p.value(v, depth)
	}
}

// grid is what gonum's matrices have in common with many others.
type grid[T any] interface {
	Dims() (r, c int)
	At(i, j int) T
}

// matrix is a grid of some type.
type matrix struct {
	rows, columns int
	kind          string
	at            func(i, j int) any
}

// matrixOf is the matrix that a value, or a pointer to it, is.
func matrixOf(v any) (m matrix, ok bool) {
	if isNil(v) {
		return m, false
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Struct && r.NumMethod() < reflect.PointerTo(r.Type()).NumMethod() {
		v = copied(r).Addr().Interface()
	}
	switch g := v.(type) {
	case grid[float64]:
		m.kind, m.at = "float64", func(i, j int) any { return g.At(i, j) }
		m.rows, m.columns = g.Dims()
	case grid[complex128]:
		m.kind, m.at = "complex128", func(i, j int) any { return g.At(i, j) }
		m.rows, m.columns = g.Dims()
	default:
		return m, false
	}
	return m, true
}

// matrix writes a matrix as rows.
func (p *printer) matrix(m matrix) {
	p.add("[")
	for i := range m.rows {
		if p.separate(i) {
			break
		}
		p.add("[")
		for j := range m.columns {
			if p.separate(j) {
				break
			}
			p.text = fmt.Append(p.text, m.at(i, j))
		}
		p.add("]")
	}
	p.add("]")
}

// shared writes what is in a type of sync or sync/atomic, whose fields say it to nobody. It reads them as they are: there is nothing to wait
// for. It reports false for other types, and for fields that another release of Go may have.
func (p *printer) shared(v reflect.Value, depth int) bool {
	t := v.Type()
	switch name := t.Name(); t.PkgPath() {
	case "sync/atomic":
		held := v.FieldByName("v")
		switch {
		case !held.IsValid():
			return false
		case name == "Bool" && held.CanUint():
			p.add(strconv.FormatBool(held.Uint() != 0))
		case held.Kind() == reflect.UnsafePointer: // Pointer[T], whose first field is a [0]*T
			first := t.Field(0).Type
			if first.Kind() != reflect.Array || first.Elem().Kind() != reflect.Pointer {
				return false
			}
			p.value(reflect.NewAt(first.Elem().Elem(), held.UnsafePointer()), depth)
		default:
			p.value(held, depth)
		}
		return true
	case "sync":
		if name == "Map" && v.CanInterface() {
			if !v.CanAddr() {
				v = copied(v)
			}
			all := map[any]any{}
			v.Addr().Interface().(*sync.Map).Range(func(key, value any) bool {
				all[key] = value
				return len(all) <= mostItems
			})
			p.value(reflect.ValueOf(all), depth)
			return true
		}
		text := ""
		switch {
		case name == "Mutex" && path(v, "mu", "state").CanInt():
			text = "unlocked"
			if path(v, "mu", "state").Int()&1 != 0 {
				text = "locked"
			}
		case name == "RWMutex" && path(v, "readerCount", "v").CanInt():
			switch n := path(v, "readerCount", "v").Int(); {
			case n < 0:
				text = "locked"
			case n == 0:
				text = "unlocked"
			default:
				text = counted(int(n), "reader")
			}
		case name == "Once" && path(v, "done", "v").CanUint():
			text = "not done"
			if path(v, "done", "v").Uint() != 0 {
				text = "done"
			}
		case name == "WaitGroup" && path(v, "state", "v").CanUint():
			text = fmt.Sprintf("waits for %d", int32(path(v, "state", "v").Uint()>>32))
		default:
			return false
		}
		p.add(text)
		return true
	}
	return false
}

// path is a field of a field; the zero Value, which can do nothing, if there is none.
func path(v reflect.Value, names ...string) reflect.Value {
	for _, n := range names {
		if v.Kind() != reflect.Struct {
			return reflect.Value{}
		}
		v = v.FieldByName(n)
	}
	return v
}
