package papermill

import (
	"fmt"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

const (
	parametersTag = "parameters"
	injectedTag   = "injected-parameters"
)

// translator writes parameters as source. declared is the source of the parameters cell, for languages with types; unknown are the
// parameters that it doesn't declare.
type translator func(p Parameters, declared string) (source string, unknown []string, err error)

// translators, by language in lower case.
var translators = map[string]translator{
	"go":     translateGo,
	"python": translatePython,
}

// inject puts the parameters into a cell that Papermill would put in the same place: where the injected cell of an earlier run is,
// else after the first cell tagged parameters, else at the top.
func inject(nb *nbformat.Notebook, p Parameters, language string) (warnings []string, err error) {
	if len(p) == 0 {
		return nil, nil
	}
	translate := translators[language]
	if translate == nil {
		return nil, fault.New(fault.Input, "parameters can be given to notebooks in go and python; name the language with -l if it is one of them",
			"notebook %s: no way to write parameters in language %q", nb.Name(), language)
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
	source, unknown, err := translate(p, declared)
	if err != nil {
		return nil, fault.New(fault.Input, "", "%s: %w", where(), err)
	}
	if declaring == nil && injected == nil {
		warnings = append(warnings, fmt.Sprintf("%s has no cell tagged %q: the parameters stand at the top", nb.Name(), parametersTag))
	} else if len(unknown) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s doesn't declare: %s", where(), strings.Join(unknown, ", ")))
	}
	if injected != nil {
		at = injected.Index()
		nb.Delete(injected)
	}
	nb.Insert(at, "code", source).SetTags(injectedTag)
	return warnings, nil
}
