// Package sources reads what Go packages say of themselves in their files: names, signatures, comments.
//
// It knows syntax only: the checker's export data has types and no comments, and a package that nobody has imported yet has no export data.
// Start reading at Read.
package sources

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// Package is one package as its files describe it.
type Package struct {
	Name  string
	Doc   string
	Decls map[string]*Decl // F, T, T.Method, T.Field
}

// Decl is a declaration, a field or a method of an interface.
type Decl struct {
	Name string
	Kind string // func, type, var, const, field, method
	Type string // as it is written; of a function its signature
	Doc  string

	file       string
	start, end int
}

// Source is the text of the declaration, with its comment; "" if the file is gone.
func (d *Decl) Source() string {
	text, err := os.ReadFile(d.file)
	if err != nil || d.end > len(text) {
		return ""
	}
	return string(text[d.start:d.end])
}

// Brief is the type without what stands in a struct or an interface.
func (d *Decl) Brief() string {
	for _, form := range []string{"struct", "interface"} {
		if strings.HasPrefix(d.Type, form) {
			return form + "{…}"
		}
	}
	return d.Type
}

// Files are the files of the package in dir that are compiled here.
func Files(dir string) []string {
	p, err := build.Default.ImportDir(dir, 0)
	if err != nil && p == nil {
		return nil
	}
	return append(p.GoFiles, p.CgoFiles...)
}

// Read reads the files of a package. What can't be read is left out.
func Read(dir string, files []string) *Package {
	p := &Package{Decls: map[string]*Decl{}}
	for _, name := range files {
		file := name
		if !filepath.IsAbs(file) { // those that cgo makes are
			file = filepath.Join(dir, name)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		p.add(file, text)
	}
	return p
}

// Text reads declarations from a text, such as a cell's.
func Text(text string) *Package {
	p := &Package{Decls: map[string]*Decl{}}
	p.add("", []byte(text))
	return p
}

func (p *Package) add(file string, text []byte) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, text, parser.ParseComments|parser.SkipObjectResolution)
	if f == nil || err != nil && len(f.Decls) == 0 {
		return
	}
	p.Name = f.Name.Name
	if f.Doc != nil && p.Doc == "" {
		p.Doc = strings.TrimSpace(f.Doc.Text())
	}
	offset := func(pos token.Pos) int { return fset.Position(pos).Offset }
	slice := func(n ast.Node) string { return string(text[offset(n.Pos()):offset(n.End())]) }
	note := func(key, kind, typ string, n ast.Node, docs ...*ast.CommentGroup) {
		d := &Decl{Name: key[strings.LastIndexByte(key, '.')+1:], Kind: kind, Type: typ, file: file, start: offset(n.Pos()), end: offset(n.End())}
		for _, c := range docs {
			if c == nil {
				continue
			}
			if d.Doc == "" {
				d.Doc = strings.TrimSpace(c.Text())
			}
			d.start = min(d.start, offset(c.Pos()))
		}
		p.Decls[key] = d
	}
	for _, decl := range f.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			kind, key := "func", decl.Name.Name
			if decl.Recv != nil {
				kind, key = "method", receiver(decl)+"."+key
			}
			note(key, kind, "func"+string(text[offset(decl.Name.End()):offset(decl.Type.End())]), decl, decl.Doc)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				var node ast.Node = spec
				var group *ast.CommentGroup
				if !decl.Lparen.IsValid() {
					node, group = decl, decl.Doc
				}
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					note(spec.Name.Name, "type", slice(spec.Type), node, spec.Doc, group, spec.Comment)
					p.members(spec, slice, note)
				case *ast.ValueSpec:
					typ := ""
					if spec.Type != nil {
						typ = slice(spec.Type)
					}
					if spec.Doc == nil && spec.Comment == nil && decl.Lparen.IsValid() && len(decl.Specs) < 50 {
						group = decl.Doc // of the group: better than nothing
					}
					for _, n := range spec.Names {
						note(n.Name, decl.Tok.String(), typ, node, spec.Doc, spec.Comment)
						if d := p.Decls[n.Name]; d.Doc == "" && group != nil {
							d.Doc = strings.TrimSpace(group.Text())
						}
					}
				}
			}
		}
	}
}

func (p *Package) members(spec *ast.TypeSpec, slice func(ast.Node) string, note func(key, kind, typ string, n ast.Node, docs ...*ast.CommentGroup)) {
	var list *ast.FieldList
	kind := "field"
	switch t := spec.Type.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list, kind = t.Methods, "method"
	default:
		return
	}
	for _, f := range list.List {
		typ := slice(f.Type)
		if kind == "method" {
			typ = "func" + typ
		}
		for _, n := range f.Names {
			note(spec.Name.Name+"."+n.Name, kind, typ, f, f.Doc, f.Comment)
		}
		if len(f.Names) == 0 && kind == "field" {
			note(spec.Name.Name+"."+base(f.Type), kind, typ, f, f.Doc, f.Comment)
		}
	}
}

func receiver(d *ast.FuncDecl) string {
	if len(d.Recv.List) == 0 {
		return ""
	}
	return base(d.Recv.List[0].Type)
}

// base is the name of a type without pointer, package and type parameters.
func base(t ast.Expr) string {
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.SelectorExpr:
			return x.Sel.Name
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
