//go:build unix

package papermill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// TestSaveFullDisk: when there is no space for what a cell shows, the executed notebook has all that had come until then, and what is wrong is
// said once.
func TestSaveFullDisk(t *testing.T) {
	testkit.UsePython(t)
	for _, c := range []struct {
		name, source, broken string
		least                int // bytes that the cell shows in the end
	}{
		{"many prints", "for i in range(200): print(f'{i:05}' + 'x' * 9_994, flush=True)", ".out.ipynb.journal: write", 300_000},
		{"one output that is too large to hold", "print('00000', flush=True); display({'text/plain': 'y' * 2_000_000}, raw=True); print('z' * 300_000)", "cell 1: keep a large message", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, out := pythonNotebook(t, c.source, "print('never')"), filepath.Join(t.TempDir(), "out.ipynb")
			freed := func() {}
			defer func() { freed() }()
			r, err := Run(t.Context(), Options{Input: in, Output: out,
				OnStart: func(Result) { freed = testkit.FullDisk(t, 300_000) },
				OnCell: func(c Cell) {
					if c.Status == Failed {
						freed()
					}
				}})
			if fault.ExitCode(err) != int(fault.Storage) || statuses(r) != "failed pending" || len(r.Warnings) > 0 || strings.Count(err.Error(), "file too large") != 1 || !strings.Contains(err.Error(), c.broken) {
				t.Fatalf("%v\n%s, %q", err, statuses(r), r.Warnings)
			}
			nb, err := nbformat.Read(out)
			if err != nil {
				t.Fatal(err)
			}
			shown := ""
			for _, c := range nb.Cells() {
				shown += text(c)
			}
			if outputs := nb.Cell(r.Cells[0].ID).Outputs(); strings.HasPrefix(c.broken, "cell 1") && outputs[len(outputs)-1].EName != "OutputLost" {
				t.Errorf("the notebook does not say why the cell has failed: %+v", outputs[len(outputs)-1])
			}
			if len(shown) < c.least {
				t.Errorf("it shows %d bytes", len(shown))
			}
			for i := 0; i+5 < len(shown); i += 10_000 {
				if want := fmt.Sprintf("%05d", i/10_000); shown[i:i+5] != want {
					t.Fatalf("at byte %d is %s", i, shown[i:i+5])
				}
			}
			if _, err := os.Stat(journal.Path(out)); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the journal is still there: it has less than the output")
			}
		})
	}
}
