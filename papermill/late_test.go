package papermill

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// marked is what each cell of a notebook shows, with a bar before the first output that is marked as late.
func marked(t *testing.T, path string) string {
	t.Helper()
	nb, err := nbformat.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, c := range nb.Cells() {
		if c.HasTag(errorTag) {
			continue
		}
		m := struct{ Late *int }{}
		c.Metadata().Get("papermill", &m)
		shown := ""
		for i, o := range c.Outputs() {
			if m.Late != nil && *m.Late == i {
				shown += "|"
			}
			shown += o.Text
			if o.Data != nil {
				shown += "*"
			}
		}
		all = append(all, fmt.Sprintf("%q", shown))
	}
	return strings.Join(all, " ")
}

// TestLate runs what goes on after its cell has ended: tasks, which keep their cell, and a thread that prints when the kernel ends.
func TestLate(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t,
		"import asyncio\nasync def later():\n    print('late')\n    display(1)\n    print('later')\nprint('in time, ', end='')\ntask = asyncio.create_task(later())",
		"await task\nprint('second')\nfrom IPython.display import clear_output\nasync def clears():\n    print('gone')\n    clear_output()\ntask = asyncio.create_task(clears())",
		"await task\nimport os, time\nprint('third', flush=True)\nif os.path.exists('wait'): time.sleep(600)",
		"import threading\nthreading.Thread(target=lambda: (threading.main_thread().join(), print('at the end'))).start()")
	out := filepath.Join(t.TempDir(), "out.ipynb")
	if _, err := Run(t.Context(), Options{Input: in, Output: out, SaveCells: true, Grace: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if got, want := marked(t, out), `"in time, |late\n*later\n" "" "third\n" "|at the end\n"`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}

	// The marks outlive the runner, and a resumed run.
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	waits := filepath.Join(filepath.Dir(in), "wait")
	if err := os.WriteFile(waits, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	runner := startRunner(t, in, out, os.Stderr)
	waitForText(t, journal.Path(out), "third\n")
	runner.Process.Kill()
	runner.Wait()
	if err := os.Remove(waits); err != nil {
		t.Fatal(err)
	}
	if err := Recover(out); err != nil {
		t.Fatal(err)
	}
	if got, want := marked(t, out), `"in time, |late\n*later\n" "" "third\n" ""`; got != want {
		t.Errorf("recovered:\n got %s\nwant %s", got, want)
	}
	none := func(_ string, done, _ []Cell) []bool { return make([]bool, len(done)) }
	edit(t, in, 2, "print('third')")
	if _, err := Run(t.Context(), Options{Input: in, Output: out, Resume: true, Needed: none, Grace: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if got, want := marked(t, out), `"in time, |late\n*later\n" "" "third\n" "|at the end\n"`; got != want {
		t.Errorf("resumed:\n got %s\nwant %s", got, want)
	}
}

// TestStopped runs a thread that goes on for longer than anybody waits: what it was to show is missing, and a warning says so.
func TestStopped(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "import threading, time\ndef speak():\n    for i in range(200):\n        print(i, flush=True)\n        time.sleep(0.3)\nthreading.Thread(target=speak).start()")
	out := filepath.Join(t.TempDir(), "out.ipynb")
	r, err := Run(t.Context(), Options{Input: in, Output: out, Grace: time.Second})
	if err != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "still ran 1s after it was asked to end") {
		t.Errorf("%v %q", err, r.Warnings)
	}
	if got := marked(t, out); !strings.Contains(got, `\n2\n`) {
		t.Errorf("it shows %s", got)
	}
	if r, err = Run(t.Context(), Options{Input: pythonNotebook(t, "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()")}); err != nil || len(r.Warnings) > 0 {
		t.Errorf("a daemon is waited for: %v %q", err, r.Warnings)
	}
}

// TestKilledLate: a kernel that dies while its threads still work has outputs that never come.
func TestKilledLate(t *testing.T) {
	testkit.UsePython(t)
	const thread = "import os, threading, time\ndef work():\n    time.sleep(%g)\n    %s\n    print('never')\nthreading.Thread(target=work).start()"
	for does, want := range map[string]string{
		"os.kill(os.getpid(), 9); 'at once'":      "the kernel died (signal: killed) after the last cell",
		"os.kill(os.getpid(), 9)":                 "the kernel died (signal: killed) after the last cell: outputs that were to come, as of threads, are not in the notebook",
		"x = bytearray(1 << 30); time.sleep(100)": "more than the limit of 300 MB after the last cell",
	} {
		after, o := 1., Options{}
		if strings.Contains(does, "at once") { // while the last cell's end is written
			after = .2
			o.OnCell = func(c Cell) {
				if c.Status == Completed {
					time.Sleep(time.Second)
				}
			}
		}
		r, err := Run(t.Context(), Options{OnCell: o.OnCell, Input: pythonNotebook(t, fmt.Sprintf(thread, after, does)), Memory: 300e6, Grace: time.Minute})
		if err != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], want) {
			t.Errorf("%s: %v %q", does, err, r.Warnings)
		}
	}
}
