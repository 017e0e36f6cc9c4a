package papermill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// runAlone is what the test program does instead of testing when it is started by startRunner.
func runAlone(in, out string) {
	if _, err := Run(context.Background(), Options{Input: in, Output: out}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// startRunner runs a notebook in a process of its own, which can be killed.
func startRunner(t *testing.T, in, out string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "run-alone", in, out)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestRunnerKilled kills the runner at several moments: the output is a notebook, the old or a new one, and the kernel goes too.
func TestRunnerKilled(t *testing.T) {
	usePython(t)
	in := pythonNotebook(t, "import os, time\nopen('pid', 'w').write(str(os.getpid()))", "print('x' * 1000000)", "time.sleep(0.2)", "print('y')")
	out := filepath.Join(t.TempDir(), "out.ipynb")
	pidFile := filepath.Join(filepath.Dir(in), "pid")
	if r, err := Run(context.Background(), Options{Input: in, Output: out}); err != nil {
		t.Fatal(err, r)
	}
	for _, after := range []time.Duration{0, 100 * time.Millisecond, 250 * time.Millisecond, 400 * time.Millisecond} {
		if err := os.Remove(pidFile); err != nil {
			t.Fatal(err)
		}
		runner := startRunner(t, in, out)
		pid := 0
		for end := time.Now().Add(20 * time.Second); pid == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			text, _ := os.ReadFile(pidFile)
			pid, _ = strconv.Atoi(string(text))
		}
		if pid == 0 {
			t.Fatal("the kernel did not start")
		}
		time.Sleep(after)
		runner.Process.Kill()
		runner.Wait()
		if _, err := nbformat.Read(out); err != nil {
			t.Errorf("after %v: %v", after, err)
		}
		alive := true
		for end := time.Now().Add(10 * time.Second); alive && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			alive = !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && !strings.Contains(string(stat), ") Z ")
		}
		if alive {
			t.Errorf("after %v: the kernel outlives its runner", after)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
