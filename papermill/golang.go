package papermill

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"strings"

	"github.com/cellar-go/cellar/internal/gocell"
)

// translateGo writes assignments that fit what the parameters cell declares: `alpha = 0.1` where it says `alpha := 1.0`, with the
// value checked against the type that can be seen there, and `alpha := 0.1` where it doesn't have the name.
func translateGo(p Parameters, declared string) (string, []string, error) {
	known, err := goDeclarations(declared)
	if err != nil {
		return "", nil, err
	}
	var unknown []string
	var b strings.Builder
	b.WriteString("// Parameters\n")
	for _, q := range p {
		if !token.IsIdentifier(q.Name) || q.Name == "_" {
			return "", nil, fmt.Errorf("%q can't be the name of a Go variable", q.Name)
		}
		d, ok := known[q.Name]
		if !ok {
			unknown = append(unknown, q.Name)
			d = goDeclaration{assign: ":="}
		}
		value, err := goValue(q.Value, q.text, d.typ)
		if err != nil {
			return "", nil, fmt.Errorf("parameter %s: %w", q.Name, err)
		}
		if !ok && value == "nil" {
			fmt.Fprintf(&b, "var %s any\n", q.Name)
			continue
		}
		fmt.Fprintf(&b, "%s%s %s %s\n", d.keyword, q.Name, d.assign, value)
	}
	source, err := format.Source([]byte(b.String()))
	return string(source), unknown, err
}

// goDeclaration is how the parameters cell declares a name.
type goDeclaration struct {
	keyword, assign string   // what an assignment to it is written with
	typ             ast.Expr // nil: not to be seen without the type checker, which the kernel asks
}

// goDeclarations reads the top-level variables and constants of a cell.
func goDeclarations(source string) (map[string]goDeclaration, error) {
	known := map[string]goDeclaration{}
	cell, err := gocell.Parse("parameters", source)
	if err != nil {
		return nil, err
	}
	for _, item := range cell.Items {
		switch decl := item.Decl.(type) {
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				d := goDeclaration{assign: "="}
				if decl.Tok == token.CONST {
					d.keyword = "const " // declared again: a constant can't be assigned to
				}
				for i, name := range v.Names {
					d.typ = v.Type
					if v.Type == nil && i < len(v.Values) {
						d.typ = literalType(v.Values[i])
					}
					known[name.Name] = d
				}
			}
		}
		for _, stmt := range item.Stmts {
			assign, ok := stmt.(*ast.AssignStmt)
			if !ok || assign.Tok != token.DEFINE {
				continue
			}
			for i, left := range assign.Lhs {
				name, ok := left.(*ast.Ident)
				if !ok {
					continue
				}
				d := goDeclaration{assign: "="}
				if len(assign.Lhs) == len(assign.Rhs) {
					d.typ = literalType(assign.Rhs[i])
				}
				known[name.Name] = d
			}
		}
	}
	return known, nil
}

// literalType is the type of an expression where its syntax alone says it, else nil.
func literalType(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.BasicLit:
		return ast.NewIdent(map[token.Token]string{
			token.INT: "int", token.FLOAT: "float64", token.STRING: "string", token.CHAR: "rune", token.IMAG: "complex128",
		}[e.Kind])
	case *ast.UnaryExpr:
		if e.Op == token.SUB || e.Op == token.ADD {
			return literalType(e.X)
		}
	case *ast.ParenExpr:
		return literalType(e.X)
	case *ast.Ident:
		if e.Name == "true" || e.Name == "false" {
			return ast.NewIdent("bool")
		}
	case *ast.CompositeLit:
		if a, ok := e.Type.(*ast.ArrayType); ok {
			if _, open := a.Len.(*ast.Ellipsis); open {
				return nil // [...]T: its length is in the value
			}
		}
		return e.Type
	case *ast.CallExpr: // a conversion such as float32(0.1) or time.Duration(5)
		if len(e.Args) != 1 {
			return nil
		}
		switch f := e.Fun.(type) {
		case *ast.Ident:
			if types.Universe.Lookup(f.Name) != nil && goKinds[f.Name] != "" {
				return f
			}
		case *ast.SelectorExpr:
			if types.ExprString(f) == "time.Duration" {
				return f
			}
		case *ast.ArrayType, *ast.MapType:
			return f
		}
	case *ast.BinaryExpr: // 5 * time.Second
		for _, side := range []ast.Expr{e.X, e.Y} {
			if s, ok := side.(*ast.SelectorExpr); ok && durations[types.ExprString(s)] {
				t, _ := parser.ParseExpr("time.Duration") // constant text
				return t
			}
		}
		if x, y := literalType(e.X), literalType(e.Y); x != nil && y != nil && types.ExprString(x) == types.ExprString(y) {
			return x
		}
	case *ast.SelectorExpr:
		if durations[types.ExprString(e)] {
			t, _ := parser.ParseExpr("time.Duration")
			return t
		}
	}
	return nil
}

var durations = wordSet("time.Nanosecond time.Microsecond time.Millisecond time.Second time.Minute time.Hour")
