package papermill

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

var losses = flag.Int("losses", 10, "in how many ways TestPowerLoss plays each moment")

// known is what a test knows of a moment of a run.
type known struct {
	done  int  // cells that were told as done so long ago that no loss of power may take them back
	ended bool // the run has ended well
}

// progress keeps what is known of a run. At first there is what former runs have done.
type progress struct {
	mu     sync.Mutex
	told   []time.Time // when the cells were told as done
	former int
	ended  bool
}

func (p *progress) note() any {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := known{done: p.former, ended: p.ended}
	for i, when := range p.told {
		if time.Since(when) > syncPause+3*time.Second/2 { // and something for the disk
			k.done = max(k.done, p.former+i+1)
		}
	}
	return k
}

func (p *progress) cell(c Cell) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.Status == Completed {
		p.told = append(p.told, time.Now())
	}
}

// TestPowerLoss lets the power fail at every moment at which a run has synced something, and plays what a disk may have then. Each time there is a
// valid notebook, the old one or a new one; what is completed in it is whole, and nothing is in it that no cell has shown; a cell that was done some
// time before is done; the next run goes on from there. Of a run that has ended well nothing is lost.
func TestPowerLoss(t *testing.T) {
	testkit.UsePython(t)
	defer func(share time.Duration) { syncShare = share }(syncShare)
	syncShare = 0 // however slow this disk is
	const cells = 4
	sources, want := []string{}, []string{}
	for i := range cells {
		wait := []float64{0.2, 0.1, 4, 0.1}[i]
		sources = append(sources, fmt.Sprintf("import time\nfor i in range(4):\n    print(%d, i, 'x' * 3000, flush=True)\n    time.sleep(%g / 4)", i, wait))
		text := ""
		for j := range 4 {
			text += fmt.Sprintf("%d %d %s\n", i, j, strings.Repeat("x", 3000))
		}
		want = append(want, text)
	}
	in := pythonNotebook(t, sources...)
	options := func(dir string) Options {
		return Options{Input: in, Output: filepath.Join(dir, "out.ipynb"), Overwrite: true, Resume: true,
			Needed: func(_ string, done, _ []Cell) []bool { return make([]bool, len(done)) }}
	}

	// read gives how many cells of a notebook are done; -1 where it is the old one.
	read := func(out string) int {
		nb, err := nbformat.Read(out)
		if err != nil {
			t.Errorf("no valid notebook: %v", err)
			return 0
		}
		if strings.Contains(string(nb.Bytes()), "the old one") {
			return -1
		}
		done := 0
		unmark(nb)
		for i, c := range nb.Cells() {
			var m cellMetadata
			c.Metadata().Get("papermill", &m)
			shown := text(c)
			switch {
			case m.Status == Completed && shown != want[i], !strings.HasPrefix(want[i], shown):
				t.Errorf("cell %d is %s and shows %d bytes, not %d", i+1, m.Status, len(shown), len(want[i]))
			case m.Status == Completed && done < i:
				t.Errorf("cell %d is completed, and %d is not", i+1, done+1)
			case m.Status == Completed:
				done++
			}
		}
		return done
	}

	var broken string // a folder in which a run has left its journal, with some cells done
	play := func(dir string, note any) {
		k, out := note.(known), filepath.Join(dir, "out.ipynb")
		before := -1
		if _, err := os.Stat(out); err == nil {
			before = read(out)
		}
		if _, err := os.Stat(journal.Path(out)); err == nil && broken == "" && k.done == 2 && !k.ended {
			broken = filepath.Join(t.TempDir(), "broken")
			if err := os.CopyFS(broken, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
		}
		if err := Recover(out); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: the journal: %v", k, err)
			return
		}
		done := read(out)
		if max(done, 0) < k.done || done < before || k.ended && done < cells {
			t.Errorf("%+v: %d cells are done; before it was recovered, %d were", k, done, before)
		}
		var m notebookMetadata
		if nb, err := nbformat.Read(out); err == nil && k.ended {
			nb.Metadata().Get("papermill", &m)
		}
		if m.Exception != nil && *m.Exception {
			t.Error("a run that ended well is said to have ended without a word")
		}
		next := &run{Options: options(dir)}
		next.defaults()
		if err := next.prepare(t.Context()); err != nil {
			t.Errorf("%+v: %v", k, err)
			return
		}
		next.begin()
		left, err := next.resume()
		if again := slices.IndexFunc(next.Cells, func(c Cell) bool { return !c.kept }); err != nil || left != (done < cells) || left && again != max(done, 0) {
			t.Errorf("%+v: the next run goes on at cell %d of %d, with %d done: %v", k, again+1, cells, done, err)
		}
	}

	watched := func(what, dir string, former int, do func(o Options, p *progress) error) {
		p := &progress{former: former}
		disk := testkit.WatchDisk(t, dir, p.note)
		o := options(dir)
		o.OnCell = p.cell
		if err := do(o, p); err != nil {
			t.Fatal(err)
		}
		disk.Look()
		n := disk.Losses(*losses, play)
		t.Logf("%s: %d losses of power", what, n)
	}
	run := func(o Options, p *progress) error {
		_, err := Run(t.Context(), o)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended = err == nil
		return err
	}

	dir := t.TempDir()
	old := nbformat.New(nbformat.Kernel{Name: "python3", DisplayName: "Python", Language: "python"})
	old.Insert(0, "markdown", "the old one")
	if err := old.WriteFile(filepath.Join(dir, "out.ipynb")); err != nil {
		t.Fatal(err)
	}
	watched("run", dir, 0, run)
	if broken == "" {
		t.Fatal("no journal was left with two cells done")
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := os.CopyFS(again, os.DirFS(broken)); err != nil {
		t.Fatal(err)
	}
	watched("recover", again, 2, func(o Options, _ *progress) error { return Recover(o.Output) })
	watched("resume", broken, 2, func(o Options, p *progress) error {
		o.SaveCells = true // so that there are outputs and a journal side by side
		return run(o, p)
	})
}
