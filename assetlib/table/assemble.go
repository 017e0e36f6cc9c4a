package table

import (
	"reflect"
	"time"
	"unsafe"
)

// cursor goes through the entries of a leaf.
type cursor struct {
	n          *node
	entries    int
	reps, defs []uint8
	values
	entry, value int // the next ones
	zone, zoned  int // the zone of the next value, and how many of its run are used
}

// page makes the cursor go through a page.
func (c *cursor) page(p *page) {
	c.entries, c.reps, c.defs, c.values = p.entries, p.reps, p.defs, p.values
	c.entry, c.value, c.zone, c.zoned = 0, 0, 0, 0
}

func (c *cursor) ended() bool { return c.entry >= c.entries }

// def is the level of the next entry.
func (c *cursor) def() uint8 {
	if c.ended() {
		damage("a column ends before the others")
	}
	if c.defs == nil {
		return 0
	}
	return c.defs[c.entry]
}

// nextZone is the location of the next value, which must be taken in order.
func (c *cursor) nextZone() *time.Location {
	if len(c.zones) == 0 {
		return time.UTC
	}
	for c.zoned >= c.zones[c.zone].count {
		c.zone, c.zoned = c.zone+1, 0
	}
	c.zoned++
	return c.zones[c.zone].loc
}

// assembler puts values together from their leaves (the record assembly of the Dremel paper).
type assembler struct{ cursors []*cursor }

// readFunc fills the variable at p from the next entries.
type readFunc func(p unsafe.Pointer)

// value compares a Go shape with a column, and returns how one is read from the other.
func (a *assembler) value(s *shape, n *node) readFunc {
	first := len(a.cursors)
	switch {
	case s.kind == kPointer:
		inner := a.value(s.elem, n)
		if !n.optional {
			fresh := allocator(s.elem.typ)
			return func(p unsafe.Pointer) { q := fresh(); inner(q); *(*unsafe.Pointer)(p) = q }
		}
		absent, fresh := a.absent(first), allocator(s.elem.typ)
		return func(p unsafe.Pointer) {
			if absent(n.def) {
				return
			}
			q := fresh()
			inner(q)
			*(*unsafe.Pointer)(p) = q
		}
	case n.form == leafNode:
		return a.leaf(s, n)
	case n.form == groupNode && s.kind == kStruct:
		return a.group(s, n)
	case n.form == listNode && (s.kind == kList || s.kind == kArray):
		return a.list(s, n)
	case n.form == mapNode && s.kind == kMap:
		return a.mapping(s, n)
	}
	misfit("it is %s, and the Go type is %s", n, s.typ)
	return nil
}

// absent makes the test whether the next entry of the leaves from first on ends above a node of level def; if so it is skipped.
func (a *assembler) absent(first int) func(def uint8) bool {
	cursors := a.cursors[first:]
	return func(def uint8) bool {
		if cursors[0].def() >= def {
			return false
		}
		for _, c := range cursors {
			if c.def() >= def {
				damage("its parts disagree on what is null")
			}
			c.entry++
		}
		return true
	}
}

func (a *assembler) leaf(s *shape, n *node) readFunc {
	set := setter(s, n.leaf)
	c := &cursor{n: n}
	a.cursors = append(a.cursors, c)
	nullable := s.kind == kBytes || s.kind == kTime || s.kind == kDate
	return func(p unsafe.Pointer) {
		if c.def() < n.maxDef {
			if !nullable {
				misfit("it is null, and %s has no null (use *%s)", s.typ, s.typ)
			}
			c.entry++
			return
		}
		set(p, c)
		c.entry++
		c.value++
	}
}

func (a *assembler) group(s *shape, n *node) readFunc {
	first := len(a.cursors)
	var offsets []uintptr
	var parts []readFunc
	for _, f := range s.fields {
		offsets, parts = append(offsets, f.offset), append(parts, a.value(f.shape, n.field(f)))
	}
	lead := a.cursors[first]
	return func(p unsafe.Pointer) {
		if n.optional && lead.def() < n.def {
			misfit("it is null, and %s has no null (use a pointer)", s.typ)
		}
		for i, part := range parts {
			part(unsafe.Add(p, offsets[i]))
		}
	}
}

// run counts the entries of the list that begins at the next entry of c.
func (c *cursor) run(rep uint8) int {
	count := 1
	for i := c.entry + 1; i < c.entries && c.reps[i] >= rep; i++ {
		if c.reps[i] == rep {
			count++
		}
	}
	return count
}

// settle checks that the leaves from first on have all come to the end of their list.
func settle(cursors []*cursor, rep uint8) {
	for _, c := range cursors {
		if !c.ended() && c.reps[c.entry] >= rep {
			damage("its parts disagree on the length of a list")
		}
	}
}

func (a *assembler) list(s *shape, n *node) readFunc {
	first := len(a.cursors)
	inner, size := a.value(s.elem, n.kids[0]), s.elem.typ.Size()
	cursors, absent := a.cursors[first:], a.absent(first)
	elements := func(base unsafe.Pointer, count int) {
		for i := range count {
			inner(unsafe.Add(base, uintptr(i)*size))
		}
		settle(cursors, n.rep)
	}
	if s.kind == kArray {
		return func(p unsafe.Pointer) {
			if cursors[0].def() <= n.def {
				misfit("a list is null or empty, and %s has %d elements", s.typ, s.typ.Len())
			}
			count := cursors[0].run(n.rep)
			if count != s.typ.Len() {
				misfit("a list has %d elements, and %s has %d", count, s.typ, s.typ.Len())
			}
			elements(p, count)
		}
	}
	return func(p unsafe.Pointer) {
		switch {
		case n.optional && absent(n.def):
		case absent(n.def + 1):
			makeSlice(s.typ, p, 0)
		default:
			count := cursors[0].run(n.rep)
			elements(makeSlice(s.typ, p, count), count)
		}
	}
}

func (a *assembler) mapping(s *shape, n *node) readFunc {
	first := len(a.cursors)
	key, elem := a.value(s.key, n.kids[0]), a.value(s.elem, n.kids[1])
	cursors, absent := a.cursors[first:], a.absent(first)
	return func(p unsafe.Pointer) {
		if n.optional && absent(n.def) {
			return
		}
		count := 0
		if !absent(n.def + 1) {
			count = cursors[0].run(n.rep)
		}
		m := newMap(s.typ, count)
		for range count {
			k, v := m.entry()
			key(k)
			elem(v)
			m.put(k, v)
		}
		settle(cursors, n.rep)
		if m.m.Len() != count {
			misfit("a map has one key twice")
		}
		m.store(p)
	}
}

// allocator makes variables of type t; small ones without pointers come out of one piece of memory, as there are many of them.
func allocator(t reflect.Type) func() unsafe.Pointer {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		var slab []uint64
		return func() unsafe.Pointer {
			if len(slab) == 0 {
				slab = make([]uint64, 256)
			}
			p := unsafe.Pointer(&slab[0])
			slab = slab[1:]
			return p
		}
	}
	return func() unsafe.Pointer { return reflect.New(t).UnsafePointer() }
}
