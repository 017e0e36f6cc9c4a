package golang

import (
	"path"
	"slices"
	"strings"
)

// pkg takes the import that a name stands for: the last one of the page that may bear it.
func (s *slicer) pkg(it *item, name string) bool {
	limit := s.index[it.cell]
	var found *imported
	for i, c := range s.notebook.cells {
		for j := range c.items {
			for k := range c.items[j].imports {
				p := &c.items[j].imports[k]
				if p.bears(name) && (i <= limit || found == nil) {
					found = p
				}
			}
		}
	}
	if found == nil {
		return false
	}
	if other, ok := s.named[name]; ok && other.path != found.path {
		s.refuse(it.cell, "import one of them under another name", "%s is %s there, and %s elsewhere in the slice", name, found.path, other.path)
	}
	s.named[name] = *found
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
