package golang

import "github.com/cellar-go/cellar/assetlib/graph"

// Needed says which of the first cells have to run so that the others can, in a session that knows nothing: those that make what the others
// use, and what these use in turn. An error says that nobody can tell.
func (n *Notebook) Needed(first int) ([]bool, error) {
	index := map[*cell]int{}
	for i, c := range n.cells {
		index[c] = i
	}
	needed := make([]bool, len(n.cells))
	queue := append([]*cell(nil), n.cells[first:]...)
	take := func(c *cell) {
		if c != nil && index[c] < first && !needed[index[c]] {
			needed[index[c]] = true
			queue = append(queue, c)
		}
	}
	for len(queue) > 0 {
		s, err := n.slice(queue[0])
		if err != nil {
			return nil, err
		}
		queue = queue[1:]
		for _, c := range s.setup {
			take(c)
		}
		for _, it := range s.declared {
			take(it.cell)
		}
		for _, in := range s.inputs {
			take(n.maker(in))
		}
		for _, p := range s.imports {
			for _, c := range n.cells[:first] {
				if c.importing(p) {
					take(c)
				}
			}
		}
	}
	return needed[:first], nil
}

// maker is the asset cell of this notebook that an input comes from, nil where it comes from elsewhere.
func (n *Notebook) maker(in graph.Input) *cell {
	for _, c := range n.cells {
		for _, a := range c.outputs {
			if a.Key == in.Key {
				return c
			}
		}
	}
	return nil
}

func (c *cell) importing(p imported) bool {
	for _, it := range c.items {
		for _, i := range it.imports {
			if i == p {
				return true
			}
		}
	}
	return false
}
