package link

/*
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
static int inModule(uintptr_t address) { Dl_info i; return dladdr((void *)address, &i); }
*/
import "C"

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"unsafe"
)

// replaced maps the descriptors of modules that reflection had composed before to what it composed: the linker binds later modules to the
// first module's copy, which that module itself does not use any more.
var replaced = map[uintptr]uintptr{}

// cureTypes makes a module use the composed types that reflection made before the module brought its own. Types are the words that point
// to descriptors; more are descriptors of the module that perhaps no word points to.
func cureTypes(types []slot, more ...uintptr) (cured int, err error) {
	uses := map[uintptr][]slot{} // of each descriptor
	mine := map[uintptr]bool{}
	for _, at := range more {
		uses[at], mine[at] = nil, true
	}
	for _, s := range types {
		at := s.symbol()
		uses[at], mine[at] = append(uses[at], s), mine[at] || s.own
	}
	order := slices.Sorted(maps.Keys(uses))
	// A composed type holds the address of its element, which may itself be cured: until nothing changes.
	// It gets the hash that the compiler gave its twin (internal/abi.Type: at 16): type switches go by it before they compare.
	hashed := false
	for round, changed := 0, true; changed && round < 8; round++ {
		changed = false
		for _, at := range order {
			slots, left := uses[at]
			if !left {
				continue
			}
			known, ok := replaced[at]
			if !ok && mine[at] {
				known = builtBefore(at)
			}
			if known == 0 || known == at {
				continue
			}
			replaced[at] = known
			for _, s := range slots {
				if err := s.set(known); err != nil {
					return cured, err
				}
			}
			if hash, right := (*uint32)(pointer(known+16)), *(*uint32)(pointer(at + 16)); *hash != right {
				*hash, hashed = right, true
			}
			cured += len(slots)
			delete(uses, at)
			changed = true
		}
	}
	if hashed {
		refile()
	}
	return cured, nil
}

// builtBefore is the type that reflection holds for what the descriptor at own describes: another one if it was composed at run time.
func builtBefore(own uintptr) (known uintptr) {
	t := typeAt(own)
	if t.Name() != "" {
		return own
	}
	other := compose(t)
	if other == nil || other.Comparable() != t.Comparable() { // the compiler's own for the insides of maps have no algorithms
		return own
	}
	return address(other)
}

// compose has reflection make a type of the same parts; nil if it can't, and then it has made none before.
func compose(t reflect.Type) (other reflect.Type) {
	defer func() {
		if recover() != nil {
			other = nil
		}
	}()
	switch t.Kind() {
	case reflect.Slice:
		return reflect.SliceOf(t.Elem())
	case reflect.Pointer:
		return reflect.PointerTo(t.Elem())
	case reflect.Map:
		return reflect.MapOf(t.Key(), t.Elem())
	case reflect.Chan:
		return reflect.ChanOf(t.ChanDir(), t.Elem())
	case reflect.Array:
		return reflect.ArrayOf(t.Len(), t.Elem())
	case reflect.Func:
		in, out := make([]reflect.Type, t.NumIn()), make([]reflect.Type, t.NumOut())
		for i := range in {
			in[i] = t.In(i)
		}
		for i := range out {
			out[i] = t.Out(i)
		}
		return reflect.FuncOf(in, out, t.IsVariadic())
	case reflect.Struct:
		fields := make([]reflect.StructField, t.NumField())
		for i := range fields {
			fields[i] = t.Field(i)
		}
		return reflect.StructOf(fields)
	}
	return nil
}

// refile puts reflection's caches right when types have got other hashes: it finds functions and structs by the hashes of their parts, and
// must find those that it has made again.
func refile() {
	var made []reflect.Type
	for _, m := range []*sync.Map{&funcLookupCache.m, &structLookupCache.m} {
		eachCached(m, func(cell *uintptr) {
			if !inModule(*cell) {
				made = append(made, typeAt(*cell))
			}
		})
	}
	for _, t := range made {
		other := compose(t)
		if other == nil || other == t {
			continue
		}
		for _, m := range []*sync.Map{&funcLookupCache.m, &structLookupCache.m} {
			eachCached(m, func(cell *uintptr) {
				if *cell == address(other) {
					dropped = append(dropped, other)
					*cell = address(t)
				}
			})
		}
	}
}

// inModule reports whether a type came with a plugin, a linked cell or the program.
func inModule(address uintptr) bool {
	return address >= linked.start && address < linked.end || C.inModule(C.uintptr_t(address)) != 0
}

// dropped holds types that went from reflection's caches: the collector does not see the types of interface values.
var dropped []reflect.Type

//go:linkname funcLookupCache reflect.funcLookupCache
var funcLookupCache struct {
	sync.Mutex
	m sync.Map // hash → []*reflect.rtype
}

//go:linkname structLookupCache reflect.structLookupCache
var structLookupCache struct {
	sync.Mutex
	m sync.Map // hash → []reflect.Type
}

// eachCached calls f with the place of each type in one of reflection's caches.
func eachCached(m *sync.Map, f func(*uintptr)) {
	m.Range(func(_, list any) bool {
		v := reflect.ValueOf(list)
		for i := range v.Len() {
			place := v.Index(i).Addr().UnsafePointer()
			if v.Index(i).Kind() == reflect.Interface {
				place = unsafe.Add(place, unsafe.Sizeof(uintptr(0)))
			}
			f((*uintptr)(place))
		}
		return true
	})
}

func typeAt(address uintptr) reflect.Type {
	var value any
	(*[2]uintptr)(unsafe.Pointer(&value))[0] = address
	return reflect.TypeOf(value)
}

func address(t reflect.Type) uintptr { return uintptr((*[2]unsafe.Pointer)(unsafe.Pointer(&t))[1]) }
