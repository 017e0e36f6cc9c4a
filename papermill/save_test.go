package papermill

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// TestSaves looks into the output while a cell runs.
func TestSaves(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "print('one')", "import time\nprint('begins', flush=True); time.sleep(2.5); print('looks', flush=True); time.sleep(0.1)", "3")
	for _, c := range []struct {
		name  string
		cells bool
		every time.Duration
		want  string // what the output has when the second cell looks
	}{
		{"each cell", true, 0, "completed, running, pending"},
		{"each cell and second", true, time.Second, "completed one, running begins, pending"},
		{"every 5 s", false, 0, ""},
		{"at the end", false, -1, ""},
	} {
		out := filepath.Join(t.TempDir(), "out.ipynb")
		seen, every := "never", c.every
		_, err := Run(context.Background(), Options{Input: in, Output: out, SaveCells: c.cells, SaveEvery: c.every, OnOutput: func(_ *nbformat.Cell, o nbformat.Output) {
			if o.Text != "looks\n" {
				return
			}
			seen = ""
			if nb, err := nbformat.Read(out); err == nil {
				var all []string
				for _, c := range nb.Cells() {
					var m cellMetadata
					c.Metadata().Get("papermill", &m)
					status := string(m.Status)
					if every > 0 {
						status = strings.TrimSpace(status + " " + text(c))
					}
					all = append(all, status)
				}
				seen = strings.ReplaceAll(strings.Join(all, ", "), "\n", "")
			}
		}})
		if err != nil || seen != c.want {
			t.Errorf("%s: %v, the output has %q, not %q", c.name, err, seen, c.want)
		}
	}
}

// TestClassic writes to a stream and keeps what a former run said, as Papermill does; NaN is a parameter like any other.
func TestClassic(t *testing.T) {
	nb := nbformat.New(nbformat.Kernel{Name: "python3", DisplayName: "Python", Language: "python"})
	nb.Insert(0, "code", "a = 1")
	set(nb.Metadata(), "papermill", map[string]any{"version": "1.0", "default_parameters": map[string]int{"a": 1}, "start_time": "then"})
	var p parameters.List
	p.Set("a", math.NaN())
	var out bytes.Buffer
	if _, err := Run(context.Background(), Options{Notebook: nb, Output: "-", To: &out, Parameters: p, PrepareOnly: true, Classic: true, Version: "2.0"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"version": "1.0"`, `"a": NaN`, `"output_path": "-"`, `"start_time": "then"`, `"papermill": {}`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "end_time") {
		t.Errorf("a notebook that did not run has times:\n%s", out.String())
	}
	if _, err := os.Stat("-"); err == nil {
		t.Error("there is a file -")
	}
}
