package papermill

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/testkit"
)

func TestProgress(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ended := func(id string, took time.Duration) Cell {
		return Cell{ID: id, Type: "code", Status: Completed, Started: start, Ended: start.Add(took)}
	}
	running := func(id string) Cell { return Cell{ID: id, Type: "code", Status: Running, Started: start} }
	pending := func(id string) Cell { return Cell{ID: id, Type: "code", Status: Pending} }
	before := map[string]time.Duration{"a": 4 * time.Second, "b": 10 * time.Second}
	for _, c := range []struct {
		name      string
		before    map[string]time.Duration
		cells     []Cell
		left      time.Duration
		known     bool
		done, all int
	}{
		{"nothing is known", nil, []Cell{running("a"), pending("b")}, 0, false, 0, 2},
		{"as the others on average", nil, []Cell{ended("a", 2*time.Second), ended("b", 4*time.Second), {Type: "markdown"}, running("c"), pending("d")}, 5 * time.Second, true, 2, 4},
		{"as in the former run", before, []Cell{running("a"), pending("b")}, 13 * time.Second, true, 0, 2},
		{"longer than in the former run", before, []Cell{pending("b"), {ID: "a", Type: "code", Status: Running, Started: start.Add(-time.Minute)}}, 10 * time.Second, true, 0, 2},
		{"done by the former run, and not needed", before, []Cell{{ID: "a", Type: "code", Status: Completed, kept: true}, pending("b")}, 10 * time.Second, true, 1, 2},
		{"the end", before, []Cell{ended("a", 1), ended("b", 1)}, 0, true, 2, 2},
	} {
		p := &Progress{before: c.before}
		p.Begin(c.cells)
		left, known := p.Left(start.Add(time.Second))
		done, all := p.Done()
		if left != c.left || known != c.known || done != c.done || all != c.all {
			t.Errorf("%s: %v %v, %d of %d", c.name, left, known, done, all)
		}
	}
}

// TestProgressOfRun: the durations of a run are what the next one is guessed from.
func TestProgressOfRun(t *testing.T) {
	testkit.UsePython(t)
	in, out := pythonNotebook(t, "import time", "time.sleep(0.5)"), filepath.Join(t.TempDir(), "out.ipynb")
	for first := true; ; first = false {
		p := NewProgress(out)
		r, err := Run(t.Context(), Options{Input: in, Output: out, OnBegin: p.Begin, OnCell: func(c Cell) {
			p.Cell(c)
			left, known := p.Left(time.Now())
			if c.index == 0 && c.Status == Running && (known == first || known && (left < 400*time.Millisecond || left > 5*time.Second)) {
				t.Errorf("first run %v: %v left, %v", first, left, known)
			}
		}})
		if err != nil {
			t.Fatal(err, statuses(r))
		}
		if !first {
			break
		}
	}
}
