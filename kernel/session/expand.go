package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/internal/gocell"
)

// expand replaces the calls of helpers in the cell's source.
func (s *Session) expand(u *universe, cell *Cell) (list []Expansion, err error) {
	if s.o.Expand == nil || len(s.o.Helpers) == 0 {
		return nil, nil
	}
	parsed, err := gocell.Parse(cell.Name, cell.Source)
	if err != nil {
		return nil, nil // read says it
	}
	helpers := map[string]bool{}
	for _, h := range s.o.Helpers {
		helpers[h] = u.names[h] == nil
	}
	ast.Inspect(parsed.File, func(n ast.Node) bool { // what the cell declares is not ours
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil {
				helpers[n.Name.Name] = false
			}
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok && n.Tok == token.DEFINE {
					helpers[id.Name] = false
				}
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				helpers[id.Name] = false
			}
		case *ast.Field:
			for _, id := range n.Names {
				helpers[id.Name] = false
			}
		}
		return true
	})
	var changes edits
	offset := func(p token.Pos) int {
		at := parsed.Fset.Position(p)
		return offsetAt(cell.Source, at.Line, at.Column)
	}
	ast.Inspect(parsed.File, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || err != nil {
			return err == nil
		}
		id, ok := call.Fun.(*ast.Ident)
		if !ok || !helpers[id.Name] {
			return true
		}
		args := make([]any, len(call.Args))
		for i, x := range call.Args {
			args[i] = literal(x)
		}
		x, ok, failed := s.o.Expand(id.Name, call, args)
		if failed != nil {
			at := parsed.Fset.Position(call.Pos())
			err = fmt.Errorf("%s:%d:%d: %w", cell.Name, at.Line, at.Column, failed)
			return false
		}
		if ok {
			list = append(list, x)
			changes.replace(offset(call.Pos()), offset(call.End()), strings.ReplaceAll(x.Expr, "\n", " "))
		}
		return !ok
	})
	if err != nil {
		return nil, err
	}
	cell.Source = changes.render(cell.Source, 0, len(cell.Source))
	return list, nil
}

func literal(x ast.Expr) any {
	switch x := x.(type) {
	case *ast.Ident:
		if x.Name == "true" || x.Name == "false" {
			return x.Name == "true"
		}
	case *ast.BasicLit:
		switch x.Kind {
		case token.STRING:
			v, _ := strconv.Unquote(x.Value)
			return v
		case token.INT:
			v, _ := strconv.ParseInt(x.Value, 0, 64)
			return v
		case token.FLOAT:
			v, _ := strconv.ParseFloat(x.Value, 64)
			return v
		}
	}
	return nil
}
