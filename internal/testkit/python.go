package testkit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Python is the interpreter with the pinned packages of python/requirements-test.lock.
func Python(t testing.TB) string {
	t.Helper()
	python := os.Getenv("CELLAR_TEST_PYTHON")
	if python == "" {
		root, err := output("go", "list", "-m", "-f", "{{.Dir}}")
		if err != nil {
			t.Fatal(err)
		}
		python = filepath.Join(root, "build", "venv", "bin", "python")
	}
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("there is no Python with the test packages at %s: run `make tools`, or set CELLAR_TEST_PYTHON", python)
	}
	return python
}

// Kernels is the data folder of Jupyter with the pinned kernels of python/requirements-kernels.lock.
func Kernels(t testing.TB) string {
	t.Helper()
	root, err := output("go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "build", "kernels", "share", "jupyter")
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("there are no kernels at %s: run `make tools`", dir)
	}
	return dir
}

// UsePython makes the kernel "python3" the one of the tests' own environment, and the only one that Jupyter knows.
func UsePython(t testing.TB) string {
	t.Helper()
	python, dir := Python(t), t.TempDir()
	t.Setenv("JUPYTER_PATH", dir)
	t.Setenv("IPYTHONDIR", t.TempDir())
	InstallKernel(t, dir, "python3", map[string]any{
		"argv": []string{python, "-m", "ipykernel_launcher", "-f", "{connection_file}"}, "language": "python", "display_name": "Python",
	})
	return python
}

// InstallKernel writes a kernelspec into a data folder of Jupyter.
func InstallKernel(t testing.TB, dir, name string, spec map[string]any) {
	t.Helper()
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "kernels", name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "kernel.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
}
