package papermill

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// close writes the output and gives up the journal, unless that has what the output has not.
func (r *run) close(err error) error {
	j := r.board.journal
	saved := r.save()
	if saved == nil && r.Output == "" {
		saved = r.load()
	}
	if saved == nil {
		removed := j.Remove()
		if j.Err() == nil {
			return errors.Join(err, removed)
		}
		if !errors.Is(err, j.Err()) { // it broke where no cell was there to fail for it
			err = errors.Join(j.Err(), err)
		}
		return fault.New(fault.Storage, "free space; the executed notebook has all that had come until then", "notebook %s: %w", r.Result.Notebook.Name(), err)
	}
	hint := "free space; what ran is kept, and `cellar recover " + r.Output + "` writes it"
	if other, err := r.rescue(); err == nil {
		hint = "free space; the executed notebook is in " + other
	}
	if r.toFile() {
		j.Close()
	} else {
		j.Remove()
	}
	if sameCause(err, saved) {
		err = nil
	}
	return fault.New(fault.Storage, hint, "notebook %s: %w", r.Result.Notebook.Name(), errors.Join(saved, err))
}

// sameCause: the system gave the same answer, as a full disk does to all who write.
func sameCause(a, b error) bool {
	var one, other syscall.Errno
	return errors.As(a, &one) && errors.As(b, &other) && one == other
}

// rescue writes the executed notebook where there may be space.
func (r *run) rescue() (path string, err error) {
	dir, err := os.MkdirTemp("", "cellar-kept-")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, filepath.Base(r.Result.Notebook.Name()))
	if err := nbformat.ReplaceFile(path, r.writeNotebook); err != nil {
		os.RemoveAll(dir)
		return "", err
	}
	return path, nil
}

// writeState brings a cell's state into the notebook.
func (r *run) writeState(index int) {
	if c := &r.Cells[index]; c.unwritten {
		r.writeCell(c)
		c.unwritten = false
	}
}

// writeCellText is Cell.Write.
func (r *run) writeCellText(index int, w io.Writer) error {
	r.writeState(index)
	o := r.board.cells[index]
	o.list(r.board.journal)
	o.untold = false
	text := r.mask.jsonWriter(w)
	return errors.Join(o.cell.Write(text), text.Flush())
}

// tellLate tells of cells whose outputs have changed since they ended.
func (r *run) tellLate() {
	for i, c := range r.Cells {
		if r.board.cells[i].untold && (c.Status == Completed || c.Status == Failed) {
			r.OnLate(c)
		}
	}
}

// load brings the outputs into the result's notebook.
func (r *run) load() error {
	var text bytes.Buffer
	if err := r.writeNotebook(&text); err != nil {
		return err
	}
	nb, err := nbformat.Parse(text.Bytes(), r.Result.Notebook.Name())
	if err == nil {
		r.Result.Notebook = nb
	}
	return err
}

// autosave writes the output now and then, for those who watch the file; seldom enough to cost next to nothing, since the journal has it all.
func (r *run) autosave() {
	const share = 50
	pause := 5 * time.Second
	if r.SaveCells {
		pause = 0
	}
	if since := time.Since(r.saved); r.SaveEvery < 0 || since < pause || since < share*r.saving || !r.toFile() {
		return
	}
	if err := r.save(); err != nil {
		r.Warnings = append(r.Warnings, err.Error())
	}
}

// save writes the executed notebook as far as it is.
func (r *run) save() error {
	start := time.Now()
	for i := range r.Cells {
		r.writeState(i)
	}
	r.board.list()
	err := r.write()
	r.saved, r.saving, r.stale = time.Now(), time.Since(start), false
	return err
}

func (r *run) write() (err error) {
	switch {
	case r.To != nil:
		err = r.writeNotebook(r.To)
	case r.Output != "":
		if r.board != nil {
			r.sync() // a journal that is found beside an output is never older than that; an error of it ends the run later
		}
		err = nbformat.ReplaceFile(r.Output, r.writeNotebook)
		r.undelivered = err == nil
	}
	r.Saved = err == nil
	return err
}

// writeNotebook writes the notebook without secrets.
func (r *run) writeNotebook(w io.Writer) error {
	text := r.mask.jsonWriter(w)
	return cmp.Or(r.Result.Notebook.Write(text), text.Flush())
}
