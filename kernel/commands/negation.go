package commands

import (
	"go/ast"
	"go/token"
	"os/exec"
	"regexp"

	"github.com/cellar-go/cellar/internal/gocell"
)

// negated is a line that is Go as well as a shell command: !ok, and !ok && done.
var negated = regexp.MustCompile(`^!\s*(\w+)\s*($|,|;|&&|\|\||==|!=)`)

// negations puts brackets around the names in lines as !ok, so that they are Go, where the session has a variable of that name that is true or
// false, or the cell has one and the machine no such program. It reports whether there was any.
func (r *run) negations() bool {
	found := false
	for i := len(r.parsed.Magics) - 1; i >= 0; i-- { // from the last: offsets stay
		m := r.parsed.Magics[i]
		match := negated.FindStringSubmatch(m.Text)
		if match == nil || !r.isBool(match[1]) {
			continue
		}
		at := m.Start
		for r.cell.Source[at] != '!' {
			at++
		}
		name := at + len(match[0]) - len(match[2])
		r.cell.Source = r.cell.Source[:at] + "(" + r.cell.Source[at:name] + ")" + r.cell.Source[name:]
		found = true
	}
	return found
}

func (r *run) isBool(name string) bool {
	if declared(r.parsed, name) {
		_, err := exec.LookPath(name)
		return err != nil
	}
	for _, d := range r.c.Session.Declarations() {
		if d.Name == name {
			return d.Kind == "var" && d.Type == "bool"
		}
	}
	return false
}

// declared reports whether a cell declares a variable.
func declared(cell *gocell.Cell, name string) bool {
	found := false
	look := func(x ast.Expr) {
		id, ok := x.(*ast.Ident)
		found = found || ok && id.Name == name
	}
	for _, item := range cell.Items {
		if g, ok := item.Decl.(*ast.GenDecl); ok && item.Kind == gocell.Var {
			for _, s := range g.Specs {
				for _, id := range s.(*ast.ValueSpec).Names {
					look(id)
				}
			}
		}
		for _, s := range item.Stmts {
			if a, ok := s.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
				for _, l := range a.Lhs {
					look(l)
				}
			}
		}
	}
	return found
}
