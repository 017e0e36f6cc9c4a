package papermill

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/place"
)

// outputName is what the user calls the output.
func (r *run) outputName() string {
	if r.Remote != "" {
		return place.Shown(r.Remote)
	}
	return r.Output
}

// openRemote makes sure that a remote output can be written, and says where the copy is that the run works on.
func (r *run) openRemote(ctx context.Context) (err error) {
	switch {
	case r.Remote == "":
		return nil
	case r.Remote == "-" && r.Resume:
		return fault.New(fault.Usage, "name the output of the run to go on from", "standard output holds no former run")
	case r.Origin != "" && place.Same(r.Origin, r.Remote):
		return fault.New(fault.Usage, "name another place for the executed notebook", "output %s is the notebook itself", r.outputName())
	}
	if err := place.Check(ctx, r.Remote); err != nil {
		return err
	}
	if r.Output == "" {
		if r.temporary, err = os.MkdirTemp("", "cellar-output-"); err != nil {
			return fault.New(fault.Storage, "free space or set TMPDIR", "copy of %s: %w", r.outputName(), err)
		}
		r.Output = filepath.Join(r.temporary, filepath.Base(place.File(r.Remote)))
	}
	return nil
}

// fromRemote makes sure that nothing is lost when a remote output is written, and brings what the run goes on from: the newer of what is
// there and the copy here, which is the newer one when the last run was killed or its notebook could not be delivered.
func (r *run) fromRemote(ctx context.Context) error {
	if r.Remote == "" || r.Remote == "-" || r.Overwrite && !r.Resume {
		return nil
	}
	text, err := place.Read(ctx, r.Remote)
	absent := errors.Is(err, fault.ErrNotFound) || errors.Is(err, fs.ErrNotExist)
	if err != nil && !absent && (r.Resume || !errors.Is(err, fs.ErrPermission)) {
		return err
	}
	old, err := r.formerRun(text)
	if err != nil || !r.Resume {
		return err
	}
	if r.undelivered = started(r.Output).After(startOf(old)); r.undelivered {
		if old != nil {
			r.Warnings = append(r.Warnings, "the run goes on from "+r.Output+", which is newer than "+r.outputName())
		}
		return nil
	}
	if old == nil {
		return nil
	}
	err = nbformat.ReplaceFile(r.Output, func(w io.Writer) error { _, err := w.Write(text); return err })
	if err != nil {
		return fault.New(fault.Storage, "free space", "copy of %s: %w", r.outputName(), err)
	}
	return nil
}

// formerRun is the notebook that a run has written into a remote output, nil if there is none. The error says what else would be lost.
func (r *run) formerRun(text []byte) (*nbformat.Notebook, error) {
	if len(text) == 0 {
		return nil, nil
	}
	old, err := nbformat.Parse(text, r.outputName())
	switch {
	case err == nil && old.Executed():
		return old, nil
	case r.Overwrite:
		return nil, nil
	case err != nil:
		return nil, fault.New(fault.Usage, "name another place, or replace what is there with --overwrite", "output %s is there and is no notebook: it would be lost", r.outputName())
	}
	return nil, fault.New(fault.Usage, "name another place, or replace what is there with --overwrite", "output %s is a notebook that no run has written: it would be lost", r.outputName())
}

// started is when the run began that wrote a file; without one, the zero time.
func started(path string) time.Time {
	nb, err := nbformat.ReadMetadata(path)
	if err != nil {
		return time.Time{}
	}
	return startOf(nb)
}

func startOf(nb *nbformat.Notebook) time.Time {
	if nb == nil {
		return time.Time{}
	}
	var m notebookMetadata
	nb.Metadata().Get("papermill", &m)
	if m.StartTime == nil {
		return time.Time{}
	}
	start, _ := time.Parse(stampFormat, *m.StartTime)
	return start
}

// toRemote delivers the executed notebook, also of a run that failed or was interrupted with the error err.
func (r *run) toRemote(ctx context.Context, err error) error {
	if r.Remote == "" {
		return err
	}
	if r.undelivered {
		delivery, end := Outlive(ctx, deliveryGrace*r.Grace, r.Hurry)
		defer end()
		if missed := place.Put(delivery, r.Output, r.Remote); missed != nil {
			if r.temporary == "" && r.Remote != "-" && !r.Classic { // else there is no --resume, or it does not find the copy
				missed = ByResume(missed)
			}
			if err != nil {
				r.Warnings = append(r.Warnings, strings.TrimSuffix(missed.Error()+"; "+fault.Hint(missed), "; "))
			}
			return cmp.Or(err, missed) // the copy stays: it is all there is
		}
	}
	r.Delivered = r.Saved
	if r.temporary != "" {
		os.Remove(r.Output)
		os.Remove(r.temporary) // which a journal keeps
	}
	return err
}

// ByResume adds to the error of what `cellar run` could not deliver that it need not run again for it.
func ByResume(err error) error {
	return place.Later(err, "the same command with --resume delivers it, and runs nothing again that is done")
}

// deliveryGrace is how many of the steps of stopping a cell it takes to deliver an interrupted run's notebook.
const deliveryGrace = 6

var (
	errSlow  = errors.New("it did not end in time after the interrupt")
	errHurry = errors.New("it was not waited for")
)

// Outlive is a context that ends some time after another one, or at once when hurry is closed, for what is to be delivered also after an
// interrupt.
func Outlive(other context.Context, by time.Duration, hurry <-chan struct{}) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(other))
	stop := context.AfterFunc(other, func() {
		select {
		case <-time.After(by):
			cancel(errSlow)
		case <-hurry:
			cancel(errHurry)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		stop()
		cancel(nil)
	}
}
