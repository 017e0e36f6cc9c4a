package table

import (
	"strings"
	"time"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

type form uint8

const (
	leafNode form = iota
	groupNode
	listNode
	mapNode
)

// node is a column, or a part of a nested one, as Parquet lays it out.
type node struct {
	name     string
	path     string // dotted, for people
	form     form
	optional bool
	leaf     leafType
	kids     []*node // fields; a list's element; a map's key and value

	// def is the definition level at which the node itself is there, rep the repetition level of a list's or map's entries.
	def, rep    uint8
	first, last int // its leaves: leaves[first:last]

	// Of a leaf: the highest levels, and the path of schema names.
	maxDef, maxRep uint8
	names          []string
	// canon turns a definition level of this file into one that counts every node as nullable; top is the highest of those. So
	// equal values have equal levels, whatever the writer declared nullable.
	canon []uint8
	top   uint8
}

// String is the readable logical type.
func (n *node) String() string {
	switch n.form {
	case groupNode:
		parts := make([]string, len(n.kids))
		for i, k := range n.kids {
			parts[i] = k.name + ": " + k.String()
		}
		return "struct{" + strings.Join(parts, ", ") + "}"
	case listNode:
		return "list<" + n.kids[0].String() + ">"
	case mapNode:
		return "map<" + n.kids[0].String() + ", " + n.kids[1].String() + ">"
	}
	return n.leaf.String()
}

// nodeOf is the column of a Go shape.
func nodeOf(name string, s *shape) *node {
	leaf := func(t leafType) *node { return &node{name: name, leaf: t} }
	switch s.kind {
	case kBool, kEmpty:
		return leaf(leafType{class: cBool, phys: format.Boolean})
	case kInt, kUint:
		t := leafType{class: cInt, phys: format.Int64, bits: int(s.typ.Size()) * 8}
		if s.kind == kUint {
			t.class = cUint
		}
		if t.bits < 64 {
			t.phys = format.Int32
		}
		return leaf(t)
	case kFloat:
		if s.typ.Size() == 4 {
			return leaf(leafType{class: cFloat, phys: format.Float, bits: 32})
		}
		return leaf(leafType{class: cFloat, phys: format.Double, bits: 64})
	case kString:
		return leaf(leafType{class: cString, phys: format.ByteArray})
	case kBytes:
		n := leaf(leafType{class: cBinary, phys: format.ByteArray})
		n.optional = true
		return n
	case kFixed:
		return leaf(leafType{class: cFixed, phys: format.FixedLenByteArray, length: s.typ.Len()})
	case kTime:
		n := leaf(leafType{class: cTimestamp, phys: format.Int64, unit: time.Nanosecond, utc: true})
		n.optional = true
		return n
	case kDate:
		n := leaf(leafType{class: cDate, phys: format.Int32})
		n.optional = true
		return n
	case kDuration:
		return leaf(leafType{class: cInt, phys: format.Int64, bits: 64})
	case kEncoded:
		if s.codec.text {
			return leaf(leafType{class: cString, phys: format.ByteArray})
		}
		return leaf(leafType{class: cBinary, phys: format.ByteArray})
	case kPointer:
		n := nodeOf(name, s.elem)
		n.optional = true
		return n
	case kList, kArray:
		return &node{name: name, form: listNode, optional: s.kind == kList, kids: []*node{nodeOf("element", s.elem)}}
	case kMap:
		key := nodeOf("key", s.key)
		key.optional = false // or Arrow refuses the file
		return &node{name: name, form: mapNode, optional: true, kids: []*node{key, nodeOf("value", s.elem)}}
	}
	n := &node{name: name, form: groupNode}
	for _, f := range s.fields {
		n.kids = append(n.kids, nodeOf(f.name, f.shape))
	}
	return n
}

// number sets levels and paths below the root n, and returns its leaves in file order.
func number(root *node) (leaves []*node) {
	// steps are the levels from the root to a leaf, true where this file counts one.
	var visit func(n *node, path string, names []string, def, rep uint8, steps []bool)
	visit = func(n *node, path string, names []string, def, rep uint8, steps []bool) {
		n.path, n.first = join(path, n.name), len(leaves)
		steps = append(steps[:len(steps):len(steps)], n.optional)
		if n.optional {
			def++
		}
		n.def = def
		if n.form == listNode || n.form == mapNode {
			def, rep = def+1, rep+1
			n.rep = rep
			steps = append(steps, true)
		}
		names = append(names[:len(names):len(names)], n.schemaNames()...)
		if n.form == leafNode {
			n.maxDef, n.maxRep, n.names = def, rep, names
			n.canon, n.top = canonical(steps, def), uint8(len(steps))
			leaves = append(leaves, n)
		}
		for _, k := range n.kids {
			visit(k, n.path, names, def, rep, steps)
		}
		n.last = len(leaves)
	}
	for _, k := range root.kids {
		visit(k, "", nil, 0, 0, nil)
	}
	root.last = len(leaves)
	return leaves
}

// canonical maps each definition level to the number of steps that a value of that level has passed.
func canonical(steps []bool, maxDef uint8) []uint8 {
	out := make([]uint8, maxDef+1)
	for d := range out {
		level := 0
		for _, counted := range steps {
			if counted {
				level++
			}
			if level > d {
				break
			}
			out[d]++
		}
	}
	return out
}

// schemaNames are the names that n adds to the path of its leaves.
func (n *node) schemaNames() []string {
	switch n.form {
	case listNode:
		return []string{n.name, "list"}
	case mapNode:
		return []string{n.name, "key_value"}
	}
	return []string{n.name}
}

// elements writes the schema of n in Parquet's depth-first form.
func (n *node) elements(out []format.SchemaElement) []format.SchemaElement {
	repetition := format.Required
	if n.optional {
		repetition = format.Optional
	}
	e := format.SchemaElement{Name: n.name, RepetitionType: thrift.New(repetition)}
	group := func(name string, r format.FieldRepetitionType, kids int) format.SchemaElement {
		return format.SchemaElement{Name: name, RepetitionType: thrift.New(r), NumChildren: thrift.New(int32(kids))}
	}
	switch n.form {
	case leafNode:
		n.leaf.annotate(&e)
		return append(out, e)
	case groupNode:
		e.NumChildren = thrift.New(int32(len(n.kids)))
		out = append(out, e)
	case listNode:
		e.NumChildren = thrift.New(int32(1))
		e.ConvertedType, e.LogicalType = thrift.New(deprecated.List), format.LogicalType{Value: &format.ListType{}}
		out = append(out, e, group("list", format.Repeated, 1))
	case mapNode:
		e.NumChildren = thrift.New(int32(1))
		e.ConvertedType, e.LogicalType = thrift.New(deprecated.Map), format.LogicalType{Value: &format.MapType{}}
		out = append(out, e, group("key_value", format.Repeated, 2))
	}
	for _, k := range n.kids {
		out = k.elements(out)
	}
	return out
}

// parseSchema reads a file's schema. It raises damage for one that is no tree.
func parseSchema(elements []format.SchemaElement) *node {
	p := &schemaParser{rest: elements}
	if len(elements) == 0 {
		damage("the schema is empty")
	}
	root := &node{form: groupNode}
	for range p.next().NumChildren.V {
		root.kids = append(root.kids, p.node(1))
	}
	claim(root)
	if len(p.rest) > 0 {
		damage("the schema has %d elements too many", len(p.rest))
	}
	return root
}

type schemaParser struct{ rest []format.SchemaElement }

func (p *schemaParser) next() format.SchemaElement {
	if len(p.rest) == 0 {
		damage("the schema ends early")
	}
	e := p.rest[0]
	p.rest = p.rest[1:]
	return e
}

// maxDepth keeps levels within a byte, and a hostile schema off the stack.
const maxDepth = 60

func (p *schemaParser) node(depth int) *node {
	if depth > maxDepth {
		cannotRead(otherWriter, "columns are nested more than %d deep", maxDepth)
	}
	e := p.next()
	n := &node{name: e.Name, optional: e.RepetitionType.V == format.Optional}
	if !e.NumChildren.Valid {
		n.leaf = leafTypeOf(e)
	} else {
		p.group(n, e, depth)
	}
	if e.RepetitionType.V == format.Repeated { // a bare repeated field is a list of required elements
		return &node{name: n.name, form: bareList, kids: []*node{n}}
	}
	return n
}

// bareList marks, while the schema is parsed, a repeated node that no LIST or MAP has claimed yet.
const bareList = listNode + 100

// group reads the fields of n and what its annotation makes of them. Writers name the parts of lists and maps differently: they
// are called element, key and value here.
func (p *schemaParser) group(n *node, e format.SchemaElement, depth int) {
	n.form = groupNode
	for range e.NumChildren.V {
		n.kids = append(n.kids, p.node(depth+1))
	}
	_, isList := e.LogicalType.Value.(*format.ListType)
	_, isMap := e.LogicalType.Value.(*format.MapType)
	if e.ConvertedType.Valid {
		isList = isList || e.ConvertedType.V == deprecated.List
		isMap = isMap || e.ConvertedType.V == deprecated.Map || e.ConvertedType.V == deprecated.MapKeyValue
	}
	if len(n.kids) == 0 {
		cannotRead(otherWriter, "column %q has no fields", n.name)
	}
	if len(n.kids) == 1 && n.kids[0].form == bareList && (isList || isMap) {
		entry := n.kids[0].kids[0]
		switch {
		case isMap && entry.form == groupNode && len(entry.kids) == 2:
			n.form, n.kids = mapNode, entry.kids
			n.kids[0].name, n.kids[1].name = "key", "value"
		// The backward-compatibility rules of Parquet's LogicalTypes, "Lists": when the repeated node is the element itself.
		case entry.form != groupNode || len(entry.kids) != 1 || entry.name == "array" || entry.name == n.name+"_tuple":
			n.form, n.kids = listNode, []*node{entry}
			entry.name = "element"
		default:
			n.form, n.kids = listNode, entry.kids
			n.kids[0].name = "element"
		}
	}
	claim(n)
}

// claim makes ordinary lists of the repeated fields of n that remain.
func claim(n *node) {
	for _, k := range n.kids {
		if k.form == bareList {
			k.form = listNode
			k.kids[0].name = "element"
		}
	}
}
