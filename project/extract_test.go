package project

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sandbox is a module outside git with a notebook of one asset.
func sandbox(t *testing.T) (*Project, string) {
	t.Helper()
	dir := write(t, `
-- go.mod --
module example.com/sandbox

go 1.26
-- n.ipynb --
{"cells":[{"cell_type":"code","execution_count":2,"id":"a","metadata":{},"outputs":[],"source":"//| asset: a\n\na := []int{1, 2}"}],"metadata":{"language_info":{"name":"go"}},"nbformat":4,"nbformat_minor":5}`)
	p, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p, dir
}

// Write does all or nothing.
func TestExtractionWrites(t *testing.T) {
	ctx := context.Background()
	t.Setenv("CELLAR_STORE", "")
	t.Setenv("CELLAR_CACHE", t.TempDir())
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, dir string, e *Extraction)
		want  string
	}{
		{"nothing in the way", nil, ""},
		{"the notebook changes", func(t *testing.T, dir string, e *Extraction) {
			overwrite(t, filepath.Join(dir, "n.ipynb"), "{}")
		}, "the notebook has changed meanwhile"},
		{"the file appears", func(t *testing.T, dir string, e *Extraction) {
			overwrite(t, filepath.Join(dir, "pipeline", "a.go"), "package pipeline\n")
		}, "has appeared meanwhile"},
		{"the value is lost", func(t *testing.T, dir string, e *Extraction) { e.job.remove() }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, dir := sandbox(t)
			e, err := p.Extract(ctx, filepath.Join(dir, "n.ipynb"), "a", filepath.Join(dir, "pipeline"))
			if err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(filepath.Join(dir, "n.ipynb"))
			if err != nil {
				t.Fatal(err)
			}
			if test.spoil != nil {
				test.spoil(t, dir, e)
				before, _ = os.ReadFile(filepath.Join(dir, "n.ipynb"))
			}
			err = e.Write(ctx)
			e.Close()
			after, _ := os.ReadFile(filepath.Join(dir, "n.ipynb"))
			if test.spoil == nil {
				if err != nil {
					t.Fatal(err)
				}
				if text := string(after); text != strings.NewReplacer(`"//| asset: a\n\na := []int{1, 2}"`, `"a := load(\"a\")"`, `"execution_count":2`, `"execution_count":null`).Replace(string(before)) {
					t.Errorf("the notebook is now %s", text)
				}
				s, err := p.Snapshot(ctx)
				if err != nil {
					t.Fatal(err)
				}
				for _, st := range s.States() {
					if st.Condition != Fresh || st.Func != "A" {
						t.Errorf("%v is %s", st.Keys(), st.Condition)
					}
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if string(after) != string(before) {
				t.Errorf("the notebook is now %s", after)
			}
			left, _ := filepath.Glob(filepath.Join(dir, "pipeline", "*"))
			if len(left) > 1 || len(left) == 1 && test.name != "the file appears" {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func overwrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUnified(t *testing.T) {
	a, b := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", "1\n2\n3\nfour\n5\n6\n7\n8\n9\n10\n11\n12\n13\n"
	want := "--- x\n+++ x\n@@ -1,7 +1,7 @@\n 1\n 2\n 3\n-4\n+four\n 5\n 6\n 7\n@@ -10,3 +10,4 @@\n 10\n 11\n 12\n+13\n"
	if got := unified("x", &a, &b); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := unified("x", nil, &a); !strings.HasPrefix(got, "--- /dev/null\n+++ x\n@@ -0,0 +1,12 @@\n+1\n") {
		t.Errorf("got\n%s", got)
	}
	if got := unified("x", &a, &a); got != "" {
		t.Errorf("got\n%s", got)
	}
}
