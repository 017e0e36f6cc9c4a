package golang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/internal/gocell"
)

// WithoutStatements is a cell's source with its statements and variables blanked: what it declares is left, on the lines where it was.
func WithoutStatements(name, source string) (string, error) {
	c, err := gocell.Parse(name, source)
	if err != nil {
		return "", err
	}
	out := []byte(source)
	for _, it := range c.Items {
		if it.Kind != gocell.Statement && it.Kind != gocell.Var {
			continue
		}
		for i := it.Start; i < it.End; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	return string(out), nil
}

// Types are the types that a cell's source declares, each as a declaration of its own without comments.
func Types(source string) map[string]string {
	all := map[string]string{}
	c, err := gocell.Parse("", source)
	if err != nil {
		return all
	}
	for _, it := range c.Items {
		d, ok := it.Decl.(*ast.GenDecl)
		if !ok || it.Kind != gocell.Type {
			continue
		}
		for _, spec := range d.Specs {
			s := spec.(*ast.TypeSpec)
			all[s.Name.Name] = "type " + source[c.Offset(s.Pos()):c.Offset(s.End())]
		}
	}
	return all
}

// Same reports whether two type declarations say the same, comments, layout and how fields share a line aside.
func Same(a, b string) bool { return shape(a) == shape(b) }

func shape(declaration string) string {
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+declaration, parser.SkipObjectResolution)
	if err != nil || len(f.Decls) != 1 {
		return normal(declaration)
	}
	g, ok := f.Decls[0].(*ast.GenDecl)
	if !ok || len(g.Specs) != 1 {
		return normal(declaration)
	}
	s := g.Specs[0].(*ast.TypeSpec)
	var b strings.Builder
	write(&b, s.Type)
	return s.Name.Name + " " + b.String()
}

// write prints a type in one way: the fields of a struct one by one, with their tags.
func write(b *strings.Builder, e ast.Expr) {
	switch x := e.(type) {
	case *ast.StructType:
		b.WriteString("struct{")
		for _, f := range x.Fields.List {
			names := []string{""}
			if len(f.Names) > 0 {
				names = names[:0]
				for _, n := range f.Names {
					names = append(names, n.Name)
				}
			}
			for _, n := range names {
				b.WriteString(n + " ")
				write(b, f.Type)
				if f.Tag != nil {
					tag, _ := strconv.Unquote(f.Tag.Value)
					b.WriteString(" " + tag)
				}
				b.WriteString(";")
			}
		}
		b.WriteString("}")
	case *ast.ArrayType:
		b.WriteString("[")
		if x.Len != nil {
			b.WriteString(types.ExprString(x.Len))
		}
		b.WriteString("]")
		write(b, x.Elt)
	case *ast.StarExpr:
		b.WriteString("*")
		write(b, x.X)
	case *ast.MapType:
		b.WriteString("map[")
		write(b, x.Key)
		b.WriteString("]")
		write(b, x.Value)
	case *ast.ParenExpr:
		write(b, x.X)
	case *ast.Ident:
		name := map[string]string{"byte": "uint8", "rune": "int32"}[x.Name]
		if name == "" {
			name = x.Name
		}
		b.WriteString(name)
	default:
		b.WriteString(types.ExprString(e))
	}
}

// Suffix renames the types that a type declares, so that it can live beside another version of itself.
func Suffix(t Type, suffix string) Type {
	declared := Types(t.Decls)
	rename := func(source string) string {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+source, parser.SkipObjectResolution)
		if err != nil {
			return source
		}
		const before = len("package p\n")
		var at []int
		fields := map[*ast.Ident]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.Field:
				for _, name := range x.Names {
					fields[name] = true
				}
			case *ast.SelectorExpr:
				return false
			case *ast.Ident:
				if _, ok := declared[x.Name]; ok && !fields[x] {
					at = append(at, int(x.End())-1-before)
				}
			}
			return true
		})
		var b strings.Builder
		last := 0
		for _, i := range at {
			b.WriteString(source[last:i] + suffix)
			last = i
		}
		b.WriteString(source[last:])
		return b.String()
	}
	out := Type{Imports: t.Imports}
	out.Decls = rename(t.Decls)
	out.Type = strings.TrimPrefix(rename("var _ "+t.Type), "var _ ")
	return out
}
