package papermill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// appends is a cell that leaves a trace each time that it runs.
func appends(name string) string {
	return fmt.Sprintf("open('trace', 'a').write(%q)\nprint('ran %s')", name, name)
}

// ran is what the cells of a folder have left, since it was asked last.
func ran(t *testing.T, dir string) string {
	t.Helper()
	trace := filepath.Join(dir, "trace")
	text, err := os.ReadFile(trace)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	os.Remove(trace)
	return string(text)
}

// edit replaces the source of a cell.
func edit(t *testing.T, path string, cell int, source string) {
	t.Helper()
	nb, err := nbformat.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	nb.Cells()[cell].SetSource(source)
	if err := nb.WriteFile(path); err != nil {
		t.Fatal(err)
	}
}

func TestResume(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "x = 1\n"+appends("a"), appends("b"), "1/0", appends("c")+"\nprint(x)")
	dir, out := filepath.Dir(in), filepath.Join(t.TempDir(), "out.ipynb")
	resume := Options{Input: in, Output: out, Resume: true}

	// Without an older run it is a run from the top.
	if r, err := Run(t.Context(), resume); statuses(r) != "completed completed failed pending" || err == nil || ran(t, dir) != "ab" {
		t.Fatalf("first: %v, %s", err, statuses(r))
	}
	// The failed cell is mended: what it needs is run again, which is all where nothing is known of the language.
	edit(t, in, 2, "y = 2")
	r, err := Run(t.Context(), resume)
	if err != nil || statuses(r) != "completed completed completed completed" || ran(t, dir) != "abc" || !r.Cells[0].Replayed || r.Cells[2].Replayed {
		t.Fatalf("resumed: %v, %s", err, statuses(r))
	}
	nb := written(t, out, r)
	if c := nb.Cells(); len(c) != 4 || text(c[0]) != "ran a\n" || text(c[3]) != "ran c\n1\n" {
		t.Errorf("the outputs: %d cells, %q, %q", len(c), text(c[0]), text(c[3]))
	}
	// All is done: nothing runs, and the file stays as it is.
	before, _ := os.ReadFile(out)
	if r, err = Run(t.Context(), resume); err != nil || statuses(r) != "completed completed completed completed" || ran(t, dir) != "" {
		t.Errorf("nothing left: %v, %s", err, statuses(r))
	}
	if after, _ := os.ReadFile(out); string(after) != string(before) {
		t.Error("a run with nothing to do changed the output")
	}
	// What is not needed is not run: its outputs and times stay.
	edit(t, in, 3, appends("d")+"\nprint(x)")
	o := resume
	o.Needed = func(_ string, done, rest []Cell) []bool {
		if len(done) != 3 || len(rest) != 1 {
			t.Errorf("%d done, %d left", len(done), len(rest))
		}
		return []bool{true, false, false}
	}
	started := *metadataOf(t, out, 1).StartTime
	if r, err = Run(t.Context(), o); err != nil || ran(t, dir) != "ad" || *metadataOf(t, out, 1).StartTime != started || *metadataOf(t, out, 0).StartTime == started {
		t.Errorf("slices: %v, %s", err, statuses(r))
	}
	if c := written(t, out, r).Cells(); text(c[1]) != "ran b\n" || text(c[3]) != "ran d\n1\n" {
		t.Errorf("kept %q, new %q", text(c[1]), text(c[3]))
	}
	// Other parameters are another injected cell: what comes after it runs.
	var p parameters.List
	p.Set("x", int64(5))
	if r, err = Run(t.Context(), Options{Input: in, Output: out, Resume: true, Parameters: p}); err != nil || ran(t, dir) != "abd" || r.Cells[1].Replayed {
		t.Errorf("parameters: %v, %s", err, statuses(r))
	}
}

// TestResumeSecrets: a cell whose source has a secret of several lines is the same one in the next run, whether the notebook has its source as
// lines or as one text.
func TestResumeSecrets(t *testing.T) {
	testkit.UsePython(t)
	const key = "-- first line --\n-- second line --"
	secrets := []Secret{{"KEY", key}}
	lines := pythonNotebook(t, appends("a"), "key = '''"+key+"'''", "1/0")
	one := filepath.Join(t.TempDir(), "one.ipynb")
	text, err := os.ReadFile(lines)
	if err != nil {
		t.Fatal(err)
	}
	joined := regexp.MustCompile(`(?s)\[\s*("key = [^"]*)",\s*"([^"]*")\s*\]`).ReplaceAll(text, []byte("$1$2"))
	if bytes.Equal(joined, text) {
		t.Fatalf("the source is not written as lines:\n%s", text)
	}
	if err := os.WriteFile(one, joined, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{lines, one} {
		out := filepath.Join(t.TempDir(), "out.ipynb")
		Run(t.Context(), Options{Input: in, Output: out, Secrets: secrets})
		if got := ran(t, filepath.Dir(in)); got != "a" {
			t.Fatalf("%s: ran %q", in, got)
		}
		if saved, err := os.ReadFile(out); err != nil || bytes.Contains(saved, []byte("second line")) {
			t.Errorf("%s: the secret is in the output: %v", in, err)
		}
		none := func(_ string, done, _ []Cell) []bool { return make([]bool, len(done)) }
		r, err := Run(t.Context(), Options{Input: in, Output: out, Secrets: secrets, Resume: true, Needed: none})
		if err == nil || statuses(r) != "completed completed failed" || ran(t, filepath.Dir(in)) != "" || !r.Cells[1].kept {
			t.Errorf("%s: %v: %s", in, err, statuses(r))
		}
	}
}

func metadataOf(t *testing.T, path string, cell int) cellMetadata {
	t.Helper()
	nb, err := nbformat.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var m cellMetadata
	if !nb.Cells()[cell].Metadata().Get("papermill", &m) {
		t.Fatalf("cell %d has no papermill metadata", cell)
	}
	return m
}

// TestReplayFails: what a former run has done stays done while cells run again for what is left, and when one of them fails.
func TestReplayFails(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "import os\nprint('first')\nif os.path.exists('fail'): print('second'); 1/0", appends("b"), "1/0")
	out := filepath.Join(t.TempDir(), "out.ipynb")
	o := Options{Input: in, Output: out, Resume: true}
	Run(t.Context(), o)
	if err := os.WriteFile(filepath.Join(filepath.Dir(in), "fail"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), o)
	if err == nil || statuses(r) != "failed completed pending" || !strings.Contains(err.Error(), "cell 1") {
		t.Fatalf("%v, %s", err, statuses(r))
	}
	nb, err := nbformat.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	c := nb.Cells()
	if got := text(c[2]) + text(c[3]); got != "first\nsecond\nran b\n" {
		t.Errorf("%q", got)
	}
}

func TestResumeMistakes(t *testing.T) {
	testkit.UsePython(t)
	if _, err := Run(t.Context(), Options{Input: pythonNotebook(t, "1"), Resume: true}); err == nil || !strings.Contains(err.Error(), "it has no output") {
		t.Error(err)
	}
	if err := Recover(filepath.Join(t.TempDir(), "none.ipynb")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	out := filepath.Join(t.TempDir(), "out.ipynb")
	j, err := journal.Create(journal.Path(out))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Options{Input: pythonNotebook(t, "1"), Output: out}); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("two runs of one output: %v", err)
	}
	if _, err := j.Add(event{Event: eventRun, Version: 99}, nil); err != nil {
		t.Fatal(err)
	}
	j.Close()
	if _, err := Run(t.Context(), Options{Input: pythonNotebook(t, "1"), Output: out}); err == nil || !strings.Contains(err.Error(), "has version 99") {
		t.Errorf("a journal of a later version: %v", err)
	}
}

// TestRecover: a run that is killed leaves a journal from which the output is written with all that had come, and the next run goes on.
func TestRecover(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "from IPython.display import *\nx = 1\n"+appends("a")+"\nh = display('shown', display_id=True)", "h.update('updated')\ndisplay(HTML('y' * 3_000_000))",
		"import os, time\nprint('here', flush=True)\nopen('reached', 'w').close()\nif not os.path.exists('go'): time.sleep(60)", appends("b"))
	dir, out := filepath.Dir(in), filepath.Join(t.TempDir(), "out.ipynb")
	runner := startRunner(t, in, out, os.Stderr)
	waitFor(t, filepath.Join(dir, "reached"))
	waitForText(t, journal.Path(out), "here\n") // the kernel sends it in its own time
	runner.Process.Kill()
	runner.Wait()
	if err := Recover(out); err != nil {
		t.Fatal(err)
	}
	nb, err := nbformat.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	c := nb.Cells() // with the marks of the failure
	var m cellMetadata
	c[4].Metadata().Get("papermill", &m)
	var about notebookMetadata
	if nb.Metadata().Get("papermill", &about); about.Version != "cellar" || about.InputPath != in || about.OutputPath != out || about.Exception == nil || about.EndTime == nil {
		t.Errorf("%+v", about)
	}
	if text(c[1]) != "ran a\n'updated'" || len(c[2].Outputs()) != 1 || len(c[2].Outputs()[0].Data["text/html"]) != 3_000_002 || text(c[4]) != "here\n" || m.Status != Failed || c[1].ExecutionCount() != 1 {
		t.Errorf("%q, %q, %s, %d", text(c[1]), text(c[4]), m.Status, c[1].ExecutionCount())
	}
	if _, err := os.Stat(journal.Path(out)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the journal is still there")
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ran(t, dir)
	r, err := Run(context.Background(), Options{Input: in, Output: out, Resume: true})
	if err != nil || statuses(r) != "completed completed completed completed" || ran(t, dir) != "ab" {
		t.Errorf("%v, %s", err, statuses(r))
	}
}

// TestRecoverDamaged: a journal that a disk has damaged is written as far as it can be read, and kept.
func TestRecoverDamaged(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "print('a')", "print('b' * 1000)", "import time\nprint('first', flush=True)\ntime.sleep(1.5)\nprint('last', flush=True)\ntime.sleep(60)") // the first is synced after a second
	out := filepath.Join(t.TempDir(), "out.ipynb")
	runner := startRunner(t, in, out, os.Stderr)
	waitForText(t, journal.Path(out), "last\n")
	runner.Process.Kill()
	runner.Wait()
	records, err := os.ReadFile(journal.Path(out))
	if err != nil {
		t.Fatal(err)
	}
	records[bytes.Index(records, []byte("bbb"))] = 'c'
	if err := os.WriteFile(journal.Path(out), records, 0o600); err != nil {
		t.Fatal(err)
	}
	err = Recover(out)
	if fault.ExitCode(err) != int(fault.Storage) || !strings.Contains(err.Error(), "damaged at byte") || !strings.Contains(fault.Hint(err), ".damaged") {
		t.Errorf("%v\n%s", err, fault.Hint(err))
	}
	nb, err := nbformat.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if c := nb.Cells(); text(c[1]) != "a\n" && text(c[0]) != "a\n" {
		t.Errorf("%q", text(c[0]))
	}
	if kept, err := os.ReadFile(journal.Path(out) + ".damaged"); err != nil || !bytes.Equal(kept, records) {
		t.Errorf("%d bytes are kept, %v", len(kept), err)
	}
	if err := Recover(out); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
