package golang

import (
	"go/ast"
	"go/token"
)

// walker resolves identifiers by Go's scopes. Its outermost scope belongs to the cell: names defined there are the notebook's.
type walker struct {
	*names
	scopes   []map[string]bool
	types    map[string]ast.Expr // of the notebook or package
	*callees                     // of the notebook; nil while there is none
}

func (w *walker) push() { w.scopes = append(w.scopes, map[string]bool{}) }
func (w *walker) pop()  { w.scopes = w.scopes[:len(w.scopes)-1] }

func (w *walker) declare(id *ast.Ident) {
	if id == nil || id.Name == "_" {
		return
	}
	if len(w.scopes) == 0 {
		w.defines[id.Name] = true
	} else {
		w.scopes[len(w.scopes)-1][id.Name] = true
	}
}

func (w *walker) local(name string) bool {
	for _, s := range w.scopes {
		if s[name] {
			return true
		}
	}
	return false
}

func (w *walker) use(id *ast.Ident) {
	if id != nil && id.Name != "_" && !w.local(id.Name) {
		w.uses[id.Name] = true
	}
}

// root is the variable that an expression reads or writes a part of: x in x.f[i], *x, &x.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.UnaryExpr:
			if x.Op != token.AND {
				return nil
			}
			e = x.X
		case *ast.TypeAssertExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// mutate notes a write through an expression. A write to a part of a parameter or of an alias reaches the caller's value.
func (w *walker) mutate(e ast.Expr) {
	id := root(e)
	if id == nil || id.Name == "_" {
		return
	}
	if w.local(id.Name) {
		if _, whole := e.(*ast.Ident); whole {
			return
		}
		w.mutates["local "+id.Name] = true // read by aliases and summaries
		return
	}
	w.mutates[id.Name] = true
}

// write notes an assignment, or a write that is sure.
func (w *walker) write(e ast.Expr) {
	w.mutate(e)
	w.touch(e)
	if id := root(e); id != nil && !w.local(id.Name) {
		w.written[id.Name] = true
		if _, whole := e.(*ast.Ident); !whole {
			w.inside[id.Name] = true
		}
	}
}

// touch notes that what an expression holds may be written into.
func (w *walker) touch(e ast.Expr) {
	if _, whole := e.(*ast.Ident); !whole {
		for _, name := range w.sources(e) {
			w.parts[name] = true
		}
	}
}

// link notes that a name now stands for a value that another holds too.
func (w *walker) link(left, right ast.Expr) {
	l, r := root(left), root(right)
	if l == nil || r == nil || l.Name == "_" || universe[r.Name] && !w.local(r.Name) { // true joins nothing
		return
	}
	a, b := w.key(l), w.key(r)
	if a == b {
		return
	}
	w.links[a] = append(w.links[a], b)
	w.links[b] = append(w.links[b], a)
	if _, plain := left.(*ast.Ident); shares(right, plain) {
		w.aliases[a] = append(w.aliases[a], b)
		w.aliases[b] = append(w.aliases[b], a)
	}
}

// shares reports whether a value surely shares memory with its root: an address, and, for a plain variable, the whole value or a part
// of a slice. An element or a field may be a copy: without types nobody knows, and the step compares its inputs after it ran.
func shares(e ast.Expr, plain bool) bool {
	switch x := e.(type) {
	case *ast.ParenExpr:
		return shares(x.X, plain)
	case *ast.UnaryExpr:
		return x.Op == token.AND
	case *ast.Ident, *ast.SliceExpr:
		return plain
	}
	return false
}

func (w *walker) expr(e ast.Expr) {
	switch x := e.(type) {
	case nil:
	case *ast.Ident:
		w.use(x)
	case *ast.BasicLit:
		if x.Kind == token.STRING {
			w.strings = append(w.strings, x.Value)
		}
	case *ast.CompositeLit:
		w.expr(x.Type)
		for _, element := range x.Elts {
			w.element(element, x.Type)
		}
	case *ast.FuncLit:
		w.function(x.Type, nil, x.Body)
		for _, name := range w.sources(x) {
			w.shared[name] = true
		}
	case *ast.ParenExpr:
		w.expr(x.X)
	case *ast.SelectorExpr:
		sel := selection{name: x.Sel.Name}
		if id, ok := x.X.(*ast.Ident); ok && !w.local(id.Name) {
			w.bases[id.Name] = true
			sel.base = id.Name
		}
		w.selects[sel] = true
		w.expr(x.X)
	case *ast.IndexExpr:
		w.expr(x.X)
		w.expr(x.Index)
	case *ast.IndexListExpr:
		w.expr(x.X)
		w.exprs(x.Indices)
	case *ast.SliceExpr:
		w.expr(x.X)
		w.expr(x.Low)
		w.expr(x.High)
		w.expr(x.Max)
	case *ast.TypeAssertExpr:
		w.expr(x.X)
		w.expr(x.Type)
	case *ast.CallExpr:
		w.call(x, false)
	case *ast.StarExpr:
		w.expr(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			if _, literal := x.X.(*ast.CompositeLit); !literal {
				w.mutate(x.X)
				w.touch(part(x.X))
				if id := root(x.X); id != nil {
					w.shared[w.key(id)] = true
				}
			}
		} else if x.Op == token.ARROW {
			w.touch(part(x.X)) // it takes what it receives
		}
		w.expr(x.X)
	case *ast.BinaryExpr:
		w.expr(x.X)
		w.expr(x.Y)
	case *ast.KeyValueExpr:
		w.expr(x.Key)
		w.expr(x.Value)
	case *ast.Ellipsis:
		w.expr(x.Elt)
	case *ast.ArrayType:
		w.expr(x.Len)
		w.expr(x.Elt)
	case *ast.MapType:
		w.expr(x.Key)
		w.expr(x.Value)
	case *ast.ChanType:
		w.expr(x.Value)
	case *ast.StructType:
		for _, f := range x.Fields.List {
			w.expr(f.Type)
		}
	case *ast.InterfaceType:
		for _, f := range x.Methods.List {
			w.expr(f.Type)
		}
	case *ast.FuncType:
		w.push()
		w.fields(x.TypeParams, true)
		w.fields(x.Params, false)
		w.fields(x.Results, false)
		w.pop()
	}
}

func (w *walker) exprs(list []ast.Expr) {
	for _, e := range list {
		w.expr(e)
	}
}

// under is what a type's name stands for, as far as the source says; other types are as they are.
func (w *walker) under(t ast.Expr) ast.Expr {
	for range 10 { // names of names
		switch x := t.(type) {
		case *ast.Ident:
			if w.types[x.Name] == nil {
				return x
			}
			t = w.types[x.Name]
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.StarExpr: // []*T{{…}}
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		default:
			return t
		}
	}
	return t
}

// element walks an element of a composite literal of a type. A plain name before a colon is a field's in a struct. Types of other
// packages are taken for structs, whose fields have capital letters: go/types has the last word when the program is built.
func (w *walker) element(e, of ast.Expr) {
	of = w.under(of)
	var key, value ast.Expr
	field := false
	switch t := of.(type) {
	case *ast.ArrayType:
		value = t.Elt
	case *ast.MapType:
		key, value = t.Key, t.Value
	case *ast.SelectorExpr:
		field = true
	case *ast.StructType, *ast.Ident:
		field = true
	}
	kv, ok := e.(*ast.KeyValueExpr)
	if !ok {
		w.literal(e, value)
		return
	}
	id, name := kv.Key.(*ast.Ident)
	_, foreign := of.(*ast.SelectorExpr)
	if !name || !field || foreign && !id.IsExported() {
		w.literal(kv.Key, key)
	}
	w.literal(kv.Value, value)
}

// literal walks an element, which may be a composite literal without a type: {a: 1}.
func (w *walker) literal(e, of ast.Expr) {
	if c, ok := e.(*ast.CompositeLit); ok && c.Type == nil {
		for _, element := range c.Elts {
			w.element(element, of)
		}
		return
	}
	w.expr(e)
}

func (w *walker) fields(list *ast.FieldList, declareFirst bool) {
	if list == nil {
		return
	}
	if declareFirst {
		for _, f := range list.List {
			for _, n := range f.Names {
				w.declare(n)
			}
		}
	}
	for _, f := range list.List {
		w.expr(f.Type)
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			w.declare(n)
		}
	}
}

func (w *walker) function(t *ast.FuncType, receiver *ast.FieldList, body *ast.BlockStmt) {
	defer func(outer bool) { w.defers = outer }(w.defers)
	w.push()
	if receiver != nil {
		for _, f := range receiver.List {
			w.receiver(f.Type)
			for _, n := range f.Names {
				w.declare(n)
			}
		}
	}
	w.fields(t.TypeParams, true)
	w.fields(t.Params, false)
	w.fields(t.Results, false)
	if body != nil {
		w.push()
		w.block(body.List)
		w.pop()
	}
	w.pop()
}

// receiver declares the type parameters of func (s *Stack[T]).
func (w *walker) receiver(t ast.Expr) {
	switch x := t.(type) {
	case *ast.StarExpr:
		w.receiver(x.X)
	case *ast.ParenExpr:
		w.receiver(x.X)
	case *ast.IndexExpr:
		w.expr(x.X)
		if id, ok := x.Index.(*ast.Ident); ok {
			w.declare(id)
		}
	case *ast.IndexListExpr:
		w.expr(x.X)
		for _, i := range x.Indices {
			if id, ok := i.(*ast.Ident); ok {
				w.declare(id)
			}
		}
	default:
		w.expr(t)
	}
}
