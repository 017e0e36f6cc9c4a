package table

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
)

// kind is how a Go type is laid out in Parquet.
type kind uint8

const (
	kBool kind = iota
	kInt
	kUint
	kFloat
	kString
	kBytes    // []byte; nil is null
	kFixed    // [N]byte
	kTime     // time.Time; the zero time is null
	kDate     // time.Time tagged date
	kDuration // nanoseconds
	kEncoded  // bytes of the type's own methods
	kEmpty    // struct{} and the like, kept as true
	kStruct
	kPointer
	kList
	kArray
	kMap
)

// shape is a Go type as it is stored, worked out once.
type shape struct {
	kind   kind
	typ    reflect.Type
	fields []field // kStruct
	key    *shape  // kMap
	elem   *shape  // kPointer, kList, kArray, kMap
	codec  *codec  // kEncoded
}

// field is a stored field of a struct; those of an embedded struct are its own.
type field struct {
	name   string // of the column
	path   string // in Go
	offset uintptr
	shape  *shape
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

// shaper works out shapes; open are the types being worked on, to find one that contains itself.
type shaper struct{ open map[reflect.Type]bool }

// misfitError says which part of a type can't be stored.
type misfitError struct{ path, cause string }

func (e *misfitError) Error() string {
	if e.path == "" {
		return e.cause
	}
	return e.path + ": " + e.cause
}

func unfit(path, format string, args ...any) error {
	return &misfitError{path, fmt.Sprintf(format, args...)}
}

func (s *shaper) shape(t reflect.Type, path string) (*shape, error) {
	switch t {
	case timeType:
		return &shape{kind: kTime, typ: t}, nil
	case durationType:
		return &shape{kind: kDuration, typ: t}, nil
	}
	if s.open[t] {
		return nil, unfit(path, "%s contains itself; a recursive type has no columns (store a slice of its nodes, or give it MarshalBinary)", t)
	}
	s.open[t] = true
	defer delete(s.open, t)
	sh, err := s.composite(t, path)
	if err != nil {
		if c := codecOf(t); c != nil {
			return &shape{kind: kEncoded, typ: t, codec: c}, nil
		}
	}
	return sh, err
}

func (s *shaper) composite(t reflect.Type, path string) (*shape, error) {
	sh := &shape{typ: t}
	var err error
	switch t.Kind() {
	case reflect.Bool:
		sh.kind = kBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		sh.kind = kInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		sh.kind = kUint
	case reflect.Float32, reflect.Float64:
		sh.kind = kFloat
	case reflect.String:
		sh.kind = kString
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			sh.kind = kBytes
			return sh, nil
		}
		sh.kind = kList
		sh.elem, err = s.shape(t.Elem(), path+"[]")
	case reflect.Array:
		switch {
		case t.Size() == 0:
			sh.kind = kEmpty
		case t.Elem().Kind() == reflect.Uint8:
			sh.kind = kFixed
		default:
			sh.kind = kArray
			sh.elem, err = s.shape(t.Elem(), path+"[]")
		}
	case reflect.Map:
		sh.kind = kMap
		if sh.key, err = s.shape(t.Key(), path+" key"); err != nil {
			return nil, err
		}
		if !sh.key.ordered() {
			return nil, unfit(path, "map keys of type %s can't be put in order", t.Key())
		}
		sh.elem, err = s.shape(t.Elem(), path+"[…]")
	case reflect.Pointer:
		sh.kind = kPointer
		if sh.elem, err = s.shape(t.Elem(), path); err != nil {
			return nil, err
		}
		switch sh.elem.kind {
		case kPointer, kList, kMap, kBytes:
			return nil, unfit(path, "%s has two kinds of nil, and a column has one (use %s)", t, t.Elem())
		}
	case reflect.Struct:
		sh.kind = kStruct
		if sh.fields, err = s.fields(t, path, 0); err != nil {
			return nil, err
		}
		if len(sh.fields) == 0 {
			sh.kind = kEmpty
		}
	case reflect.Interface:
		return nil, unfit(path, "an interface (%s) can hold anything, so it has no column type", t)
	default:
		return nil, unfit(path, "%s can't be stored", t)
	}
	return sh, err
}

func (s *shaper) fields(t reflect.Type, path string, base uintptr) ([]field, error) {
	var out []field
	seen := map[string]string{}
	add := func(f field) error {
		if other, twice := seen[f.name]; twice {
			return unfit(f.path, "column %q is already that of %s (tag one of them `parquet:\"another_name\"`)", f.name, other)
		}
		seen[f.name] = f.path
		out = append(out, f)
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag := parseTag(f)
		at := join(path, f.Name)
		if tag.drop || f.Name == "_" {
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != timeType && !tag.named {
			if sh, err := s.shape(f.Type, at); err == nil && sh.kind == kStruct {
				inner, err := s.fields(f.Type, at, base+f.Offset)
				if err != nil {
					return nil, err
				}
				for _, g := range inner {
					if err := add(g); err != nil {
						return nil, err
					}
				}
				continue
			}
		}
		if !f.IsExported() {
			if f.Type.Size() == 0 {
				continue // holds nothing
			}
			return nil, unfit(at, "%s is unexported and would be lost (export it, tag it `parquet:\"-\"`, or give %s MarshalBinary and UnmarshalBinary)", f.Name, t)
		}
		sh, err := s.shape(f.Type, at)
		if err != nil {
			return nil, err
		}
		if tag.date {
			if sh.kind != kTime {
				return nil, unfit(at, "the tag `date` is for time.Time, not %s", f.Type)
			}
			sh = &shape{kind: kDate, typ: f.Type}
		}
		if err := add(field{tag.name, at, base + f.Offset, sh}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ordered tells whether keys of this shape can be sorted, so that equal maps give equal bytes.
func (s *shape) ordered() bool {
	switch s.kind {
	case kPointer, kList, kMap, kBytes, kDate:
		return false
	case kArray:
		return s.elem.ordered()
	case kStruct:
		for _, f := range s.fields {
			if !f.shape.ordered() {
				return false
			}
		}
	}
	return true
}

type fieldTag struct {
	name              string
	named, drop, date bool
}

// parseTag reads a field's column name: that of the parquet tag, else of the json tag, else the field's own. Only `parquet:"-"` leaves
// a field out: `json:"-"` is said of another format.
func parseTag(f reflect.StructField) fieldTag {
	t := fieldTag{name: f.Name}
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
		t.name, t.named = name, true
	}
	tag := f.Tag.Get("parquet")
	if tag == "-" {
		t.drop = true
		return t
	}
	name, options, _ := strings.Cut(tag, ",")
	if name != "" {
		t.name, t.named = name, true
	}
	for o := range strings.SplitSeq(options, ",") {
		t.date = t.date || o == "date"
	}
	return t
}

func join(path, name string) string {
	if path == "" || path == "[]" { // a row of a table
		return name
	}
	return path + "." + name
}

// layout is how a whole Go value lies in a file.
type layout struct {
	form  string // of the footer: rows, struct or single
	whole *shape // of the value itself
	root  *shape // a kStruct: its fields are the columns
	row   *shape // what one row is in Go; for rows of pointers, what they point at
	ptrs  bool   // rows are pointers
}

// Forms of a file, as the footer names them.
const (
	formRows   = "rows"   // a slice of structs, one row each
	formStruct = "struct" // one struct, its fields are columns
	formSingle = "single" // any other value, in the one column "value"
)

func layoutOf(t reflect.Type) (*layout, error) {
	s := &shaper{map[reflect.Type]bool{}}
	sh, err := s.shape(t, "")
	if err != nil {
		return nil, fault.New(fault.Input, "store a struct, a slice of structs, or a type that marshals itself", "a value of type %s can't be stored: %w", t, err)
	}
	l := &layout{form: formSingle, whole: sh, row: sh}
	switch {
	case sh.kind == kStruct:
		l.form, l.root = formStruct, sh
	case sh.kind == kList && sh.elem.kind == kStruct:
		l.form, l.root, l.row = formRows, sh.elem, sh.elem
	case sh.kind == kList && sh.elem.kind == kPointer && sh.elem.elem.kind == kStruct:
		l.form, l.root, l.row, l.ptrs = formRows, sh.elem.elem, sh.elem.elem, true
	default:
		l.root = &shape{kind: kStruct, typ: t, fields: []field{{name: "value", path: t.String(), shape: sh}}}
	}
	return l, nil
}
