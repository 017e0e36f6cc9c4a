package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// variables makes the entities of the variables that the cell's statements declare.
func (r *rewriter) variables(out *unit) error {
	u, c := r.u, r.c
	scope := c.info.Scopes[c.body]
	if scope == nil {
		return nil
	}
	for _, name := range scope.Names() {
		o, ok := scope.Lookup(name).(*types.Var)
		if !ok {
			continue
		}
		code := newCode()
		slot, err := u.typeText(o.Type(), code)
		if err != nil {
			return &CompileError{[]Diagnostic{c.diagnostic(o.Pos(), fmt.Sprintf("variable %s can't be kept for later cells: %v", name, err))}}
		}
		e := u.links[name+" "+slot]
		if e == nil {
			e = &entity{kind: kindVar, name: name, link: fmt.Sprintf("%s%s%s%d", mark, name, mark, u.id()), slot: slot, code: code}
			u.links[name+" "+slot] = e
		} else {
			copied := *e
			copied.code, copied.again = code, true
			e = &copied
		}
		e.object, e.cell, e.cellID, e.broken = types.NewVar(o.Pos(), o.Pkg(), name, o.Type()), c.name, c.source.cell.ID, ""
		u.entities[o], u.entities[e.object] = e, e
		r.vars[name] = e
		out.vars[name] = varOf{e, len(c.body.List) - 1}
		if shadow := c.pkg.Scope().Lookup(name); shadow != nil && shadow.Pkg() == c.pkg && u.entities[shadow] == nil {
			u.entities[shadow] = e
		}
	}
	if outer := c.info.Scopes[c.run.Type]; outer != nil {
		for _, name := range outer.Names() {
			e := u.names[name]
			if x := out.retyped[name]; x != nil {
				e = x
			}
			u.entities[outer.Lookup(name)] = e
		}
	}
	return nil
}

// statements writes the body of the entry. Before each statement stands its number: should one panic or return, the session knows which
// variables have their values.
func (r *rewriter) statements(out *unit, all code, inits []string) (string, error) {
	c := r.c
	f := c.files[0]
	b := r.body(f, false, r.unit)
	b.entry = true
	at := b.live("At")
	initialise := func(p token.Pos, i int) { // as a package does: after its variables
		if len(inits) > 0 {
			b.edits.insert(b.offset(p), fmt.Sprintf("%s(%d);%s();", at, i, strings.Join(inits, "();")))
			inits = nil
		}
	}
	for i, s := range c.body.List {
		if !isVar(s) {
			initialise(s.Pos(), i)
		}
		b.edits.insert(b.offset(s.Pos()), fmt.Sprintf("%s(%d);", at, i))
		inner := s
		for l, ok := inner.(*ast.LabeledStmt); ok; l, ok = inner.(*ast.LabeledStmt) {
			inner = l.Stmt
		}
		switch inner := inner.(type) {
		case *ast.AssignStmt:
			if inner.Tok == token.DEFINE {
				b.edits.replace(b.offset(inner.TokPos), b.offset(inner.TokPos)+2, "=")
				var names []*ast.Ident
				for _, l := range inner.Lhs {
					out.first(c, l, i)
					if id := l.(*ast.Ident); c.info.Defs[id] != nil {
						names = append(names, id)
					}
				}
				r.again(b, names, inner.Pos(), inner.End())
			}
		case *ast.DeclStmt:
			if err := r.declaration(b, inner, out, i); err != nil {
				return "", err
			}
		}
	}
	initialise(c.body.Rbrace, len(c.body.List))
	b.edits.insert(b.offset(c.body.Rbrace), fmt.Sprintf("%s(%d)", at, len(c.body.List)))
	closing := r.last(b)
	b.walk(c.body)
	closing()
	for _, insert := range b.closers {
		insert()
	}
	if b.failed != nil {
		return "", b.failed
	}
	all.add(b.code)
	all.imports[livePath] = true
	var text strings.Builder
	// The places in local variables: the compiler keeps them in registers.
	local := map[string]bool{}
	for _, e := range sortedSet(b.code.refs) {
		if e.kind == kindVar && !local[e.link] {
			local[e.link] = true
			fmt.Fprintf(&text, "%s := %s; _ = %[1]s\n", localPlace(e), e.link)
		}
	}
	text.WriteString(b.render(c.body.Pos(), c.body.End()) + "\n")
	if !b.off { // what its last statement called may have been told to stop
		text.WriteString(b.live("Check") + "()\n")
	}
	return text.String(), nil
}

func isVar(s ast.Stmt) bool {
	d, ok := s.(*ast.DeclStmt)
	if !ok {
		return false
	}
	g, ok := d.Decl.(*ast.GenDecl)
	return ok && g.Tok == token.VAR
}

// first notes the statement that gives a variable its value.
func (out *unit) first(c *checked, x ast.Expr, step int) {
	if id, ok := x.(*ast.Ident); ok && c.info.Defs[id] != nil {
		if v, ok := out.vars[id.Name]; ok {
			v.step = min(v.step, step)
			out.vars[id.Name] = v
		}
	}
}

// declaration makes assignments of var a, b T = x, y. One without values sets zero, as it does in a function.
func (r *rewriter) declaration(b *body, s *ast.DeclStmt, out *unit, step int) error {
	if !isVar(s) {
		return nil
	}
	g := s.Decl.(*ast.GenDecl)
	b.edits.replace(b.offset(g.Pos()), b.offset(g.Pos())+len("var"), "")
	if g.Lparen.IsValid() {
		b.edits.replace(b.offset(g.Lparen), b.offset(g.Lparen)+1, "")
		b.edits.replace(b.offset(g.Rparen), b.offset(g.Rparen)+1, "")
	}
	for _, spec := range g.Specs {
		v := spec.(*ast.ValueSpec)
		for _, n := range v.Names {
			out.first(r.c, n, step)
		}
		if v.Type == nil {
			r.again(b, v.Names, v.Pos(), v.End())
			continue
		}
		if r.blank(b, v) {
			continue
		}
		text, err := r.u.typeText(r.c.info.TypeOf(v.Type), b.code)
		switch {
		case len(v.Values) > 0:
			r.again(b, v.Names, v.Pos(), v.End())
			b.edits.replace(b.offset(v.Type.Pos()), b.offset(v.Values[0].Pos()), "= ")
		case err != nil:
			return &CompileError{[]Diagnostic{r.c.diagnostic(v.Pos(), "this variable can't be kept: "+err.Error())}}
		default:
			var places []string
			for _, n := range v.Names {
				if e := r.vars[n.Name]; e.again {
					places = append(places, r.fresh(b, e))
				}
			}
			if len(places) == len(v.Names) { // which are zero
				b.edits.replace(b.offset(v.Pos()), b.offset(v.End()), strings.Join(places, ";"))
				for _, n := range v.Names {
					b.skip[n] = true
				}
				break
			}
			b.edits.insert(b.offset(v.Pos()), strings.Join(append(places, ""), ";"))
			zeros := strings.TrimSuffix(strings.Repeat("*new("+text+"), ", len(v.Names)), ", ")
			b.edits.replace(b.offset(v.Type.Pos()), b.offset(v.Type.End()), "= "+zeros)
		}
		ast.Inspect(v.Type, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				b.skip[id] = true
			}
			return true
		})
	}
	return nil
}

// fresh gives a variable that is declared again another place.
func (r *rewriter) fresh(b *body, e *entity) string {
	b.code.refs[e] = true
	return fmt.Sprintf("%s = %s(%q, %s).(*%s)", localPlace(e), b.live("Fresh"), e.link, e.link, e.slot)
}

// again writes an assignment in which variables are declared again: what it computes may still use the old ones.
func (r *rewriter) again(b *body, names []*ast.Ident, from, to token.Pos) {
	before, behind := "", ""
	values := map[*ast.Ident]string{}
	for _, id := range names {
		if e := r.vars[id.Name]; e != nil && e.again {
			values[id] = "v" + e.link
			before += "var " + values[id] + " " + e.slot + ";"
			behind += ";" + r.fresh(b, e) + ";*" + localPlace(e) + " = " + values[id]
		}
	}
	if before == "" {
		return
	}
	b.edits.insert(b.offset(from), "{"+before)
	for id, value := range values {
		b.edits.replace(b.offset(id.Pos()), b.offset(id.End()), value)
		b.skip[id] = true
	}
	b.closers = append(b.closers, func() { b.edits.insert(b.offset(to), behind+"}") })
}

// blank leaves a declaration with a type that has _ among its names as it is: _ takes the type of what it is given. The others are
// assigned behind it.
func (r *rewriter) blank(b *body, v *ast.ValueSpec) bool {
	var places, names []string
	found := false
	for _, n := range v.Names {
		if n.Name == "_" {
			found = true
			continue
		}
		places = append(places, b.refer(r.vars[n.Name]))
		names = append(names, n.Name+mark)
	}
	if !found {
		return false
	}
	b.edits.insert(b.offset(v.Pos()), "var ")
	for _, n := range v.Names {
		if n.Name != "_" {
			b.edits.insert(b.offset(n.End()), mark)
			b.skip[n] = true
		}
	}
	if len(names) > 0 {
		fresh := ""
		for _, n := range v.Names {
			if e := r.vars[n.Name]; n.Name != "_" && e.again {
				fresh += ";" + r.fresh(b, e)
			}
		}
		b.closers = append(b.closers, func() {
			b.edits.insert(b.offset(v.End()), fresh+";"+strings.Join(places, ", ")+" = "+strings.Join(names, ", "))
		})
	}
	return true
}

// last shows the value of the cell's last expression. What it gives back closes the call, behind all other edits.
func (r *rewriter) last(b *body) func() {
	c := r.c
	none := func() {}
	if c.lastExprs == 0 || c.quiet || len(c.body.List) == 0 {
		return none
	}
	s := c.body.List[len(c.body.List)-1]
	for l, ok := s.(*ast.LabeledStmt); ok; l, ok = s.(*ast.LabeledStmt) {
		s = l.Stmt
	}
	switch s := s.(type) {
	case *ast.AssignStmt:
		b.edits.replace(b.offset(s.Pos()), b.offset(s.TokPos)+1, b.live("Show")+"(")
		for _, l := range s.Lhs {
			if id, ok := l.(*ast.Ident); ok {
				b.skip[id] = true
			}
		}
		return func() { b.edits.insert(b.offset(s.End()), ")") }
	case *ast.ExprStmt:
		call, ok := ast.Unparen(s.X).(*ast.CallExpr)
		if !ok {
			return none
		}
		tv := c.info.Types[s.X]
		if tv.IsVoid() || tv.Type == nil {
			return none
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok { // the count of bytes that fmt.Println gives back is nothing to look at
			if o := c.info.Uses[f.Sel]; o != nil && o.Pkg() != nil && o.Pkg().Path() == "fmt" && strings.Contains(o.Name(), "rint") && !strings.HasPrefix(o.Name(), "S") {
				return none
			}
		}
		b.edits.insert(b.offset(s.Pos()), b.live("ShowCall")+"(")
		return func() { b.edits.insert(b.offset(s.End()), ")") }
	}
	return none
}
