package papermill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// Run runs a notebook from top to bottom in a new kernel. When a cell fails, the run ends, the cells after it stay pending, and
// the error is a fault of kind Failed over a CellError; when ctx ends, the cell is interrupted and the fault is Interrupted.
// Whatever happens once the kernel has started, Options.Output is written; before, it is left alone.
func Run(ctx context.Context, o Options) (Result, error) {
	o.defaults()
	r := &run{Options: o, gaps: gaps{}}
	err := r.toRemote(ctx, r.run(ctx))
	r.mask.texts(r.Warnings)
	return r.Result, r.mask.Fault(err)
}

func (r *run) run(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if r.PrepareOnly {
		return r.write()
	}
	r.Started = time.Now()
	r.saved = r.Started
	r.begin()
	if r.Resume {
		if left, err := r.resume(); err != nil || !left {
			r.Ended, r.Saved = r.Started, err == nil
			return err
		}
	}
	if err := r.openJournal(); err != nil {
		return err
	}
	r.OnBegin(r.Cells) // another run may have written what is beside the output until now
	err := r.execute(ctx)
	if r.Classic {
		err = r.shownError(err)
	}
	r.finish(err)
	if r.kernel == nil { // nothing ran: an older output stays
		return errors.Join(err, r.board.journal.Remove())
	}
	return r.close(err)
}

// run is one run of a notebook.
type run struct {
	Options
	Result
	kernel   *kernels.Kernel
	board    *board
	mask     Mask
	gaps     gaps
	backlog  backlog
	shown    int              // messages of the kernel that show something; see recount
	marked   *nbformat.Cell   // the cell with the error that ends the run; default: the one that has failed
	cut      bool             // what the kernel sends can't be read on, for which a cell has failed
	unmarked bool             // the kernel does not print what it is asked to behind a cell's outputs; see settle
	fell     bool             // the kernel has died, and a cell has failed for it
	deaf     bool             // the kernel hears neither interrupts nor heartbeats, so it is killed without being asked
	timer    *time.Timer      // see after
	saved    time.Time        // when the output was last written
	stale    bool             // a cell has started or ended since then
	saving   time.Duration    // and how long that took
	tick     <-chan time.Time // to save while a cell runs

	recoverable bool             // the journal is where the next run finds it
	due         <-chan time.Time // when the journal is to be synced; nil: nothing is there to sync, or nobody has waited yet
	syncing     time.Duration    // how long that took

	undelivered bool   // Output is what the remote place should have, and doesn't
	temporary   string // folder of an Output that nobody named
}

func (r *run) execute(ctx context.Context) error {
	ctx, cancel := withTimeout(ctx, r.Timeout, "--timeout", fmt.Errorf("the notebook ran longer than %v", r.Timeout))
	defer cancel()
	if err := r.start(ctx); err != nil {
		return inNotebook(r.Result.Notebook, err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer r.end(ctx)
	r.gaps.begin(r.kernel.Before)
	r.backlog.most, r.backlog.mostBytes = r.kernel.SafeBacklog()
	if err := r.writeLanguage(); err != nil {
		return err
	}
	r.mask.texts(r.Warnings)
	r.OnStart(r.Result)
	if r.SaveCells {
		r.tick = time.Tick(time.Second)
		r.autosave()
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		if ctx.Err() != nil {
			cause := context.Cause(ctx)
			return r.stopped(cause, "notebook %s stopped before %s: %w", r.Result.Notebook.Name(), cellName(c.Number), cause)
		}
		if c.kept && !c.Replayed {
			continue
		}
		ends, err := r.cell(ctx, c)
		if errors.As(err, &errTimeout{}) { // of the cell: it stops the run
			stop()
		}
		if ends && !r.Classic {
			r.warnPending(i + 1)
		}
		if err != nil || ends {
			return err
		}
		r.stale = true
		r.autosave()
	}
	return nil
}

// warnPending tells that a notebook that has ended itself had more to run.
func (r *run) warnPending(from int) {
	n := 0
	for _, c := range r.Cells[from:] {
		if c.Type == "code" && !c.kept {
			n++
		}
	}
	if n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s ended the notebook: code cells after it, %d, did not run", cellName(r.Cells[from-1].Number), n))
	}
}

func withTimeout(ctx context.Context, d time.Duration, flag string, cause error) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, errTimeout{cause, flag})
}

// errTimeout is the end of a time that the user has set.
type errTimeout struct {
	error
	flag string // that sets it
}

// stopped makes the fault of a run that ended for a reason outside the notebook.
func (r *run) stopped(cause error, format string, args ...any) error {
	var timeout errTimeout
	switch {
	case errors.As(cause, &timeout):
		return fault.New(fault.Failed, "give it longer with "+timeout.flag, format, args...)
	case errors.Is(cause, context.Canceled):
		return fault.New(fault.Interrupted, "the output has what ran; the same command with --resume goes on from there", format, args...)
	case errors.Is(cause, errLost):
		return fault.New(fault.Failed, "the cells after it did not run: cellar run --resume goes on from there; a kernel that is only busy for long, in a C library that never lets go, needs a longer --heartbeat", format, args...)
	case errors.As(cause, new(lost)):
		return fault.New(fault.Failed, "print in larger pieces, show less at once, or go on all the same by cellar run --allow-lost-outputs", format, args...)
	case errors.Is(cause, kernels.ErrDied):
		hint := "the cells after it did not run: cellar run --resume goes on from there"
		if advice := r.kernel.Advice(); advice != "" {
			hint += "; " + advice
		}
		return fault.New(fault.Failed, hint, format, args...)
	}
	return fault.New(fault.Failed, "", format, args...)
}

func (r *run) start(ctx context.Context) error {
	starting, cancel := context.WithTimeout(ctx, r.StartTimeout)
	defer cancel()
	path, err := filepath.Abs(r.Result.Notebook.Name())
	if err != nil {
		return err
	}
	env := r.Env
	if env == nil {
		env = os.Environ()
	}
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool { // those of who runs us name another notebook
		return strings.HasPrefix(v, "CELLAR_NOTEBOOK=") || strings.HasPrefix(v, "JPY_SESSION_NAME=")
	})
	if r.Page.File != "" {
		env = append(env, "CELLAR_NOTEBOOK=git:"+r.Page.Commit+":"+r.Page.File)
	} else if info, err := os.Stat(path); err == nil && r.Origin == "" && info.Mode().IsRegular() { // it didn't come through a pipe
		env = append(env, "CELLAR_NOTEBOOK="+path, "JPY_SESSION_NAME="+path)
	}
	for _, secret := range r.Secrets {
		env = append(env, secret.Name+"="+secret.Value)
	}
	o := kernels.Options{Dir: cmp.Or(r.Dir, filepath.Dir(path)), Env: env, Memory: r.Memory, Heartbeat: r.Heartbeat}
	if r.toFile() {
		o.Scratch = filepath.Dir(r.Output)
	}
	start := kernels.Start
	if r.Pool != nil {
		start = r.Pool.Start
	}
	r.kernel, err = start(starting, r.Result.Kernel, o)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, context.Canceled) {
		return fault.New(fault.Interrupted, "nothing had run yet", "%w", err)
	} else if err != nil && cause != nil {
		return r.stopped(cause, "%w", err)
	}
	return err
}

// end stops the kernel and takes in what it still had to say: all of it, unless the run is stopped.
func (r *run) end(ctx context.Context) {
	last, enough := context.WithCancel(context.WithoutCancel(ctx))
	defer enough()
	r.sync() // the kernel may take its time; an error of it ends the run later
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		r.drain(last, nil)
	}()
	grace := r.Grace
	if r.deaf {
		grace = 0
	}
	byItself := r.kernel.Shutdown(grace, r.Hurry)
	overdue := !byItself && !r.deaf && ctx.Err() == nil
	select {
	case <-drained:
	case <-time.After(lastOutputs):
	}
	r.kernel.Close()
	defer context.AfterFunc(ctx, enough)()
	<-drained
	r.warnLost(r.gaps.doubt(r.backlog.reset()))
	if byItself && !r.fell && r.kernel.Broken() {
		r.Warnings = append(r.Warnings, r.kernel.Death()+" after the last cell: outputs that were to come, as of threads, are not in the notebook")
	}
	if overdue {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the kernel still ran %v after it was asked to end, and was stopped: outputs that were to come, as of threads, are not in the notebook", r.Grace))
	}
	if more, _ := r.kernel.IOPub.Take(); more != nil {
		r.Warnings = append(r.Warnings, "the run was stopped before all was taken in that the kernel had sent")
	}
	err := r.board.releaseWidgets()
	for _, c := range r.board.cells {
		err = errors.Join(err, r.board.release(c, ""))
	}
	r.warnLost(err)
	r.tellLate()
}

// cell runs a cell. ends: the notebook ends here, without an error.
func (r *run) cell(ctx context.Context, c *Cell) (ends bool, err error) {
	c.Started, c.Status = time.Now(), Running
	r.OnCell(*c)
	c.unwritten = true
	if r.SaveCells {
		r.stale = true
		r.autosave()
	}
	if err := r.note(c); err != nil {
		return false, err
	}
	defer func() {
		c.Ended = time.Now()
		if c.Status = Completed; err != nil {
			c.Status = Failed
		}
		if c.Replayed {
			r.board.replayed(c.index)
		}
		c.unwritten = true
		if noted := r.note(c); err == nil {
			err = noted
		}
		r.OnCell(*c)
	}()
	source := c.notebook.Source()
	if c.Type != "code" || strings.TrimSpace(source) == "" || c.notebook.HasTag("skip-execution") {
		return false, nil
	}
	if err := r.tellOutputs(); err != nil && !errors.Is(err, jupyter.ErrClosed) {
		return false, err
	}
	r.kernel.IOPub.Rest(rest)
	id, err := r.kernel.Execute(source, c.ID)
	if err != nil && !errors.Is(err, jupyter.ErrClosed) {
		return false, err
	}
	c.ran = true
	o := r.board.of(c.index, c.Replayed)
	o.open = r.kernel.PrintsAside() && !r.unmarked
	r.board.byParent[id], r.board.byParent[""] = o, o
	ctx, cancel := withTimeout(ctx, r.CellTimeout, "--execution-timeout", fmt.Errorf("the cell ran longer than %v", r.CellTimeout))
	defer cancel()
	err = r.wait(ctx, id, o)
	if o.open {
		if err == nil {
			err = r.settle(ctx, o)
		}
		err = cmp.Or(err, r.board.end(o))
	}
	if doubt := r.gaps.doubt(r.backlog.reset()); err == nil && doubt != nil {
		err = r.recount(ctx, doubt)
	}
	if o.said {
		r.OnOutput(c.notebook, *o.refused)
		o.open = true // it is how the cell ended, and did not come after that
		err = cmp.Or(err, r.board.show(o, *o.refused, ""))
		o.open = false
	}
	failed := o.error()
	own := failed != nil && !exits(failed) && !r.mayRaise(c) // it fails the run as it is, and says more
	if (r.AllowLostOutputs || own) && errors.As(err, new(lost)) {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s: %v", cellName(c.Number), err))
		err = nil
	}
	if err != nil {
		if r.board.journal.Err() != nil {
			return false, err
		}
		if errors.Is(err, jupyter.ErrNotKept) { // the kernel lives
			c.Error = r.broken(c, err)
			return false, fault.New(fault.Storage, "free space, or name an output where there is some", "notebook %s, %s: %w", r.Result.Notebook.Name(), cellName(c.Number), err)
		}
		c.Error = r.broken(c, err)
		return false, r.stopped(err, "notebook %s, %w", r.Result.Notebook.Name(), c.Error)
	}
	switch {
	case failed == nil:
		if out := o.shown; out != nil && !r.Classic && !c.notebook.HasTag("raises-exception") {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s shows an error and has not failed: %s", cellName(c.Number), strings.TrimSuffix(errorName(out.EName)+": "+out.EValue, ": ")))
		}
		return o.exits, nil
	case exits(failed):
		return true, nil
	}
	c.Error = r.newCellError(c, failed)
	if !own {
		return false, nil
	}
	return false, fault.New(fault.Failed, "", "notebook %s, %w", r.Result.Notebook.Name(), c.Error)
}

// mayRaise: the notebook goes on when the cell fails.
func (r *run) mayRaise(c *Cell) bool { return r.AllowErrors || c.notebook.HasTag("raises-exception") }

// shownError is how Papermill ends a run that was not broken off: by the first error output of the last cell that has one, though the cell may
// not have failed. A cell that may raise may show, too.
func (r *run) shownError(err error) error {
	var failed *CellError
	if err != nil && (!errors.As(err, &failed) || failed.cause != nil) || r.kernel == nil {
		return err
	}
	for i := len(r.Cells) - 1; i >= 0; i-- {
		c := &r.Cells[i]
		out := r.board.cells[c.index].shown
		if out == nil || c.notebook.HasTag("raises-exception") {
			continue
		}
		r.marked = c.notebook
		return fault.New(fault.Failed, "", "notebook %s, %w", r.Result.Notebook.Name(), r.newCellError(c, out))
	}
	return err
}

// broken makes the error of a cell that did not come to its end, and an output that says so.
func (r *run) broken(c *Cell, err error) *CellError {
	out := nbformat.Output{Type: "error", EName: "OutputLost", EValue: err.Error()}
	var timeout errTimeout
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		out.EName, out.EValue = "Interrupted", "the run was stopped"
	case errors.Is(err, errLost):
		out.EName = "DeadKernelError"
	case errors.Is(err, kernels.ErrDied):
		r.fell = true
		out.EName, out.EValue = "DeadKernelError", r.kernel.Death()+r.kernel.LastWords()
	case errors.As(err, &timeout):
		out.EName = "TimeoutError"
	}
	out.EValue = r.mask.Text(out.EValue)
	out.Traceback = []string{out.EName + ": " + out.EValue}
	r.OnOutput(c.notebook, out)
	o := r.board.of(c.index, c.Replayed)
	o.open = true // the error is how the cell ended, and did not come after that
	if err := r.board.show(o, out, ""); err != nil {
		r.Warnings = append(r.Warnings, err.Error())
	}
	o.open = false
	e := r.newCellError(c, &out)
	e.cause = err
	return e
}
