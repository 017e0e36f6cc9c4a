package papermill

import (
	"path/filepath"
	"testing"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// pythonNotebook writes a notebook of code cells and returns its path.
func pythonNotebook(t testing.TB, sources ...string) string {
	t.Helper()
	nb := nbformat.New(nbformat.Kernel{Name: "python3", DisplayName: "Python", Language: "python"})
	for i, s := range sources {
		nb.Insert(i, "code", s)
	}
	path := filepath.Join(t.TempDir(), "in.ipynb")
	if err := nb.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}
