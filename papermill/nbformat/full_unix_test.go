//go:build unix

package nbformat

import (
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
)

// TestFullDisk limits the size of files, so that the write breaks off in the middle as on a full disk.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.ipynb")
	nb := New(Kernel{Name: "cellar"})
	if err := nb.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	before := string(nb.Bytes())
	nb.Insert(0, "markdown", string(make([]byte, 100_000)))

	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	small := limit
	small.Cur = 10_000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	err := nb.WriteFile(path)
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); e != nil {
		t.Fatal(e)
	}
	if fault.ExitCode(err) != int(fault.Storage) {
		t.Errorf("got %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != before {
		t.Errorf("the old notebook is lost: %d bytes", len(after))
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}
