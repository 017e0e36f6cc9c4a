package session

import (
	"fmt"
	"go/constant"
	"go/types"
	"regexp"
	"strconv"
	"strings"
)

// mark stands in every name that the session makes up. It is a letter to the compiler, nobody types it, and cells that hold it are
// refused: so no name of a user's can be that of a generation.
const mark = "ꞏ"

var suffix = regexp.MustCompile(mark + `[0-9_]*`)

// plainNames gives the user's names back to a text that may hold those of generations.
func plainNames(s string) string {
	if !strings.Contains(s, mark) {
		return s
	}
	return suffix.ReplaceAllString(strings.ReplaceAll(s, mark+"__", "."), "")
}

type kind int

const (
	kindVar kind = iota
	kindFunc
	kindType
	kindConst
)

func (k kind) String() string { return [...]string{"variable", "func", "type", "const"}[k] }

// entity is one generation of a thing that a cell declared.
type entity struct {
	kind   kind
	name   string // the user's
	cell   string // as errors name it
	cellID string
	object types.Object
	source piece             // its declaration, as the user wrote it; none for variables
	doc    string            // the comment above it
	scope  map[string]string // the imports that were in force there, name → path

	// link is the name in the text that is compiled. For functions that are not generic, and for variables, it is that of a pointer to
	// the one place which all units share (live.Slot), and slot is the type of the place.
	link string
	slot string
	// text is repeated in every unit that refers to the entity: types with their methods, generic functions, constants.
	text string
	code code // what text, slot and the body refer to

	base      *entity            // of a method: its type
	methods   map[string]*entity // of a type
	repeated  bool               // of a method: its body is in the text of the type (generic, or calls recover), not behind a slot
	body      map[*entity]bool   // what its body refers to, where the body is in one unit only
	direct    map[*entity]bool   // functions that its body calls without the slot: compiled in one unit
	broken    string             // why it can't be used until its cell is run again
	unchecked bool               // its cell has the option checks: off
	unloaded  bool               // its code went with a worker
	again     bool               // a variable that may have had its place before: declared again it gets another one
	needs     map[string]string  // variables that went with a worker, with their cells: until they are back it is broken
}

// piece is a part of a cell's source and where it stands.
type piece struct {
	text         string
	file         string
	line, column int
	lead         string // the keyword of its group, which may stand elsewhere
	pragmas      string // the //go: lines above a function
}

// code is the piece with what tells the compiler where it stands.
func (p piece) code() string {
	return fmt.Sprintf("%s%s/*line %s:%d:%d*/%s", p.pragmas, p.lead, p.file, p.line, p.column, p.text)
}

// code is what a text refers to.
type code struct {
	refs    map[*entity]bool
	imports map[string]bool
	embeds  map[*entity]bool // types that stand embedded in a struct under the user's name
}

func newCode() code {
	return code{map[*entity]bool{}, map[string]bool{}, map[*entity]bool{}}
}

func (c code) add(d code) {
	for e := range d.refs {
		c.refs[e] = true
	}
	for p := range d.imports {
		c.imports[p] = true
	}
	for e := range d.embeds {
		c.embeds[e] = true
	}
}

// universe is what lives: what a cell's names mean.
type universe struct {
	pkg       *types.Package
	names     map[string]*entity
	removed   map[string]*entity // names that were taken away, with what earlier cells still mean by them, until they are declared again
	imports   map[string]string  // name → path; names that begin with "." are dot imports
	entities  map[types.Object]*entity
	links     map[string]*entity   // of kindVar by name and type: x int, x string, x int again is the first place again
	places    map[string]string    // of functions that are not generic: their links, by name and signature, for the same reason
	stretches map[string][]stretch // of functions that were compiled, by the names that these have there
	aliases   map[string]string    // import path → the name it has in all units
	typeUsed  map[string]bool      // link names of types that have been taken
	polls     bool                 // loops of cells poll for an interrupt; else they look at a flag
	next      int
	instances map[string]made // of generic types, by how they are written
	renews    bool            // a type that gets methods is another one: cells are linked as plugins
}

func newUniverse() *universe {
	return &universe{pkg: types.NewPackage("main", "main"), names: map[string]*entity{}, removed: map[string]*entity{}, places: map[string]string{}, stretches: map[string][]stretch{}, imports: map[string]string{}, entities: map[types.Object]*entity{}, links: map[string]*entity{},
		aliases: map[string]string{}, typeUsed: map[string]bool{}, instances: map[string]made{}}
}

// meant is what earlier cells mean by a name.
func (u *universe) meant(name string) *entity {
	if e := u.names[name]; e != nil {
		return e
	}
	return u.removed[name]
}

func (u *universe) id() int { u.next++; return u.next }

// alias is the name of an imported package in the text that is compiled: two cells may use one name for two packages.
func (u *universe) alias(path string) string {
	name := u.aliases[path]
	if name == "" {
		name = fmt.Sprintf("p%s%d", mark, u.id())
		u.aliases[path] = name
	}
	return name
}

func (u *universe) entityOf(o types.Object) *entity {
	switch f := o.(type) {
	case *types.Func:
		o = f.Origin()
	case *types.Var:
		o = f.Origin()
	}
	return u.entities[o]
}

// unspeakable is the reason why a type can't be written down in another unit.
type unspeakable string

func (u unspeakable) Error() string { return string(u) }

// typeText writes a type as later units can: with the names of generations. It notes what it refers to.
func (u *universe) typeText(t types.Type, c code) (text string, err error) {
	defer func() {
		if e, ok := recover().(unspeakable); ok {
			err = e
		}
	}()
	w := typeWriter{c: c, name: func(o *types.TypeName) string {
		e := u.entityOf(o)
		if e == nil {
			panic(unspeakable(fmt.Sprintf("type %s is local to a function", o.Name())))
		}
		c.refs[e] = true
		return e.link
	}, alias: func(path string) string { c.imports[path] = true; return u.alias(path) }}
	w.write(t)
	return w.b.String(), nil
}

type typeWriter struct {
	b     strings.Builder
	c     code
	name  func(*types.TypeName) string
	alias func(path string) string
	any   bool // names of embedded types need not be those of their fields: the text is only compared
}

func (w *typeWriter) object(o *types.TypeName, args *types.TypeList) {
	switch {
	case o.Pkg() == nil:
		w.b.WriteString(o.Name())
	case o.Pkg().Path() == "main":
		w.b.WriteString(w.name(o))
	case !o.Exported():
		panic(unspeakable(fmt.Sprintf("type %s.%s is not exported", o.Pkg().Path(), o.Name())))
	default:
		w.b.WriteString(w.alias(o.Pkg().Path()) + "." + o.Name())
	}
	if args.Len() > 0 {
		w.b.WriteByte('[')
		for i := range args.Len() {
			if i > 0 {
				w.b.WriteString(", ")
			}
			w.write(args.At(i))
		}
		w.b.WriteByte(']')
	}
}

func (w *typeWriter) write(t types.Type) {
	switch t := t.(type) {
	case *types.Basic:
		if t.Kind() == types.UnsafePointer {
			w.b.WriteString(w.alias("unsafe") + ".Pointer")
			return
		}
		if t.Kind() == types.Invalid {
			panic(unspeakable("its type is not known"))
		}
		w.b.WriteString(t.Name())
	case *types.Alias:
		if o := t.Obj(); o.Pkg() == nil || o.Pkg().Path() != "main" && o.Exported() {
			w.object(o, t.TypeArgs())
		} else {
			w.write(types.Unalias(t))
		}
	case *types.Named:
		w.object(t.Obj(), t.TypeArgs())
	case *types.TypeParam:
		w.b.WriteString(t.Obj().Name())
	case *types.Pointer:
		w.b.WriteByte('*')
		w.write(t.Elem())
	case *types.Slice:
		w.b.WriteString("[]")
		w.write(t.Elem())
	case *types.Array:
		fmt.Fprintf(&w.b, "[%d]", t.Len())
		w.write(t.Elem())
	case *types.Map:
		w.b.WriteString("map[")
		w.write(t.Key())
		w.b.WriteByte(']')
		w.write(t.Elem())
	case *types.Chan:
		w.b.WriteString(map[types.ChanDir]string{types.SendRecv: "chan (", types.SendOnly: "chan<- (", types.RecvOnly: "<-chan ("}[t.Dir()])
		w.write(t.Elem())
		w.b.WriteByte(')')
	case *types.Signature:
		w.b.WriteString("func")
		w.signature(t)
	case *types.Struct:
		w.b.WriteString("struct{")
		for i := range t.NumFields() {
			f := t.Field(i)
			if !f.Exported() && f.Pkg().Path() != "main" {
				panic(unspeakable(fmt.Sprintf("it has the field %s of package %s", f.Name(), f.Pkg().Path())))
			}
			if f.Embedded() {
				w.embedded(f)
			} else {
				w.b.WriteString(f.Name() + " ")
				w.write(f.Type())
			}
			if tag := t.Tag(i); tag != "" {
				w.b.WriteString(" " + strconv.Quote(tag))
			}
			w.b.WriteString("; ")
		}
		w.b.WriteByte('}')
	case *types.Interface:
		w.b.WriteString("interface{")
		for i := range t.NumExplicitMethods() {
			m := t.ExplicitMethod(i)
			if !m.Exported() && m.Pkg().Path() != "main" {
				panic(unspeakable(fmt.Sprintf("it has the method %s of package %s", m.Name(), m.Pkg().Path())))
			}
			w.b.WriteString(m.Name())
			w.signature(m.Signature())
			w.b.WriteString("; ")
		}
		for i := range t.NumEmbeddeds() {
			w.write(t.EmbeddedType(i))
			w.b.WriteString("; ")
		}
		w.b.WriteByte('}')
	case *types.Union:
		for i := range t.Len() {
			if i > 0 {
				w.b.WriteString(" | ")
			}
			if t.Term(i).Tilde() {
				w.b.WriteByte('~')
			}
			w.write(t.Term(i).Type())
		}
	default:
		panic(unspeakable(fmt.Sprintf("%v can't be written", t)))
	}
}

// embedded writes an embedded field. Its name is that of its type, so a generation's name won't do.
func (w *typeWriter) embedded(f *types.Var) {
	one := typeWriter{c: w.c, alias: w.alias, any: w.any, name: func(o *types.TypeName) string {
		if link := w.name(o); link != o.Name() {
			if w.any {
				return link
			}
			panic(unspeakable(fmt.Sprintf("it embeds %s, which was redefined", o.Name())))
		}
		return o.Name()
	}}
	one.write(f.Type())
	w.b.WriteString(one.b.String())
}

func (w *typeWriter) signature(s *types.Signature) {
	w.b.WriteByte('(')
	for i := range s.Params().Len() {
		if i > 0 {
			w.b.WriteString(", ")
		}
		t := s.Params().At(i).Type()
		if s.Variadic() && i == s.Params().Len()-1 {
			w.b.WriteString("...")
			if slice, ok := t.(*types.Slice); ok {
				t = slice.Elem()
			} else { // append([]byte, string...) is the only one, and no function of a cell
				panic(unspeakable("its signature can't be written"))
			}
		}
		w.write(t)
	}
	w.b.WriteString(") ")
	if n := s.Results().Len(); n > 0 {
		w.b.WriteByte('(')
		for i := range n {
			if i > 0 {
				w.b.WriteString(", ")
			}
			w.write(s.Results().At(i).Type())
		}
		w.b.WriteByte(')')
	}
}

// constText declares a constant by its exact value.
func (u *universe) constText(link string, o *types.Const, c code) (string, error) {
	value := constValue(o.Val())
	if b, ok := o.Type().(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
		switch b.Kind() {
		case types.UntypedRune:
			value = "'\\x00' + " + value
		case types.UntypedFloat:
			value = "0.0 + " + value
		case types.UntypedComplex:
			value = "0i + " + value
		}
		return fmt.Sprintf("const %s = %s", link, value), nil
	}
	t, err := u.typeText(o.Type(), c)
	return fmt.Sprintf("const %s %s = %s", link, t, value), err
}

func constValue(v constant.Value) string {
	switch v.Kind() {
	case constant.Float:
		num, denom := constant.Num(v), constant.Denom(v)
		if num.Kind() == constant.Int && denom.Kind() == constant.Int {
			return fmt.Sprintf("(%s.0 / %s.0)", num.ExactString(), denom.ExactString())
		}
		return v.ExactString()
	case constant.Complex:
		return fmt.Sprintf("(%s + %s*1i)", constValue(constant.Real(v)), constValue(constant.Imag(v)))
	}
	return v.ExactString() // strings are quoted
}
