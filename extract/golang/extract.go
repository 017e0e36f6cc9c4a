package golang

import (
	"fmt"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/extract"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gocell"
)

// Extractor writes asset cells of a Go notebook as functions.
type Extractor struct {
	Notebook *Notebook
	Exports  Importer
	Inputs   map[string]Type              // the upstream values' types, as for Slice.Program
	Provides func(importPath string) bool // whether the user's own module can import a package; steps are lent more than that
}

var _ extract.Language = (*Extractor)(nil)

// extraction is one cell on its way out.
type extraction struct {
	*generator
	to         extract.Target
	provides   func(string) bool
	parameters map[string]string // by input name (key, and "@rev")
	pkg, name  string
	head, tail []*item // of the target's statements: those that make the value, and those behind them, which show it
	globals    []*item // set-up variables that become package variables
	locals     []*item // set-up statements that come into the function
	results    []extract.Parameter
	named      bool            // the results have names
	parts      []*piece        // the package's declarations, in page order
	moved      []*piece        // the same with those that the package has already
	shared     []*item         // the same of globals
	needed     map[string]bool // import paths that only the signature needs
}

// Extract implements extract.Language.
func (e *Extractor) Extract(asset string, to extract.Target) (*extract.Function, error) {
	s, err := e.Notebook.Slice(asset)
	if err != nil {
		return nil, err
	}
	if err := s.movable(); err != nil {
		return nil, err
	}
	g, err := e.generator(s)
	if err != nil {
		return nil, err
	}
	if own := s.onPage(g.extra); len(own) > 0 {
		if whole, err := e.Notebook.cut(s.target, own); err == nil && whole.movable() == nil {
			if g, err = e.generator(whole); err != nil {
				return nil, err
			}
		}
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	x := &extraction{generator: g, to: to, provides: e.Provides, parameters: map[string]string{}, needed: map[string]bool{}}
	f := &extract.Function{}
	for _, step := range []func(*extract.Function) error{x.names, x.signature, x.divide, x.declarations, x.source, x.page} {
		if err := step(f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (e *Extractor) generator(s *Slice) (*generator, error) {
	g := &generator{Slice: s, inputs: e.Inputs, exports: e.Exports, lifted: map[string]bool{}, edits: map[*item][]edit{}, variables: map[string]string{}}
	return g, g.plan()
}

// onPage are the page's own declarations of types that come with inputs. Nothing of the slice names them, so it has them not; but a type
// moves with its comments and all its methods.
func (s *Slice) onPage(declarations []string) []*item {
	var found []*item
	for _, d := range declarations {
		for name, text := range Types(d) {
			for _, c := range s.notebook.cells {
				for i := range c.items {
					if it := &c.items[i]; it.Kind == gocell.Type && it.defines[name] && Same(declaredIn(it.Decl, original(it))[name], text) {
						found = append(found, it)
					}
				}
			}
		}
	}
	return found
}

// Candidates implements extract.Language.
func (e *Extractor) Candidates() []extract.Candidate {
	var all []extract.Candidate
	for _, c := range e.Notebook.cells {
		o := extract.Candidate{ID: c.ID, Number: c.Number, Obstacle: c.err}
		for _, a := range c.outputs {
			o.Assets = append(o.Assets, a.Key)
		}
		switch {
		case c.err != nil:
		case c.asset():
			var s *Slice
			if s, o.Obstacle = e.Notebook.slice(c); o.Obstacle == nil {
				o.Obstacle = s.movable()
			}
			var parameters []string
			for _, in := range s.inputs {
				if name := in.Name; name != "" {
					parameters = append(parameters, name)
				} else {
					parameters = append(parameters, lower(path.Base(in.Key)))
				}
			}
			_, function := s.called()
			o.Becomes = fmt.Sprintf("func %s(%s)", function, strings.Join(parameters, ", "))
		case len(c.values()) > 0:
			o.Becomes = fmt.Sprintf("//| asset: %s as its first line makes it an asset", strings.Join(c.values(), ", or "))
		default:
			o.Becomes = "goes along with the assets that use it"
		}
		all = append(all, o)
	}
	return all
}

// values are the variables that a plain cell computes; what var declares is set-up.
func (c *cell) values() []string {
	all := map[string]bool{}
	for i := range c.items {
		if it := &c.items[i]; it.Kind == gocell.Statement && it.loaded() == "" {
			for name := range it.defines {
				all[name] = true
			}
		}
	}
	return sorted(all)
}

// refuse names the cell, and the line where there is one.
func (s *Slice) refuse(it *item, hint, format string, args ...any) error {
	c, line := s.target, ""
	if it != nil {
		c = it.cell
		line = fmt.Sprintf(", line %d", c.parsed.Line(it.code()))
	}
	return fault.New(fault.Input, hint, "extract %s: %s%s: %s", s.target.outputs[0].Key, c.place(s.notebook), line, fmt.Sprintf(format, args...))
}

// code is where an item's first token stands, behind its comments.
func (it *item) code() int {
	if n := it.nodes(); len(n) > 0 {
		return it.cell.parsed.Offset(n[0].Pos())
	}
	return it.Start
}

// movable refuses what a function can't be, or what can't be proved to be the same in one. It needs no types.
func (s *Slice) movable() error {
	t := s.target
	switch {
	case t.options.Value("live") == "true":
		return s.refuse(nil, "take the option away and run the cell", "it is live, so there is no stored value to compare with")
	case s.unpinned != "":
		return s.refuse(nil, "make what it gets from outside an asset of its own, or seed the generator", "it %s, so two runs can't be proved equal", s.unpinned)
	}
	for _, in := range s.inputs {
		if in.At != "" {
			return s.refuse(nil, "load it in a cell of its own and name that an asset", "it loads %s at %s, and a parameter can't name a revision", in.Key, in.At)
		}
	}
	for _, c := range append(slices.Clone(s.setup), t) {
		if c.pieces {
			return s.refuse(s.chosenOf(c), "make it a constant in another cell if nobody sets it", "it uses a parameter of the notebook, and a function has none but assets")
		}
		if len(c.parsed.Magics) > 0 {
			m := c.parsed.Magics[0]
			return fault.New(fault.Input, "take the line out", "extract %s: %s, line %d: %s means something in a notebook only", t.outputs[0].Key, c.place(s.notebook), m.Line, m.Text)
		}
		for i := range c.items {
			it := &c.items[i]
			if (c == t || s.runs(it)) && (&slicer{Slice: s}).processWide(it) {
				return s.refuse(it, "do it in the program that calls the function, or without", "it changes the whole process (%s)", strings.TrimSuffix(strings.Join(it.effects, ", "), " ="))
			}
		}
	}
	_, err := s.mark(func(input graph.Input) string { return input.Name }, func(string) (string, bool) { return "", true })
	return err
}

func (s *Slice) chosenOf(c *cell) *item {
	for i := range c.items {
		if s.chosen[&c.items[i]] {
			return &c.items[i]
		}
	}
	return nil
}

// mark is the line that marks the function; moved rewrites a path, and its answer is false if there is no such path.
func (s *Slice) mark(parameter func(graph.Input) string, moved func(string) (string, bool)) (string, error) {
	o := s.target.options
	words := []string{}
	add := func(name string, values ...string) error {
		for _, v := range values {
			if strings.ContainsAny(v, " \t,") {
				if name == "key" || name == "in" { // which the notebook's name may have given it
					return s.refuse(nil, "rename the notebook, or give the asset a key without them by the option `key:`", "the key %q would stand in a directive, whose values hold no space or comma", v)
				}
				return s.refuse(nil, "write it without", "the option %s has the value %q, and a directive's values hold no space or comma", name, v)
			}
		}
		if len(values) > 0 {
			words = append(words, name+"="+strings.Join(values, ","))
		}
		return nil
	}
	var keys, from, reads []string
	for _, a := range s.target.outputs {
		keys = append(keys, a.Key)
	}
	for _, in := range s.inputs {
		if p := parameter(in); path.Join(path.Dir(keys[0]), snake(p)) != in.Key {
			from = append(from, p+":"+in.Key)
		}
	}
	for _, r := range o.All("reads") {
		if m, ok := moved(r); ok && m != "" {
			r = m
		}
		reads = append(reads, r)
	}
	for _, option := range []struct {
		name   string
		values []string
	}{{"key", keys}, {"in", from}, {"group", o.All("group")}, {"tags", append(o.All("tags"), o.All("tag")...)}, {"reads", reads}, {"env", o.All("env")}, {"secrets", o.All("secrets")}, {"refresh", o.All("refresh")}} {
		if err := add(option.name, option.values...); err != nil {
			return "", err
		}
	}
	return Directive + " " + strings.Join(words, " "), nil
}

// names settles what the package, the function and its file are called.
func (x *extraction) names(f *extract.Function) error {
	x.pkg = packageName(x.to)
	switch {
	case x.pkg == "main":
		return fault.New(fault.Usage, "name another folder, such as --to pipeline", "%s is package main, and a program can't be imported", x.to.Folder)
	case !token.IsIdentifier(x.pkg):
		return fault.New(fault.Usage, "name a folder of letters and digits, such as --to pipeline", "%s: %q is no name for a package", x.to.Folder, x.pkg)
	}
	for _, a := range x.target.outputs {
		f.Assets = append(f.Assets, a.Key)
	}
	file, name := x.called()
	x.name = name
	f.Package, f.Name = x.pkg, x.name
	f.File, f.TestFile = path.Join(x.to.Folder, file+".go"), path.Join(x.to.Folder, file+"_test.go")
	return nil
}

// called are the names of the function and, without .go, of its file.
func (s *Slice) called() (file, function string) {
	var base []string
	for _, a := range s.target.outputs {
		base = append(base, snake(a.Name))
	}
	file = strings.Join(base, "_")
	if id := strings.ReplaceAll(s.target.ID, "-", "_"); len(base) > 1 && token.IsIdentifier(id) && !strings.ContainsAny(id, "0123456789") {
		file = id // a name that the author gave the cell
	}
	for _, part := range strings.Split(file, "_") {
		if r := []rune(part); len(r) > 0 {
			function += string(unicode.ToUpper(r[0])) + string(r[1:])
		}
	}
	if i := strings.LastIndex(file, "_"); i >= 0 && (file[i:] == "_test" || platform[file[i+1:]]) {
		file = strings.ReplaceAll(file, "_", "") // go build reads a meaning into such an end
	}
	return file, function
}

// platform are words that restrict a file to an operating system or a processor when its name ends in them.
var platform = map[string]bool{"linux": true, "windows": true, "darwin": true, "android": true, "ios": true, "js": true, "wasm": true, "unix": true,
	"plan9": true, "solaris": true, "freebsd": true, "netbsd": true, "openbsd": true, "aix": true, "amd64": true, "arm64": true, "arm": true, "386": true}

// signature names and types the parameters and results.
func (x *extraction) signature(f *extract.Function) error {
	taken := map[string]bool{}
	for _, a := range x.target.outputs {
		taken[a.Name] = true
	}
	for i, in := range x.Slice.inputs {
		variable, name := in.Name, in.Name
		if name == "" {
			variable = fmt.Sprintf("%s%d", loadPrefix, i)
			name = lower(path.Base(in.Key))
		}
		if taken[name] {
			return x.refuse(nil, "give the variable another name", "%s would be the name of two parameters or results", name)
		}
		taken[name] = true
		x.parameters[inputName(in.Key, in.At)] = name
		text, err := x.exported(name, variable)
		if err != nil {
			return err
		}
		f.Inputs = append(f.Inputs, extract.Parameter{Name: name, Type: text, Key: in.Key})
	}
	for _, a := range x.target.outputs {
		text, err := x.exported(a.Name, a.Name)
		if err != nil {
			return err
		}
		f.Outputs = append(f.Outputs, extract.Parameter{Name: a.Name, Type: text, Key: a.Key})
	}
	x.results = f.Outputs
	return nil
}

func lower(key string) string {
	parts := strings.FieldsFunc(key, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
	return strings.Join(parts, "_")
}

// exported is the type of a variable as the signature writes it. A renamed type would be another code version of every cell that names
// it, so a type that has no exported name is refused, not renamed.
func (x *extraction) exported(name, variable string) (string, error) {
	o := x.checked.pkg.Scope().Lookup(variable)
	if o == nil {
		return "", x.refuse(nil, "", "no variable %s", variable)
	}
	var problem error
	text := types.TypeString(o.Type(), func(p *types.Package) string {
		if p == x.checked.pkg {
			return ""
		}
		x.needed[p.Path()] = true
		if own := x.checked.declared[p.Path()]; own != "" {
			return own
		}
		return p.Name()
	})
	seen := map[types.Type]bool{}
	var visit func(t types.Type)
	visit = func(t types.Type) {
		if seen[t] {
			return
		}
		seen[t] = true
		switch t := t.(type) {
		case *types.Named:
			o := t.Obj()
			switch {
			case o.Pkg() == x.checked.pkg && o.Parent() != o.Pkg().Scope():
				problem = x.refuse(nil, "declare the type outside of the function", "%s is of type %s, which is declared inside a function, so nobody else can name it", name, o.Name())
			case o.Pkg() != nil && !o.Exported():
				problem = x.refuse(nil, fmt.Sprintf("rename it %s in the notebook first: it is part of the code version of every cell that names it", strings.ToUpper(o.Name()[:1])+o.Name()[1:]),
					"%s is of type %s, which is not exported, so no other package can name it", name, o.Name())
			}
			for i := range t.TypeArgs().Len() {
				visit(t.TypeArgs().At(i))
			}
		case *types.Signature, *types.Interface, *types.Chan:
			problem = x.refuse(nil, "make it of data: structs, slices, maps, scalars", "%s is of type %s, which can't be stored", name, text)
		case interface{ Elem() types.Type }: // pointers, slices, arrays, maps
			if m, ok := t.(*types.Map); ok {
				visit(m.Key())
			}
			visit(t.Elem())
		}
	}
	visit(o.Type())
	return text, problem
}
