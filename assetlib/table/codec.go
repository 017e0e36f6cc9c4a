package table

import (
	"encoding"
	"reflect"
	"unsafe"
)

// The interfaces of encoding/gob, without the package, which is large.
type (
	gobEncoder interface{ GobEncode() ([]byte, error) }
	gobDecoder interface{ GobDecode([]byte) error }
)

// codec stores a type with unexported state by the type's own methods.
type codec struct {
	name    string // the methods, for people
	text    bool   // the stored form is text
	ptr     reflect.Type
	marshal func(any) ([]byte, error)
	restore func(any, []byte) error
}

// codecOf finds the methods by which t stores itself, in the order of what they keep: binary, gob, text.
func codecOf(t reflect.Type) *codec {
	if t.Name() == "" { // only named types have methods of their own, and only for them *T surely exists already
		return nil
	}
	pt := reflect.PointerTo(t)
	has := func(to, from reflect.Type) bool { return pt.Implements(to) && pt.Implements(from) }
	switch {
	case has(reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler]()):
		return &codec{"MarshalBinary", false, pt,
			func(v any) ([]byte, error) { return v.(encoding.BinaryMarshaler).MarshalBinary() },
			func(v any, b []byte) error { return v.(encoding.BinaryUnmarshaler).UnmarshalBinary(b) }}
	case has(reflect.TypeFor[gobEncoder](), reflect.TypeFor[gobDecoder]()):
		return &codec{"GobEncode", false, pt,
			func(v any) ([]byte, error) { return v.(gobEncoder).GobEncode() },
			func(v any, b []byte) error { return v.(gobDecoder).GobDecode(b) }}
	case has(reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()):
		return &codec{"MarshalText", true, pt,
			func(v any) ([]byte, error) { return v.(encoding.TextMarshaler).MarshalText() },
			func(v any, b []byte) error { return v.(encoding.TextUnmarshaler).UnmarshalText(b) }}
	}
	return nil
}

func (c *codec) encode(p unsafe.Pointer) []byte {
	b, err := c.marshal(pointerAt(c.ptr, p))
	if err != nil {
		refuse("%s: %v", c.name, err)
	}
	return b
}

func (c *codec) decode(p unsafe.Pointer, b []byte) {
	if err := c.restore(pointerAt(c.ptr, p), b); err != nil {
		damage("its %s bytes are refused by the type: %v", c.name, err)
	}
}
