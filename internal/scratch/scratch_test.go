package scratch

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test program stand for a process that makes a folder and lives until it is killed.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "make" {
		d, err := Make("", os.Args[2])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(d.Path)
		os.Stdin.Read(make([]byte, 1))
		d.Remove()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// other is another process with a folder.
func other(t *testing.T, name string) (path string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "make", name)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // it waits on it
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill = func() { cmd.Process.Kill(); cmd.Wait() }
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), kill
}

func there(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestSweep(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dead, kill := other(t, "one")
	alive, _ := other(t, "one")
	deadToo, killToo := other(t, "two")
	kill()
	killToo()
	if err := os.WriteFile(filepath.Join(dead, "big"), []byte("left"), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(os.TempDir(), "cellar-one-by-hand") // nobody says whose it is
	if err := os.Mkdir(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	d, err := Make("", "one")
	if err != nil {
		t.Fatal(err)
	}
	if there(t, dead) || !there(t, alive) || !there(t, deadToo) || !there(t, foreign) || !there(t, d.Path) {
		t.Errorf("dead %v, alive %v, of another name %v, foreign %v, new %v", there(t, dead), there(t, alive), there(t, deadToo), there(t, foreign), there(t, d.Path))
	}
	again, err := Make("", "one")
	if err != nil {
		t.Fatal(err)
	}
	if !there(t, d.Path) {
		t.Error("the second folder of a process takes the first one's place")
	}
	for _, d := range []*Dir{d, again} {
		if err := d.Remove(); err != nil || there(t, d.Path) {
			t.Errorf("removed: %v, still there %v", err, there(t, d.Path))
		}
	}
}

// TestWithoutLocks: on a file system that has no locks a folder is made all the same, without an owner, and none is swept away.
func TestWithoutLocks(t *testing.T) {
	defer func() { flock = syscall.Flock }()
	for _, refused := range []error{syscall.ENOLCK, syscall.ENOTSUP, syscall.ENOSYS} {
		parent := t.TempDir()
		flock = func(int, int) error { return refused }
		first, err := Make(parent, "x")
		if err != nil {
			t.Errorf("%v: %v", refused, err)
			continue
		}
		second, err := Make(parent, "x")
		if err != nil || !there(t, first.Path) {
			t.Errorf("%v: the second: %v", refused, err)
			continue
		}
		flock = syscall.Flock // another process's, on a machine where they work
		third, err := Make(parent, "x")
		if err != nil || !there(t, first.Path) || !there(t, second.Path) {
			t.Errorf("%v: the third: %v", refused, err)
			continue
		}
		for _, d := range []*Dir{first, second, third} {
			if left, _ := os.ReadDir(d.Path); d != third && len(left) > 0 {
				t.Errorf("%v: %s is left", refused, left)
			}
			if err := d.Remove(); err != nil || there(t, d.Path) {
				t.Error(err)
			}
		}
	}
}
