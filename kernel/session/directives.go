package session

import (
	"fmt"
	"go/token"
	"strings"

	"github.com/cellar-go/cellar/internal/gocell"
)

// refused are directives that no cell can have, with the way out.
var refused = map[string]string{
	"//go:embed":    "read the file with os.ReadFile, a folder with os.DirFS",
	"//go:debug":    "a line %%env GODEBUG=%s sets it for the session, as far as it can be set in a process that runs",
	"//go:linkname": "put the function in a package of your module",
}

// elsewhere refuses the directives that a cell can't have, rather than pass over them.
func elsewhere(cell *gocell.Cell) error {
	refuse := func(text string, at token.Position) error {
		directive, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
		way := refused[directive]
		if strings.Contains(way, "%s") {
			way = fmt.Sprintf(way, strings.TrimSpace(rest))
		}
		if way == "" {
			return nil
		}
		return &CompileError{[]Diagnostic{{cell.Name, at.Line, at.Column, directive + " does not work in a cell: " + way}}}
	}
	for _, group := range cell.File.Comments {
		for _, c := range group.List {
			if err := refuse(c.Text, cell.Fset.Position(c.Pos())); err != nil {
				return err
			}
		}
	}
	// What stands outside of the items: above a package clause, or alone.
	rest := []byte(cell.Source)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			if rest[i] != '\n' {
				rest[i] = ' '
			}
		}
	}
	for _, item := range cell.Items {
		blank(item.Start, item.End)
	}
	for _, m := range cell.Magics {
		if m.IsCell() {
			blank(m.Start, len(rest))
		}
	}
	line := 0
	for text := range strings.Lines(string(rest)) {
		line++
		if err := refuse(text, token.Position{Line: line, Column: 1}); err != nil {
			return err
		}
	}
	return nil
}
