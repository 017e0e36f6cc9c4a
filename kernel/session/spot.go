package session

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"

	"github.com/cellar-go/cellar/internal/gocell"
)

// spot is a name in a cell that is being typed, with all that the checker could make of the cell around it.
type spot struct {
	c     *checked
	u     *universe
	scope *types.Scope
	path  []ast.Node // from the file down to the name
}

// cursor stands for a name that is still to be typed. It is a letter, and nobody uses it.
const cursor = "ꙮ"

// look finds out where in a cell the word from start to end stands. It is nil if the cell can't be understood there, or nothing is known yet.
// While the spot is used, Session.mu is held: what lives is shared with the checks of cells.
func (s *Session) look(src string, start, end int, word string) (p *spot) {
	if s.universe == nil {
		return nil
	}
	text, ok := gocell.Mend(src, start, end, word)
	if !ok {
		return nil
	}
	defer func() {
		if recover() != nil { // half a cell may be more than go/types can take
			p = nil
		}
	}()
	u := *s.universe // the checks leave their traces in the copy
	u.pkg = types.NewPackage("main", "main")
	u.names, u.imports, u.entities, u.aliases = maps.Clone(u.names), maps.Clone(u.imports), maps.Clone(u.entities), maps.Clone(u.aliases)
	cell, err := read(Cell{Source: text}, "cell", func(path string) (string, error) { return s.browser.name(path), nil })
	if err != nil {
		return nil
	}
	c := u.understand(cell, importerFunc(func(path string) (*types.Package, error) { return s.browser.imported(path, s.importer) }))
	if c == nil {
		return nil
	}
	p = &spot{c: c, u: &u}
	line, column := place(text, start)
	best := -1
	for _, f := range c.files {
		var path []ast.Node
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if n == nil {
				path = path[:len(path)-1]
				return true
			}
			path = append(path, n)
			if id, ok := n.(*ast.Ident); ok && id.Name == word {
				at := c.fset.Position(id.Pos())
				if at.Filename != "cell" || at.Line != line {
					return true
				}
				if away := max(at.Column-column, column-at.Column); best < 0 || away < best { // methods are rewritten on their first line
					best = away
					p.path = append([]ast.Node(nil), path...)
				}
			}
			return true
		})
	}
	if best < 0 {
		return nil
	}
	p.scope = c.pkg.Scope().Innermost(p.ident().Pos())
	return p
}

// understand checks a cell as far as it goes: errors are expected.
func (u *universe) understand(src *source, importer types.Importer) *checked {
	a := u.begin(src)
	var last *checked
	for range 6 {
		t := u.try(src, a, importer)
		if t.parse != nil || t.run == nil {
			return last
		}
		last = t.checked
		next, settled := u.settle(t)
		if settled {
			break
		}
		a = next
	}
	return last
}

func (p *spot) ident() *ast.Ident { return p.path[len(p.path)-1].(*ast.Ident) }

// parent is the node so many levels above the name; nil above the file.
func (p *spot) parent(up int) ast.Node {
	if i := len(p.path) - 1 - up; i >= 0 {
		return p.path[i]
	}
	return nil
}

// selector is the selection that the name ends, if it ends one: x.name.
func (p *spot) selector() *ast.SelectorExpr {
	if sel, ok := p.parent(1).(*ast.SelectorExpr); ok && sel.Sel == p.ident() {
		return sel
	}
	return nil
}

// expr is the name, with what it is selected from, and how many levels its parent is above the name.
func (p *spot) expr() (ast.Expr, int) {
	if sel := p.selector(); sel != nil {
		return sel, 2
	}
	return p.ident(), 1
}

// literal is the composite literal of which the name is a key or an element, with its struct type.
func (p *spot) literal() (*ast.CompositeLit, *types.Struct) {
	lit, ok := p.parent(1).(*ast.CompositeLit)
	if kv, isKey := p.parent(1).(*ast.KeyValueExpr); isKey && kv.Key == p.ident() {
		lit, ok = p.parent(2).(*ast.CompositeLit)
	}
	if !ok || lit.Type == ast.Expr(p.ident()) {
		return nil, nil
	}
	return lit, structOf(p.c.info.TypeOf(lit))
}

func structOf(t types.Type) *types.Struct {
	if t == nil {
		return nil
	}
	if ptr, ok := t.Underlying().(*types.Pointer); ok {
		t = ptr.Elem()
	}
	st, _ := t.Underlying().(*types.Struct)
	return st
}

// isType reports whether a type is wanted at the spot, and nothing else can stand there.
func (p *spot) isType() bool {
	child, up := p.expr()
	for ; ; up++ {
		switch n := p.parent(up).(type) {
		case *ast.StarExpr: // a pointer's type, or what a pointer points to
			child = n
			continue
		case *ast.Field:
			return n.Type == child
		case *ast.ValueSpec:
			return n.Type == child
		case *ast.TypeSpec:
			return n.Type == child
		case *ast.ArrayType:
			return n.Elt == child
		case *ast.MapType, *ast.ChanType:
			return true
		case *ast.TypeAssertExpr:
			return n.Type == child
		case *ast.CaseClause:
			_, ok := p.parent(up + 2).(*ast.TypeSwitchStmt)
			return ok
		}
		return false
	}
}

// expected is the type that a value at the spot should have; nil if any will do.
func (p *spot) expected() types.Type {
	child, up := p.expr()
	if u, ok := p.parent(up).(*ast.UnaryExpr); ok {
		switch u.Op {
		case token.AND:
			if t := p.wanted(u, up+1); t != nil {
				if ptr, ok := t.Underlying().(*types.Pointer); ok {
					return ptr.Elem()
				}
			}
			return nil
		case token.NOT:
			return types.Typ[types.Bool]
		case token.ARROW:
			return nil
		}
		child, up = u, up+1
	}
	if t := p.wanted(child, up); t != nil && t != types.Typ[types.Invalid] {
		if b, ok := t.(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
			return types.Default(t)
		}
		return t
	}
	return nil
}

// wanted is the type that the node so many levels above the name wants of its child.
func (p *spot) wanted(child ast.Expr, up int) types.Type {
	info := p.c.info
	switch n := p.parent(up).(type) {
	case *ast.CallExpr:
		for i, arg := range n.Args {
			if arg == child {
				return p.argument(n, i)
			}
		}
	case *ast.AssignStmt:
		for i, x := range n.Rhs {
			if x == child && n.Tok != token.DEFINE && len(n.Lhs) == len(n.Rhs) {
				return info.TypeOf(n.Lhs[i])
			}
		}
	case *ast.ValueSpec:
		if n.Type != nil && n.Type != child {
			return info.TypeOf(n.Type)
		}
	case *ast.ReturnStmt:
		for i, x := range n.Results {
			if x == child {
				return p.result(i, up)
			}
		}
	case *ast.BinaryExpr:
		switch n.Op {
		case token.LAND, token.LOR:
			return types.Typ[types.Bool]
		case token.SHL, token.SHR:
			return nil
		}
		if n.X == child {
			return info.TypeOf(n.Y)
		}
		return info.TypeOf(n.X)
	case *ast.CaseClause:
		if s, ok := p.parent(up + 2).(*ast.SwitchStmt); ok {
			if s.Tag == nil {
				return types.Typ[types.Bool]
			}
			return info.TypeOf(s.Tag)
		}
	case *ast.KeyValueExpr:
		lit, ok := p.parent(up + 1).(*ast.CompositeLit)
		if !ok {
			return nil
		}
		t := info.TypeOf(lit)
		if st := structOf(t); st != nil {
			key, _ := n.Key.(*ast.Ident)
			for i := range st.NumFields() {
				if key != nil && st.Field(i).Name() == key.Name && n.Value == child {
					return st.Field(i).Type()
				}
			}
			return nil
		}
		return element(t, n.Key == child)
	case *ast.CompositeLit:
		t := info.TypeOf(n)
		if st := structOf(t); st != nil {
			for i, x := range n.Elts {
				if x == child && i < st.NumFields() {
					return st.Field(i).Type()
				}
			}
			return nil
		}
		_, isMap := underlying(t).(*types.Map)
		return element(t, isMap)
	case *ast.SendStmt:
		if c, ok := underlying(info.TypeOf(n.Chan)).(*types.Chan); ok && n.Value == child {
			return c.Elem()
		}
	case *ast.IndexExpr:
		if n.Index == child {
			switch underlying(info.TypeOf(n.X)).(type) {
			case *types.Map:
				return element(info.TypeOf(n.X), true)
			case *types.Slice, *types.Array, *types.Pointer, *types.Basic:
				return types.Typ[types.Int]
			}
		}
	case *ast.IfStmt, *ast.ForStmt:
		return types.Typ[types.Bool]
	}
	return nil
}

func underlying(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	return t.Underlying()
}

// element is the type of a container's elements, or of its keys.
func element(t types.Type, key bool) types.Type {
	switch t := underlying(t).(type) {
	case *types.Slice:
		if !key {
			return t.Elem()
		}
	case *types.Array:
		if !key {
			return t.Elem()
		}
	case *types.Map:
		if key {
			return t.Key()
		}
		return t.Elem()
	}
	return nil
}

// argument is the type of a call's parameter.
func (p *spot) argument(call *ast.CallExpr, i int) types.Type {
	sig, ok := underlying(p.c.info.TypeOf(call.Fun)).(*types.Signature)
	if !ok {
		if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "append" && i > 0 {
			return element(p.c.info.TypeOf(call.Args[0]), false)
		}
		return nil
	}
	n := sig.Params().Len()
	switch {
	case sig.Variadic() && i >= n-1:
		return element(sig.Params().At(n-1).Type(), false)
	case i < n:
		return sig.Params().At(i).Type()
	}
	return nil
}

// result is the type of the function's result that a return statement gives.
func (p *spot) result(i, up int) types.Type {
	for ; p.parent(up) != nil; up++ {
		var t types.Type
		switch f := p.parent(up).(type) {
		case *ast.FuncLit:
			t = p.c.info.TypeOf(f)
		case *ast.FuncDecl:
			if o := p.c.info.Defs[f.Name]; o != nil {
				t = o.Type()
			}
		default:
			continue
		}
		if sig, ok := t.(*types.Signature); ok && i < sig.Results().Len() {
			return sig.Results().At(i).Type()
		}
		return nil
	}
	return nil
}
