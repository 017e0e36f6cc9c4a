package papermill

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// usePython makes the kernel "python3" the one of the tests' own environment.
func usePython(t testing.TB) string {
	t.Helper()
	python := os.Getenv("CELLAR_TEST_PYTHON")
	if python == "" {
		var err error
		if python, err = filepath.Abs("../build/venv/bin/python"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("no Python with ipykernel at %s: run make tools", python)
	}
	dir := t.TempDir()
	t.Setenv("JUPYTER_PATH", dir)
	t.Setenv("IPYTHONDIR", t.TempDir())
	spec := map[string]any{
		"argv": []string{python, "-m", "ipykernel_launcher", "-f", "{connection_file}"}, "language": "python", "display_name": "Python",
	}
	installSpec(t, dir, "python3", spec)
	return python
}

func installSpec(t testing.TB, dir, name string, spec map[string]any) {
	t.Helper()
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	kernels := filepath.Join(dir, "kernels", name)
	if err := os.MkdirAll(kernels, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(kernels, "kernel.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

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
