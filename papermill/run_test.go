package papermill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
	"github.com/cellar-go/cellar/papermill/place"
)

// statuses is what became of the cells, in short.
func statuses(r Result) string {
	var s []string
	for _, c := range r.Cells {
		s = append(s, string(c.Status))
	}
	return strings.Join(s, " ")
}

// written is the notebook as the file has it: what a cell's metadata says must be what the result says.
func written(t *testing.T, path string, r Result) *nbformat.Notebook {
	t.Helper()
	nb, err := nbformat.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Cells {
		var m cellMetadata
		if !nb.Cell(c.ID).Metadata().Get("papermill", &m) || m.Status != c.Status {
			t.Errorf("cell %d: the file says %s, the result %s", c.Number, m.Status, c.Status)
		}
		if failed := m.Exception != nil && *m.Exception; failed != (c.Status == Failed) {
			t.Errorf("cell %d: exception is %v, status %s", c.Number, failed, c.Status)
		}
	}
	if !nb.Executed() {
		t.Error("not to be recognised as an executed copy")
	}
	return nb
}

// text is all that a cell printed and showed as text.
func text(c *nbformat.Cell) string {
	var b strings.Builder
	for _, o := range c.Outputs() {
		b.WriteString(o.Text)
		var plain string
		json.Unmarshal(o.Data["text/plain"], &plain)
		b.WriteString(plain)
	}
	return b.String()
}

func TestRunAllOutputs(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t,
		"import sys\nprint('a'); sys.stdout.flush(); print('b'); sys.stdout.flush(); print('c', file=sys.stderr)\n'result'",
		"from IPython.display import display, clear_output, HTML\nh = display('first', display_id=True)\ndisplay(HTML('<b>x</b>\\n<i>y</i>'))",
		"h.update('second')",
		"print('gone'); clear_output(wait=True); print('kept')",
		"print('gone'); clear_output(); print('kept')",
		"", "import threading, time\nt = threading.Thread(target=lambda: (time.sleep(0.3), print('late'))); t.start()",
		"t.join(); import atexit; None")
	out := filepath.Join(t.TempDir(), "out.ipynb")
	before, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	var cells, outputs int
	r, err := Run(context.Background(), Options{Input: in, Output: out,
		OnCell: func(Cell) { cells++ }, OnOutput: func(*nbformat.Cell, nbformat.Output) { outputs++ }})
	if err != nil {
		t.Fatal(err)
	}
	nb := written(t, out, r)
	c := nb.Cells()
	if o := c[0].Outputs(); len(o) != 3 || o[0].Text != "a\nb\n" || o[1].Name != "stderr" || o[2].ExecutionCount != 1 || c[0].ExecutionCount() != 1 {
		t.Errorf("streams and result: %+v", o)
	}
	if o := c[1].Outputs(); len(o) != 2 || string(o[0].Data["text/plain"]) != `"'second'"` || string(o[1].Data["text/html"]) != `"<b>x</b>\n<i>y</i>"` {
		t.Errorf("displays: %+v", o)
	}
	if len(c[2].Outputs()) != 0 || text(c[3]) != "kept\n" || text(c[4]) != "kept\n" {
		t.Errorf("update and clear: %q %q %q", text(c[2]), text(c[3]), text(c[4]))
	}
	if text(c[6])+text(c[7]) != "late\n" {
		t.Errorf("output of a thread: %q %q", text(c[6]), text(c[7]))
	}
	if cells != 2*len(c) || outputs < 8 {
		t.Errorf("%d calls of OnCell, %d of OnOutput", cells, outputs)
	}
	if nb.Language() != "python" || nb.Metadata().Raw("language_info") == nil {
		t.Error("language_info is missing")
	}
	if after, _ := os.ReadFile(in); string(after) != string(before) {
		t.Error("the source was changed")
	}
}

// TestRunShowsError: the kernel's answer says whether a cell has failed, not what it shows; and by which error.
func TestRunShowsError(t *testing.T) {
	testkit.UsePython(t)
	const shows = "try: 1/0\nexcept Exception: get_ipython().showtraceback()"
	in := pythonNotebook(t, shows, "print('second')")
	r, err := Run(t.Context(), Options{Input: in})
	if err != nil || statuses(r) != "completed completed" || len(r.Warnings) != 1 || r.Warnings[0] != "cell 1 shows an error and has not failed: ZeroDivisionError: division by zero" {
		t.Errorf("%v: %s, %q", err, statuses(r), r.Warnings)
	}
	r, err = Run(t.Context(), Options{Input: in, Classic: true})
	var c *CellError
	if fault.ExitCode(err) != 1 || !errors.As(err, &c) || c.Number != 1 || statuses(r) != "completed completed" || len(r.Warnings) > 0 {
		t.Errorf("Papermill's way: %v: %s, %q", err, statuses(r), r.Warnings)
	}
	if cells := r.Notebook.Cells(); len(cells) != 4 || !cells[0].HasTag(errorTag) || !cells[1].HasTag(errorTag) {
		t.Errorf("Papermill's way: the error is not marked in %d cells", len(cells))
	}
	for source, want := range map[string]string{shows + "\nraise ValueError('raised')": "ValueError", shows + "\nget_ipython().run_line_magic('nosuch', '')": "UsageError"} {
		if _, err := Run(t.Context(), Options{Input: pythonNotebook(t, source)}); !errors.As(err, &c) || c.EName != want {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestRunFails(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "x = 1", "\ny = 2\n1/0", "print('never')")
	out := filepath.Join(t.TempDir(), "out.ipynb")
	r, err := Run(context.Background(), Options{Input: in, Output: out})
	if fault.ExitCode(err) != 1 || statuses(r) != "completed failed pending" {
		t.Fatalf("%v: %s", err, statuses(r))
	}
	var c *CellError
	if !errors.As(err, &c) || c.Number != 2 || c.FirstLine != "y = 2" || c.EName != "ZeroDivisionError" || len(c.Traceback) == 0 {
		t.Errorf("%+v", c)
	}
	for _, want := range []string{in, "cell 2 (id " + c.ID, `"y = 2"`, "ZeroDivisionError: division by zero", "----> 2 1/0"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	nb := written(t, out, r)
	if cells := nb.Cells(); len(cells) != 5 || !cells[0].HasTag(errorTag) || !cells[2].HasTag(errorTag) || cells[3].ID() != c.ID {
		t.Error("the marks of the error are not where Papermill has them")
	}
	// Run again from the executed copy: the marks go away.
	if again, _ := Run(context.Background(), Options{Input: out}); len(again.Cells) != 3 {
		t.Errorf("%d cells", len(again.Cells))
	}
}

func TestRunTags(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "1/0", "print('skipped')", "x = 5; x", "raise SystemExit(0)", "print('never')")
	nb, err := nbformat.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	nb.Cells()[0].SetTags("raises-exception")
	nb.Cells()[1].SetTags("skip-execution")
	r, err := Run(context.Background(), Options{Input: in, Notebook: nb})
	if err != nil || statuses(r) != "completed completed completed completed pending" {
		t.Fatalf("%v: %s", err, statuses(r))
	}
	if r.Cells[0].Error == nil {
		t.Error("the tolerated error is not in the result")
	}
	if cells := r.Notebook.Cells(); text(cells[1]) != "" || text(cells[2]) != "5" {
		t.Errorf("%q %q", text(cells[1]), text(cells[2]))
	}
}

// TestRunExit: IPython's exit() answers that all is well, and a moment later the kernel has gone; whether the next cell still ran was chance.
func TestRunExit(t *testing.T) {
	testkit.UsePython(t)
	for _, c := range []struct{ exit, statuses, err, classic string }{
		{"exit()", "completed completed pending", "", "completed completed pending"},
		{"quit(0)", "completed completed pending", "", "completed completed pending"},
		{"exit(True)", "completed failed pending", "SystemExit: exit was called with True", "completed completed completed"},
		{"exit(1)", "completed failed pending", "SystemExit: exit was called with 1", "completed completed completed"},
		{"exit('no data')", "completed failed pending", "SystemExit: exit was called with no data", "completed completed completed"},
	} {
		in := pythonNotebook(t, "x = 1", c.exit, "print('never')")
		r, err := Run(context.Background(), Options{Input: in})
		if got := fmt.Sprint(err); statuses(r) != c.statuses || (err != nil) != (c.err != "") || !strings.Contains(got, c.err) {
			t.Errorf("%s: %s, %s", c.exit, statuses(r), got)
		}
		if outputs := r.Notebook.Cell(r.Cells[1].ID).Outputs(); c.err != "" && (len(outputs) != 1 || outputs[0].EName != "SystemExit") {
			t.Errorf("%s: the notebook does not say why: %+v", c.exit, outputs)
		}
		if r, err = Run(context.Background(), Options{Input: in, Classic: true}); err != nil || statuses(r) != c.classic {
			t.Errorf("%s, as Papermill: %s, %v", c.exit, statuses(r), err)
		}
	}
}

// TestRunExitAfterMuch: the error by which a cell ends stands after all that it has printed, and is not late.
func TestRunExitAfterMuch(t *testing.T) {
	testkit.UsePython(t)
	r, err := Run(context.Background(), Options{Input: pythonNotebook(t, "for i in range(30000): print(i, flush=i % 100 == 0)\nexit(2)")})
	c := r.Notebook.Cell(r.Cells[0].ID)
	if outputs := c.Outputs(); err == nil || len(outputs) != 2 || !strings.HasSuffix(outputs[0].Text, "\n29999\n") || outputs[1].EName != "SystemExit" {
		t.Errorf("%v: %d outputs", err, len(outputs))
	}
	if late := c.Metadata().Object("papermill").Raw("late"); late != nil {
		t.Errorf("late: %s", late)
	}
}

// TestRunUnknownCell: a cell of a type that the format doesn't have would silently not run; only a newer format may have it.
func TestRunUnknownCell(t *testing.T) {
	testkit.UsePython(t)
	for minor, want := range map[int]string{5: `cell 2: its type is "cod", so it would not run`, 9: ""} {
		in := filepath.Join(t.TempDir(), "in.ipynb")
		text := fmt.Sprintf(`{"nbformat": 4, "nbformat_minor": %d, "metadata": {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}, "cells": [
			{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A"}, {"cell_type": "cod", "id": "b", "metadata": {}, "source": "x = 1"}]}`, minor)
		if err := os.WriteFile(in, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := Run(context.Background(), Options{Input: in})
		if (err != nil) != (want != "") || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("4.%d: %v", minor, err)
		}
		if w := strings.Join(r.Warnings, "|"); minor == 9 && w != `cell 2 does not run: nobody knows cells of type "cod"` {
			t.Errorf("4.%d: warnings: %s", minor, w)
		}
	}
}

func TestRunParameters(t *testing.T) {
	testkit.UsePython(t)
	nb := nbformat.New(nbformat.Kernel{Name: "python3", Language: "python"})
	nb.Insert(0, "markdown", "# Title")
	nb.Insert(1, "code", "alpha = 0.1\nname = 'x'").SetTags("parameters")
	nb.Insert(2, "code", "print(alpha, name)")
	in := filepath.Join(t.TempDir(), "in.ipynb")
	if err := nb.WriteFile(in); err != nil {
		t.Fatal(err)
	}
	var p parameters.List
	p.Set("alpha", 0.5)
	p.Set("other", int64(1))
	out := filepath.Join(t.TempDir(), "out.ipynb")
	r, err := Run(context.Background(), Options{Input: in, Output: out, Parameters: p})
	if err != nil {
		t.Fatal(err)
	}
	cells := written(t, out, r).Cells()
	if len(cells) != 4 || !cells[2].HasTag("injected-parameters") || cells[2].Source() != "# Parameters\nalpha = 0.5\nother = 1\n" || text(cells[3]) != "0.5 x\n" {
		t.Errorf("%d cells, %q, %q", len(cells), cells[2].Source(), text(cells[3]))
	}
	if w := strings.Join(r.Warnings, "|"); w != "Passed unknown parameter: other" {
		t.Errorf("warnings: %s", w)
	}
	if n := []int{r.Cells[1].Number, r.Cells[2].Number, r.Cells[3].Number}; fmt.Sprint(n) != "[2 0 3]" {
		t.Errorf("messages would number the cells %v", n)
	}
	// The injected cell of an executed copy is replaced; prepare-only runs nothing and keeps what is there.
	p.Set("alpha", 0.7)
	prepared := filepath.Join(t.TempDir(), "prepared.ipynb")
	if _, err := Run(context.Background(), Options{Input: out, Output: prepared, Parameters: p, PrepareOnly: true}); err != nil {
		t.Fatal(err)
	}
	after, err := nbformat.Read(prepared)
	if err != nil {
		t.Fatal(err)
	}
	if cells := after.Cells(); len(cells) != 4 || !strings.Contains(cells[2].Source(), "alpha = 0.7") || text(cells[3]) != "0.5 x\n" {
		t.Errorf("prepared: %d cells, %q", len(cells), cells[2].Source())
	}
}

func TestKernelDies(t *testing.T) {
	testkit.UsePython(t)
	for _, c := range []struct{ how, want string }{
		{"os.kill(os.getpid(), 9)", "DeadKernelError: the kernel died (signal: killed)"},
		{"os._exit(0)", "DeadKernelError: the kernel died (exit status 0)"},
	} {
		in := pythonNotebook(t, "import os, sys", "print('before', flush=True); import time; time.sleep(0.3)\n"+c.how, "print('never')")
		out := filepath.Join(t.TempDir(), "out.ipynb")
		r, err := Run(context.Background(), Options{Input: in, Output: out})
		if fault.ExitCode(err) != 1 || statuses(r) != "completed failed pending" || !strings.Contains(err.Error(), "cell 2") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v: %s", c.how, err, statuses(r))
		}
		if cell := written(t, out, r).Cell(r.Cells[1].ID); text(cell) != "before\n" || len(cell.Outputs()) != 2 {
			t.Errorf("%s: what came before is lost: %+v", c.how, cell.Outputs())
		}
	}
}

func TestTimeouts(t *testing.T) {
	testkit.UsePython(t)
	const sleep = "import time\ntime.sleep(120)"
	const stubborn = "import time\nfor i in range(1200):\n  try: time.sleep(0.1)\n  except KeyboardInterrupt: pass"
	for _, c := range []struct {
		name, source, want string
		options            Options
	}{
		{"cell", sleep, "TimeoutError: the cell ran longer than 4s", Options{CellTimeout: 4 * time.Second}},
		{"notebook", sleep, "TimeoutError: the notebook ran longer than 12s", Options{Timeout: 12 * time.Second}},
		{"a cell that can't be interrupted", stubborn, "TimeoutError: the cell ran longer than 4s", Options{CellTimeout: 4 * time.Second, Grace: 300 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := c.options
			o.Input, o.Output = pythonNotebook(t, "1", c.source, "print('never')"), filepath.Join(t.TempDir(), "out.ipynb")
			start := time.Now()
			r, err := Run(context.Background(), o)
			if fault.ExitCode(err) != 1 || statuses(r) != "completed failed pending" || !strings.Contains(err.Error(), c.want) || fault.Hint(err) == "" {
				t.Errorf("%v: %s", err, statuses(r))
			}
			if took := time.Since(start); took > 60*time.Second {
				t.Errorf("took %v", took)
			}
			written(t, o.Output, r)
		})
	}
}

func TestCancel(t *testing.T) {
	testkit.UsePython(t)
	ctx, cancel := context.WithCancel(context.Background())
	// One statement: between two, IPython can't take an interrupt.
	in := pythonNotebook(t, "import time\ndef wait():\n    print('here', flush=True)\n    time.sleep(30)\nwait()", "print('never')")
	out := filepath.Join(t.TempDir(), "out.ipynb")
	r, err := Run(ctx, Options{Input: in, Output: out, OnOutput: func(*nbformat.Cell, nbformat.Output) { cancel() }})
	if fault.ExitCode(err) != 130 || !errors.Is(err, context.Canceled) || statuses(r) != "failed pending" {
		t.Errorf("%v: %s", err, statuses(r))
	}
	if got := text(written(t, out, r).Cell(r.Cells[0].ID)); got != "here\n" {
		t.Errorf("%q", got)
	}
	// Before anything ran.
	if _, err := Run(ctx, Options{Input: in}); fault.ExitCode(err) != 130 {
		t.Errorf("%v", err)
	}
}

// TestErrorThatIsNotShown: IPython answers an unknown magic with an error and shows it as a stream only.
func TestErrorThatIsNotShown(t *testing.T) {
	testkit.UsePython(t)
	r, err := Run(context.Background(), Options{Input: pythonNotebook(t, "%nosuchmagic", "print('never')")})
	if fault.ExitCode(err) != 1 || !strings.Contains(err.Error(), "UsageError: Line magic function") || statuses(r) != "failed pending" {
		t.Errorf("%v: %s", err, statuses(r))
	}
}

// TestNothingBegins: what is wrong with the call is said before a kernel starts, and no file is touched.
func TestNothingBegins(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "1")
	dir := t.TempDir()
	source := filepath.Join(dir, "source.ipynb")
	if err := nbformat.New(nbformat.Kernel{Name: "python3"}).WriteFile(source); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.ipynb")
	if err := os.Symlink(in, link); err != nil {
		t.Fatal(err)
	}
	bare := filepath.Join(dir, "bare.ipynb")
	if err := nbformat.WriteFile(bare, []byte(`{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}`)); err != nil {
		t.Fatal(err)
	}
	var p parameters.List
	p.Set("a b", int64(1))
	declaring := filepath.Join(dir, "declaring.ipynb")
	nb := nbformat.New(nbformat.Kernel{Name: "python3", Language: "python"})
	nb.Insert(0, "code", "alpha = 0.1\nn: int = 3").SetTags("parameters")
	if err := nb.WriteFile(declaring); err != nil {
		t.Fatal(err)
	}
	var wrong parameters.List
	wrong.Set("alpah", 0.5)
	wrong.Set("n", "x")
	for _, c := range []struct {
		name    string
		options Options
		want    string
		hint    string
		code    int
	}{
		{"no notebook", Options{Input: filepath.Join(dir, "none.ipynb")}, "no notebook", "check the path", 3},
		{"folder", Options{Input: dir}, "is a folder", "", 3},
		{"output folder", Options{Input: in, Output: filepath.Join(dir, "no", "out.ipynb")}, "there is no folder", "mkdir -p " + dir, 3},
		{"output is a folder", Options{Input: in, Output: dir}, "is a folder", "", 2},
		{"working folder", Options{Input: in, Dir: filepath.Join(dir, "no")}, "no to work in", "mkdir -p", 2},
		{"output is the input", Options{Input: in, Output: link, Overwrite: true}, "is the notebook itself", "name another file", 2},
		{"output is a source", Options{Input: in, Output: source}, "no run has written", "name another file, or replace this one with --overwrite", 2},
		{"kernel", Options{Input: in, Kernel: "nope"}, "kernel nope is not installed", "python3 (python)", 4},
		{"kernel to install", Options{Input: in, Kernel: "ir-elsewhere", Language: "R"}, "kernel ir-elsewhere is not installed", "IRkernel", 4},
		{"no kernel", Options{Input: bare}, "bare.ipynb: the notebook doesn't say which kernel", "-k", 3},
		{"bad parameter", Options{Input: in, Parameters: p}, `"a b" can't be the name of a variable in Python`, "", 3},
		{"no translator", Options{Input: in, Parameters: p, Language: "cobol"}, `no way to write parameters in language "cobol"`, "bash, c#, f#, go, javascript, julia, matlab, octave, powershell, python, r, rust, scala, sql, typescript", 3},
		{"parameters that don't fit", Options{Input: declaring, Parameters: wrong, Strict: true}, "declaring.ipynb, cell 1 (tagged parameters): 2 parameters don't fit:\n" +
			"  alpah: not declared; did you mean alpha?\n  n: \"x\" is no value of its type int (declared: n: int = 3)", "run without --strict", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Run(context.Background(), c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(fault.Hint(err), c.hint) || fault.ExitCode(err) != c.code {
				t.Errorf("%v (%d)\nhint: %s", err, fault.ExitCode(err), fault.Hint(err))
			}
		})
	}
}

func TestKernelDoesNotStart(t *testing.T) {
	testkit.UsePython(t)
	dir := os.Getenv("JUPYTER_PATH")
	for name, argv := range map[string][]string{
		"absent": {"/no/such/program", "{connection_file}"},
		"dying":  {"/bin/sh", "-c", "echo a reason >&2; exit 3"},
		"mute":   {"/bin/sleep", "60"},
	} {
		testkit.InstallKernel(t, dir, name, map[string]any{"argv": argv, "language": "x", "display_name": name})
	}
	in := pythonNotebook(t, "1")
	for name, want := range map[string]string{
		"absent": "/no/such/program", "dying": "the kernel died (exit status 3); it said:\na reason", "mute": "no answer in time",
	} {
		out := filepath.Join(t.TempDir(), "out.ipynb")
		_, err := Run(context.Background(), Options{Input: in, Output: out, Kernel: name, StartTimeout: 2 * time.Second})
		if fault.ExitCode(err) != 4 || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), in) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: an output is written though nothing ran", name)
		}
	}
}

// TestPortTaken: a kernel that finds one of its ports taken is started again on others.
func TestPortTaken(t *testing.T) {
	python := testkit.UsePython(t)
	flag := filepath.Join(t.TempDir(), "tried")
	testkit.InstallKernel(t, os.Getenv("JUPYTER_PATH"), "unlucky", map[string]any{"language": "python", "display_name": "x", "argv": []string{
		"/bin/sh", "-c", `if [ -e "$1" ]; then exec "$2" -m ipykernel_launcher -f "$3"; fi; touch "$1"; echo "Address already in use" >&2; exit 1`,
		"sh", flag, python, "{connection_file}"}})
	r, err := Run(context.Background(), Options{Input: pythonNotebook(t, "6*7"), Kernel: "unlucky"})
	if err != nil || text(r.Notebook.Cells()[0]) != "42" {
		t.Error(err)
	}
}

// TestHurry: who stops a run and then does not want to wait gets the kernel killed, and what it had shown.
func TestHurry(t *testing.T) {
	testkit.UsePython(t)
	out := filepath.Join(t.TempDir(), "out.ipynb")
	ctx, cancel := context.WithCancel(t.Context())
	hurry := make(chan struct{})
	o := Options{Input: pythonNotebook(t, "import time\nprint('begun')\nwhile True:\n  try: time.sleep(0.1)\n  except KeyboardInterrupt: print('no')", "2"), Output: out, Grace: time.Hour, Hurry: hurry}
	o.OnOutput = func(_ *nbformat.Cell, out nbformat.Output) {
		switch {
		case strings.Contains(out.Text, "begun"):
			cancel()
		case strings.Contains(out.Text, "no"):
			close(hurry)
		}
	}
	r, err := Run(ctx, o)
	if fault.ExitCode(err) != int(fault.Interrupted) || statuses(r) != "failed pending" || text(written(t, out, r).Cell(r.Cells[0].ID)) != "begun\nno\n" {
		t.Errorf("%v: %s", err, statuses(r))
	}
}

// TestInterruptByMessage: for kernels whose spec asks for it.
func TestInterruptByMessage(t *testing.T) {
	python := testkit.UsePython(t)
	testkit.InstallKernel(t, os.Getenv("JUPYTER_PATH"), "polite", map[string]any{"language": "python", "display_name": "x", "interrupt_mode": "message",
		"argv": []string{python, "-m", "ipykernel_launcher", "-f", "{connection_file}"}})
	in := pythonNotebook(t, "import time\ntry: time.sleep(30)\nexcept KeyboardInterrupt: print('interrupted')")
	r, err := Run(context.Background(), Options{Input: in, Kernel: "polite", CellTimeout: time.Second})
	if fault.ExitCode(err) != 1 || text(r.Notebook.Cells()[2]) != "interrupted\n" {
		t.Errorf("%v: %q", err, text(r.Notebook.Cells()[2]))
	}
}

// TestNotebookTold: a kernel hears which notebook it runs, and never of one that another run is of.
func TestNotebookTold(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "import os\nprint(os.environ.get('CELLAR_NOTEBOOK'), os.environ.get('JPY_SESSION_NAME'))")
	nb, err := nbformat.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CELLAR_NOTEBOOK", "/another.ipynb")
	t.Setenv("JPY_SESSION_NAME", "/another.ipynb")
	dir := filepath.Dir(in)
	pool := kernels.NewPool(kernels.PoolOptions{})
	defer pool.Close()
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"a file", Options{Input: in}, in + " " + in},
		{"a fork", Options{Input: in, Pool: pool}, in + " " + in},
		{"from elsewhere, a fork", Options{Input: "https://h/in.ipynb", Origin: "https://h/in.ipynb", Notebook: nb, Dir: dir, Pool: pool}, "None None"},
		{"from elsewhere, as a file here is called", Options{Input: in, Origin: "-", Notebook: nb, Dir: dir}, "None None"},
		{"from elsewhere, with an environment", Options{Input: "-", Origin: "-", Notebook: nb, Dir: dir, Env: os.Environ()}, "None None"},
		{"of a revision", Options{Input: "git:v1:in.ipynb", Origin: "git:v1:in.ipynb", Page: place.Page{File: in, Commit: "abc"}, Notebook: nb, Dir: dir}, "git:abc:" + in + " None"},
	} {
		r, err := Run(context.Background(), c.o)
		if err != nil || strings.TrimSpace(text(r.Notebook.Cells()[0])) != c.want {
			t.Errorf("%s: %q, want %q: %v", c.name, text(r.Notebook.Cells()[0]), c.want, err)
		}
	}
}

func TestSurroundings(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "import os, json\nprint(json.dumps([os.getcwd(), os.environ['CELLAR_NOTEBOOK'], os.environ['JPY_SESSION_NAME'], os.environ['GREETING'], get_ipython().get_parent()['metadata']['cellId']]))",
		"import subprocess\nfor options in {}, {'preexec_fn': os.setpgrp}, {'start_new_session': True}: print(subprocess.Popen(['sleep', '300'], **options).pid)")
	t.Setenv("TMPDIR", t.TempDir())
	r, err := Run(context.Background(), Options{Input: in, Env: append(os.Environ(), "GREETING=hello")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal([]byte(text(r.Notebook.Cells()[0])), &got); err != nil {
		t.Fatal(err)
	}
	real, _ := filepath.EvalSymlinks(filepath.Dir(in))
	if want := []string{real, in, in, "hello", r.Cells[0].ID}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	var ordinary, ofItsGroup, ofItsSession int
	if _, err := fmt.Sscan(text(r.Notebook.Cells()[1]), &ordinary, &ofItsGroup, &ofItsSession); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(ofItsSession, syscall.SIGKILL)
	gone := func(pid int) bool {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // where there is one
		return strings.Contains(string(stat), ") Z ") || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	ended := func() bool { return gone(ordinary) && (gone(ofItsGroup) || runtime.GOOS != "linux") }
	for i := 0; !ended() && i < 500; i++ {
		time.Sleep(20 * time.Millisecond)
	}
	if !ended() || gone(ofItsSession) {
		t.Errorf("of the processes that the notebook started, gone are: the ordinary one %v, that of a group of its own %v, that of a session of its own %v",
			gone(ordinary), gone(ofItsGroup), gone(ofItsSession))
	}
	if after := kernelFolders(t); len(after) > 0 {
		t.Errorf("left behind: %v", after)
	}
}

func kernelFolders(t *testing.T) []string {
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "cellar-kernel-*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFloods: facts of other runners' losses, at a size where they lose.
func TestFloods(t *testing.T) {
	testkit.UsePython(t)
	r, err := Run(context.Background(), Options{Input: pythonNotebook(t,
		"from IPython.display import display\nfor i in range(10000): display(i)",
		"h = display(-1, display_id=True)\nfor i in range(10000): h.update(i)",
		"for i in range(200000): print(i)",
		"display({'application/x-big': 'x' * 50_000_000}, raw=True)")})
	if err != nil {
		t.Fatal(err)
	}
	c := r.Notebook.Cells()
	if n := len(c[0].Outputs()); n != 10000 {
		t.Errorf("%d of 10000 displays", n)
	}
	if got := text(c[1]); got != "9999" {
		t.Errorf("the last update is %s", got)
	}
	if n := strings.Count(text(c[2]), "\n"); n != 200000 {
		t.Errorf("%d of 200000 lines", n)
	}
	if o := c[3].Outputs(); len(o) != 1 || len(o[0].Data["application/x-big"]) != 50_000_002 {
		t.Errorf("the large display: %d outputs", len(o))
	}
}

func TestFullDiskAtTheEnd(t *testing.T) {
	testkit.UsePython(t)
	t.Setenv("TMPDIR", t.TempDir())
	_, err := Run(context.Background(), Options{Input: pythonNotebook(t, "6*7"), Output: "/dev/full"})
	if fault.ExitCode(err) != 5 || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("%v", err)
	}
	_, kept, _ := strings.Cut(fault.Hint(err), "the executed notebook is in ")
	nb, err := nbformat.Read(kept)
	if err != nil || text(nb.Cells()[0]) != "42" {
		t.Errorf("the work is lost: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestManyAtOnce(t *testing.T) {
	testkit.UsePython(t)
	goroutines := runtime.NumGoroutine()
	results := make(chan string)
	for i := range 4 {
		in := pythonNotebook(t, fmt.Sprintf("print(%d)", i))
		go func() {
			r, err := Run(context.Background(), Options{Input: in})
			if err != nil {
				results <- err.Error()
				return
			}
			results <- text(r.Notebook.Cells()[0])
		}()
	}
	sum := 0
	for range 4 {
		n, err := strconv.Atoi(strings.TrimSpace(<-results))
		if err != nil {
			t.Error(err)
		}
		sum += n
	}
	if sum != 6 {
		t.Errorf("sum %d", sum)
	}
	for i := 0; runtime.NumGoroutine() > goroutines && i < 100; i++ {
		time.Sleep(20 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines left", n-goroutines)
	}
}

// TestLimits: a kernel that takes too much memory, and one that hangs as a whole, end the run with the cell named.
func TestLimits(t *testing.T) {
	testkit.UsePython(t)
	for _, c := range []struct {
		name, source, want string
		options            Options
	}{
		{"memory", "x = []\nimport time\nwhile True: x.append(bytearray(20_000_000)); time.sleep(0.01)", "more than the limit of 400 MB", Options{Memory: 400_000_000}},
		{"heartbeat", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "does not answer heartbeats", Options{Heartbeat: 3 * time.Second, Grace: time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := c.options
			o.Input, o.Output = pythonNotebook(t, "print('before')", c.source, "print('never')"), filepath.Join(t.TempDir(), "out.ipynb")
			start := time.Now()
			r, err := Run(t.Context(), o)
			var cell *CellError
			if fault.ExitCode(err) != 1 || !errors.As(err, &cell) || cell.Number != 2 || cell.EName != "DeadKernelError" || !strings.Contains(err.Error(), c.want) || statuses(r) != "completed failed pending" {
				t.Errorf("%v: %s", err, statuses(r))
			}
			if took := time.Since(start); took > 40*time.Second {
				t.Errorf("it took %v", took)
			}
			if nb := written(t, o.Output, r); text(nb.Cells()[1]) != "before\n" {
				t.Error("what came before is lost")
			}
		})
	}
}

// TestPool: a run by a pool is a run.
func TestPool(t *testing.T) {
	testkit.UsePython(t)
	pool := kernels.NewPool(kernels.PoolOptions{})
	defer pool.Close()
	for i := range 3 {
		in := pythonNotebook(t, fmt.Sprintf("x = %d\nprint(x)", i), "import os; os.getcwd()", "1/0")
		r, err := Run(t.Context(), Options{Input: in, Pool: pool})
		if fault.ExitCode(err) != 1 || statuses(r) != "completed completed failed" {
			t.Fatalf("%v: %s", err, statuses(r))
		}
		c := r.Notebook.Cells() // after the marks
		if text(c[1]) != fmt.Sprintf("%d\n", i) || text(c[2]) != fmt.Sprintf("'%s'", filepath.Dir(in)) {
			t.Errorf("%q %q", text(c[1]), text(c[2]))
		}
	}
}

// TestNoHistory: a run leaves nothing in the user's history of IPython.
func TestNoHistory(t *testing.T) {
	testkit.UsePython(t)
	if _, err := Run(t.Context(), Options{Input: pythonNotebook(t, "1")}); err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(filepath.Join(os.Getenv("IPYTHONDIR"), "profile_default", "history.sqlite")); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// TestStoppedInBacklog: a run that is stopped does not take in all that the kernel has sent ahead.
func TestStoppedInBacklog(t *testing.T) {
	testkit.UsePython(t)
	const sent = 3000
	in := pythonNotebook(t, "for i in range(3000): display(i)\nopen('sent', 'w').close()", "1")
	var shown int
	r, err := Run(t.Context(), Options{Input: in, CellTimeout: 5 * time.Second, Grace: 100 * time.Millisecond, OnOutput: func(*nbformat.Cell, nbformat.Output) {
		shown++
		time.Sleep(50 * time.Millisecond)
	}})
	if fault.ExitCode(err) != 1 || !strings.Contains(err.Error(), "TimeoutError") || statuses(r) != "failed pending" {
		t.Errorf("%v: %s", err, statuses(r))
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(in), "sent")); err == nil && (shown >= sent || len(r.Warnings) != 1) {
		t.Errorf("%d of %d displays were taken in; %q", shown, sent, r.Warnings)
	}
}
