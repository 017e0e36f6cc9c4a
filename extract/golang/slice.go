package golang

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/internal/fault"
)

// Slice is the least part of a notebook that computes an asset cell's assets from its upstream assets.
type Slice struct {
	notebook *Notebook
	target   *cell
	declared []*item        // types, constants, functions and methods, in page order
	setup    []*cell        // plain cells whose statements run before the target's, in page order
	chosen   map[*item]bool // items of cells that are taken one by one
	imports  []imported     // by path
	inputs   []graph.Input
	loads    []load
	strings  []string
	unpinned string
}

// slicer follows names from one cell.
type slicer struct {
	*Slice
	index    map[*cell]int
	at       int // the target's place
	seen     map[*item]bool
	cells    map[*cell]bool
	packages map[string]imported
	asked    map[string]bool // names followed as variables
	followed map[*cell]bool  // upstream cells
	err      error
}

func (s *slicer) refuse(c *cell, hint, format string, args ...any) {
	if s.err == nil {
		s.err = fault.New(fault.Input, hint, "asset %s: %s: %s", s.target.outputs[0].Key, c.place(s.notebook), fmt.Sprintf(format, args...))
	}
}

// Slice cuts the slice of the asset cell at that place among the code cells.
func (n *Notebook) slice(target *cell) (*Slice, error) {
	if cut, ok := n.slices[target]; ok {
		return cut.slice, cut.err
	}
	s, err := n.cut(target)
	n.slices[target] = cutSlice{s, err}
	return s, err
}

type cutSlice struct {
	slice *Slice
	err   error
}

func (n *Notebook) cut(target *cell) (*Slice, error) {
	s := &slicer{
		Slice: &Slice{notebook: n, target: target, chosen: map[*item]bool{}},
		index: map[*cell]int{}, seen: map[*item]bool{}, cells: map[*cell]bool{}, packages: map[string]imported{}, asked: map[string]bool{}, followed: map[*cell]bool{},
	}
	for i, c := range n.cells {
		s.index[c] = i
	}
	s.at = s.index[target]
	if target.err != nil {
		return s.Slice, target.err
	}
	s.cell(target)
	s.blank()
	s.outputs()
	s.effects()
	s.single()
	if s.err != nil {
		return s.Slice, s.err
	}
	sort.Slice(s.setup, func(i, j int) bool { return s.index[s.setup[i]] < s.index[s.setup[j]] })
	sort.Slice(s.declared, func(i, j int) bool {
		a, b := s.declared[i], s.declared[j]
		return s.index[a.cell] < s.index[b.cell] || a.cell == b.cell && a.Start < b.Start
	})
	for _, p := range s.packages {
		s.imports = append(s.imports, p)
	}
	sort.Slice(s.imports, func(i, j int) bool { return s.imports[i].path+s.imports[i].name < s.imports[j].path+s.imports[j].name })
	s.volatile()
	sort.Slice(s.inputs, func(i, j int) bool { return s.inputs[i].Key+s.inputs[i].At < s.inputs[j].Key+s.inputs[j].At })
	return s.Slice, nil
}

// cell takes a cell's statements, and its declarations as far as they are used; the target's are taken whole.
func (s *slicer) cell(c *cell) {
	if s.cells[c] || s.err != nil {
		return
	}
	s.cells[c] = true
	if c.err != nil {
		s.err = c.err
		return
	}
	for _, m := range c.parsed.Magics {
		if strings.HasPrefix(m.Text, "!") || strings.HasPrefix(m.Text, "$") || strings.HasPrefix(m.Text, "%") {
			s.refuse(c, "move the command into a cell that no asset needs, or write it in Go", "line %d: %s can't be part of an asset", m.Line, m.Text)
		}
	}
	if c != s.target {
		s.setup = append(s.setup, c)
	}
	for i := range c.items {
		it := &c.items[i]
		switch {
		case len(it.imports) > 0 || it.Kind.String() == "import":
		case !variables(it) && c != s.target:
		case it.loaded() != "" && c != s.target:
		case c.pieces && c != s.target && !s.chosen[it]:
		default:
			s.item(it)
		}
	}
}

// variables reports whether an item runs: statements and var declarations do, other declarations are only declared.
func variables(it *item) bool {
	k := it.Kind.String()
	return k == "statement" || k == "var"
}

// item follows what an item uses.
func (s *slicer) item(it *item) {
	if s.seen[it] || s.err != nil {
		return
	}
	s.seen[it] = true
	if !variables(it) {
		s.declared = append(s.declared, it)
	}
	for _, l := range it.loads {
		s.load(it, l)
	}
	s.strings = append(s.strings, it.strings...)
	if it.spawns.IsValid() && it.Kind.String() == "statement" && it.cell == s.target {
		s.goroutine(it)
	}
	for _, name := range sorted(it.uses) {
		s.name(it, name)
	}
	for name := range it.defines {
		if it.Kind.String() == "type" {
			s.methods(name)
		}
	}
	for sel := range it.selects {
		s.method(sel)
	}
	for _, m := range sorted(it.mutates) {
		if p := s.notebook.provider(m); p != nil && p != s.target && it.cell == s.target {
			s.refuse(it.cell, fmt.Sprintf("work on a copy: %s := slices.Clone(%s) (or a copy of what it points to), and change that", "own", m),
				"it changes the upstream asset %s in place", m)
		}
	}
}

// goroutine refuses a go statement at the cell's top level unless something in the cell waits.
func (s *slicer) goroutine(it *item) {
	if !strings.Contains(it.cell.Text, "Wait()") && !strings.Contains(it.cell.Text, "<-") && !strings.Contains(it.cell.Text, "range ") {
		s.refuse(it.cell, "wait for it in the cell, with a sync.WaitGroup or a channel", "a goroutine may outlive the cell")
	}
}

func (s *slicer) load(it *item, l load) {
	s.loads = append(s.loads, l)
	s.input(graph.Input{Key: s.key(l.key), At: l.at})
}

// key completes the name in load("name"): without a slash it is this notebook's.
func (s *slicer) key(name string) string { return s.notebook.Key(name) }

// Key is the full key of a name that load or materialize is given in this notebook.
func (n *Notebook) Key(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	if p := n.provider(name); p != nil {
		for _, a := range p.outputs {
			if a.Name == name {
				return a.Key
			}
		}
	}
	return n.Stem + "/" + name
}

// implicit takes the types of an upstream cell's slice that have methods which std calls by itself, such as String: a value of such a
// type behaves by them wherever it goes.
func (s *slicer) implicit(p *cell) {
	if s.followed[p] {
		return
	}
	s.followed[p] = true
	if s.index[p] >= s.at {
		return
	}
	up, _ := s.notebook.slice(p)
	for _, d := range up.declared {
		if f, ok := d.Decl.(*ast.FuncDecl); ok && d.receiver != "" && implicit[f.Name.Name] {
			for _, other := range up.declared {
				if other.defines[d.receiver] {
					s.declaration(other)
				}
			}
		}
	}
}

// untouched refuses an upstream asset whose live value a plain cell changes before the target reads it: the step, which loads what is
// stored, would see another value than the reader of the page.
func (s *slicer) untouched(p *cell, name string) {
	for i := s.index[p] + 1; i < s.at; i++ {
		c := s.notebook.cells[i]
		for j := range c.items {
			if it := &c.items[j]; !c.asset() && variables(it) && it.mutates[name] {
				s.refuse(c, fmt.Sprintf("work on a copy of %s there", name), "it changes the asset %s in place, which this asset reads", name)
			}
		}
	}
}

// loaded is the variable of a statement that is name := load("key") and no more, or "".
func (it *item) loaded() string {
	if len(it.Stmts) != 1 || len(it.loads) != 1 {
		return ""
	}
	a, ok := it.Stmts[0].(*ast.AssignStmt)
	if !ok || a.Tok != token.DEFINE || len(a.Lhs) != 1 || a.Rhs[0] != ast.Expr(it.loads[0].call) {
		return ""
	}
	return a.Lhs[0].(*ast.Ident).Name
}

func (s *slicer) input(in graph.Input) {
	for i, other := range s.inputs {
		if other.Key == in.Key && other.At == in.At {
			if other.Name == "" {
				s.inputs[i].Name = in.Name
			}
			return
		}
	}
	s.inputs = append(s.inputs, in)
}

// name follows one free name of an item.
func (s *slicer) name(it *item, name string) {
	if it.cell == s.target || variables(it) {
		for i := range it.cell.items { // the cell's own comes first
			if own := &it.cell.items[i]; own.defines[name] {
				if variables(own) && variables(it) && own.Start >= it.Start {
					continue // x := x + 1 reads what x was before
				}
				if !variables(own) {
					s.declaration(own)
				} else if it.cell != s.target {
					s.variable(it, name)
				}
				return
			}
		}
	}
	limit := s.at
	if it.cell != s.target && variables(it) {
		limit = s.index[it.cell]
	}
	if p := s.notebook.provider(name); p != nil && p != s.target {
		if s.index[p] > s.at {
			s.refuse(it.cell, "move the cell that makes it above this one", "it uses %s, which only cell %d, further down, makes", name, p.Number)
			return
		}
		for _, a := range p.outputs {
			if a.Name == name {
				s.input(graph.Input{Key: a.Key, Name: name})
			}
		}
		s.untouched(p, name)
		s.implicit(p)
		return
	}
	// The last definition before the place where the name is read.
	for i := limit; i >= 0; i-- {
		c := s.notebook.cells[i]
		if c.asset() && c != s.target {
			if d := declares(c, name); d != nil {
				if variables(d) {
					s.refuse(it.cell, fmt.Sprintf("name it as an asset too (`//| asset: [%s, %s]`), or make it in a cell of its own", c.outputs[0].Name, name),
						"it uses %s, a variable inside the asset cell %d (%s) that is not an asset", name, c.Number, c.outputs[0].Key)
					return
				}
				s.declaration(d)
				return
			}
			continue
		}
		if d := declares(c, name); d != nil {
			if variables(d) {
				if d.loaded() == name {
					s.strings, s.loads = append(s.strings, d.strings...), append(s.loads, d.loads...)
					s.input(graph.Input{Key: s.key(d.loads[0].key), Name: name, At: d.loads[0].at})
				}
				s.variable(it, name)
			} else {
				s.declaration(d)
			}
			return
		}
	}
	if universe[name] || s.package_(it, name) {
		return
	}
	for i := limit + 1; i < len(s.notebook.cells); i++ {
		if declares(s.notebook.cells[i], name) != nil {
			if it.bases[name] && s.package_(it, name) {
				return
			}
			s.refuse(it.cell, "move the cell that declares it above this one", "it uses %s, which only cell %d, further down, declares", name, s.notebook.cells[i].Number)
			return
		}
	}
	// Nothing declares it: the program's type check names it with its line.
}

// declares is the item of a cell that declares a name, the last one.
func declares(c *cell, name string) *item {
	for i := len(c.items) - 1; i >= 0; i-- {
		if c.items[i].defines[name] && (name != "_") {
			return &c.items[i]
		}
	}
	return nil
}

// single refuses a slice that needs two definitions of one name: a set-up cell means the earlier one, what comes after it the later.
func (s *slicer) single() {
	first := map[string]*item{}
	for _, d := range s.declared {
		for name := range d.defines {
			if other := first[name]; other != nil && name != "_" && name != "main" {
				s.refuse(d.cell, "give one of them another name", "%s is also declared in cell %d, and the asset needs both", name, other.cell.Number)
			}
			first[name] = d
		}
	}
}

// declaration takes a type, a constant or a function.
func (s *slicer) declaration(d *item) {
	if s.seen[d] {
		return
	}
	s.item(d)
}

// method takes the types that have a method of the name selected: the type of an upstream value is not known by syntax, so all do.
func (s *slicer) method(sel selection) {
	if sel.base != "" && s.notebook.provider(sel.base) == nil {
		declared := false
		for i := 0; i <= s.at && !declared; i++ {
			declared = declares(s.notebook.cells[i], sel.base) != nil
		}
		if !declared {
			return // a package
		}
	}
	s.havingMethod(s.at, func(name string) bool { return name == sel.name })
}

// implicit are methods that std calls without anybody naming them.
var implicit = map[string]bool{"String": true, "Error": true, "Format": true, "GoString": true, "MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true,
	"UnmarshalText": true, "MarshalBinary": true, "UnmarshalBinary": true, "GobEncode": true, "GobDecode": true, "Display": true, "Less": true, "Unwrap": true, "Is": true, "As": true}

// havingMethod takes the types declared down to a cell that have a method whose name matches.
func (s *slicer) havingMethod(limit int, match func(name string) bool) {
	for i := 0; i <= limit; i++ {
		for j := range s.notebook.cells[i].items {
			it := &s.notebook.cells[i].items[j]
			f, ok := it.Decl.(*ast.FuncDecl)
			if !ok || it.receiver == "" || !match(f.Name.Name) {
				continue
			}
			for k := limit; k >= 0; k-- {
				if d := declares(s.notebook.cells[k], it.receiver); d != nil {
					s.declaration(d)
					break
				}
			}
		}
	}
}

// methods takes all methods of a type, as far down as the target.
func (s *slicer) methods(name string) {
	for i := 0; i <= s.at; i++ {
		for j := range s.notebook.cells[i].items {
			if it := &s.notebook.cells[i].items[j]; it.receiver == name {
				s.item(it)
			}
		}
	}
}

// variable takes the cells that make a set-up variable what it is when the item reads it: its last definition, and what writes into
// it, under any of its names, after that.
func (s *slicer) variable(it *item, name string) {
	limit := s.at
	if variables(it) && it.cell != s.target {
		limit = s.index[it.cell]
	}
	ask := fmt.Sprintf("%s@%d", name, limit)
	if s.asked[ask] {
		return
	}
	s.asked[ask] = true
	first := 0
	for i := limit; i >= 0; i-- {
		c := s.notebook.cells[i]
		if c.asset() || c.pieces && slices.Contains(c.Tags, "injected-parameters") {
			continue
		}
		if d := declares(c, name); d != nil && variables(d) && !d.uses[name] {
			first = i
			break
		}
	}
	aliases := map[string]bool{name: true}
	for grown := true; grown; {
		grown = false
		for i := first; i <= limit; i++ {
			for j := range s.notebook.cells[i].items {
				it := &s.notebook.cells[i].items[j]
				for a := range aliases {
					for _, other := range it.links[a] {
						if !aliases[other] && !strings.HasPrefix(other, "local ") {
							aliases[other], grown = true, true
						}
					}
				}
			}
		}
	}
	for i := first; i <= limit && i < s.at; i++ {
		c := s.notebook.cells[i]
		if c.asset() {
			continue
		}
		for j := range c.items {
			it := &c.items[j]
			if !touches(it, name, aliases) || it.loaded() != "" {
				continue
			}
			if c.pieces {
				s.chosen[it] = true
				if s.cells[c] {
					s.item(it)
				}
			}
			s.cell(c)
		}
	}
}

func touches(it *item, name string, aliases map[string]bool) bool {
	if !variables(it) {
		return false
	}
	if it.defines[name] {
		return true
	}
	reached := reach(it.mutates, it.links, "")
	for a := range aliases {
		if reached[a] {
			return true
		}
	}
	return false
}

// package_ takes the import that a name stands for: the last one of the page that may bear it.
func (s *slicer) package_(it *item, name string) bool {
	var found *imported
	for i, c := range s.notebook.cells {
		for j := range c.items {
			for k := range c.items[j].imports {
				p := &c.items[j].imports[k]
				if p.bears(name) && (i <= s.at || found == nil) {
					found = p
				}
			}
		}
	}
	if found == nil {
		if p, ok := helpers[name]; ok {
			found = &imported{path: p}
		}
	}
	if found == nil {
		return false
	}
	s.packages[found.name+" "+found.path] = *found
	return true
}

// volatile says why equal keys may have unequal values: a package that reaches outside, or a call whose result differs from run to run.
func (s *slicer) volatile() {
	calls := map[string][]string{
		"math/rand":    {"Int", "Intn", "Float64", "Perm", "Shuffle", "NormFloat64", "ExpFloat64", "Int63", "Int31", "Int31n", "Int63n", "Uint32", "Uint64", "Float32"},
		"math/rand/v2": {"Int", "IntN", "N", "Float64", "Perm", "Shuffle", "NormFloat64", "ExpFloat64", "Int64", "Int32", "Int32N", "Int64N", "Uint32", "Uint64", "Float32", "UintN"},
		"crypto/rand":  {"Read", "Int", "Text"},
		"time":         {"Now", "Since"},
	}
	for _, p := range s.imports {
		switch p.path {
		case "net/http", "net", "database/sql", "net/rpc", "net/smtp":
			s.unpinned = "imports " + p.path
		}
		name := p.name
		if name == "" {
			name = guesses(p.path)[0]
		}
		for it := range s.seen {
			for _, f := range calls[p.path] {
				if strings.Contains(it.Text, name+"."+f+"(") {
					s.unpinned = "calls " + name + "." + f
				}
			}
		}
	}
}

// helpers are packages of this module that a notebook may use without importing them.
var helpers = map[string]string{}

// bears reports whether an import may be used under a name: the one written, or what its path suggests.
func (p *imported) bears(name string) bool {
	if p.name != "" {
		return p.name == name
	}
	return slices.Contains(guesses(p.path), name)
}

// guesses are names that a package of that path may have: its last element, without a version, and without go- or -go around it.
func guesses(p string) []string {
	base := path.Base(p)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(p))
	}
	if i := strings.Index(base, ".v"); i > 0 {
		base = base[:i]
	}
	all := []string{base}
	for _, b := range []string{strings.TrimPrefix(base, "go-"), strings.TrimSuffix(base, "-go"), strings.TrimSuffix(base, ".go"), strings.ReplaceAll(base, "-", ""), strings.ReplaceAll(base, "-", "_")} {
		if !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	if i := strings.LastIndexAny(base, "-."); i >= 0 {
		all = append(all, base[i+1:])
	}
	return all
}

// blank takes imports for their side effects, and dot imports: they have no name to follow.
func (s *slicer) blank() {
	for i, c := range s.notebook.cells {
		if i > s.at && c != s.target {
			break
		}
		for j := range c.items {
			for _, p := range c.items[j].imports {
				if p.name == "_" || p.name == "." {
					s.packages[p.name+" "+p.path] = p
				}
			}
		}
	}
}

// outputs checks that the cell makes what its option names.
func (s *slicer) outputs() {
	seen := map[string]bool{}
	for _, a := range s.target.outputs {
		if seen[graph.Fold(a.Name)] {
			s.refuse(s.target, "name each asset once", "asset %s is named twice", a.Name)
		}
		seen[graph.Fold(a.Name)] = true
		if d := declares(s.target, a.Name); d == nil || !variables(d) {
			hint := fmt.Sprintf("write %s := … in the cell, or name in `//| asset:` the variable that it makes", a.Name)
			if names := made(s.target); len(names) > 0 {
				hint += " (it makes " + strings.Join(names, ", ") + ")"
			}
			s.refuse(s.target, hint, "the cell does not make the variable %s", a.Name)
		}
	}
}

func made(c *cell) []string {
	all := map[string]bool{}
	for i := range c.items {
		if variables(&c.items[i]) {
			for name := range c.items[i].defines {
				all[name] = true
			}
		}
	}
	return sorted(all)
}

// effects takes along statements of plain cells above the target that change the whole process.
func (s *slicer) effects() {
	for i := 0; i < s.at && s.err == nil; i++ {
		c := s.notebook.cells[i]
		if c.asset() || s.cells[c] {
			continue
		}
		for j := range c.items {
			if it := &c.items[j]; variables(it) && s.processWide(it) {
				s.cell(c)
			}
		}
	}
}

// processWide reports whether an item calls a function that changes the process, or assigns to another package's variable.
func (s *slicer) processWide(it *item) bool {
	for _, e := range it.effects {
		name, assigned := strings.CutSuffix(e, " =")
		if !assigned {
			return true
		}
		base, _, _ := strings.Cut(name, ".")
		for _, c := range s.notebook.cells {
			if declares(c, base) != nil {
				base = ""
			}
		}
		for _, c := range s.notebook.cells {
			for j := range c.items {
				for k := range c.items[j].imports {
					if base != "" && c.items[j].imports[k].bears(base) {
						return true
					}
				}
			}
		}
	}
	return false
}

// files are the string constants that look like the name of a file.
func files(literals []string) []string {
	all := map[string]bool{}
	for _, l := range literals {
		s, err := strconv.Unquote(l)
		if err != nil || s == "" || len(s) > 300 || strings.ContainsAny(s, "\n\r\t%*?<>|\"") || !strings.ContainsAny(s, "./") {
			continue
		}
		all[s] = true
	}
	return sorted(all)
}

func sorted(set map[string]bool) []string {
	all := make([]string, 0, len(set))
	for s := range set {
		all = append(all, s)
	}
	sort.Strings(all)
	return all
}
