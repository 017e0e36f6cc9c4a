package golang

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gocell"
	"github.com/cellar-go/cellar/internal/options"
)

// Source is one code cell of a notebook, in page order.
type Source struct {
	ID     string
	Number int // place on the page among all cells, from 1
	Text   string
	Tags   []string
	Above  string // the text of the markdown cell right above it
}

// Notebook is a Go notebook, read by syntax and scopes.
type Notebook struct {
	File  string // slash path, for messages and definitions
	Stem  string // what keys of its assets begin with
	cells []*cell

	slices  map[*cell]cutSlice // those asked for so far
	effects effects
}

// cell is a code cell with what its items do with names.
type cell struct {
	Source
	options options.Set
	parsed  *gocell.Cell
	err     error // why it can't be read
	outputs []graph.Asset
	items   []item
	pieces  bool // its items are taken one by one, as those of a parameters cell
}

type item struct {
	*gocell.Item
	*names
	cell     *cell
	receiver string     // the type of a method
	imports  []imported // of an import declaration
	node     ast.Node   // the declaration
}

type imported struct {
	name string // as written; "" if not
	path string
}

// asset reports whether the cell computes assets.
func (c *cell) asset() bool { return len(c.outputs) > 0 }

// what is what a slice is cut for.
func (c *cell) what() string {
	if c.asset() {
		return "asset " + c.outputs[0].Key
	}
	return fmt.Sprintf("cell %d", c.Number)
}

func (c *cell) place(n *Notebook) string {
	if c.ID == "" {
		return fmt.Sprintf("%s, cell %d", n.File, c.Number)
	}
	return fmt.Sprintf("%s, cell %d (%s)", n.File, c.Number, c.ID)
}

// Read reads the code cells of a notebook. A cell that does not parse is kept with its error, and touches only what needs it.
func Read(file string, sources []Source) *Notebook {
	n := &Notebook{File: file, slices: map[*cell]cutSlice{}, effects: newEffects(), Stem: strings.TrimSuffix(path.Base(file), path.Ext(file))}
	for _, s := range sources {
		c := &cell{Source: s}
		n.cells = append(n.cells, c)
		c.options, c.err = options.Parse(s.Text)
		if c.err != nil {
			c.err = fault.New(fault.Input, "put the option line right", "%s: %w", c.place(n), c.err)
		}
		for _, name := range c.options.All("asset") {
			key := n.Stem + "/" + name
			if set := c.options.All("key"); len(set) > len(c.outputs) {
				key = set[len(c.outputs)]
			}
			if strings.ContainsFunc(key, unicode.IsControl) { // which lists and commit notes can't hold
				c.err = fault.New(fault.Input, "rename the notebook, or give the asset another key with the option `key:`", "%s: the asset's key %q has a tab, a line end or another control character", c.place(n), key)
			}
			c.outputs = append(c.outputs, graph.Asset{Key: key, Name: name})
		}
		c.pieces = slices.Contains(s.Tags, "parameters") || slices.Contains(s.Tags, "injected-parameters")
	}
	types, aliases := map[string]ast.Expr{}, map[string]bool{}
	functions := newCallees()
	for _, c := range n.cells {
		c.parse(n)
		for _, i := range c.items {
			if f, ok := i.Decl.(*ast.FuncDecl); ok {
				functions.add(f)
			}
			for _, p := range i.imports {
				for _, name := range []string{guesses(p.path)[0], p.name} {
					functions.others[name] = true
				}
			}
			if g, ok := i.Decl.(*ast.GenDecl); ok && g.Tok == token.CONST {
				for _, spec := range g.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						functions.others[name.Name] = true
					}
				}
			}
			if g, ok := i.Decl.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				for _, spec := range g.Specs {
					t := spec.(*ast.TypeSpec)
					types[t.Name.Name], aliases[t.Name.Name], functions.others[t.Name.Name] = t.Type, t.Assign.IsValid(), true
				}
			}
		}
	}
	for _, c := range n.cells {
		for i := range c.items {
			it := &c.items[i]
			for range 10 { // a method of an alias is one of the type
				alias, ok := types[it.receiver].(*ast.Ident)
				if !ok || !aliases[it.receiver] {
					break
				}
				it.receiver = alias.Name
			}
			w := &walker{names: newNames(), types: types, callees: functions}
			if it.Decl != nil {
				w.decl(it.Decl)
			}
			for _, s := range it.Stmts {
				w.stmt(s)
			}
			it.names = w.names
			n.effects.add(it)
		}
	}
	return n
}

// parse splits the cell into items; grouped types and constants that stand alone become items of their own, so that a slice can take
// one of them. Groups of constants with iota stay together.
func (c *cell) parse(n *Notebook) {
	if c.err != nil {
		return
	}
	parsed, err := gocell.Parse(n.cellName(c), c.Text)
	if err != nil {
		c.err = fault.New(fault.Input, "correct the cell; running it shows the same message", "%s: %s", c.place(n), firstMessage(err))
		return
	}
	c.parsed = parsed
	for i := range parsed.Items {
		it := item{Item: &parsed.Items[i], cell: c}
		switch d := it.Decl.(type) {
		case *ast.FuncDecl:
			it.node = d
			if d.Recv != nil && len(d.Recv.List) == 1 {
				if id := typeName(d.Recv.List[0].Type); id != nil {
					it.receiver = id.Name
				}
			}
		case *ast.GenDecl:
			it.node = d
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.ImportSpec); ok {
					p, err := strconv.Unquote(s.Path.Value)
					if err != nil {
						continue
					}
					name := ""
					if s.Name != nil {
						name = s.Name.Name
					}
					it.imports = append(it.imports, imported{name, p})
				}
			}
		}
		c.items = append(c.items, it)
	}
}

// cellName is what positions name as the file.
func (n *Notebook) cellName(c *cell) string {
	if c.ID == "" {
		return fmt.Sprintf("%s[%d]", path.Base(n.File), c.Number)
	}
	return fmt.Sprintf("%s[%s]", path.Base(n.File), c.ID)
}

func firstMessage(err error) string {
	text, _, _ := strings.Cut(err.Error(), " (and ")
	return text
}

func typeName(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// Problems are the cells whose options can't be read, so that nobody knows which assets they make.
func (n *Notebook) Problems() []error {
	var all []error
	for _, c := range n.cells {
		if c.err != nil && !c.asset() && c.parsed == nil && assetOption.MatchString(c.Text) {
			all = append(all, c.err)
		}
	}
	return all
}

var assetOption = regexp.MustCompile(`(?m)^// ?\|\s*asset\s*:`)

// Slice cuts the slice of an asset.
func (n *Notebook) Slice(asset string) (*Slice, error) {
	c := n.provider(asset)
	if c == nil {
		return nil, fault.Missing("`cellar list` shows the assets that there are", "%s: no asset %s", n.File, asset)
	}
	return n.slice(c)
}

// provider is the asset cell that provides a variable's name before a cell, or nil.
func (n *Notebook) provider(name string) *cell {
	for _, c := range n.cells {
		for _, a := range c.outputs {
			if a.Name == name {
				return c
			}
		}
	}
	return nil
}

// names that Go declares itself.
var universe = func() map[string]bool {
	m := map[string]bool{}
	for _, s := range strings.Fields(`any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune string
		uint uint8 uint16 uint32 uint64 uintptr true false iota nil append cap clear close complex copy delete imag len make max min new panic
		print println real recover`) {
		m[s] = true
	}
	return m
}()
