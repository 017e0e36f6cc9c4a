package session

import (
	"go/ast"
	"go/types"
)

// callsBack reports whether a library's function may call one of a cell: it is given a function, or a value in an interface, whose methods
// may be a cell's. So fmt.Sprint calls the String method in which it stands.
func (b *body) callsBack(call *ast.CallExpr) bool {
	f, ok := b.r.c.info.TypeOf(call.Fun).(*types.Signature)
	if !ok {
		return true
	}
	for p := range f.Params().Variables() {
		t := p.Type().Underlying()
		if s, ok := t.(*types.Slice); ok { // ...any
			t = s.Elem().Underlying()
		}
		switch t.(type) {
		case *types.Interface, *types.Signature:
			return true
		}
	}
	return false
}
