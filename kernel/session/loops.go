package session

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// A loop that stands among a cell's statements works on variables of the session, which live on the heap: each turn would load and store
// them. Where nothing in the loop can panic, call, wait or reach a variable in another way, it works on copies, which the compiler keeps in
// registers, and they are written back behind it, and before it stops for an interrupt. To goroutines that look on without
// synchronization the Go memory model promises no more.

// quick is such a loop.
type quick struct {
	copies  map[*entity]string // variables by the name of their copy
	changed map[*entity]bool
}

// quickLoop decides whether a loop is one; else nil.
func (b *body) quickLoop(n ast.Stmt) *quick {
	if b.off { // it looks for no interrupt, and copies would be lost by one
		return nil
	}
	q := &quick{map[*entity]string{}, map[*entity]bool{}}
	c := &calm{b: b, q: q, ranged: map[types.Object]types.Object{}}
	c.stmt(n)
	if c.wild || len(q.changed) == 0 {
		return nil
	}
	for e := range q.copies {
		q.copies[e] = "c" + e.link
	}
	return q
}

// open gives what stands before the loop, back what stands behind it and writes the copies back.
func (q *quick) open() string {
	var s strings.Builder
	for _, e := range sortedSet(q.copies) {
		s.WriteString(q.copies[e] + " := *" + localPlace(e) + ";")
	}
	return "{" + s.String()
}

func (q *quick) back() string {
	var s strings.Builder
	for _, e := range sortedSet(q.changed) {
		s.WriteString("*" + localPlace(e) + " = " + q.copies[e] + ";")
	}
	return s.String()
}

// calm looks for what a quick loop may not have.
type calm struct {
	b      *body
	q      *quick
	ranged map[types.Object]types.Object // keys of loops over a slice or string, by what they are keys of
	wild   bool
}

func (c *calm) object(x ast.Expr) types.Object {
	id, ok := ast.Unparen(x).(*ast.Ident)
	if !ok {
		return nil
	}
	info := c.b.r.c.info
	if o := info.Uses[id]; o != nil {
		return o
	}
	return info.Defs[id]
}

func (c *calm) basic(t types.Type, info types.BasicInfo) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&info != 0
}

// assigned is the left side of an assignment.
func (c *calm) assigned(x ast.Expr) {
	o := c.object(x)
	if s, ok := ast.Unparen(x).(*ast.SelectorExpr); ok {
		c.field(s)
		return
	}
	if id, ok := x.(*ast.Ident); ok && id.Name == "_" {
		return
	}
	if o == nil {
		c.wild = true
		return
	}
	for key, of := range c.ranged { // it is no key of what it was any more
		if key == o || of == o {
			delete(c.ranged, key)
		}
	}
	v, ok := o.(*types.Var)
	if !ok {
		c.wild = true
		return
	}
	if e := c.b.r.u.entityOf(v); e != nil {
		c.expr(x)
		c.q.changed[e] = true
		if _, copied := c.q.copies[e]; !copied {
			c.wild = true
		}
	}
}

// field is x.y of a struct that a variable holds itself.
func (c *calm) field(s *ast.SelectorExpr) {
	selection := c.b.r.c.info.Selections[s]
	if selection == nil || selection.Kind() != types.FieldVal || selection.Indirect() {
		c.wild = true
		return
	}
	if inner, ok := ast.Unparen(s.X).(*ast.SelectorExpr); ok {
		c.field(inner)
		return
	}
	if v, ok := c.object(s.X).(*types.Var); !ok || v.Pkg() != c.b.r.c.pkg {
		c.wild = true
	}
}

func (c *calm) stmt(s ast.Stmt) {
	if c.wild {
		return
	}
	switch s := s.(type) {
	case nil, *ast.EmptyStmt:
	case *ast.BlockStmt:
		c.stmts(s.List)
	case *ast.AssignStmt:
		for _, x := range s.Rhs {
			c.expr(x)
		}
		for _, x := range s.Lhs {
			c.assigned(x)
		}
		if s.Tok != token.ASSIGN && s.Tok != token.DEFINE {
			c.operation(s.Tok, s.Lhs[0], s.Rhs[0])
		} else if len(s.Lhs) != len(s.Rhs) { // v, ok := m[k]
			c.wild = true
		}
	case *ast.IncDecStmt:
		c.assigned(s.X)
	case *ast.IfStmt:
		c.stmt(s.Init)
		c.expr(s.Cond)
		c.stmt(s.Body)
		c.stmt(s.Else)
	case *ast.ForStmt:
		c.stmt(s.Init)
		if s.Cond != nil {
			c.expr(s.Cond)
		}
		c.stmt(s.Post)
		c.stmt(s.Body)
	case *ast.RangeStmt:
		c.ranges(s)
	case *ast.SwitchStmt:
		c.stmt(s.Init)
		if s.Tag != nil {
			c.expr(s.Tag)
			c.scalar(s.Tag)
		}
		for _, clause := range s.Body.List {
			clause := clause.(*ast.CaseClause)
			for _, x := range clause.List {
				c.expr(x)
			}
			c.stmts(clause.Body)
		}
	case *ast.BranchStmt:
		c.wild = c.wild || s.Label != nil || s.Tok == token.GOTO
	default:
		c.wild = true
	}
}

func (c *calm) stmts(list []ast.Stmt) {
	for _, s := range list {
		c.stmt(s)
	}
}

// ranges is a loop over a number or over what a variable holds.
func (c *calm) ranges(s *ast.RangeStmt) {
	t := c.b.r.c.info.TypeOf(s.X)
	over := c.object(s.X)
	_, variable := over.(*types.Var)
	_, isSlice := t.Underlying().(*types.Slice)
	switch {
	case c.basic(t, types.IsInteger):
		c.expr(s.X)
	case variable && (isSlice || c.basic(t, types.IsString)):
	default:
		c.wild = true
		return
	}
	for _, x := range []ast.Expr{s.Key, s.Value} {
		if x != nil {
			c.assigned(x)
		}
	}
	if key := c.object(s.Key); key != nil && s.Tok == token.DEFINE && isSlice {
		c.ranged[key] = over
		defer delete(c.ranged, key)
		// What the body assigns counts from its begin.
		ast.Inspect(s.Body, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok {
				for _, x := range a.Lhs {
					if o := c.object(x); o == key || o == over {
						delete(c.ranged, key)
					}
				}
			}
			if i, ok := n.(*ast.IncDecStmt); ok && c.object(i.X) == key {
				delete(c.ranged, key)
			}
			return true
		})
	}
	c.stmt(s.Body)
}

// scalar asks for a value whose comparison can't panic.
func (c *calm) scalar(x ast.Expr) {
	if t := c.b.r.c.info.TypeOf(x); t == nil || !c.basic(t, types.IsBoolean|types.IsNumeric|types.IsString) {
		c.wild = true
	}
}

// operation asks for one that can't panic.
func (c *calm) operation(op token.Token, x, y ast.Expr) {
	info := c.b.r.c.info
	c.scalar(x)
	c.scalar(y)
	switch op {
	case token.QUO, token.REM, token.QUO_ASSIGN, token.REM_ASSIGN:
		v := info.Types[y].Value
		if c.basic(info.TypeOf(x), types.IsInteger) && (v == nil || constant.Sign(v) == 0) {
			c.wild = true
		}
	case token.SHL, token.SHR, token.SHL_ASSIGN, token.SHR_ASSIGN:
		if info.Types[y].Value == nil && !c.basic(info.TypeOf(y), types.IsUnsigned) {
			c.wild = true
		}
	}
}

func (c *calm) expr(x ast.Expr) {
	info := c.b.r.c.info
	if c.wild || info.Types[x].Value != nil {
		return
	}
	switch x := x.(type) {
	case *ast.ParenExpr:
		c.expr(x.X)
	case *ast.Ident:
		v, ok := c.object(x).(*types.Var)
		if !ok {
			c.wild = true
			return
		}
		if e := c.b.r.u.entityOf(v); e != nil {
			if c.basic(v.Type(), types.IsBoolean|types.IsNumeric) {
				c.q.copies[e] = ""
			}
		}
	case *ast.SelectorExpr:
		c.field(x)
	case *ast.BinaryExpr:
		c.expr(x.X)
		c.expr(x.Y)
		c.operation(x.Op, x.X, x.Y)
	case *ast.UnaryExpr:
		if x.Op == token.AND || x.Op == token.ARROW {
			c.wild = true
		}
		c.expr(x.X)
	case *ast.IndexExpr:
		key := c.object(x.Index)
		if over := c.ranged[key]; key == nil || over == nil || over != c.object(x.X) {
			c.wild = true
		}
	case *ast.CallExpr:
		c.call(x)
	default:
		c.wild = true
	}
}

// call allows conversions of numbers, lengths, and the functions of package math.
func (c *calm) call(x *ast.CallExpr) {
	info := c.b.r.c.info
	tv := info.Types[x.Fun]
	switch {
	case tv.IsType() && len(x.Args) == 1 && c.basic(tv.Type, types.IsNumeric) && c.basic(info.TypeOf(x.Args[0]), types.IsNumeric):
	case tv.IsBuiltin():
		id, ok := ast.Unparen(x.Fun).(*ast.Ident)
		if ok && id.Name == "len" {
			v, isVar := c.object(x.Args[0]).(*types.Var)
			if _, pointer := info.TypeOf(x.Args[0]).Underlying().(*types.Pointer); !isVar || pointer || v == nil {
				c.wild = true
			}
			return
		}
		if !ok || id.Name != "min" && id.Name != "max" {
			c.wild = true
		}
	default:
		s, ok := x.Fun.(*ast.SelectorExpr)
		if !ok {
			c.wild = true
			return
		}
		f, ok := info.Uses[s.Sel].(*types.Func)
		if !ok || f.Pkg() == nil || f.Pkg().Path() != "math" {
			c.wild = true
		}
	}
	for _, a := range x.Args {
		c.expr(a)
	}
}

// copied begins a statement that is a quick loop, and gives what ends it.
func (b *body) copied(s ast.Stmt) (closers []func()) {
	switch s.(type) {
	case *ast.ForStmt, *ast.RangeStmt:
	default:
		return nil
	}
	q := b.quickLoop(s)
	if q == nil {
		return nil
	}
	for e := range q.copies {
		b.code.refs[e] = true
	}
	b.quick = q
	b.edits.insert(b.offset(s.Pos()), q.open())
	return []func(){func() {
		b.quick = nil
		b.edits.insert(b.offset(s.End()), ";"+q.back()+"}")
	}}
}
