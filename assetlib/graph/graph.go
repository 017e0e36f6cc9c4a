package graph

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/spelling"
)

// Graph joins definitions by their keys.
type Graph struct {
	order []*Definition // upstream first; those on a cycle last
	byKey map[string]*Definition
	down  map[*Definition][]*Definition
}

// New makes a graph. What is wrong in it stays with what it touches: a definition whose upstream is unknown, that shares its key
// with another or stands on a cycle gets a Problem, and so does, through Upstream, nothing else.
func New(definitions []*Definition) *Graph {
	g := &Graph{byKey: map[string]*Definition{}, down: map[*Definition][]*Definition{}}
	definitions = slices.Clone(definitions)
	sort.SliceStable(definitions, func(i, j int) bool {
		a, b := definitions[i], definitions[j]
		if a.File != b.File {
			return a.File < b.File
		}
		return a.Number < b.Number || a.Number == b.Number && a.Line < b.Line
	})
	folded := map[string]*Definition{}
	for _, d := range definitions {
		for _, a := range d.Assets {
			if other := folded[Fold(a.Key)]; other != nil {
				for _, x := range []*Definition{d, other} {
					x.Problem = fault.New(fault.Input, "rename one of them, or give it another key with the option `key:`", "asset %s: defined twice: %s and %s", a.Key, other.Place(), d.Place())
				}
				continue
			}
			folded[Fold(a.Key)] = d
			g.byKey[a.Key] = d
		}
	}
	for _, d := range definitions {
		for i, in := range d.Inputs {
			if in.At != "" {
				continue // another commit's value: it makes no order here, and its asset need not be defined any more
			}
			up := g.byKey[in.Key]
			if up == nil { // a Go parameter trainSet means the key train_set
				if up = folded[Fold(in.Key)]; up != nil {
					for _, a := range up.Assets {
						if Fold(a.Key) == Fold(in.Key) {
							d.Inputs[i].Key = a.Key
						}
					}
				}
			}
			if up == nil {
				if d.Problem == nil {
					d.Problem = fault.New(fault.Input, g.suggest(in.Key), "asset %s: no asset %s (%s)", d.Assets[0].Key, in.Key, d.Place())
				}
				continue
			}
			if !slices.Contains(g.down[up], d) {
				g.down[up] = append(g.down[up], d)
			}
		}
	}
	g.sort(definitions)
	return g
}

// sort orders definitions upstream first, in the order given where there is a choice.
func (g *Graph) sort(definitions []*Definition) {
	const (
		fresh = iota
		open
		done
	)
	state := map[*Definition]int{}
	var path []*Definition
	var visit func(d *Definition)
	visit = func(d *Definition) {
		switch state[d] {
		case done:
			return
		case open:
			cycle := path[slices.Index(path, d):]
			var names []string
			for _, c := range append(cycle, d) {
				names = append(names, c.Assets[0].Key)
			}
			for _, c := range cycle {
				c.Problem = fault.New(fault.Input, "break the circle: one of them must not use the other", "asset %s: a cycle: %s (%s)", c.Assets[0].Key, strings.Join(names, " needs "), c.Place())
			}
			return
		}
		state[d] = open
		path = append(path, d)
		for _, in := range d.Inputs {
			if up := g.byKey[in.Key]; up != nil && in.At == "" {
				visit(up)
			}
		}
		path = path[:len(path)-1]
		state[d] = done
		g.order = append(g.order, d)
	}
	for _, d := range definitions {
		visit(d)
	}
}

// suggest says which key may have been meant.
func (g *Graph) suggest(key string) string {
	name := key[strings.LastIndex(key, "/")+1:]
	var near []string
	for _, k := range slices.Sorted(maps.Keys(g.byKey)) { // while the graph is made, it has no order yet
		if spelling.Distance(Fold(k[strings.LastIndex(k, "/")+1:]), Fold(name)) <= min(2, len(name)/3) || strings.HasPrefix(Fold(k), Fold(key)) {
			near = append(near, k)
		}
	}
	if len(near) > 0 {
		return "did you mean " + strings.Join(near, " or ") + "?"
	}
	return "`cellar list` shows the assets that there are"
}

// Get is the definition of a key.
func (g *Graph) Get(key string) (*Definition, bool) { d, ok := g.byKey[key]; return d, ok }

// Find resolves what a person types: a key, or a name that only one key ends in.
func (g *Graph) Find(name string) (*Definition, string, error) {
	if d := g.byKey[name]; d != nil {
		return d, name, nil
	}
	var found []string
	for _, k := range g.Keys() {
		if Fold(k) == Fold(name) || strings.HasSuffix(Fold(k), "/"+Fold(name)) {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 0:
		return nil, "", fault.Missing(g.suggest(name), "no asset %s", name)
	case 1:
		return g.byKey[found[0]], found[0], nil
	}
	return nil, "", fault.New(fault.Input, "name it in full", "asset %s: several have that name: %s", name, strings.Join(found, ", "))
}

// Definitions are all definitions, upstream first.
func (g *Graph) Definitions() []*Definition { return g.order }

// Keys are all keys, upstream first.
func (g *Graph) Keys() []string {
	var keys []string
	for _, d := range g.order {
		for _, k := range d.Keys() {
			if g.byKey[k] == d {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// Upstream are the definitions that d needs directly.
func (g *Graph) Upstream(d *Definition) []*Definition {
	var up []*Definition
	for _, in := range d.Inputs {
		if u := g.byKey[in.Key]; u != nil && in.At == "" && !slices.Contains(up, u) {
			up = append(up, u)
		}
	}
	return up
}

// Needs are a definition and all that it needs, upstream first.
func (g *Graph) Needs(d *Definition) []*Definition {
	needed := map[*Definition]bool{}
	walk(d, -1, g.Upstream, needed)
	return slices.DeleteFunc(slices.Clone(g.order), func(d *Definition) bool { return !needed[d] })
}

// Downstream are the definitions that need d directly.
func (g *Graph) Downstream(d *Definition) []*Definition { return g.down[d] }

// walk collects what next leads to from d, at most depth steps away.
func walk(d *Definition, depth int, next func(*Definition) []*Definition, into map[*Definition]bool) {
	reached := map[*Definition]bool{d: true}
	edge := []*Definition{d}
	for ; depth != 0 && len(edge) > 0; depth-- {
		var far []*Definition
		for _, e := range edge {
			for _, n := range next(e) {
				if !reached[n] {
					reached[n] = true
					far = append(far, n)
				}
			}
		}
		edge = far
	}
	for r := range reached {
		into[r] = true
	}
}

// Problems are what is wrong, one error per definition, in order.
func (g *Graph) Problems() []error {
	var all []error
	for _, d := range g.order {
		if d.Problem != nil {
			all = append(all, fmt.Errorf("%w", d.Problem))
		}
	}
	return all
}
