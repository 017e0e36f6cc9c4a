package step

import (
	"fmt"
	"math"
	"path"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
)

// literals writes values as Go source for a file of a package.
type literals struct {
	pkg      string // its import path
	newValue bool   // its Go knows new(3), as from 1.26 on
	imports  map[string]bool
	err      error
}

const lineLength = 110

// expression is a value with its type.
func (l *literals) expression(v reflect.Value) string { return l.value(v, true) }

func (l *literals) fail(format string, args ...any) string {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
	return "nil"
}

// value writes a value; typed says that its type does not follow from where it stands.
func (l *literals) value(v reflect.Value, typed bool) string {
	t := v.Type()
	scalar := func(text string, natural reflect.Type) string {
		if typed && t != natural {
			return l.typeName(t) + "(" + text + ")"
		}
		return text
	}
	switch v.Kind() {
	case reflect.Bool:
		return scalar(strconv.FormatBool(v.Bool()), reflect.TypeFor[bool]())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return scalar(strconv.FormatInt(v.Int(), 10), reflect.TypeFor[int]())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return scalar(strconv.FormatUint(v.Uint(), 10), nil)
	case reflect.Float32, reflect.Float64:
		return scalar(l.float(v.Float(), t.Bits()), reflect.TypeFor[float64]())
	case reflect.String:
		return scalar(strconv.Quote(v.String()), reflect.TypeFor[string]())
	case reflect.Pointer:
		if v.IsNil() {
			return scalar("nil", nil)
		}
		if t.Elem().Kind() == reflect.Struct && t.Elem() != reflect.TypeFor[time.Time]() {
			return "&" + l.value(v.Elem(), true)
		}
		if !l.newValue {
			return "&[]" + l.typeName(t.Elem()) + "{" + l.value(v.Elem(), false) + "}[0]"
		}
		return "new(" + l.pointed(v.Elem()) + ")"
	case reflect.Slice, reflect.Array:
		return l.list(v, typed)
	case reflect.Map:
		return l.mapping(v, typed)
	case reflect.Struct:
		return l.structure(v, typed)
	case reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
	}
	return l.fail("a test can't write down a value of type %s", t)
}

// pointed is the argument of new, which takes the type of a constant as Go gives it.
func (l *literals) pointed(v reflect.Value) string {
	text := l.value(v, true)
	if v.Type() == reflect.TypeFor[float64]() && !strings.ContainsAny(text, ".eN") {
		text += ".0"
	}
	return text
}

func (l *literals) float(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		l.imports["math"] = true
		return "math.NaN()"
	case math.IsInf(f, 0):
		l.imports["math"] = true
		return fmt.Sprintf("math.Inf(%d)", map[bool]int{true: 1, false: -1}[f > 0])
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

func (l *literals) list(v reflect.Value, typed bool) string {
	name := l.typeName(v.Type())
	if v.Kind() == reflect.Slice && v.IsNil() {
		if typed {
			return name + "(nil)"
		}
		return "nil"
	}
	var elements []string
	for i := range v.Len() {
		elements = append(elements, l.value(v.Index(i), false))
	}
	if v.Type().Elem().Kind() == reflect.Struct && len(elements) > 0 {
		return name + "{\n" + strings.Join(elements, ",\n") + ",\n}"
	}
	return name + "{" + wrap(elements) + "}"
}

func (l *literals) mapping(v reflect.Value, typed bool) string {
	name := l.typeName(v.Type())
	if v.IsNil() {
		if typed {
			return name + "(nil)"
		}
		return "nil"
	}
	var elements []string
	for _, k := range v.MapKeys() {
		elements = append(elements, l.value(k, false)+": "+l.value(v.MapIndex(k), false))
	}
	sort.Strings(elements)
	return name + "{" + wrap(elements) + "}"
}

func (l *literals) structure(v reflect.Value, typed bool) string {
	t := v.Type()
	if t == reflect.TypeFor[time.Time]() {
		if !v.CanInterface() {
			return l.fail("a test can't write down a time in an unexported field")
		}
		return l.time(v.Interface().(time.Time))
	}
	var fields []string
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case v.Field(i).IsZero():
		case !f.IsExported() && t.PkgPath() != l.pkg && t.Name() != "":
			return l.fail("a test can't write down the unexported fields of %s", t)
		default:
			fields = append(fields, f.Name+": "+l.value(v.Field(i), composite(f.Type)))
		}
	}
	name := ""
	if typed {
		name = l.typeName(t)
	}
	return name + "{" + wrap(fields) + "}"
}

// composite tells types whose literals need a name where they stand as a field.
func composite(t reflect.Type) bool {
	k := t.Kind()
	return k == reflect.Struct || k == reflect.Slice || k == reflect.Map || k == reflect.Array
}

func (l *literals) time(t time.Time) string {
	if t.Location() != time.UTC {
		return l.fail("a test can't write down a time in the zone %s", t.Location())
	}
	l.imports["time"] = true
	if t.IsZero() {
		return "time.Time{}"
	}
	return fmt.Sprintf("time.Date(%d, %d, %d, %d, %d, %d, %d, time.UTC)", t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond())
}

// wrap breaks a long list into lines.
func wrap(elements []string) string {
	all := strings.Join(elements, ", ")
	if len(all) <= lineLength && !strings.Contains(all, "\n") {
		return all
	}
	var b strings.Builder
	b.WriteString("\n")
	width := 0
	for i, e := range elements {
		if width > 0 && width+len(e) > lineLength {
			b.WriteString("\n")
			width = 0
		} else if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(e + ",")
		width += len(e) + 2
	}
	return b.String() + "\n"
}

// typeName is how the file names a type.
func (l *literals) typeName(t reflect.Type) string {
	if t.Name() != "" {
		if strings.ContainsRune(t.Name(), '[') {
			return l.fail("a test can't write down the generic type %s", t)
		}
		switch t.PkgPath() {
		case "", l.pkg:
			return t.Name()
		}
		l.imports[t.PkgPath()] = true
		return path.Base(t.PkgPath()) + "." + t.Name()
	}
	switch t.Kind() {
	case reflect.Slice:
		return "[]" + l.typeName(t.Elem())
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), l.typeName(t.Elem()))
	case reflect.Pointer:
		return "*" + l.typeName(t.Elem())
	case reflect.Map:
		return "map[" + l.typeName(t.Key()) + "]" + l.typeName(t.Elem())
	case reflect.Struct:
		if t.NumField() == 0 {
			return "struct{}"
		}
		return l.fail("a test can't write down a struct type without a name")
	}
	return l.fail("a test can't write down the type %s", t)
}
