package session

import (
	"go/ast"
	"go/types"
)

// ownMethod makes x.m(a) a call of the function that holds the body of m: what the type has under that name goes through the method's slot, and
// is too big for the compiler to put in the caller's place. The compiler itself makes it a call of m with x in front, after the same
// selections. It gives what is to be done when x has been rewritten. Interfaces and method values have what the type has.
func (b *body) ownMethod(n *ast.CallExpr, up ast.Node) (behind func()) {
	s, ok := n.Fun.(*ast.SelectorExpr)
	if _, starts := up.(*ast.GoStmt); !ok || starts {
		return nil
	}
	selection := b.r.c.info.Selections[s]
	if selection == nil || selection.Kind() != types.MethodVal {
		return nil
	}
	m := b.r.u.entityOf(selection.Obj())
	if m == nil || m.base == nil || m.repeated || m.slot == "" {
		return nil
	}
	if edited := m.base.methods[m.name]; edited != nil && edited.link == m.link { // the type has the first one
		m = edited
	}
	if len(n.Args) == 1 {
		if _, several := b.r.c.info.TypeOf(n.Args[0]).(*types.Tuple); several { // m(f()): nothing may stand before them
			return nil
		}
	}
	path, t := "", selection.Recv()
	index := selection.Index()
	for _, i := range index[:len(index)-1] {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		f := t.Underlying().(*types.Struct).Field(i)
		path, t = path+"."+f.Name(), f.Type()
	}
	_, has := types.Unalias(t).(*types.Pointer)
	_, wants := types.Unalias(selection.Obj().(*types.Func).Signature().Recv().Type()).(*types.Pointer)
	open := "("
	switch {
	case wants && !has:
		open = "(&"
	case has && !wants:
		open = "(*"
	}
	b.edits.insert(b.offset(s.X.Pos()), b.refer(m)+"("+open+"(")
	return func() { b.edits.replace(b.offset(s.X.End()), b.offset(n.Lparen)+1, ")"+path+"),") }
}
