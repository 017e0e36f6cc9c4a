package papermill

import (
	"cmp"
	"errors"
	"io/fs"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// resume takes over what the last run of the same output has done: its cells up to the first that did not succeed, or has another source now
// (parameters are the source of a cell). Their outputs and times stay; of these cells, those are run again that the rest needs. It returns
// false where nothing is left to run.
func (r *run) resume() (left bool, err error) {
	if r.Output == "" {
		return false, fault.New(fault.Usage, "name the output of the run to go on from", "resume notebook %s: it has no output", r.Result.Notebook.Name())
	}
	old, err := nbformat.Read(r.Output)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !old.Executed() {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	unmark(old)
	done := r.succeeded(old.Cells())
	for i, was := range old.Cells()[:done] {
		c := &r.Cells[i]
		c.Status = Completed
		c.kept = true
		c.notebook.CopyRun(was)
	}
	if widgets := old.Metadata().Raw("widgets"); widgets != nil && done > 0 {
		set(r.Result.Notebook.Metadata(), "widgets", widgets)
	}
	if done == len(r.Cells) {
		r.Warnings = append(r.Warnings, "nothing is left to run: the last run did all cells, and they are the same")
		return false, nil
	}
	needed := r.Needed
	if needed == nil {
		needed = allCells
	}
	language := strings.ToLower(cmp.Or(r.Language, r.Result.Kernel.Language, r.Result.Notebook.Language()))
	for i, again := range needed(language, r.Cells[:done], r.Cells[done:]) {
		r.Cells[i].Replayed = again && r.Cells[i].Type == "code"
	}
	return true, nil
}

// succeeded is how many cells of an older run, from the first on, are the same here and have succeeded.
func (r *run) succeeded(old []*nbformat.Cell) int {
	for i, c := range r.Cells {
		var m cellMetadata
		if i == len(old) || old[i].Type() != c.Type || !r.mask.wrote(old[i].Source(), c.Source()) || !old[i].Metadata().Get("papermill", &m) || m.Status != Completed {
			return i
		}
	}
	return len(r.Cells)
}

// wrote reports whether a cell's source is what stands in a notebook for another one, without secrets: a notebook has a source as one text, in
// which a secret of several lines is found as a whole, or as its lines.
func (m Mask) wrote(masked, source string) bool {
	if masked == m.Text(source) {
		return true
	}
	lines := strings.SplitAfter(source, "\n")
	m.texts(lines)
	return masked == strings.Join(lines, "")
}

// allCells is the answer where nothing is known of a language.
func allCells(_ string, done, _ []Cell) []bool {
	all := make([]bool, len(done))
	for i := range all {
		all[i] = true
	}
	return all
}
