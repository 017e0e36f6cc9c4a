package golang

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/extract"
	"github.com/cellar-go/cellar/internal/gocell"
)

// page says what is left of the notebook: the cell loads the value and keeps what only shows it; declarations that moved stay where
// something on the page still uses them.
func (x *extraction) page(f *extract.Function) error {
	if err := x.reads(); err != nil {
		return err
	}
	gone := x.gone()
	for _, c := range x.notebook.cells {
		if c == x.target {
			f.Cells = append(f.Cells, extract.Cell{Number: c.Number, Text: x.remainder(gone)})
			continue
		}
		var cuts []*item
		for i := range c.items {
			if gone[&c.items[i]] {
				cuts = append(cuts, &c.items[i])
			}
		}
		switch {
		case len(cuts) == 0:
		case len(cuts) == len(c.items):
			f.Cells = append(f.Cells, extract.Cell{Number: c.Number})
		default:
			f.Cells = append(f.Cells, extract.Cell{Number: c.Number, Text: cut(c.Text, cuts)})
		}
	}
	return x.untouched(f)
}

// untouched refuses an extraction that would change the slice of another asset of the page.
func (x *extraction) untouched(f *extract.Function) error {
	now := map[string]*graph.Definition{}
	for _, d := range x.notebook.without(f).Definitions() {
		now[d.Assets[0].Key] = d
	}
	same := func(a, b graph.Input) bool { return a.Key == b.Key && a.At == b.At }
	for _, d := range x.notebook.Definitions() {
		n := now[d.Assets[0].Key]
		if d.Assets[0].Key == f.Assets[0] || n != nil && n.Code == d.Code && slices.EqualFunc(n.Inputs, d.Inputs, same) {
			continue
		}
		return x.refuse(nil, "put what shows the value into a function, so that its variables are its own; or name in that cell the types that it needs of this one",
			"%s (%s) would become stale: its slice would be another one", d.Assets[0].Key, d.Place())
	}
	return nil
}

// without is the notebook as an extraction leaves it.
func (n *Notebook) without(f *extract.Function) *Notebook {
	var sources []Source
	for _, c := range n.cells {
		s := c.Source
		for _, changed := range f.Cells {
			if changed.Number == c.Number {
				s.Text = changed.Text
			}
		}
		sources = append(sources, s)
	}
	return Read(n.File, sources)
}

// reads refuses to take away a variable of the cell that another cell reads.
func (x *extraction) reads() error {
	makes := map[string]bool{}
	for _, r := range x.results {
		makes[r.Name] = true
	}
	inside := map[string]bool{}
	for _, it := range x.head {
		for name := range it.defines {
			inside[name] = !makes[name]
		}
	}
	from := slices.Index(x.notebook.cells, x.target)
	for i := from + 1; i < len(x.notebook.cells); i++ {
		c := x.notebook.cells[i]
		for j := range c.items {
			it := &c.items[j]
			for _, name := range sorted(it.uses) {
				if inside[name] && x.last(name, i) == x.target {
					return x.refuse(it, fmt.Sprintf("make it an asset too: `//| asset: [%s, %s]`, or compute it in a cell of its own", x.results[0].Name, name),
						"it reads %s, a variable of the cell that moves into the function", name)
				}
			}
		}
	}
	return nil
}

// last is the cell that gives a name its meaning in the cell at i.
func (x *extraction) last(name string, i int) *cell {
	for ; i >= 0; i-- {
		if d := declares(x.notebook.cells[i], name); d != nil {
			return x.notebook.cells[i]
		}
	}
	return nil
}

// gone are the items that moved and that nothing on the page uses any more.
func (x *extraction) gone() map[*item]bool {
	gone := map[*item]bool{}
	for _, p := range x.moved {
		if p.item != nil {
			gone[p.item] = true
		}
	}
	for i := range x.target.items {
		if it := &x.target.items[i]; !variables(it) && it.Kind != gocell.Import {
			gone[it] = true
		}
	}
	for _, it := range x.shared {
		if it.Decl != nil && !x.setsUpAnother(it.cell) {
			gone[it] = true
		}
	}
	stays := func(it *item) bool {
		if it.cell == x.target && variables(it) {
			return slices.Contains(x.tail, it)
		}
		return !gone[it]
	}
	for changed := true; changed; {
		changed = false
		uses, selects, receivers := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, c := range x.notebook.cells {
			for i := range c.items {
				it := &c.items[i]
				if !stays(it) {
					continue
				}
				for name := range it.uses {
					uses[name] = true
				}
				for sel := range it.selects {
					selects[sel.name] = true
				}
				if it.Kind == gocell.Type {
					for name := range it.defines {
						receivers[name] = true
					}
				}
			}
		}
		for it := range gone { // a type whose method is called stays: a loaded value may be of it
			if f, ok := it.Decl.(*ast.FuncDecl); ok && it.receiver != "" && (selects[f.Name.Name] || implicit[f.Name.Name]) {
				uses[it.receiver] = true
			}
		}
		for it := range gone {
			keep := it.receiver != "" && receivers[it.receiver]
			for name := range it.defines {
				keep = keep || uses[name]
			}
			if keep {
				delete(gone, it)
				changed = true
			}
		}
	}
	return gone
}

// setsUpAnother reports whether another asset's slice takes the statements of the cell.
func (x *extraction) setsUpAnother(c *cell) bool {
	for _, other := range x.notebook.cells {
		if other.asset() && other != x.target {
			if s, _ := x.notebook.slice(other); slices.Contains(s.setup, c) {
				return true
			}
		}
	}
	return false
}

// remainder is the text of the cell that was the asset.
func (x *extraction) remainder(gone map[*item]bool) string {
	var b strings.Builder
	for i, a := range x.target.outputs {
		key := a.Key
		if key == x.notebook.Stem+"/"+a.Name {
			key = a.Name
		}
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s := load(%q)", a.Name, key)
	}
	var last *item
	for i := range x.target.items {
		it := &x.target.items[i]
		if variables(it) && !slices.Contains(x.tail, it) || gone[it] {
			continue
		}
		b.WriteString(gap(last, it))
		start := it.Start
		for m := optionLine.FindString(it.cell.Text[start:it.End]); m != ""; m = optionLine.FindString(it.cell.Text[start:it.End]) {
			start += len(m)
		}
		b.WriteString(it.cell.Text[start:it.end()])
		last = it
	}
	return b.String()
}

// cut takes items out of a cell, with the empty lines that parted them from the next.
func cut(text string, cuts []*item) string {
	for _, it := range slices.Backward(cuts) {
		before, after := strings.TrimRight(text[:it.Start], "\n\t "), strings.TrimLeft(text[it.end():], "\n")
		between := "\n\n"
		if before == "" || after == "" {
			between = ""
		} else if !strings.Contains(text[it.Start:it.End], "\n") && strings.Count(text[it.end():len(text)-len(after)], "\n") == 1 {
			between = text[len(before):it.Start] // one line of several
		}
		text = before + between + after
	}
	return text
}
