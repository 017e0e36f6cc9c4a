//go:build unix

package journal

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
)

// TestFullDisk limits the size of files, so that the writing breaks off as on a full disk: what was added before it was noticed can be read
// back, wherever it is by then, and nothing can be added any more.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Remove()
	testkit.FullDisk(t, 2*bufferSize)
	var all [][]byte
	var bodies []Body
	for err == nil && len(all) < 100 {
		b := text(10_000)
		var body Body
		if body, err = j.Add("more", b); err == nil {
			all, bodies = append(all, b), append(bodies, body)
		}
	}
	if fault.ExitCode(err) != int(fault.Storage) || j.Flush() == nil || j.Err() == nil || len(all) == 100 {
		t.Fatalf("after %d records: %v", len(all), err)
	}
	for i, body := range bodies {
		if got := read(t, j, body); !bytes.Equal(got, all[i]) {
			t.Errorf("record %d of %d is another", i+1, len(all))
		}
	}
	if err := j.Close(); err == nil {
		t.Error("closed without a word")
	}
	if got := records(t, path); len(got) == 0 || len(got) >= len(all) {
		t.Errorf("the file has %d records of %d", len(got), len(all))
	}
}
