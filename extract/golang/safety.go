package golang

import (
	"fmt"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/internal/fault"
)

func (s *slicer) refuse(c *cell, hint, format string, args ...any) {
	if s.err == nil {
		s.err = fault.New(fault.Input, hint, "asset %s: %s: %s", s.target.outputs[0].Key, c.place(s.notebook), fmt.Sprintf(format, args...))
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
	for i := s.index[p] + 1; i < s.at; i++ {
		c := s.notebook.cells[i]
		for j := range c.items {
			if it := &c.items[j]; !c.asset() && variables(it) && it.mutates[name] {
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
