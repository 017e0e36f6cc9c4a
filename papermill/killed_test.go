package papermill

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// runAlone is what the test program does instead of testing when it is started by startRunner.
func runAlone(in, out string) {
	signal.Ignore(syscall.SIGXFSZ) // a limit on the size of files stands for a full disk
	if _, err := Run(context.Background(), Options{Input: in, Output: out}); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s\n", err, fault.Hint(err))
		os.Exit(1)
	}
	os.Exit(0)
}

// startRunner runs a notebook in a process of its own, which can be killed.
func startRunner(t *testing.T, in, out string, said io.Writer) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "run-alone", in, out)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

var kills = flag.Int("kills", 20, "how many runs TestKilled breaks")

// TestKilled breaks runs at random moments: the runner is killed, the kernel is killed, the disk is full, the output's folder is gone. Each
// time there is a valid notebook, the old one or a new one, or a journal from which one is written; what had succeeded is in it; and the
// next run goes on from there. Nothing is left of the kernel.
func TestKilled(t *testing.T) {
	testkit.UsePython(t)
	var cells []string
	for i := range 6 {
		cells = append(cells, fmt.Sprintf("import os, time\nopen('pid', 'w').write(str(os.getpid()))\nprint(%d, 'x' * 100_000)\ntime.sleep(0.05)\nopen('done%[1]d', 'w').close()", i))
	}
	in := pythonNotebook(t, cells...)
	dir := filepath.Dir(in)
	done := func() (n int) {
		for _, err := os.Stat(filepath.Join(dir, "done0")); err == nil && n < len(cells); n++ {
			_, err = os.Stat(filepath.Join(dir, fmt.Sprint("done", n+1)))
		}
		return n
	}
	ways := []string{"runner", "kernel", "disk", "folder"}
	for i := range *kills {
		way := ways[i%len(ways)]
		folder := filepath.Join(t.TempDir(), "runs")
		out := filepath.Join(folder, "out.ipynb")
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"pid", "done0", "done1", "done2", "done3", "done4", "done5"} {
			os.Remove(filepath.Join(dir, name))
		}
		var said strings.Builder
		runner := startRunner(t, in, out, &said)
		pid := 0
		for end := time.Now().Add(60 * time.Second); pid == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
			text, _ := os.ReadFile(filepath.Join(dir, "pid"))
			pid, _ = strconv.Atoi(string(text))
		}
		if pid == 0 {
			t.Fatal("the kernel did not start")
		}
		after := time.Duration(rand.IntN(450)) * time.Millisecond
		time.Sleep(after)
		finished := done()
		switch way {
		case "runner":
			runner.Process.Kill()
		case "kernel":
			syscall.Kill(pid, syscall.SIGKILL)
		case "disk":
			limit := unix.Rlimit{Cur: uint64(rand.IntN(300_000)), Max: unix.RLIM_INFINITY}
			if err := unix.Prlimit(runner.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil && !errors.Is(err, unix.ESRCH) {
				t.Fatal(err)
			}
		case "folder":
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
		}
		err := runner.Wait()
		broken := func(format string, args ...any) {
			t.Errorf("%s after %v: %s\n%s", way, after, fmt.Sprintf(format, args...), said.String())
		}
		if way == "folder" {
			if _, kept, ok := strings.Cut(said.String(), "the executed notebook is in "); ok {
				out = strings.TrimSpace(kept)
			} else if err != nil {
				broken("no word of where the work is")
			}
			if os.MkdirAll(folder, 0o755); err == nil { // it had ended before
				continue
			}
		}
		if err := Recover(out); err != nil && !errors.Is(err, fs.ErrNotExist) {
			broken("the journal: %v", err)
			continue
		}
		nb, err := nbformat.Read(out)
		if err != nil {
			broken("%v", err)
			continue
		}
		completed := 0
		for _, c := range nb.Cells() {
			var m cellMetadata
			if c.Metadata().Get("papermill", &m); m.Status != Completed {
				continue
			}
			if want := fmt.Sprintf("%d %s\n", completed, strings.Repeat("x", 100_000)); text(c) != want {
				broken("cell %d is completed and shows %d bytes", completed+1, len(text(c)))
			}
			completed++
		}
		if completed < finished-1 && way != "disk" { // the last may have been on its way; a full disk takes nothing more
			broken("%d cells had succeeded, %d are completed", finished, completed)
		}
		r, err := Run(t.Context(), Options{Input: in, Output: out, Resume: true, Overwrite: true, Needed: func(_ string, done, rest []Cell) []bool { return make([]bool, len(done)) }})
		if again := slices.IndexFunc(r.Cells, func(c Cell) bool { return !c.kept }); err != nil || again >= 0 && again != completed || again < 0 && completed < len(cells) {
			broken("resumed at cell %d, not at %d: %v", again+1, completed+1, err)
		}
		alive := true
		for end := time.Now().Add(10 * time.Second); alive && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			alive = !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && !strings.Contains(string(stat), ") Z ")
		}
		if alive {
			broken("the kernel outlives its runner")
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// waitFor waits until a file is there.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Fatalf("%s did not come", path)
}

func waitForText(t *testing.T, path, text string) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if content, err := os.ReadFile(path); err == nil && strings.Contains(string(content), text) {
			return
		}
	}
	t.Fatalf("%q did not come into %s", text, path)
}
