package parameters

import (
	"cmp"
	"errors"
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
func translateGo(p List, declared string) (string, error) {
	known, err := goDeclarations(declared)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	var wrong []string
	b.WriteString("// Parameters\n")
	for _, q := range p {
		if !token.IsIdentifier(q.Name) || q.Name == "_" {
			wrong = append(wrong, fmt.Sprintf("%q can't be the name of a variable in Go", q.Name))
			continue
		}
		d := goDeclaration{assign: ":="}
		for _, k := range known {
			if k.Name == q.Name {
				d = k
			}
		}
		value, err := goValue(q.Value, q.text, d.typ)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("parameter %s: %v", q.Name, err))
			continue
		}
		if d.assign == ":=" && value == "nil" {
			fmt.Fprintf(&b, "var %s any\n", q.Name)
			continue
		}
		fmt.Fprintf(&b, "%s%s %s %s\n", d.keyword, q.Name, d.assign, value)
	}
	if len(wrong) > 0 {
		return "", errors.New(strings.Join(wrong, "; "))
	}
	source, err := format.Source([]byte(b.String()))
	return string(source), err
}

// inspectGo is what a cell declares; nothing if it doesn't parse.
func inspectGo(source string) []Declared {
	known, _ := goDeclarations(source)
	var all []Declared
	for _, d := range known {
		all = append(all, d.Declared)
	}
	return all
}

func goDeclared(source string) ([]declaration, error) {
	known, err := goDeclarations(source)
	var all []declaration
	for _, d := range known {
		all = append(all, declaration{d.Declared, func(q Parameter) error {
			_, err := goValue(q.Value, q.text, d.typ)
			return err
		}})
	}
	return all, err
}

// goDeclaration is how the parameters cell declares a name.
type goDeclaration struct {
	Declared
	keyword, assign string   // what an assignment to it is written with
	typ             ast.Expr // nil: not to be seen without the type checker, which the kernel asks
}

// goDeclarations reads the top-level variables and constants of a cell.
func goDeclarations(source string) ([]goDeclaration, error) {
	var known []goDeclaration
	cell, err := gocell.Parse("parameters", source)
	if err != nil {
		return nil, err
	}
	text := goText{cell, strings.SplitAfter(source, "\n")}
	add := func(name *ast.Ident, typ, value ast.Expr, help, keyword string) {
		d := goDeclaration{Declared: Declared{Name: name.Name, Type: "None", Help: help}, keyword: keyword, assign: "=", typ: typ}
		if typ == nil && value != nil {
			d.typ = literalType(value)
		}
		if d.typ != nil {
			d.Type = types.ExprString(d.typ)
		}
		if value != nil {
			d.Default = text.of(value)
		}
		known = append(known, d)
	}
	at := func(values []ast.Expr, i, names int) ast.Expr {
		if len(values) == names {
			return values[i]
		}
		return nil
	}
	for _, item := range cell.Items {
		if decl, ok := item.Decl.(*ast.GenDecl); ok {
			keyword := ""
			if decl.Tok == token.CONST {
				keyword = "const " // declared again: a constant can't be assigned to
			}
			for _, spec := range decl.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				doc := v.Doc
				if !decl.Lparen.IsValid() {
					doc = decl.Doc
				}
				help := cmp.Or(text.behind(v), plain(doc))
				for i, name := range v.Names {
					add(name, v.Type, at(v.Values, i, len(v.Names)), help, keyword)
				}
			}
		}
		for _, stmt := range item.Stmts {
			assign, ok := stmt.(*ast.AssignStmt)
			if !ok || assign.Tok != token.DEFINE {
				continue
			}
			help := cmp.Or(text.behind(assign), above(item.Text))
			for i, left := range assign.Lhs {
				if name, ok := left.(*ast.Ident); ok {
					add(name, nil, at(assign.Rhs, i, len(assign.Lhs)), help, "")
				}
			}
		}
	}
	return known, nil
}

// goText finds the source of nodes: their positions are the cell's own, in lines and columns.
type goText struct {
	cell  *gocell.Cell
	lines []string
}

func (t goText) of(n ast.Node) string {
	start, end := t.cell.Fset.Position(n.Pos()), t.cell.Fset.Position(n.End())
	if start.Line == end.Line {
		return t.lines[start.Line-1][start.Column-1 : end.Column-1]
	}
	return t.lines[start.Line-1][start.Column-1:] + strings.Join(t.lines[start.Line:end.Line-1], "") + t.lines[end.Line-1][:end.Column-1]
}

// behind is the comment that stands behind a node on its last line.
func (t goText) behind(n ast.Node) string {
	end := t.cell.Fset.Position(n.End())
	rest := strings.TrimLeft(t.lines[end.Line-1][end.Column-1:], " \t;")
	if !strings.HasPrefix(rest, "//") {
		return ""
	}
	return strings.TrimSpace(rest[2:])
}

// plain is a comment on one line.
func plain(g *ast.CommentGroup) string { return strings.Join(strings.Fields(g.Text()), " ") }

// above is the comment right above a statement, with which its text begins.
func above(text string) string {
	var g ast.CommentGroup
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "//"):
			g.List = append(g.List, &ast.Comment{Text: line})
		case line == "":
			g.List = nil
		default:
			return plain(&g)
		}
	}
	return ""
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
