package parameters

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/spelling"
)

// Check holds parameters against what the cell tagged parameters declares, before anything runs: one error names all that it doesn't
// declare and, in Go and Python, all values that don't fit.
func Check(language, declared string, p List) error {
	l, err := find(language)
	if err != nil {
		return err
	}
	known, err := l.declarations(declared)
	if err != nil {
		return err
	}
	var wrong []string
	hint := "give a value of that type, or run without --strict"
	for _, q := range p {
		i := lastDeclaration(known, q.Name)
		if i < 0 {
			wrong = append(wrong, q.Name+": not declared"+near(q.Name, known))
			hint = "declare it there, or run without --strict"
		} else if err := known[i].fits(q); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v (declared: %v)", q.Name, err, known[i].Declared))
		}
	}
	switch len(wrong) {
	case 0:
		return nil
	case 1:
		return fault.New(fault.Input, hint, "parameter %s", wrong[0])
	}
	return fault.New(fault.Input, hint, "%d parameters don't fit:\n  %s", len(wrong), strings.Join(wrong, "\n  "))
}

func lastDeclaration(known []declaration, name string) int {
	for i := len(known) - 1; i >= 0; i-- {
		if known[i].Name == name {
			return i
		}
	}
	return -1
}

// near suggests the names that the writer may have meant.
func near(name string, known []declaration) string {
	fold := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "") }
	var names []string
	for _, d := range known {
		if spelling.Distance(fold(name), fold(d.Name)) <= min(2, (len(d.Name)+1)/3) && !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	if names == nil {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}
