package session

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// sizes are those of the compiler.
var sizes = types.SizesFor("gc", goarch)

// room has a length that a cell gives to make, or to a function that takes as much memory, looked at before: what is more than the machine
// has would end the process. Small constants are left as they are.
func (b *body) room(n *ast.CallExpr, behind func(token.Pos, string)) {
	length, size := b.asks(n)
	if size == 0 {
		return
	}
	tv := b.r.c.info.Types[length]
	if tv.Value != nil {
		if v, ok := constant.Uint64Val(constant.ToInt(tv.Value)); !ok || v < uint64(1<<20/min(size, 1<<20)) {
			return
		}
	}
	explicit := ""
	if basic, ok := types.Unalias(tv.Type).(*types.Basic); ok && basic.Kind() == types.Int { // what is a constant says no type
		explicit = "[int]"
	}
	b.edits.insert(b.offset(length.Pos()), b.live("Room")+explicit+"(")
	behind(length.End(), fmt.Sprintf(", %d)", size))
}

// asks is the argument of a call that says how many elements it takes memory for, and their size; 0: it takes none.
func (b *body) asks(n *ast.CallExpr) (length ast.Expr, size int64) {
	info := b.r.c.info
	if id, ok := ast.Unparen(n.Fun).(*ast.Ident); ok {
		if builtin, ok := info.Uses[id].(*types.Builtin); !ok || builtin.Name() != "make" || len(n.Args) < 2 {
			return nil, 0
		}
		t, ok := info.TypeOf(n.Args[0]).Underlying().(interface{ Elem() types.Type })
		if !ok {
			return nil, 0
		}
		size = sizeOf(t.Elem())
		if m, ok := t.(*types.Map); ok {
			size += sizeOf(m.Key())
		}
		return n.Args[len(n.Args)-1], size
	}
	s, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
	if !ok {
		return nil, 0
	}
	f, ok := info.Uses[s.Sel].(*types.Func)
	if !ok {
		return nil, 0
	}
	switch f.FullName() {
	case "(*bytes.Buffer).Grow", "(*strings.Builder).Grow":
		if len(n.Args) == 1 {
			return n.Args[0], 1
		}
	case "slices.Grow", "slices.Repeat":
		if t, ok := info.TypeOf(n.Args[0]).Underlying().(*types.Slice); ok && len(n.Args) == 2 {
			return n.Args[1], sizeOf(t.Elem())
		}
	}
	return nil, 0
}

// sizeOf is the size of a type, or less: one that depends on type parameters is not known.
func sizeOf(t types.Type) int64 {
	if !sized(t) {
		return 1
	}
	return sizes.Sizeof(t)
}

// sized reports whether a type's size does not depend on type parameters.
func sized(t types.Type) bool {
	if _, ok := types.Unalias(t).(*types.TypeParam); ok {
		return false
	}
	switch t := t.Underlying().(type) {
	case *types.Array:
		return sized(t.Elem())
	case *types.Struct:
		for f := range t.Fields() {
			if !sized(f.Type()) {
				return false
			}
		}
	}
	return true
}
