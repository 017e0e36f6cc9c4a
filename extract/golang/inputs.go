package golang

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
)

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

// Files are the string constants of a file's code that look like the name of a file.
func Files(f *ast.File) []string {
	var literals []string
	ast.Inspect(f, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if x.Kind == token.STRING {
				literals = append(literals, x.Value)
			}
		}
		return true
	})
	return files(literals)
}

// files are the string constants that look like the name of a file, or a pattern of such names.
func files(literals []string) []string {
	all := map[string]bool{}
	for _, l := range literals {
		s, err := strconv.Unquote(l)
		if err != nil || s == "" || len(s) > 300 || strings.ContainsAny(s, "\n\r\t%?<>|\"^$()[]{}\\+") || strings.Trim(s, "*./") == "" || !strings.ContainsAny(s, "./") {
			continue
		}
		all[s] = true
	}
	return sorted(all)
}
