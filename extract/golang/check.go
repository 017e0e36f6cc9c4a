package golang

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"runtime"
	"sort"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
)

// checked is what go/types found.
type checked struct {
	pkg      *types.Package
	info     *types.Info
	fset     *token.FileSet
	used     map[string]bool                 // import paths that the code uses
	calls    map[string][]types.TypeAndValue // by place on the page
	unused   map[*item][]edit                // what makes unused variables of functions harmless
	alias    map[string]string               // paths that only the types of variables need → the name given
	declared map[string]string               // name → path of the slice's imports
}

// check type-checks the slice and names every mistake with its cell's line.
func (g *generator) check() error {
	source := g.checkSource()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "cellar", source, parser.SkipObjectResolution)
	if err != nil {
		return g.mistake(firstMessage(err))
	}
	paths := []string{gomod.Path + "/assetlib/step"}
	for _, p := range file.Imports {
		paths = append(paths, strings.Trim(p.Path.Value, "`\""))
	}
	exports, err := g.exports(paths...)
	if err != nil {
		return err // it names the packages
	}
	k := &checked{fset: fset, used: map[string]bool{}, calls: map[string][]types.TypeAndValue{}, unused: map[*item][]edit{}, alias: map[string]string{}, declared: map[string]string{}}
	k.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Implicits: map[ast.Node]types.Object{}}
	var problems []types.Error
	config := types.Config{
		Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
			f, ok := exports[path]
			if !ok {
				return nil, fmt.Errorf("no package %s", path)
			}
			return os.Open(f)
		}),
		Sizes: types.SizesFor("gc", runtime.GOARCH),
		Error: func(err error) { problems = append(problems, err.(types.Error)) },
	}
	k.pkg, _ = config.Check("main", fset, []*ast.File{file}, k.info)
	for _, o := range k.info.Uses {
		if p, ok := o.(*types.PkgName); ok {
			k.used[p.Imported().Path()] = true
			k.declared[p.Imported().Path()] = p.Name()
		}
	}
	g.checked = k
	for _, e := range problems {
		if !g.harmless(e) {
			return g.mistake(fmt.Sprintf("%s: %s", fset.Position(e.Pos), e.Msg))
		}
	}
	for _, d := range file.Decls { // the calls that stand as statements of their own
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "_" {
			continue
		}
		for _, s := range f.Body.List {
			if e, ok := s.(*ast.ExprStmt); ok {
				at := place(fset.Position(e.Pos()))
				k.calls[at] = append(k.calls[at], k.info.Types[e.X])
			}
		}
	}
	return nil
}

func (g *generator) mistake(message string) error {
	return fault.New(fault.Input, "correct the cell; running it shows the same message", "asset %s: %s", g.target.outputs[0].Key, message)
}

// harmless tells errors that do not hold for a cell's code: unused imports, unused variables, and the order of package variables,
// which here is that of the page.
func (g *generator) harmless(e types.Error) bool {
	switch {
	case strings.HasPrefix(e.Msg, "initialization cycle"), strings.HasPrefix(e.Msg, "\t"), strings.Contains(e.Msg, "imported and not used"), strings.Contains(e.Msg, "imported as "),
		strings.HasSuffix(e.Msg, " is not used"): // the last one holds inside functions, where go build says it again
		return true
	case strings.HasPrefix(e.Msg, "declared and not used: "):
		return g.silenceLocal(g.checked.fset.Position(e.Pos), strings.TrimPrefix(e.Msg, "declared and not used: "))
	}
	return false
}

// silenceLocal uses a variable of a function right behind its declaration.
func (g *generator) silenceLocal(at token.Position, name string) bool {
	for _, it := range append(g.running(), g.declared...) {
		c := it.cell.parsed
		if g.notebook.cellName(it.cell) != at.Filename {
			continue
		}
		found := false
		insert := func(offset int, text string) {
			if !found {
				found = true
				g.checked.unused[it] = append(g.checked.unused[it], edit{offset, offset, text})
			}
		}
		declares := func(n ast.Node) bool {
			hit := false
			if n == nil {
				return false
			}
			ast.Inspect(n, func(m ast.Node) bool {
				if id, ok := m.(*ast.Ident); ok && id.Name == name {
					p := c.Fset.Position(id.Pos())
					hit = hit || p.Line == at.Line && p.Column == at.Column
				}
				return !hit
			})
			return hit
		}
		use := "_ = " + name
		for _, n := range it.nodes() {
			ast.Inspect(n, func(m ast.Node) bool {
				switch x := m.(type) {
				case *ast.IfStmt:
					if x.Init != nil && declares(x.Init) {
						insert(c.Offset(x.Body.Lbrace)+1, use+";")
					}
				case *ast.ForStmt:
					if x.Init != nil && declares(x.Init) {
						insert(c.Offset(x.Body.Lbrace)+1, use+";")
					}
				case *ast.RangeStmt:
					if x.Key != nil && declares(x.Key) || x.Value != nil && declares(x.Value) {
						insert(c.Offset(x.Body.Lbrace)+1, use+";")
					}
				case *ast.BlockStmt:
					for _, s := range x.List {
						switch s.(type) {
						case *ast.AssignStmt, *ast.DeclStmt:
							if declares(s) {
								insert(c.Offset(s.End()), ";"+use)
							}
						}
					}
				case *ast.CaseClause:
					for _, s := range x.Body {
						if _, ok := s.(*ast.AssignStmt); ok && declares(s) {
							insert(c.Offset(s.End()), ";"+use)
						}
					}
				}
				return !found
			})
		}
		if found {
			return true
		}
	}
	return false
}

// checkSource writes the slice as package-level declarations.
func (g *generator) checkSource() string {
	var b strings.Builder
	b.WriteString("package main\n")
	b.WriteString(g.imports(func(imported) bool { return true }))
	for _, t := range g.extra {
		b.WriteString(t + "\n")
	}
	for _, d := range g.declared {
		b.WriteString(g.text(d, d.Start, d.End) + "\n")
	}
	seen := map[string]bool{}
	for name, t := range g.variables {
		fmt.Fprintf(&b, "var %s %s\n", name, t)
		seen[name] = true
	}
	fresh := func(name string) string {
		if seen[name] {
			return "_"
		}
		seen[name] = name != "_"
		return name
	}
	for _, it := range g.running() {
		c := it.cell.parsed
		if d, ok := it.Decl.(*ast.GenDecl); ok {
			for _, spec := range d.Specs {
				s := spec.(*ast.ValueSpec)
				var names []string
				for _, n := range s.Names {
					names = append(names, fresh(n.Name))
				}
				behind := c.Offset(s.Names[len(s.Names)-1].End())
				fmt.Fprintf(&b, "var %s %s\n", strings.Join(names, ", "), g.text(it, behind, c.Offset(s.End())))
			}
			continue
		}
		for _, stmt := range it.Stmts {
			switch x := stmt.(type) {
			case *ast.AssignStmt:
				if x.Tok == token.DEFINE {
					var names []string
					for _, l := range x.Lhs {
						names = append(names, fresh(l.(*ast.Ident).Name))
					}
					fmt.Fprintf(&b, "var %s = %s\n", strings.Join(names, ", "), g.text(it, c.Offset(x.Rhs[0].Pos()), c.Offset(x.End())))
					continue
				}
			case *ast.ExprStmt:
				if _, call := x.X.(*ast.CallExpr); !call {
					fmt.Fprintf(&b, "var _ = %s\n", g.text(it, c.Offset(x.Pos()), c.Offset(x.End())))
					continue
				}
			}
			fmt.Fprintf(&b, "func _() {\n%s\n}\n", g.text(it, c.Offset(stmt.Pos()), c.Offset(stmt.End())))
		}
	}
	return b.String()
}

func (k *checked) imports(p imported) bool { return p.name == "_" || p.name == "." || k.used[p.path] }

// shows reports whether the call at a place of the page has one value to show.
func (k *checked) shows(at token.Position) bool {
	for _, tv := range k.calls[place(at)] {
		if _, tuple := tv.Type.(*types.Tuple); tv.IsValue() && !tuple {
			return true
		}
	}
	return false
}

// place is a position without its offset, which differs from text to text.
func place(p token.Position) string { return fmt.Sprintf("%s:%d:%d", p.Filename, p.Line, p.Column) }

// typeOf is the source of a variable's type; packages that the slice does not import get an alias.
func (k *checked) typeOf(name string) string {
	o := k.pkg.Scope().Lookup(name)
	if o == nil {
		return "any"
	}
	return types.TypeString(o.Type(), func(p *types.Package) string {
		if p == k.pkg {
			return ""
		}
		if own := k.declared[p.Path()]; own != "" && k.used[p.Path()] {
			return own
		}
		if k.alias[p.Path()] == "" {
			k.alias[p.Path()] = fmt.Sprintf("cellarpkg%d", len(k.alias))
		}
		return k.alias[p.Path()]
	})
}

func (k *checked) aliases() []string {
	var all []string
	for path, name := range k.alias {
		all = append(all, fmt.Sprintf("import %s %q\n", name, path))
	}
	sort.Strings(all)
	return all
}

// output describes the type of an asset's variable for those who load it.
func (k *checked) output(name string) (Type, error) {
	o := k.pkg.Scope().Lookup(name)
	if o == nil {
		return Type{}, fmt.Errorf("no variable %s", name)
	}
	return Describe(o.Type(), k.pkg)
}

// Describe writes a type as source: named types of the packages given are declared without methods, others are imported.
func Describe(t types.Type, local ...*types.Package) (Type, error) {
	d := &describer{local: local, decls: map[string]string{}, imports: map[string]bool{}}
	text := types.TypeString(t, d.qualify)
	d.visit(t)
	if d.err != nil {
		return Type{}, d.err
	}
	var decls []string
	for _, s := range d.decls {
		decls = append(decls, s)
	}
	sort.Strings(decls)
	return Type{Type: text, Decls: strings.Join(decls, "\n"), Imports: sorted(d.imports)}, nil
}

type describer struct {
	local   []*types.Package
	decls   map[string]string
	imports map[string]bool
	err     error
}

func (d *describer) isLocal(p *types.Package) bool {
	for _, l := range d.local {
		if l == p {
			return true
		}
	}
	return false
}

func (d *describer) qualify(p *types.Package) string {
	if d.isLocal(p) {
		return ""
	}
	d.imports[p.Path()] = true
	return p.Name()
}

// visit declares the local named types within t.
func (d *describer) visit(t types.Type) {
	switch x := t.(type) {
	case *types.Named:
		for i := range x.TypeArgs().Len() {
			d.visit(x.TypeArgs().At(i))
		}
		o := x.Origin().Obj()
		if !d.isLocal(o.Pkg()) {
			return
		}
		if _, done := d.decls[o.Name()]; done {
			return
		}
		if o.Parent() != o.Pkg().Scope() {
			d.err = fmt.Errorf("type %s is declared inside a function, so nobody else can name it", o.Name())
			return
		}
		d.decls[o.Name()] = ""
		var parameters string
		if p := x.Origin().TypeParams(); p.Len() > 0 {
			var list []string
			for i := range p.Len() {
				list = append(list, p.At(i).Obj().Name()+" "+types.TypeString(p.At(i).Constraint(), d.qualify))
			}
			parameters = "[" + strings.Join(list, ", ") + "]"
		}
		text := "type " + o.Name() + parameters + " " + types.TypeString(x.Origin().Underlying(), d.qualify)
		if formatted, err := format.Source([]byte(expand(text))); err == nil {
			text = string(bytes.TrimSpace(formatted))
		}
		d.decls[o.Name()] = text
		d.visit(x.Origin().Underlying())
	case *types.Alias:
		d.visit(types.Unalias(x))
	case *types.Pointer:
		d.visit(x.Elem())
	case *types.Slice:
		d.visit(x.Elem())
	case *types.Array:
		d.visit(x.Elem())
	case *types.Map:
		d.visit(x.Key())
		d.visit(x.Elem())
	case *types.Struct:
		for i := range x.NumFields() {
			d.visit(x.Field(i).Type())
		}
	}
}

// expand puts the fields of a struct, which go/types writes on one line, on lines of their own.
func expand(decl string) string {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+decl, parser.SkipObjectResolution)
	if err != nil {
		return decl
	}
	s, ok := file.Decls[0].(*ast.GenDecl).Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
	if !ok || len(s.Fields.List) == 0 {
		return decl
	}
	const before = len("package p\n") + 1
	var b strings.Builder
	at := 0
	for _, f := range s.Fields.List {
		start := int(f.Pos()) - before
		b.WriteString(strings.TrimSuffix(strings.TrimRight(decl[at:start], " "), ";") + "\n")
		at = start
	}
	b.WriteString(strings.TrimSuffix(strings.TrimSpace(decl[at:]), "}") + "\n}")
	return b.String()
}
