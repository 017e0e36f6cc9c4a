package golang

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"sort"
	"strings"

	"github.com/cellar-go/cellar/extract"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gocell"
)

// piece is a declaration that the function needs in its package: an item of the page, or a type that came with an input.
type piece struct {
	*names
	item     *item // nil for a type that came with an input
	kind     gocell.Kind
	receiver string
	method   string
	text     string
}

// packageName is that of the folder's files, else what its path suggests.
func packageName(to extract.Target) string {
	for _, file := range sortedFiles(to.Files) {
		if f, err := parser.ParseFile(token.NewFileSet(), file, to.Files[file], parser.PackageClauseOnly); err == nil && !strings.HasSuffix(file, "_test.go") {
			return f.Name.Name
		}
	}
	return strings.NewReplacer("-", "", ".", "", " ", "").Replace(strings.ToLower(path.Base(to.Folder)))
}

func sortedFiles(files map[string][]byte) []string {
	var all []string
	for file := range files {
		all = append(all, file)
	}
	sort.Strings(all)
	return all
}

// reach finds the declarations that the function needs: what its statements and its signature name, and what those name. The slice has
// more, since without types every method of a name that is selected belongs to it.
func (x *extraction) reach() error {
	var all []*piece
	for _, t := range x.extra {
		c, err := gocell.Parse("", t)
		if err != nil {
			return err
		}
		w := &walker{names: newNames()}
		w.decl(c.Items[0].Decl)
		all = append(all, &piece{names: w.names, kind: gocell.Type, text: t})
	}
	for p := range x.extraPath {
		x.needed[p] = true
	}
	for _, d := range x.declared {
		p := &piece{names: d.names, item: d, kind: d.Kind, receiver: d.receiver}
		if f, ok := d.Decl.(*ast.FuncDecl); ok && d.receiver != "" {
			p.method = f.Name.Name
		}
		all = append(all, p)
	}
	wanted := map[string]bool{}
	var queue []string
	want := func(names map[string]bool) {
		for _, name := range sorted(names) {
			if !wanted[name] {
				wanted[name] = true
				queue = append(queue, name)
			}
		}
	}
	taken := map[*piece]bool{}
	for _, c := range x.setup {
		for i := range c.items {
			if x.runs(&c.items[i]) {
				want(c.items[i].uses)
			}
		}
	}
	for _, it := range x.head {
		want(it.uses)
	}
	for _, r := range x.results {
		want(identifiers(r.Type))
	}
	for _, t := range x.variables {
		want(identifiers(t))
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, p := range all {
			if !taken[p] && (p.defines[name] || p.receiver == name) {
				taken[p] = true
				want(p.uses)
			}
		}
	}
	for _, p := range all {
		if taken[p] {
			x.parts = append(x.parts, p)
		}
	}
	x.moved = x.parts
	return nil
}

// identifiers are the names in the text of a type.
func identifiers(text string) map[string]bool {
	all := map[string]bool{}
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(text)), []byte(text), nil, 0)
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return all
		}
		if tok == token.IDENT {
			all[lit] = true
		}
	}
}

// existing is a declaration that the package has.
type existing struct{ file, text string }

// have are the package's declarations by name, methods as Type.Method.
func (x *extraction) have(except string) (map[string]existing, error) {
	all := map[string]existing{}
	for _, file := range sortedFiles(x.to.Files) {
		if file == except || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text := string(x.to.Files[file])
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, fault.New(fault.Input, "correct the file first", "extract %s: %s", x.target.outputs[0].Key, firstMessage(err))
		}
		for _, d := range f.Decls {
			for name, t := range declaredIn(d, func(n ast.Node) string {
				return text[fset.Position(n.Pos()).Offset:fset.Position(n.End()).Offset]
			}) {
				all[name] = existing{file, t}
			}
		}
	}
	return all, nil
}

// declaredIn are the names of a declaration, each with its text: a type's or a single constant's is its own, a group's is the group's.
func declaredIn(d ast.Decl, text func(ast.Node) string) map[string]string {
	all := map[string]string{}
	switch x := d.(type) {
	case *ast.FuncDecl:
		name := x.Name.Name
		if x.Recv != nil && len(x.Recv.List) == 1 {
			if id := typeName(x.Recv.List[0].Type); id != nil {
				name = id.Name + "." + name
			}
		}
		all[name] = text(x)
	case *ast.GenDecl:
		for _, spec := range x.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				all[s.Name.Name] = "type " + text(s)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if all[n.Name] = text(x); len(x.Specs) == 1 {
						all[n.Name] = x.Tok.String() + " " + text(s)
					}
				}
			}
		}
	}
	return all
}

// declarations takes away what the package has already, and refuses what it has otherwise.
func (x *extraction) declarations(f *extract.Function) error {
	have, err := x.have(f.File)
	if err != nil {
		return err
	}
	if !x.free(have) { // a cell may call its value as it calls the type
		x.name = "Make" + x.name
		f.Name, x.named = x.name, true
	}
	if other, ok := have[x.name]; ok {
		return fault.New(fault.Input, "take that one away, or extract to another folder", "extract %s: %s declares %s already:\n%s", f.Assets[0], other.file, x.name, indent(other.text))
	}
	check := func(it *item, names map[string]string) (known bool, err error) {
		n := 0
		for _, name := range sorted(keys(names)) {
			other, ok := have[name]
			if !ok {
				continue
			}
			if same := strings.HasPrefix(names[name], "type ") && Same(names[name], other.text) || normal(names[name]) == normal(other.text); !same {
				return false, x.refuse(it, "make them the same, or extract to another folder", "%s differs from the one in %s; the notebook has\n%s\nand the file\n%s", name, other.file, indent(names[name]), indent(other.text))
			}
			n++
		}
		return n > 0 && n == len(names), nil
	}
	var kept []*piece
	for _, p := range x.parts {
		var names map[string]string
		if p.item == nil {
			names = map[string]string{}
			for name, t := range Types(p.text) {
				names[name] = t
			}
		} else {
			names = declaredIn(p.item.Decl, original(p.item))
		}
		known, err := check(p.item, names)
		if err != nil {
			return err
		}
		if !known {
			kept = append(kept, p)
		}
	}
	x.parts = kept
	x.shared = x.globals
	var globals []*item
	for _, it := range x.globals {
		names := map[string]string{}
		if it.Decl != nil {
			names = declaredIn(it.Decl, original(it))
		} else {
			a := it.Stmts[0].(*ast.AssignStmt)
			for name := range it.defines {
				names[name] = "var " + strings.Replace(original(it)(a), ":=", "=", 1)
			}
		}
		known, err := check(it, names)
		if err != nil {
			return err
		}
		if !known {
			globals = append(globals, it)
		}
	}
	x.globals = globals
	return nil
}

// free reports whether neither the notebook nor the package has a type of the function's name.
func (x *extraction) free(have map[string]existing) bool {
	if strings.HasPrefix(have[x.name].text, "type ") {
		return false
	}
	for _, p := range x.parts {
		if p.defines[x.name] {
			return false
		}
	}
	return true
}

func original(it *item) func(ast.Node) string {
	c := it.cell.parsed
	return func(n ast.Node) string { return it.cell.Text[c.Offset(n.Pos()):c.Offset(n.End())] }
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
