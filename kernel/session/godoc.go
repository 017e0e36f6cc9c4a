package session

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
)

// doc is the comment of a package's declaration, read from its source.
func (s *Session) doc(o types.Object) string {
	if pkg, ok := o.(*types.PkgName); ok {
		return s.packageDoc(pkg.Imported().Path(), "", "")
	}
	if o.Pkg() == nil || o.Pkg().Path() == "main" {
		return ""
	}
	receiver := ""
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
		if n := receiverName(f); n != nil {
			receiver = n.Name()
		}
	}
	return s.packageDoc(o.Pkg().Path(), receiver, o.Name())
}

func (s *Session) packageDoc(path, receiver, name string) string {
	p := s.ps.get(path)
	if p == nil {
		return ""
	}
	for _, file := range p.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		if name == "" {
			if f.Doc != nil {
				return strings.TrimSpace(f.Doc.Text())
			}
			continue
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.Name == name && receiverBase(d) == receiver {
					return strings.TrimSpace(d.Doc.Text())
				}
			case *ast.GenDecl:
				if receiver != "" {
					continue
				}
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if spec.Name.Name == name {
							return strings.TrimSpace(spec.Doc.Text() + d.Doc.Text())
						}
					case *ast.ValueSpec:
						for _, n := range spec.Names {
							if n.Name == name {
								return strings.TrimSpace(d.Doc.Text() + spec.Doc.Text() + spec.Comment.Text())
							}
						}
					}
				}
			}
		}
	}
	return ""
}

func receiverBase(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
