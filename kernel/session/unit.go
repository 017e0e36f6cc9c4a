package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"sort"
	"strings"
)

// unit is a cell as it is compiled, and what the session will know when it is loaded.
type unit struct {
	id       int
	name     string // of its cell
	text     string
	entry    string
	imports  []string // paths
	declared []*entity
	vars     map[string]varOf // by name
	replaced map[*entity]*entity
	methods  []methodChange
	code     map[string][]stretch
	extended bool               // types of the worker get methods
	retyped  map[string]*entity // variables whose type was
}

type varOf struct {
	entity *entity
	step   int // the statement that gives it its first value
}

type methodChange struct {
	base *entity
	m    *entity
}

// write makes the unit of a checked cell.
func (u *universe) write(c *checked) (*unit, error) {
	r := &rewriter{u: u, c: c, unit: u.id(), impls: map[*entity]string{}, vars: map[string]*entity{}}
	out := &unit{id: r.unit, name: c.name, entry: fmt.Sprintf("Run%d", r.unit), vars: map[string]varOf{}, replaced: map[*entity]*entity{}, retyped: map[string]*entity{}, code: map[string][]stretch{}}
	out.extended = len(c.extended) > 0
	var types_ []*entity
	entities := map[*ast.Ident]*entity{} // of what is declared

	declare := func(e *entity, o types.Object, f *checkFile) {
		e.object, e.methods = o, map[string]*entity{}
		e.code, e.direct = newCode(), map[*entity]bool{}
		e.cell, e.cellID, e.scope, e.unchecked, e.doc = c.name, c.source.cell.ID, f.imports, c.unchecked, c.docs[e.name]
		if e.base != nil {
			e.doc = c.docs[e.base.name+"."+e.name]
		}
		if f.again != nil {
			e.cell, e.cellID, e.unchecked, e.doc = f.again.cell, f.again.cellID, f.again.unchecked, f.again.doc
		}
		u.entities[o] = e
		out.declared = append(out.declared, e)
	}

	// Types first: their names stand in everything else.
	for _, f := range c.files {
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				s := s.(*ast.TypeSpec)
				if s.Name.Name == "_" { // it is checked, and nobody can use it
					continue
				}
				e := &entity{kind: kindType, name: s.Name.Name, link: s.Name.Name}
				if c.extended[e.name] {
					e.link = u.names[e.name].link
				} else if u.typeUsed[e.link] || e.link == "main" {
					e.link = fmt.Sprintf("%s%s%d", e.name, mark, u.id())
				}
				u.typeUsed[e.link] = true
				declare(e, c.info.Defs[s.Name], f)
				e.source = c.piece(f, s)
				e.source.lead = "type "
				entities[s.Name] = e
				types_ = append(types_, e)
			}
		}
	}
	// Then all that has a place, so that bodies may refer to each other in any order.
	type function struct {
		e     *entity
		decl  *ast.FuncDecl
		file  *checkFile
		impl  string
		inits bool
	}
	type constant struct {
		e    *entity
		decl *ast.GenDecl
	}
	var functions []function
	var constants []constant
	var order []string
	inits := 0
	for _, f := range c.files {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				if d.Tok == token.CONST {
					for _, s := range d.Specs {
						for _, n := range s.(*ast.ValueSpec).Names {
							o, ok := c.info.Defs[n].(*types.Const)
							if !ok || n.Name == "_" {
								continue
							}
							e := &entity{kind: kindConst, name: n.Name, link: fmt.Sprintf("%s%s%d", n.Name, mark, u.id())}
							if live := u.meant(n.Name); live != nil && live.kind == kindConst && sameConstant(live, o) {
								e.link = live.link
							}
							declare(e, o, f)
							e.source = c.piece(f, d)
							constants = append(constants, constant{e, d})
							var err error
							if e.text, err = u.constText(e.link, o, e.code); err != nil {
								return nil, &CompileError{[]Diagnostic{c.diagnostic(n.Pos(), "constant "+n.Name+" can't be kept: "+err.Error())}}
							}
						}
					}
				}
			case *ast.FuncDecl:
				if d == c.run {
					continue
				}
				o := c.info.Defs[d.Name].(*types.Func)
				e := &entity{kind: kindFunc, name: d.Name.Name}
				fn := function{e: e, decl: d, file: f}
				method, asFunction := c.methods[d.Name.Name]
				switch {
				case d.Name.Name == "_":
					e.link = fmt.Sprintf("blank%s%d", mark, u.id())
					fn.impl = e.link
					e.code, e.direct = newCode(), map[*entity]bool{}
					r.impls[e] = fn.impl
					functions = append(functions, fn)
					continue
				case d.Name.Name == "init" && d.Recv == nil && !asFunction:
					inits++
					fn.impl, fn.inits = fmt.Sprintf("init%s%d_%d", mark, r.unit, inits), true
					e.code, e.direct = newCode(), map[*entity]bool{}
					functions = append(functions, fn)
					order = append(order, fn.impl)
					continue
				case asFunction:
					old := method.base.methods[method.name]
					e.name, e.base, e.link, e.slot = method.name, method.base, old.link, old.slot
					fn.impl = fmt.Sprintf("%s%s%s__%s%s%d", mark, method.base.name, mark, method.name, mark, r.unit)
					declare(e, o, f)
					r.impls[e], r.impls[old] = fn.impl, fn.impl
					e.code.add(old.code)
					out.methods = append(out.methods, methodChange{method.base, e})
				case d.Recv != nil:
					base := u.entityOf(receiverName(o))
					if base == nil {
						return nil, &CompileError{[]Diagnostic{c.diagnostic(d.Pos(), "a method of this type can't be declared in a cell")}}
					}
					e.base = base
					declare(e, o, f)
					base.methods[e.name] = e
					e.repeated = base.generic() || callsRecover(d.Body)
					if !e.repeated {
						e.link = fmt.Sprintf("%s%s%s__%s%s%d", mark, base.name, mark, e.name, mark, u.id())
						if old := u.names[base.name]; c.extended[base.name] && old.methods[e.name] != nil {
							e.link = old.methods[e.name].link // what its descriptor has calls the new one
						}
						fn.impl = fmt.Sprintf("%s%s%s__%s%s%d", mark, base.name, mark, e.name, mark, u.id())
						r.impls[e] = fn.impl
					}
				default:
					declare(e, o, f)
					if o.Signature().TypeParams().Len() > 0 {
						e.link = fmt.Sprintf("%s%s%s%d", mark, e.name, mark, u.id())
					} else {
						fn.impl = fmt.Sprintf("%s%s%s%d", mark, e.name, mark, r.unit)
						code := newCode()
						slot, err := u.typeText(o.Signature(), code)
						if err != nil {
							return nil, &CompileError{[]Diagnostic{c.diagnostic(d.Pos(), "function "+e.name+" can't be kept: "+err.Error())}}
						}
						e.slot, e.code = slot, code
						e.link = u.places[e.name+" "+slot] // callers of the old one call the new one
						if e.link == "" {
							e.link = fmt.Sprintf("%s%s%s%d_1", mark, e.name, mark, u.id())
							u.places[e.name+" "+slot] = e.link
						}
						r.impls[e] = fn.impl
						if f.again == nil && strings.HasPrefix(e.name, "init_") && o.Signature().Params().Len() == 0 && o.Signature().Results().Len() == 0 {
							order = append(order, fn.impl) // as in GoNB
						}
					}
				}
				e.source = c.piece(f, d)
				if asFunction {
					e.source = c.methodSource(f, method)
				}
				functions = append(functions, fn)
			}
		}
	}
	if err := r.retype(out); err != nil {
		return nil, err
	}
	if err := r.variables(out); err != nil {
		return nil, err
	}

	// Slots of methods, now that every type has its name.
	for _, fn := range functions {
		e := fn.e
		if e.base == nil || e.repeated || e.slot != "" {
			continue
		}
		s := e.object.(*types.Func).Signature()
		params := []*types.Var{types.NewParam(token.NoPos, nil, "", s.Recv().Type())}
		for i := range s.Params().Len() {
			params = append(params, s.Params().At(i))
		}
		code := newCode()
		slot, err := u.typeText(types.NewSignatureType(nil, nil, nil, types.NewTuple(params...), s.Results(), s.Variadic()), code)
		if err != nil {
			return nil, &CompileError{[]Diagnostic{c.diagnostic(fn.decl.Pos(), "method "+e.name+" can't be kept: "+err.Error())}}
		}
		e.slot, e.code = slot, code
	}

	// The texts.
	all := newCode()
	var text, assigns strings.Builder
	for _, f := range c.files {
		for _, d := range f.ast.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				for _, s := range g.Specs {
					e := entities[s.(*ast.TypeSpec).Name]
					if e == nil {
						continue
					}
					b := r.body(f, true, u.id())
					b.walk(s)
					if b.failed != nil {
						return nil, b.failed
					}
					e.text = "type " + c.directive(s.Pos()) + b.render(s.Pos(), s.End()) + "\n"
					e.code.add(b.code)
				}
			}
		}
	}
	for _, fn := range functions {
		e, d := fn.e, fn.decl
		portable := fn.impl == ""
		owner := r.unit
		if portable {
			owner = u.id()
		}
		b := r.body(fn.file, portable, owner)
		b.off = b.off || strings.Contains(c.pragmas(fn.file, d), "//go:nosplit\n")
		b.enter(d.Body)
		name := e.link
		if fn.impl != "" {
			name = fn.impl
		}
		switch {
		case d.Recv != nil && !portable:
			methodEdits(&b.edits, d, name, c.offset)
		case d.Recv == nil:
			b.edits.replace(c.offset(d.Name.Pos()), c.offset(d.Name.End()), name)
		}
		b.skip[d.Name] = true
		b.walk(d)
		if found := r.stretches(d); len(found) > 0 {
			out.code[name] = found
		}
		if b.failed != nil {
			return nil, b.failed
		}
		pragmas := c.pragmas(fn.file, d)
		body := pragmas + c.directive(d.Pos()) + b.render(d.Pos(), d.End()) + "\n"
		if b.noinline && portable && !strings.Contains(pragmas, "//go:noinline") {
			body = "//go:noinline\n" + body
		}
		e.uses(b.code)
		for f := range b.direct {
			e.direct[f] = true
		}
		switch {
		case portable && e.base != nil: // stands with its type
			e.base.text += body
			e.base.code.add(b.code)
		case portable:
			e.text = body
			e.code.add(b.code)
		default:
			text.WriteString(body)
			all.add(b.code)
			if e.slot != "" {
				fmt.Fprintf(&assigns, "*%s = %s\n", e.link, fn.impl)
				all.refs[e] = true
			}
		}
		if e.base != nil && !e.repeated && d.Recv != nil {
			e.base.text += e.trampoline(u)
			e.base.code.add(e.code)
			e.base.code.refs[e] = true
		}
	}
	for _, k := range constants {
		code := newCode()
		ast.Inspect(valuesOf(k.decl, constantSpec(k.decl, k.e.name)), func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if x := u.entityOf(c.info.Uses[id]); x != nil {
					code.refs[x] = true
				}
			}
			return true
		})
		k.e.uses(code)
	}
	if found := r.stretches(c.body); len(found) > 0 {
		out.code[out.entry] = found
	}
	run, err := r.statements(out, all, order)
	if err != nil {
		return nil, err
	}
	for _, e := range out.declared {
		if e.kind != kindConst {
			all.refs[e] = true
		}
	}
	for _, e := range types_ {
		if !e.generic() && !isConstraint(e.object.Type()) {
			fmt.Fprintf(&assigns, "%s.Types([]%s(nil), []*%[2]s(nil), (**%[2]s)(nil), map[string]%[2]s(nil), [][]%[2]s(nil))\n", u.alias(livePath), e.link)
		}
	}
	for _, name := range sortedKeys(out.retyped) { // instances of generic types are described too
		e := out.retyped[name]
		fmt.Fprintf(&assigns, "%s.Types((*%s)(nil))\n", u.alias(livePath), e.slot)
		all.refs[e] = true
	}
	instances := r.extendedInstances()
	for _, text := range sortedKeys(instances) {
		fmt.Fprintf(&assigns, "%s.Types((*%s)(nil))\n", u.alias(livePath), text)
		all.add(instances[text])
	}
	all.imports[livePath] = true
	return out, u.assemble(out, all, text.String(), assigns.String(), run)
}

// forget gives back the names of a unit's types: it was not compiled.
func (u *universe) forget(out *unit) {
	for _, e := range out.declared {
		if live := u.names[e.name]; e.kind == kindType && !(live != nil && live.link == e.link) {
			delete(u.typeUsed, e.link)
		}
	}
}

func isConstraint(t types.Type) bool {
	i, ok := t.Underlying().(*types.Interface)
	return ok && !i.IsMethodSet()
}

// uses notes what a body refers to, besides what stands in the texts that are repeated.
func (e *entity) uses(c code) {
	if e.body == nil {
		e.body = map[*entity]bool{}
	}
	for x := range c.refs {
		e.body[x] = true
	}
}

func receiverName(f *types.Func) types.Object {
	t := types.Unalias(f.Signature().Recv().Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj()
	}
	return nil
}

// trampoline is the method as its type carries it: a call of the function that stands behind its slot, so that an edited body counts for
// old values and old interfaces.
func (e *entity) trampoline(u *universe) string {
	s := e.object.(*types.Func).Signature()
	var b strings.Builder
	w := typeWriter{c: e.code, alias: func(p string) string { e.code.imports[p] = true; return u.alias(p) },
		name: func(o *types.TypeName) string { x := u.entityOf(o); e.code.refs[x] = true; return x.link }}
	w.b.WriteString("(r" + mark + " ")
	w.write(s.Recv().Type())
	w.b.WriteString(") " + e.name + "(")
	args := []string{"r" + mark}
	for i := range s.Params().Len() {
		name := fmt.Sprintf("a%s%d", mark, i)
		w.b.WriteString(name + " ")
		args = append(args, name)
		t := s.Params().At(i).Type()
		if s.Variadic() && i == s.Params().Len()-1 {
			w.b.WriteString("...")
			t = t.(*types.Slice).Elem()
			args[len(args)-1] += "..."
		}
		w.write(t)
		w.b.WriteString(", ")
	}
	w.b.WriteString(") (")
	for i := range s.Results().Len() {
		w.write(s.Results().At(i).Type())
		w.b.WriteString(", ")
	}
	w.b.WriteString(")")
	call := fmt.Sprintf("(*%s)(%s)", e.link, strings.Join(args, ", "))
	if s.Results().Len() > 0 {
		call = "return " + call
	}
	b.WriteString("/*line session:1:1*/func " + strings.TrimSuffix(w.b.String(), " ()") + " { " + call + " }\n")
	return b.String()
}

// assemble puts the unit together: the texts of all that it refers to, the places, and the entry.
func (u *universe) assemble(out *unit, all code, text, assigns, run string) error {
	seen := map[*entity]bool{}
	embeds := map[string]*entity{}
	var list []*entity
	var visit func(e *entity)
	visit = func(e *entity) {
		if seen[e] {
			return
		}
		seen[e] = true
		list = append(list, e)
		for p := range e.code.imports {
			all.imports[p] = true
		}
		for x := range e.code.embeds {
			all.embeds[x] = true
		}
		for _, x := range sortedSet(e.code.refs) {
			visit(x)
		}
	}
	for _, e := range sortedSet(all.refs) {
		visit(e)
	}
	for _, e := range sortedSet(all.embeds) {
		if other := embeds[e.name]; other != nil && other != e {
			return u.mixed(out, all, e, other)
		}
		embeds[e.name] = e
	}
	sort.Slice(list, func(i, j int) bool { return list[i].link < list[j].link })
	var b strings.Builder
	all.imports["unsafe"] = true // for the words of places
	b.WriteString("package main\n\nimport (\n")
	for _, path := range sortedKeys(all.imports) {
		fmt.Fprintf(&b, "\t%s %q\n", u.alias(path), path)
		out.imports = append(out.imports, path)
	}
	b.WriteString(")\n\nfunc main() {}\n")
	var places strings.Builder
	links := map[string]bool{}
	for _, e := range list {
		if links[e.link] {
			continue // two generations of a function share a place
		}
		links[e.link] = true
		switch {
		case e.kind == kindVar || e.kind == kindFunc && e.slot != "":
			fmt.Fprintf(&b, "var %s *%s\n", e.link, e.slot)
			fmt.Fprintf(&places, "%[1]s = %[2]s.Slot(%[1]q, %[1]s, %[3]s.Pointer(&%[1]s)).(*%[4]s)\n", e.link, u.alias(livePath), u.alias("unsafe"), e.slot)
		case e.text != "":
			b.WriteString(e.text + "\n")
		}
		if x := embeds[e.name]; x != nil && e.kind == kindType && e.link == e.name && x != e {
			return u.mixed(out, all, x, e)
		}
	}
	for _, name := range sortedKeys(embeds) {
		parameters, args := u.parameters(embeds[name])
		fmt.Fprintf(&b, "type %s%s = %s%s\n", name, parameters, embeds[name].link, args)
	}
	b.WriteString(text)
	fmt.Fprintf(&b, "var _ %s.Pointer\n", u.alias("unsafe"))
	fmt.Fprintf(&b, "/*line session:1:1*/func %s() {\n%s.At(-1)\n%s%s%s}\n", out.entry, u.alias(livePath), places.String(), assigns, run)
	out.text = b.String()
	return nil
}

// mixed is the error of a cell that needs two generations of a type which is embedded in a struct. The field's name is the type's: only one
// of them can stand under it.
func (u *universe) mixed(out *unit, all code, a, b *entity) error {
	if out.declares(b) || !out.declares(a) && u.names[a.name] == b {
		a, b = b, a
	}
	var users []string
	for _, e := range sortedSet(all.refs) {
		if e.base == nil && e != b && !out.declares(e) && reaches(e, b, map[*entity]bool{}) {
			users = append(users, fmt.Sprintf("%s (%s)", e.name, e.cell))
		}
	}
	return &CompileError{[]Diagnostic{{out.name, 1, 1, fmt.Sprintf(
		"two generations of %s meet in this cell, and the newer one is embedded in a struct: run first the cells of what holds the older one: %s", a.name, strings.Join(users, ", "))}}}
}

func (out *unit) declares(e *entity) bool {
	for _, d := range out.declared {
		if d == e {
			return true
		}
	}
	return false
}

func reaches(from, to *entity, seen map[*entity]bool) bool {
	if from == to || seen[from] {
		return from == to
	}
	seen[from] = true
	for e := range from.code.refs {
		if reaches(e, to, seen) {
			return true
		}
	}
	return false
}

// parameters are those of a generic type, as an alias of it declares them and passes them on.
func (u *universe) parameters(e *entity) (declared, passed string) {
	var list *types.TypeParamList
	switch t := e.object.Type().(type) {
	case *types.Named:
		list = t.TypeParams()
	case *types.Alias:
		list = t.TypeParams()
	}
	if list.Len() == 0 {
		return "", ""
	}
	var names, constraints []string
	for p := range list.TypeParams() {
		text, err := u.typeText(p.Constraint(), e.code)
		if err != nil {
			text = "any" // it is written where the type is declared
		}
		names = append(names, p.Obj().Name())
		constraints = append(constraints, p.Obj().Name()+" "+text)
	}
	return "[" + strings.Join(constraints, ", ") + "]", "[" + strings.Join(names, ", ") + "]"
}

func (c *checked) directive(p token.Pos) string {
	at := c.fset.Position(p)
	return fmt.Sprintf("/*line %s:%d:%d*/", at.Filename, at.Line, at.Column)
}

// piece is a declaration as it was given.
func (c *checked) piece(f *checkFile, n ast.Node) piece {
	at := c.fset.Position(n.Pos())
	return piece{text: f.text[c.offset(n.Pos()):c.offset(n.End())], file: at.Filename, line: at.Line, column: at.Column, pragmas: c.pragmas(f, n)}
}

// pragmas are the //go: lines above a function, for the compiler.
func (c *checked) pragmas(f *checkFile, n ast.Node) string {
	if f.again != nil {
		return f.again.source.pragmas
	}
	at := c.fset.Position(n.Pos())
	for _, d := range c.decls {
		if d.kind == kindFunc && d.file == at.Filename && d.line == at.Line && d.column == at.Column {
			return d.piece.pragmas
		}
	}
	return ""
}

// methodSource is the method as the user wrote it, for one that was checked as a function.
func (c *checked) methodSource(f *checkFile, m methodOf) piece {
	if f.again != nil {
		return f.again.source
	}
	for _, d := range c.decls {
		if d.base == m.base.name && d.name == m.name {
			return d.piece
		}
	}
	return piece{}
}

func (c *checked) diagnostic(p token.Pos, message string) Diagnostic {
	at := c.fset.Position(p)
	return Diagnostic{at.Filename, at.Line, at.Column, plainNames(message)}
}
