package golang

import (
	"fmt"
	"maps"
	"sort"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/internal/gocell"
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
	named    map[string]imported // by the name that the slice uses
	asked    map[string]bool     // names followed as variables
	followed map[*cell]bool      // upstream cells
	err      error
}

// Slice cuts the slice of the asset cell at that place among the code cells.
func (n *Notebook) slice(target *cell) (*Slice, error) {
	if cut, ok := n.slices[target]; ok {
		return cut.slice, cut.err
	}
	s, err := n.cut(target, nil)
	n.slices[target] = cutSlice{s, err}
	return s, err
}

type cutSlice struct {
	slice *Slice
	err   error
}

// cut cuts a slice that also has the declarations given.
func (n *Notebook) cut(target *cell, also []*item) (*Slice, error) {
	s := &slicer{
		Slice: &Slice{notebook: n, target: target, chosen: map[*item]bool{}},
		index: map[*cell]int{}, seen: map[*item]bool{}, cells: map[*cell]bool{}, packages: map[string]imported{}, named: map[string]imported{}, asked: map[string]bool{}, followed: map[*cell]bool{},
	}
	for i, c := range n.cells {
		s.index[c] = i
	}
	s.at = s.index[target]
	if target.err != nil {
		return s.Slice, target.err
	}
	s.cell(target)
	for _, it := range also {
		s.declaration(it)
	}
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
		case it.defers && c != s.target && variables(it):
			s.refuse(c, "call it where the cell ends", "it defers a call, which would run when the step ends")
		case it.starts() && c == s.target:
			s.byItself(it)
		case len(it.imports) > 0 || it.Kind == gocell.Import:
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
	return it.Kind == gocell.Statement || it.Kind == gocell.Var
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
	if it.spawns.IsValid() && it.Kind == gocell.Statement && it.cell == s.target {
		s.goroutine(it)
	}
	for _, name := range sorted(it.uses) {
		s.name(it, name)
	}
	for name := range it.defines {
		if it.Kind == gocell.Type {
			s.methods(name)
		}
	}
	for sel := range it.selects {
		s.method(sel)
	}
	changed := maps.Clone(it.mutates)
	if variables(it) {
		maps.Copy(changed, s.notebook.effects.of(it).assigns)
	}
	for _, m := range sorted(changed) {
		if p := s.notebook.provider(m); p != nil && p != s.target && it.cell == s.target {
			s.refuse(it.cell, fmt.Sprintf("work on a copy: %s := slices.Clone(%s) (or a copy of what it points to), and change that", "own", m),
				"it changes the upstream asset %s in place", m)
		}
	}
}

func sorted(set map[string]bool) []string {
	all := make([]string, 0, len(set))
	for s := range set {
		all = append(all, s)
	}
	sort.Strings(all)
	return all
}
