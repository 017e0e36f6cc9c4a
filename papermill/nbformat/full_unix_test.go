//go:build unix

package nbformat

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
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

	freed := testkit.FullDisk(t, 10_000)
	err := nb.WriteFile(path)
	freed()
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
