package golang

import (
	"go/ast"
	"go/token"
	"strings"
)

func (w *walker) block(list []ast.Stmt) {
	for _, s := range list {
		w.stmt(s)
	}
}

func (w *walker) inner(list []ast.Stmt) {
	w.push()
	w.block(list)
	w.pop()
}

func (w *walker) stmt(s ast.Stmt) {
	switch x := s.(type) {
	case nil:
	case *ast.ExprStmt:
		if c, ok := x.X.(*ast.CallExpr); ok {
			w.call(c, true)
			return
		}
		w.expr(x.X)
	case *ast.SendStmt:
		w.mutate(x.Chan)
		w.touch(part(x.Chan))
		w.hold(x.Chan, x.Value)
		w.expr(x.Chan)
		w.expr(x.Value)
	case *ast.IncDecStmt:
		w.write(x.X)
		w.effect(x.X)
		w.expr(x.X)
	case *ast.AssignStmt:
		w.assign(x)
	case *ast.GoStmt:
		w.spawns = x.Pos()
		w.call(x.Call, true)
	case *ast.DeferStmt:
		if name, _ := callee(x.Call.Fun); !strings.HasSuffix(name, ".Close") { // closed late is no other value
			w.defers = true
		}
		w.call(x.Call, true)
	case *ast.ReturnStmt:
		for _, e := range x.Results {
			for _, name := range w.sources(e) {
				w.returns[name] = true
			}
		}
		w.exprs(x.Results)
	case *ast.BlockStmt:
		w.inner(x.List)
	case *ast.IfStmt:
		w.push()
		w.stmt(x.Init)
		w.expr(x.Cond)
		w.inner(x.Body.List)
		w.stmt(x.Else)
		w.pop()
	case *ast.SwitchStmt:
		w.push()
		w.stmt(x.Init)
		w.expr(x.Tag)
		w.clauses(x.Body)
		w.pop()
	case *ast.TypeSwitchStmt:
		w.push()
		w.stmt(x.Init)
		w.stmt(x.Assign)
		w.clauses(x.Body)
		w.pop()
	case *ast.SelectStmt:
		w.clauses(x.Body)
	case *ast.ForStmt:
		w.push()
		w.stmt(x.Init)
		w.expr(x.Cond)
		w.stmt(x.Post)
		w.inner(x.Body.List)
		w.pop()
	case *ast.RangeStmt:
		w.expr(x.X)
		w.push()
		for _, e := range []ast.Expr{x.Key, x.Value} {
			if id, ok := e.(*ast.Ident); ok && x.Tok == token.DEFINE {
				w.declare(id)
			} else if e != nil {
				w.write(e)
				w.expr(e)
			}
			if e != nil {
				w.hold(e, x.X)
			}
		}
		if x.Tok == token.DEFINE && x.Value != nil {
			w.link(x.Value, x.X)
		}
		w.inner(x.Body.List)
		w.pop()
	case *ast.LabeledStmt:
		w.stmt(x.Stmt)
	case *ast.DeclStmt:
		w.decl(x.Decl)
	}
}

func (w *walker) clauses(body *ast.BlockStmt) {
	for _, c := range body.List {
		w.push()
		switch x := c.(type) {
		case *ast.CaseClause:
			w.exprs(x.List)
			w.block(x.Body)
		case *ast.CommClause:
			w.stmt(x.Comm)
			w.block(x.Body)
		}
		w.pop()
	}
}

func (w *walker) assign(x *ast.AssignStmt) {
	w.exprs(x.Rhs)
	for i, l := range x.Lhs {
		id, name := l.(*ast.Ident)
		switch {
		case x.Tok == token.DEFINE && name && !w.declaredHere(id.Name):
			w.declare(id)
		case name:
			w.write(l)
			if x.Tok != token.ASSIGN { // x += 1 reads it, x = 1 does not need it, but needs its declaration
				w.expr(l)
			} else {
				w.use(id)
			}
		default:
			w.write(l)
			w.effect(l)
			w.expr(l)
		}
		if len(x.Lhs) == len(x.Rhs) {
			w.link(l, x.Rhs[i])
		}
		if x.Tok == token.ASSIGN || x.Tok == token.DEFINE { // of x += y, x holds nothing
			w.hold(l, x.Rhs[min(i, len(x.Rhs)-1)])
		}
	}
}

// declaredHere tells whether := would assign to a name of the same scope; at the cell's top level it always defines.
func (w *walker) declaredHere(name string) bool {
	return len(w.scopes) > 0 && w.scopes[len(w.scopes)-1][name]
}

// effect notes an assignment to another package's variable. Whether the name is a package is decided by the notebook.
func (w *walker) effect(e ast.Expr) {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if id, ok := s.X.(*ast.Ident); ok && !w.local(id.Name) {
			w.effects = append(w.effects, id.Name+"."+s.Sel.Name+" =")
		}
	}
}

func (w *walker) decl(d ast.Decl) {
	switch x := d.(type) {
	case *ast.GenDecl:
		for _, spec := range x.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				w.declare(s.Name)
				w.push()
				w.fields(s.TypeParams, true)
				w.expr(s.Type)
				w.pop()
			case *ast.ValueSpec:
				w.expr(s.Type)
				w.exprs(s.Values)
				for i, n := range s.Names {
					w.declare(n)
					if len(s.Values) == len(s.Names) {
						w.link(n, s.Values[i])
					}
					switch basic, _ := s.Type.(*ast.Ident); {
					case len(s.Values) > 0:
						w.hold(n, s.Values[min(i, len(s.Values)-1)])
					case basic != nil && universe[basic.Name] && basic.Name != "any" && basic.Name != "error":
						w.plain[w.key(n)] = true
					}
				}
			}
		}
	case *ast.FuncDecl:
		if x.Recv == nil {
			if x.Name.Name != "init" {
				w.declare(x.Name)
			}
			w.function(x.Type, nil, x.Body)
			return
		}
		w.function(x.Type, x.Recv, x.Body)
	}
}
