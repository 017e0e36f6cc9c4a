package table

import (
	"reflect"
	"unsafe"
)

// Values are reached by address, type by type, so that no reflect-made type (*T, []T, map[K]V of a user's T) ever comes into being:
// in a live session such a type would be another than the one that a plugin loaded later brings along.

// eface is the layout of an `any`: the type, then the value if it is a pointer, else the address of the value.
type eface struct{ typ, word unsafe.Pointer }

// sliceHeader is the layout of a slice; Data is a real pointer, so that the garbage collector sees the store.
type sliceHeader struct {
	Data     unsafe.Pointer
	Len, Cap int
}

// anyAt is the variable of type t at p as an interface, sharing memory with it.
func anyAt(t reflect.Type, p unsafe.Pointer) any {
	e := eface{typ: (*eface)(unsafe.Pointer(&t)).word, word: p}
	if pointerShaped(t) {
		e.word = *(*unsafe.Pointer)(p)
	}
	return *(*any)(unsafe.Pointer(&e))
}

// pointerAt is &v of the variable of type t at p, as an interface; pt is the type *t.
func pointerAt(pt reflect.Type, p unsafe.Pointer) any {
	e := eface{typ: (*eface)(unsafe.Pointer(&pt)).word, word: p}
	return *(*any)(unsafe.Pointer(&e))
}

// addressOf is the address of the value inside v: the variable itself where an interface points at one, else a copy of the pointer.
func addressOf(v any) unsafe.Pointer {
	e := (*eface)(unsafe.Pointer(&v))
	if pointerShaped(reflect.TypeOf(v)) {
		box := new(unsafe.Pointer)
		*box = e.word
		return unsafe.Pointer(box)
	}
	return e.word
}

// pointerShaped tells whether an interface holds a value of type t itself instead of its address: asked of the runtime by the zero
// value, whose word is nil only then.
func pointerShaped(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map:
		return true
	case reflect.Struct, reflect.Array:
		zero := reflect.Zero(t).Interface()
		return (*eface)(unsafe.Pointer(&zero)).word == nil
	}
	return false
}

// makeSlice stores a new slice of n zero elements, of the slice type t, at p and returns the address of its first element.
func makeSlice(t reflect.Type, p unsafe.Pointer, n int) unsafe.Pointer {
	base := reflect.MakeSlice(t, n, n).UnsafePointer()
	*(*sliceHeader)(p) = sliceHeader{base, n, n}
	return base
}

// mapBuilder fills a new map of type t.
type mapBuilder struct {
	m    reflect.Value
	seed *reflect.MapIter // stands on a zero entry; each Key and Value of it is a fresh variable of the right type
}

func newMap(t reflect.Type, n int) mapBuilder {
	seed := reflect.MakeMapWithSize(t, 1)
	seed.SetMapIndex(reflect.Zero(t.Key()), reflect.Zero(t.Elem()))
	it := seed.MapRange()
	it.Next()
	return mapBuilder{reflect.MakeMapWithSize(t, n), it}
}

// entry is a fresh key and value to be filled in and handed to put.
func (b mapBuilder) entry() (k, v unsafe.Pointer) {
	return addressOf(b.seed.Key().Interface()), addressOf(b.seed.Value().Interface())
}

func (b mapBuilder) put(k, v unsafe.Pointer) {
	t := b.m.Type()
	b.m.SetMapIndex(reflect.ValueOf(anyAt(t.Key(), k)), reflect.ValueOf(anyAt(t.Elem(), v)))
}

func (b mapBuilder) store(p unsafe.Pointer) { *(*unsafe.Pointer)(p) = b.m.UnsafePointer() }

// bytesOf sees a slice of numbers as its bytes (little-endian machines, like Parquet).
func bytesOf[T uint32 | uint64](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}
