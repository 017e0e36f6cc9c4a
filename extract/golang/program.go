package golang

import (
	"fmt"
	"go/ast"
	"go/token"
	"sort"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gocell"
	"github.com/cellar-go/cellar/internal/gomod"
)

// Type is how Go source names the type of an asset's value.
type Type struct {
	Type    string   `json:"type"`  // such as []Feature
	Decls   string   `json:"decls"` // the declarations of the types it is made of, without methods
	Imports []string `json:"imports,omitempty"`
}

// Program is the source of a step, one file of package main, and what go/types found of its outputs.
type Program struct {
	Source  string
	Outputs map[string]Type // by the asset's name
}

// Importer gives export data files for packages, as gomod.Module.Exports does.
type Importer func(packages ...string) (map[string]string, error)

// Names of the generated program that no user may declare.
const (
	stepPackage = "cellarstep"
	loadPrefix  = "cellarload"
)

// recorded are functions of os whose calls note which file was opened.
var recorded = map[string]bool{"Open": true, "ReadFile": true, "OpenFile": true, "ReadDir": true, "DirFS": true}

// Program generates the slice's program and checks it with go/types. Inputs are the upstream values' types, by key (and "@rev" where
// the input names a revision).
func (s *Slice) Program(exports Importer, inputs map[string]Type) (*Program, error) {
	g := &generator{Slice: s, inputs: inputs, exports: exports, lifted: map[string]bool{}, edits: map[*item][]edit{}, variables: map[string]string{}}
	if err := g.plan(); err != nil {
		return nil, err
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	return g.program()
}

type edit struct {
	start, end int // in the cell's source
	text       string
}

// generator turns a slice to source, twice: once for go/types, where a := at the page's top level is a package variable so that its
// type is found, and once to run, where the statements stand in one function in page order.
type generator struct {
	*Slice
	exports   Importer
	inputs    map[string]Type
	lifted    map[string]bool // variables that functions read, inputs and outputs: they live at package level
	edits     map[*item][]edit
	variables map[string]string // input variable → type
	extra     []string          // type declarations that come with the inputs
	extraPath map[string]bool
	checked   *checked
}

// running are the items whose statements make up the program, in order.
func (g *generator) running() []*item {
	var all []*item
	for _, c := range append(append([]*cell{}, g.setup...), g.target) {
		for i := range c.items {
			if it := &c.items[i]; c == g.target && variables(it) || c != g.target && g.runs(it) {
				all = append(all, it)
			}
		}
	}
	return all
}

// plan decides which variables live at package level, names the loads, and notes the edits that both texts share.
func (g *generator) plan() error {
	own := map[string]bool{}
	for _, d := range g.declared {
		for name := range d.defines {
			own[name] = true
		}
		for name := range d.uses {
			g.lifted[name] = true
		}
	}
	for _, a := range g.target.outputs {
		g.lifted[a.Name] = true
	}
	g.extraPath = map[string]bool{}
	for i, in := range g.Slice.inputs {
		key := in.Key
		if in.At != "" {
			key += "@" + in.At
		}
		t, ok := g.inputs[key]
		if !ok {
			return fmt.Errorf("cellar: asset %s: the type of its input %s is not known", g.target.outputs[0].Key, key)
		}
		name := in.Name
		if name != "" {
			g.variables[name] = t.Type
			g.lifted[name] = true
		}
		for _, l := range g.loads {
			if graph.Fold(g.key(l.key)) == graph.Fold(in.Key) && l.at == in.At {
				variable := fmt.Sprintf("%s%d", loadPrefix, i)
				g.variables[variable] = t.Type
			}
		}
		for _, p := range t.Imports {
			g.extraPath[p] = true
		}
		if err := g.declare(in.Key, t.Decls, own); err != nil {
			return err
		}
	}
	for grown := true; grown; { // one := can't define a package variable and a local one
		grown = false
		for _, it := range g.running() {
			any := false
			for name := range it.defines {
				any = any || g.lifted[name]
			}
			for name := range it.defines {
				if any && !g.lifted[name] {
					g.lifted[name], grown = true, true
				}
			}
		}
	}
	for _, it := range append(g.running(), g.declared...) {
		g.common(it)
	}
	return nil
}

func (g *generator) key(name string) string { return g.notebook.Key(name) }

// declare adds the type declarations of an input that the slice has not itself.
func (g *generator) declare(key, declarations string, own map[string]bool) error {
	c, err := gocell.Parse(key, declarations)
	if err != nil {
		return fmt.Errorf("cellar: asset %s: the recorded type of %s: %w", g.target.outputs[0].Key, key, err)
	}
	for _, it := range c.Items {
		d, ok := it.Decl.(*ast.GenDecl)
		if !ok || d.Tok != token.TYPE {
			continue
		}
		name := d.Specs[0].(*ast.TypeSpec).Name.Name
		if !own[name] {
			g.extra = append(g.extra, it.Text)
			own[name] = true
		}
	}
	return nil
}

// common notes the replacements of load("…") by its variable, and of os.Open by the step's, which notes the file.
func (g *generator) common(it *item) {
	c := it.cell.parsed
	visit := func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.CallExpr:
			for _, l := range it.loads {
				if l.call == x {
					for i, in := range g.Slice.inputs {
						if graph.Fold(in.Key) == graph.Fold(g.key(l.key)) && in.At == l.at {
							g.edits[it] = append(g.edits[it], edit{c.Offset(x.Pos()), c.Offset(x.End()), fmt.Sprintf("%s%d", loadPrefix, i)})
						}
					}
					return false
				}
			}
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok && recorded[x.Sel.Name] && it.uses[id.Name] && g.imported(id.Name) == "os" {
				g.edits[it] = append(g.edits[it], edit{c.Offset(id.Pos()), c.Offset(id.End()), stepPackage})
			}
		}
		return true
	}
	for _, n := range it.nodes() {
		ast.Inspect(n, visit)
	}
}

func (it *item) nodes() []ast.Node {
	var all []ast.Node
	if it.Decl != nil {
		all = append(all, it.Decl)
	}
	for _, s := range it.Stmts {
		all = append(all, s)
	}
	return all
}

// imported is the path that a name stands for in the slice.
func (s *Slice) imported(name string) string {
	for i := range s.imports {
		if s.imports[i].bears(name) {
			return s.imports[i].path
		}
	}
	return ""
}

// text is a part of a cell's source with edits, behind a directive that keeps the cell's own positions.
func (g *generator) text(it *item, start, end int, edits ...edit) string {
	all := append([]edit{}, edits...)
	for _, e := range g.edits[it] {
		if e.start >= start && e.end <= end {
			all = append(all, e)
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].start < all[j].start })
	var b strings.Builder
	b.WriteString(g.directive(it, start))
	at := start
	for _, e := range all {
		if e.start < at {
			continue // within a replaced part
		}
		b.WriteString(it.cell.Text[at:e.start])
		b.WriteString(e.text)
		b.WriteString(g.directive(it, e.end))
		at = e.end
	}
	b.WriteString(it.cell.Text[at:end])
	return b.String()
}

func (g *generator) directive(it *item, offset int) string {
	line, column := it.cell.parsed.Position(offset)
	return fmt.Sprintf("/*line %s:%d:%d*/", g.notebook.cellName(it.cell), line, column)
}

func (g *generator) imports(used func(imported) bool) string {
	var b strings.Builder
	b.WriteString("import (\n")
	seen := map[string]bool{}
	for _, p := range g.Slice.imports {
		if used(p) {
			fmt.Fprintf(&b, "\t%s %q\n", p.name, p.path)
			seen[p.path] = true
		}
	}
	for p := range g.extraPath {
		if !seen[p] {
			fmt.Fprintf(&b, "\t%q\n", p)
		}
	}
	fmt.Fprintf(&b, "\t%s %q\n)\n", stepPackage, gomod.Path+"/assetlib/step")
	return b.String()
}

// program writes what runs.
func (g *generator) program() (*Program, error) {
	var b strings.Builder
	b.WriteString("// Code generated by cellar from " + g.notebook.File + "; it is built in the cache and nobody edits it.\npackage main\n\n")
	body, variables := g.body()
	b.WriteString(g.imports(g.checked.imports))
	for _, p := range g.checked.aliases() {
		b.WriteString(p)
	}
	b.WriteString("\nvar _ = " + stepPackage + ".Open\n")
	for _, t := range g.extra {
		b.WriteString(t + "\n")
	}
	for _, d := range g.declared {
		b.WriteString(g.text(d, d.Start, d.End, g.checked.unused[d]...) + "\n")
	}
	b.WriteString(variables)
	b.WriteString("\nfunc cellarcell() {\n" + body + "}\n\nfunc main() {\n\t" + stepPackage + ".Main(" + stepPackage + ".Program{\n\t\tInputs: []" + stepPackage + ".Value{")
	for i, in := range g.Slice.inputs {
		var names []string
		if in.Name != "" {
			names = append(names, in.Name)
		}
		if name := fmt.Sprintf("%s%d", loadPrefix, i); g.variables[name] != "" {
			names = append(names, name)
		}
		for _, name := range names {
			fmt.Fprintf(&b, "{%s, &%s}, ", strconv.Quote(inputName(in.Key, in.At)), name)
		}
	}
	b.WriteString("},\n\t\tRun: cellarcell,\n\t\tOutputs: []" + stepPackage + ".Value{")
	p := &Program{Outputs: map[string]Type{}}
	for _, a := range g.target.outputs {
		fmt.Fprintf(&b, "{%s, &%s}, ", strconv.Quote(a.Key), a.Name)
		t, err := g.checked.output(a.Name)
		if err != nil {
			return nil, fault.New(fault.Input, "store a plain value: slices, maps, structs and scalars of named or built-in types", "asset %s: %s: %w", a.Key, g.target.place(g.notebook), err)
		}
		p.Outputs[a.Name] = t
	}
	b.WriteString("},\n\t})\n}\n")
	p.Source = b.String()
	return p, nil
}

func inputName(key, at string) string {
	if at == "" {
		return key
	}
	return key + "@" + at
}

// body is the cell function's text, and the declarations of the package variables.
func (g *generator) body() (body, declarations string) {
	var b, v strings.Builder
	for _, name := range sorted(keys(g.variables)) {
		fmt.Fprintf(&v, "var %s %s\n", name, g.variables[name])
	}
	declared := map[string]bool{}
	local := map[string]bool{}
	running := g.running()
	for i, it := range running {
		for _, name := range sorted(it.defines) {
			if g.lifted[name] && !declared[name] && g.variables[name] == "" {
				declared[name] = true
				fmt.Fprintf(&v, "var %s %s\n", name, g.checked.typeOf(name))
			}
		}
		b.WriteString(g.statement(it, local, i == len(running)-1) + "\n")
	}
	return b.String(), v.String()
}

// statement is one item as it stands in the cell function.
func (g *generator) statement(it *item, local map[string]bool, last bool) string {
	unused := g.checked.unused[it]
	if d, ok := it.Decl.(*ast.GenDecl); ok {
		return g.varStatement(it, d, local)
	}
	s := it.Stmts[0]
	c := it.cell.parsed
	switch x := s.(type) {
	case *ast.AssignStmt:
		if x.Tok != token.DEFINE {
			break
		}
		var names []string
		fresh := false
		for _, l := range x.Lhs {
			if id := l.(*ast.Ident); id.Name != "_" && !g.lifted[id.Name] {
				names = append(names, id.Name)
				fresh = fresh || !local[id.Name]
				local[id.Name] = true
			}
		}
		at := c.Offset(x.TokPos)
		if !fresh {
			unused = append(unused, edit{at, at + 2, "="})
		}
		return g.text(it, it.Start, it.End, unused...) + silence(names)
	case *ast.ExprStmt:
		n := len(it.Stmts)
		if call, ok := x.X.(*ast.CallExpr); ok && n == 1 && !g.checked.shows(c.Fset.Position(call.Pos())) {
			break
		}
		start, end := c.Offset(x.Pos()), c.Offset(it.Stmts[n-1].End())
		before := strings.Repeat("_, ", n-1) + "_ = "
		after := ""
		if last && it.cell == g.target {
			before, after = stepPackage+".Show(", ")"
		}
		return before + g.text(it, start, end, unused...) + after
	}
	return g.text(it, it.Start, it.End, unused...)
}

// varStatement is a var declaration as assignments to package variables, or as it stands.
func (g *generator) varStatement(it *item, d *ast.GenDecl, local map[string]bool) string {
	var b strings.Builder
	c := it.cell.parsed
	for _, spec := range d.Specs {
		s := spec.(*ast.ValueSpec)
		lifted := false
		var names, locals []string
		for _, n := range s.Names {
			names = append(names, n.Name)
			lifted = lifted || g.lifted[n.Name]
			if n.Name != "_" && !local[n.Name] {
				locals = append(locals, n.Name)
			}
		}
		switch {
		case lifted && len(s.Values) > 0:
			fmt.Fprintf(&b, "%s = %s\n", strings.Join(names, ", "), g.text(it, c.Offset(s.Values[0].Pos()), c.Offset(s.Values[len(s.Values)-1].End())))
		case !lifted && len(locals) == 0 && len(s.Values) > 0:
			fmt.Fprintf(&b, "%s = %s\n", strings.Join(names, ", "), g.text(it, c.Offset(s.Values[0].Pos()), c.Offset(s.Values[len(s.Values)-1].End())))
		case lifted || len(locals) == 0: // var x T again is zero again
			for _, name := range names {
				fmt.Fprintf(&b, "%s = *new(%s)\n", name, g.text(it, c.Offset(s.Type.Pos()), c.Offset(s.Type.End())))
			}
		default:
			fmt.Fprintf(&b, "var %s%s\n", g.text(it, c.Offset(s.Pos()), c.Offset(s.End())), silence(locals))
			for _, n := range locals {
				local[n] = true
			}
		}
	}
	return b.String()
}

// silence uses variables, which the kernel does not ask of a cell.
func silence(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; " + strings.TrimSuffix(strings.Repeat("_, ", len(names)), ", ") + " = " + strings.Join(names, ", ")
}

func keys(m map[string]string) map[string]bool {
	all := map[string]bool{}
	for k := range m {
		all[k] = true
	}
	return all
}
