package golang

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/internal/fault"
)

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
	if universe[name] || s.pkg(it, name) {
		return
	}
	for i := limit + 1; i < len(s.notebook.cells); i++ {
		if declares(s.notebook.cells[i], name) != nil {
			if it.bases[name] && s.pkg(it, name) {
				return
			}
			s.refuse(it.cell, "move the cell that declares it above this one", "it uses %s, which only cell %d, further down, declares", name, s.notebook.cells[i].Number)
			return
		}
	}
	for _, c := range s.notebook.cells[:limit+1] {
		if c.err != nil && c != s.target {
			s.refuse(it.cell, fault.Hint(c.err), "it uses %s, which no cell declares that can be read: %s", name, strings.TrimPrefix(c.err.Error(), "cellar: "))
			return
		}
	}
	if name == "load" {
		s.refuse(it.cell, "write the asset's name, and a revision, as constants: load(\"orders\"), load(\"shop/orders\", at(\"v1\"))", "it calls load in a way that can't be read without running it")
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
	for i := limit; i >= 0 && variables(it); i-- { // a function may have been called before the last definition
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
		for i := 0; i <= limit; i++ { // a name may have been given before: other := buf, x := buf, other[0] = 1
			for j := range s.notebook.cells[i].items {
				it := &s.notebook.cells[i].items[j]
				for a := range aliases {
					for _, other := range it.holds[a] {
						if !aliases[other] && !s.notebook.effects.alone(a) && !s.notebook.effects.alone(other) && !strings.HasPrefix(other, "local ") {
							aliases[other], grown = true, true
						}
					}
				}
			}
		}
	}
	for i := first; i <= limit && i < s.at; i++ {
		c := s.notebook.cells[i]
		for j := range c.items {
			it := &c.items[j]
			if c.asset() {
				if variables(it) && declares(c, name) == nil && s.notebook.effects.of(it).assigns[name] {
					s.refuse(c, fmt.Sprintf("make %s anew in each asset cell that changes it, or change it in a plain cell", name),
						"it changes %s, which this asset reads; a step does not see what another step does to it", name)
				}
				continue
			}
			if it.starts() && s.touches(it, name, aliases) {
				s.byItself(it)
			}
			if !s.touches(it, name, aliases) || it.loaded() != "" {
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

// touches reports whether running an item may change a variable: by its name, or by writing into what one of its aliases holds.
func (s *slicer) touches(it *item, name string, aliases map[string]bool) bool {
	if !variables(it) && !it.starts() {
		return false
	}
	if it.defines[name] || it.mutates[name] {
		return true
	}
	e := s.notebook.effects.of(it)
	for a := range aliases {
		if e.parts[a] && !s.notebook.effects.alone(a) || (e.assigns[a] || it.defines[a]) && (a == name || s.notebook.effects.shared[a]) {
			return true
		}
	}
	return false
}
