package papermill

import (
	"cmp"
	"fmt"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
)

const (
	parametersTag = "parameters"
	injectedTag   = "injected-parameters"
)

// inject puts the parameters into a cell that Papermill would put in the same place: where the injected cell of an earlier run is,
// else after the first cell tagged parameters, else at the top. If strict, they are first checked against what that cell declares.
func (r *run) inject(nb *nbformat.Notebook, language string) (cell *nbformat.Cell, warnings []string, err error) {
	p := r.Parameters
	if len(p) == 0 && r.Comment == nil && r.Injected == nil {
		return nil, nil, nil
	}
	var declaring, injected *nbformat.Cell
	for _, c := range nb.Cells() {
		if c.HasTag(parametersTag) && declaring == nil {
			declaring = c
		}
		if c.HasTag(injectedTag) && injected == nil {
			injected = c
		}
	}
	at, declared := 0, ""
	where := func() string { return fmt.Sprintf("notebook %s", nb.Name()) }
	if declaring != nil {
		at, declared = declaring.Index()+1, declaring.Source()
		where = func() string {
			return fmt.Sprintf("notebook %s, cell %d (tagged parameters)", nb.Name(), declaring.Index()+1)
		}
	}
	if r.Strict {
		if err := parameters.Check(language, declared, p); err != nil {
			return nil, nil, fault.New(fault.Input, "", "%s: %w", where(), err)
		}
	}
	source, err := r.injected(p, language, declared)
	if err != nil {
		return nil, nil, fault.New(fault.Input, cmp.Or(fault.Hint(err), "give it another name or value"), "%s: %w", where(), err)
	}
	if declaring == nil && injected == nil {
		warnings = append(warnings, fmt.Sprintf("%s has no cell tagged %q: the parameters stand at the top", nb.Name(), parametersTag))
	} else if r.Injected == nil {
		for _, name := range parameters.Unknown(language, declared, p) {
			warnings = append(warnings, "Passed unknown parameter: "+name) // Papermill's words
		}
	}
	if injected != nil {
		at = injected.Index()
		nb.Delete(injected)
	}
	cell = nb.Insert(at, "code", source)
	cell.SetTags(injectedTag)
	return cell, warnings, nil
}

// injected is the source of the cell with the parameters.
func (r *run) injected(p parameters.List, language, declared string) (string, error) {
	if r.Injected != nil {
		return *r.Injected, nil
	}
	source, err := parameters.Translate(language, p, declared)
	if err != nil || r.Comment == nil {
		return source, err
	}
	return parameters.Comment(source, *r.Comment)
}
