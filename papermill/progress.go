package papermill

import (
	"os"
	"slices"
	"time"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// Progress tells how far a run is, and guesses how long the rest takes: as long as the same cells took in the output that was there before,
// and else as the cells of this run did on average. Its zero value knows no former run.
type Progress struct {
	before map[string]time.Duration // by cell id
	cells  []Cell                   // of the run, as they were last shown
}

// largeOutput is the size in bytes of an output that is too large to be read for a guess.
const largeOutput = 1 << 20

// NewProgress reads how long cells took in a former run; without one it knows nothing, which is no error.
func NewProgress(output string) *Progress {
	p := &Progress{before: map[string]time.Duration{}}
	if info, err := os.Stat(output); err != nil || !info.Mode().IsRegular() || info.Size() > largeOutput {
		return p
	}
	nb, err := nbformat.Read(output)
	if err != nil {
		return p
	}
	for _, c := range nb.Cells() {
		var m cellMetadata
		if c.Metadata().Get("papermill", &m) && m.Status == Completed && m.Duration != nil {
			p.before[c.ID()] = time.Duration(*m.Duration * float64(time.Second))
		}
	}
	return p
}

// Begin takes in what Options.OnBegin is called with.
func (p *Progress) Begin(cells []Cell) { p.cells = slices.Clone(cells) }

// Cell takes in what Options.OnCell is called with.
func (p *Progress) Cell(c Cell) { p.cells[c.index] = c }

// Done is how many code cells are through, of how many.
func (p *Progress) Done() (done, all int) {
	for _, c := range p.cells {
		if c.Type != "code" {
			continue
		}
		all++
		if c.Status == Completed || c.Status == Failed {
			done++
		}
	}
	return done, all
}

// Left is how long the rest of the run will take; false when nothing tells.
func (p *Progress) Left(now time.Time) (time.Duration, bool) {
	var spent time.Duration // by the cells that are through
	through := 0
	for _, c := range p.cells {
		if c.Type == "code" && !c.Ended.IsZero() {
			spent += c.Ended.Sub(c.Started)
			through++
		}
	}
	if through == 0 && len(p.before) == 0 {
		return 0, false
	}
	mean := time.Duration(0)
	if through > 0 {
		mean = spent / time.Duration(through)
	}
	left := time.Duration(0)
	for _, c := range p.cells {
		if c.Type != "code" || !c.Ended.IsZero() || c.kept && !c.Replayed {
			continue
		}
		take, known := p.before[c.ID]
		if !known {
			take = mean
		}
		if c.Status == Running {
			take -= now.Sub(c.Started)
		}
		left += max(0, take)
	}
	return left, true
}
