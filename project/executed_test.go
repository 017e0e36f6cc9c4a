package project

import (
	"os"
	"path/filepath"
	"testing"
)

// Each notebook has a copy of its own, wherever the caller is.
func TestExecutedCopy(t *testing.T) {
	t.Setenv("CELLAR_STORE", "")
	dir := write(t, shop)
	p, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(p.Root, "folder")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, cwd := range []string{t.TempDir(), p.Root, inside} {
		t.Chdir(cwd)
		for name, want := range map[string]string{
			"http://h/a/out.ipynb": "http/h/a/out.ipynb", "http://h/b/out.ipynb": "http/h/b/out.ipynb", "s3://b/out.ipynb": "s3/b/out.ipynb",
			filepath.Join(inside, "out.ipynb"): "folder/out.ipynb",
		} {
			if got, err := p.ExecutedCopy(name); err != nil || got != filepath.Join(p.Store.Dir(), "runs", filepath.FromSlash(want)) {
				t.Errorf("in %s the copy of %s is %s, %v", cwd, name, got, err)
			}
		}
	}
}
