package papermill

import (
	"cmp"
	"strings"

	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// Inspect reads what the cell tagged parameters declares. kernel and language override the notebook's; they may be empty.
func Inspect(nb *nbformat.Notebook, kernel, language string) []parameters.Declared {
	for _, c := range nb.Cells() {
		if c.HasTag(parametersTag) {
			name := cmp.Or(kernel, nb.Kernel().Name)
			return parameters.Inspect(parameters.Language(name, strings.ToLower(cmp.Or(language, nb.Language()))), c.Source())
		}
	}
	return nil
}
