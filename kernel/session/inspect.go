package session

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cellar-go/cellar/internal/gocell"
	"github.com/cellar-go/cellar/kernel/session/internal/sources"
)

// Inspection is what is known of a name.
type Inspection struct {
	Signature string
	Doc       string
	Value     string   // of a variable of the session
	Methods   []string // of a type, or of a variable's
	Source    string   // the declaration as it was written; with level 1
}

// Inspect tells of the name at the cursor, or of the function in whose call the cursor stands; with level 1 also its source. It does not wait
// for a running cell.
func (s *Session) Inspect(src string, cursorAt, level int) (Inspection, bool) {
	at := max(0, min(cursorAt, len(src)))
	if !s.isReady() {
		return Inspection{}, false
	}
	if at > 1 && src[at-1] == ':' { // a field that a completion has put in
		at--
	}
	place := gocell.At(src, at)
	if place.Inside == token.COMMENT || place.Magic {
		return Inspection{}, false
	}
	var i Inspection
	var e *entity
	var ok bool
	if place.Inside == token.ILLEGAL {
		start, end := wordAt(src, at)
		i, e, ok = s.describe(src, start, end, level)
	} else { // in a string, which may be an argument
		at = place.Start
	}
	if !ok {
		if call, within := gocell.CallAt(src, at); within {
			start, end := wordAt(src, call.Name)
			i, e, ok = s.describe(src, start, end, level)
		}
	}
	if ok && e != nil && e.kind == kindVar {
		i.Value = plainNames(s.values([]string{e.link})[e.link])
	}
	return i, ok
}

// wordAt is the word that an offset is in, or behind.
func wordAt(src string, at int) (start, end int) {
	word := func(r rune) bool { return r == '_' || token.IsIdentifier("x"+string(r)) }
	start, end = at, at
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(src[:start])
		if !word(r) {
			break
		}
		start -= size
	}
	for end < len(src) {
		r, size := utf8.DecodeRuneInString(src[end:])
		if !word(r) {
			break
		}
		end += size
	}
	return start, end
}

// describe says what the word from start to end names.
func (s *Session) describe(src string, start, end, level int) (i Inspection, e *entity, ok bool) {
	word := src[start:end]
	if !token.IsIdentifier(word) { // keywords are none
		return i, nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.look(src, start, end, word)
	if p == nil { // what stands behind the word may be half a cell, and what stands before it is enough to know what it is
		p = s.look(src[:end], start, end, word)
	}
	if p == nil {
		return i, nil, false
	}
	o := p.c.info.Uses[p.ident()]
	if o == nil {
		o = p.c.info.Defs[p.ident()]
	}
	if _, st := p.literal(); st != nil && o == nil { // a field whose value is still to come
		for i := range st.NumFields() {
			if f := st.Field(i); f.Name() == word && visible(f) {
				o = f
			}
		}
	}
	if o == nil || o.Type() == types.Typ[types.Invalid] && o.Parent() != types.Universe {
		if _, isPackage := o.(*types.PkgName); !isPackage {
			return s.describeForeign(p, level)
		}
	}
	e = p.u.entityOf(o)
	if e == nil {
		e = p.u.methodEntity(o)
	}
	i.Signature = signature(o)
	d := s.declared(p, o, e)
	if pkg, isPackage := o.(*types.PkgName); isPackage {
		if d := s.browser.sources(pkg.Imported().Path()); d != nil {
			i.Doc = d.Doc
		}
	}
	if d != nil {
		i.Doc = d.Doc
		if level > 0 {
			i.Source = d.Source()
		}
		if _, ok := o.(*types.Builtin); ok {
			i.Signature = "func " + d.Name + strings.TrimPrefix(d.Type, "func")
		}
	}
	if t := namedEntity(p.u, o); t != nil && level > 0 { // of a variable: what its type is
		i.Source = commented(t.doc, t.source.lead+t.source.text)
	}
	if e != nil && level > 0 && e.source.text != "" {
		i.Source = commented(e.doc, e.source.lead+e.source.text)
	}
	switch o.(type) {
	case *types.TypeName, *types.Var:
		i.Methods = methodList(o.Type())
	}
	return i, e, true
}

// describeForeign tells of a name of a package that the cell does not import, or that the checker does not know yet.
func (s *Session) describeForeign(p *spot, level int) (i Inspection, e *entity, ok bool) {
	paths := s.browser.called(p.ident().Name)
	if sel := p.selector(); sel != nil {
		id, isName := sel.X.(*ast.Ident)
		if !isName {
			return i, nil, false
		}
		paths = s.browser.called(id.Name)
		if pkg, ok := p.c.info.Uses[id].(*types.PkgName); ok {
			paths = []string{pkg.Imported().Path()}
		}
		for _, path := range paths {
			if pkg := s.browser.sources(path); pkg != nil && pkg.Decls[sel.Sel.Name] != nil {
				d := pkg.Decls[sel.Sel.Name]
				i = Inspection{Signature: d.Kind + " " + pkg.Name + "." + d.Name + strings.TrimPrefix(" "+d.Brief(), " func"), Doc: d.Doc}
				if level > 0 {
					i.Source = d.Source()
				}
				return i, nil, true
			}
		}
		return i, nil, false
	}
	for _, path := range paths {
		if pkg := s.browser.sources(path); pkg != nil {
			return Inspection{Signature: packageClause(pkg.Name, path), Doc: pkg.Doc}, nil, true
		}
	}
	return i, nil, false
}

// namedEntity is the type of a variable, where a cell declared it.
func namedEntity(u *universe, o types.Object) *entity {
	v, ok := o.(*types.Var)
	if !ok {
		return nil
	}
	t := types.Unalias(v.Type())
	if ptr, ok := t.(*types.Pointer); ok {
		t = types.Unalias(ptr.Elem())
	}
	if n, ok := t.(*types.Named); ok {
		return u.entityOf(n.Origin().Obj())
	}
	return nil
}

// signature is an object as its declaration says it.
func signature(o types.Object) string {
	qualify := func(p *types.Package) string {
		if p.Path() == "main" {
			return ""
		}
		return p.Name()
	}
	switch o := o.(type) {
	case *types.PkgName:
		return packageClause(o.Imported().Name(), o.Imported().Path())
	case *types.TypeName:
		if st, ok := o.Type().Underlying().(*types.Struct); ok && !o.IsAlias() {
			whole, short := types.TypeString(st, qualify), outline(st)
			return plainNames(strings.TrimSuffix(types.ObjectString(o, qualify), whole) + short)
		}
	case *types.Const:
		if value := o.Val().String(); o.Val().Kind() != constant.Unknown {
			return plainNames(types.ObjectString(o, qualify)) + " = " + value
		}
	}
	return plainNames(types.ObjectString(o, qualify))
}

// packageClause is what a package is called and imported as.
func packageClause(name, path string) string {
	if name == path {
		return "package " + name
	}
	return "package " + name + " // import " + strconv.Quote(path)
}

// methodEntity is the entity of a method of a type of the session.
func (u *universe) methodEntity(o types.Object) *entity {
	f, ok := o.(*types.Func)
	if !ok || f.Signature().Recv() == nil {
		return nil
	}
	if n := receiverName(f); n != nil {
		if t := u.entityOf(n); t != nil {
			return t.methods[f.Name()]
		}
	}
	return nil
}

// declared finds the declaration of an object in the source that has it: of a package, of an earlier cell, or of the cell itself.
func (s *Session) declared(p *spot, o types.Object, e *entity) *sources.Decl {
	key := o.Name()
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
		n := receiverName(f)
		if n == nil {
			return nil
		}
		key = n.Name() + "." + key
	}
	owner := p.owner(o)
	if owner != nil {
		key = owner.Name() + "." + key
	}
	path := "builtin"
	if o.Pkg() != nil {
		path = o.Pkg().Path()
	}
	if path != "main" {
		if pkg := s.browser.sources(path); pkg != nil {
			return pkg.Decls[key]
		}
		return nil
	}
	switch {
	case owner != nil:
		if t := p.u.entityOf(owner); t != nil {
			return sources.Text("package p;" + t.source.lead + t.source.text).Decls[key]
		}
	case e != nil:
		return &sources.Decl{Doc: e.doc}
	}
	return sources.Text(p.text()).Decls[key] // of this cell
}

// text is the cell's declarations as a file.
func (p *spot) text() string {
	var b strings.Builder
	b.WriteString("package p\n")
	for _, d := range p.c.decls {
		b.WriteString(commented(p.c.docs[strings.TrimPrefix(d.base+"."+d.name, ".")], d.lead+d.text) + "\n")
	}
	return b.String()
}

// commented puts a comment above a declaration.
func commented(doc, text string) string {
	if doc == "" {
		return text
	}
	return "// " + strings.ReplaceAll(strings.TrimSpace(doc), "\n", "\n// ") + "\n" + text
}

// owner is the type of which an object is a field, if it is one: the one that the selection says, or any that has it.
func (p *spot) owner(o types.Object) *types.TypeName {
	f, ok := o.(*types.Var)
	if !ok || !f.IsField() {
		return nil
	}
	t := types.Type(nil)
	if sel := p.selector(); sel != nil {
		t = p.c.info.TypeOf(sel.X)
	} else if lit, _ := p.literal(); lit != nil {
		t = p.c.info.TypeOf(lit)
	}
	return ownerOf(t, f, 4)
}

func ownerOf(t types.Type, f *types.Var, depth int) *types.TypeName {
	if ptr, ok := underlying(t).(*types.Pointer); ok {
		t = ptr.Elem()
	}
	st := structOf(t)
	if st == nil || depth == 0 {
		return nil
	}
	for i := range st.NumFields() {
		if st.Field(i).Origin() == f.Origin() || st.Field(i) == f {
			if n, ok := types.Unalias(t).(*types.Named); ok {
				return n.Obj()
			}
			return nil
		}
	}
	for i := range st.NumFields() {
		if st.Field(i).Embedded() {
			if o := ownerOf(st.Field(i).Type(), f, depth-1); o != nil {
				return o
			}
		}
	}
	return nil
}

// methodList are the methods of a type, as they are declared.
func methodList(t types.Type) (list []string) {
	base := types.Unalias(t)
	if ptr, ok := base.(*types.Pointer); ok {
		base = types.Unalias(ptr.Elem())
	}
	if _, ok := base.(*types.Named); !ok {
		return nil
	}
	for _, c := range membersOf(t, true) {
		list = append(list, c.Text+strings.TrimPrefix(plainNames(c.Type), "func"))
	}
	sort.Strings(list)
	return list
}
