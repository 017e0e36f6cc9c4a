package papermill

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// TestPapermillNotebooks runs notebooks of Papermill's own tests here and there: the same cells, sources, tags and outputs, and success or
// failure alike.
func TestPapermillNotebooks(t *testing.T) {
	python := testkit.UsePython(t)
	names := []string{"simple_execute", "complex_parameters", "no_parameters", "nb_version_4.4", "blank-vscode", "result_no_exec",
		"broken", "broken1", "broken2", "line_magic_error", "sysexit", "sysexit0", "sysexit1", "systemexit"}
	dir := t.TempDir()
	theirs := exec.Command(python, append([]string{"-c", `
import json, os, sys, papermill
notebooks = os.path.join(os.path.dirname(papermill.__file__), "tests", "notebooks")
done = {}
for name in sys.argv[2:]:
    path = os.path.join(notebooks, name + ".ipynb")
    try:
        papermill.execute_notebook(path, os.path.join(sys.argv[1], name + ".ipynb"), {"foo": 1, "text": "é"}, kernel_name="python3", progress_bar=False, cwd=notebooks)
        done[name] = True
    except papermill.exceptions.PapermillExecutionError:
        done[name] = False
json.dump([notebooks, done], sys.stdout)`, dir}, names...)...)
	out, err := theirs.Output()
	if err != nil {
		t.Fatal(err)
	}
	var notebooks string
	var done map[string]bool
	if err := json.Unmarshal(out, &[]any{&notebooks, &done}); err != nil {
		t.Fatal(err)
	}
	var p parameters.List
	p.Set("foo", int64(1))
	p.Set("text", "é")
	for _, name := range names {
		want, err := nbformat.Read(filepath.Join(dir, name+".ipynb"))
		if err != nil {
			t.Error(err)
			continue
		}
		r, err := Run(context.Background(), Options{Input: filepath.Join(notebooks, name+".ipynb"), Kernel: "python3", Parameters: p})
		if (err == nil) != done[name] || err != nil && fault.ExitCode(err) != 1 {
			t.Errorf("%s: %v; Papermill succeeds: %v", name, err, done[name])
			continue
		}
		if got, want := summary(t, r.Notebook), summary(t, want); got != want {
			t.Errorf("%s:\n%s", name, firstDifference(got, want))
		}
	}
}

// summary is what both runners must agree on. The status of two kinds is left out: Papermill calls cells that did
// not run completed, and a cell that ends its notebook well by SystemExit failed.
func summary(t *testing.T, nb *nbformat.Notebook) string {
	var b strings.Builder
	failed := false
	for _, c := range nb.Cells() {
		var m cellMetadata
		c.Metadata().Get("papermill", &m)
		status := m.Status
		outputs := outputsText(t, c)
		if failed || m.StartTime == nil || strings.Contains(outputs, "SystemExit") {
			status = ""
		}
		failed = failed || m.Status == Failed
		fmt.Fprintf(&b, "%s %v %s %d\n%s\n%s\n", c.Type(), c.Tags(), status, c.ExecutionCount(), strings.TrimSpace(c.Source()), outputs)
	}
	return b.String()
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %.300s\nwant %.300s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, not %d", len(g), len(w))
}
