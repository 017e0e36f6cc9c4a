package golang

import (
	"fmt"
	"go/ast"
	"maps"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/internal/fault"
)

func (s *slicer) refuse(c *cell, hint, format string, args ...any) {
	if s.err == nil {
		s.err = fault.New(fault.Input, hint, "%s: %s: %s", s.target.what(), c.place(s.notebook), fmt.Sprintf(format, args...))
	}
}

// goroutine refuses a go statement at the cell's top level unless something in the cell waits.
func (s *slicer) goroutine(it *item) {
	if !strings.Contains(it.cell.Text, "Wait()") && !strings.Contains(it.cell.Text, "<-") && !strings.Contains(it.cell.Text, "range ") {
		s.refuse(it.cell, "wait for it in the cell, with a sync.WaitGroup or a channel", "a goroutine may outlive the cell")
	}
}

// untouched refuses an upstream asset whose live value a plain cell changes before the target reads it: the step, which loads what is
// stored, would see another value than the reader of the page.
func (s *slicer) untouched(p *cell, name string) {
	aliases := map[string]bool{name: true}
	for i := s.index[p] + 1; i < s.at; i++ {
		c := s.notebook.cells[i]
		if c.asset() {
			continue
		}
		for j := range c.items {
			it := &c.items[j]
			if !variables(it) {
				continue
			}
			if it.defines[name] && it.loaded() != name {
				s.refuse(c, "give it another name there", "it declares %s again, which is an asset that this asset reads", name)
			}
			for other := range reach(maps.Clone(aliases), it.aliases, "") {
				aliases[other] = true
			}
			e := s.notebook.effects.of(it)
			changes := it.mutates[name] || e.assigns[name]
			for a := range aliases {
				changes = changes || e.inside[a]
			}
			if changes {
				s.refuse(c, fmt.Sprintf("work on a copy of %s there", name), "it changes the asset %s in place, which this asset reads", name)
			}
		}
	}
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
	for _, name := range sorted(keysOf(first)) {
		s.bound(first[name], name)
	}
}

// bound refuses a set-up cell that ran, through a function, with an earlier definition of what the slice takes as it is at the target.
func (s *slicer) bound(d *item, name string) {
	for _, c := range s.setup {
		if s.index[c] >= s.index[d.cell] {
			continue
		}
		var earlier *item
		for i := s.index[c]; i >= 0 && earlier == nil; i-- {
			earlier = declares(s.notebook.cells[i], name)
		}
		if earlier == nil || normal(earlier.Text) == normal(d.Text) {
			continue
		}
		for i := range c.items {
			if it := &c.items[i]; s.runs(it) && s.reaches(it.names, name, map[*names]bool{}) {
				s.refuse(d.cell, "give one of them another name", "%s is also declared in cell %d, and cell %d ran with that", name, earlier.cell.Number, c.Number)
			}
		}
	}
}

// reaches reports whether code uses a name, itself or through what the slice declares.
func (s *slicer) reaches(n *names, name string, seen map[*names]bool) bool {
	if seen[n] {
		return false
	}
	seen[n] = true
	if n.uses[name] {
		return true
	}
	for _, d := range s.declared {
		for used := range d.defines {
			if n.uses[used] && s.reaches(d.names, name, seen) {
				return true
			}
		}
		if f, ok := d.Decl.(*ast.FuncDecl); ok && d.receiver != "" {
			for sel := range n.selects {
				if sel.name == f.Name.Name && s.reaches(d.names, name, seen) {
					return true
				}
			}
		}
	}
	return false
}

// starts reports whether a function runs by itself when its cell runs.
func (it *item) starts() bool {
	f, ok := it.Decl.(*ast.FuncDecl)
	return ok && f.Recv == nil && (f.Name.Name == "init" || strings.HasPrefix(f.Name.Name, "init_") || f.Name.Name == "main" && it.cell.parsed.Main)
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

func (s *slicer) byItself(it *item) {
	s.refuse(it.cell, "give the function another name, and call it", "its function %s runs by itself, which a step does not do", it.Decl.(*ast.FuncDecl).Name.Name)
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
			it := &c.items[j]
			if variables(it) && s.processWide(it) {
				s.cell(c)
			}
			if it.starts() && s.processWide(it) {
				s.byItself(it)
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
