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
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// Run runs a notebook from top to bottom in a new kernel. When a cell fails, the run ends, the cells after it stay pending, and
// the error is a fault of kind Failed over a CellError; when ctx ends, the cell is interrupted and the fault is Interrupted.
// Whatever happens once the kernel has started, Options.Output is written; before, it is left alone.
func Run(ctx context.Context, o Options) (Result, error) {
	o.defaults()
	r := &run{Options: o, board: newBoard()}
	if err := r.prepare(); err != nil {
		return r.Result, err
	}
	if o.PrepareOnly {
		return r.Result, r.save()
	}
	err := r.execute(ctx)
	r.finish(err)
	if r.kernel == nil {
		return r.Result, err // nothing ran: an older output stays
	}
	if saved := r.save(); err == nil {
		err = saved
	} else if saved != nil {
		err = errors.Join(err, saved)
	}
	return r.Result, err
}

// run is one run of a notebook.
type run struct {
	Options
	Result
	kernel *kernel
	board  *board
	saved  time.Time     // when the output was last written
	saving time.Duration // and how long that took
}

func (r *run) execute(ctx context.Context) error {
	r.Started = time.Now()
	r.saved = r.Started
	r.begin()
	ctx, cancel := withTimeout(ctx, r.Timeout, fmt.Errorf("the notebook ran longer than %v", r.Timeout))
	defer cancel()
	if err := r.start(ctx); err != nil {
		return inNotebook(r.Result.Notebook, err)
	}
	defer r.end()
	for i := range r.Cells {
		c := &r.Cells[i]
		if ctx.Err() != nil {
			cause := context.Cause(ctx)
			return stopped(cause, "notebook %s stopped before %s: %w", r.Result.Notebook.Name(), cellName(c.Number), cause)
		}
		stop, err := r.cell(ctx, c)
		if err != nil || stop {
			return err
		}
		r.autosave()
	}
	return nil
}

func withTimeout(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, errTimeout{cause})
}

// errTimeout is the end of a time that the user has set.
type errTimeout struct{ error }

// stopped makes the fault of a run that ended for a reason outside the notebook.
func stopped(cause error, format string, args ...any) error {
	var timeout errTimeout
	switch {
	case errors.As(cause, &timeout):
		return fault.New(fault.Failed, "give it longer with --timeout or --execution-timeout", format, args...)
	case errors.Is(cause, context.Canceled):
		return fault.New(fault.Interrupted, "", format, args...)
	case errors.Is(cause, errDied):
		return fault.New(fault.Failed, "often this is a lack of memory; the cells after it did not run", format, args...)
	}
	return fault.New(fault.Failed, "", format, args...)
}

func (r *run) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.StartTimeout)
	defer cancel()
	path, err := filepath.Abs(r.Result.Notebook.Name())
	if err != nil {
		return err
	}
	env := r.Env
	if env == nil {
		env = os.Environ()
	}
	env = append(slices.Clone(env), "CELLAR_NOTEBOOK="+path, "JPY_SESSION_NAME="+path)
	r.kernel, err = startKernel(ctx, r.Result.Kernel, cmp.Or(r.Dir, filepath.Dir(path)), env)
	if err == nil {
		r.writeLanguage()
	}
	return err
}

// end stops the kernel and takes in what it still had to say.
func (r *run) end() {
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for m := range r.kernel.iopub {
			r.publishLate(m)
		}
	}()
	r.kernel.shutdown(r.Grace)
	select {
	case <-drained:
	case <-time.After(lastOutputs):
	}
	r.kernel.close()
	<-drained
}

// cell runs a cell. stop: the notebook ends here, without an error.
func (r *run) cell(ctx context.Context, c *Cell) (stop bool, err error) {
	c.Started, c.Status = time.Now(), Running
	r.OnCell(*c)
	defer func() {
		c.Ended = time.Now()
		if c.Status = Completed; err != nil {
			c.Status = Failed
		}
		r.writeCell(c)
		r.OnCell(*c)
	}()
	source := c.notebook.Source()
	if c.Type != "code" || strings.TrimSpace(source) == "" || c.notebook.HasTag("skip-execution") {
		return false, nil
	}
	id, err := r.kernel.execute(source, c.ID)
	if err != nil && !errors.Is(err, jupyter.ErrClosed) {
		return false, err
	}
	c.outputs = r.board.add(id, c.notebook)
	ctx, cancel := withTimeout(ctx, r.CellTimeout, fmt.Errorf("the cell ran longer than %v", r.CellTimeout))
	defer cancel()
	if err := r.wait(ctx, id, c.outputs); err != nil {
		c.Error = r.broken(c, err)
		return false, stopped(err, "notebook %s, %w", r.Result.Notebook.Name(), c.Error)
	}
	failed := c.outputs.failed()
	switch {
	case failed == nil:
		return false, nil
	case failed.EName == "SystemExit" && (failed.EValue == "" || failed.EValue == "0"):
		return true, nil // Papermill's rule: a notebook may end itself
	}
	c.Error = newCellError(c, failed)
	if c.notebook.HasTag("raises-exception") {
		return false, nil
	}
	return false, fault.New(fault.Failed, "", "notebook %s, %w", r.Result.Notebook.Name(), c.Error)
}

// wait takes in messages until the kernel has answered the request and has said that all its outputs are sent.
func (r *run) wait(ctx context.Context, id string, c *cellOutputs) error {
	var (
		k        = r.kernel
		done     = ctx.Done()
		replied  = false
		stopping error            // why the cell was interrupted
		patience <-chan time.Time // until what was asked for is forced, or what should have come is missed
	)
	for !replied || !c.idle {
		select {
		case m, open := <-k.iopub:
			if !open {
				return cmp.Or(stopping, errDied)
			}
			if err := r.publish(m); err != nil {
				return err
			}
			if replied {
				patience = time.After(lateOutputs)
			}
		case m, open := <-k.replies:
			if !open {
				r.drain()
				return cmp.Or(stopping, errDied)
			}
			if m.Parent.ID != id {
				continue
			}
			if err := r.reply(m, c); err != nil {
				return err
			}
			replied, patience = true, time.After(lateOutputs)
		case <-k.exited:
			r.drain()
			return cmp.Or(stopping, errDied)
		case <-done:
			done, stopping = nil, context.Cause(ctx)
			if err := k.interrupt(); err != nil {
				return stopping
			}
			patience = time.After(r.Grace)
		case <-patience:
			if stopping != nil {
				return stopping // the shutdown ends what an interrupt doesn't
			}
			return errNoIdle
		}
	}
	return stopping
}

const (
	lateOutputs = 10 * time.Second // how long a kernel may be silent between its answer and the word that all outputs are sent
	lastOutputs = 2 * time.Second  // how long a dead kernel's messages may take to arrive
)

var errNoIdle = errors.New("the kernel did not say that all outputs are sent: some may be lost")

// drain takes in what a dead kernel had sent.
func (r *run) drain() {
	end := time.After(lastOutputs)
	for {
		select {
		case m, open := <-r.kernel.iopub:
			if !open {
				return
			}
			r.publishLate(m)
		case <-end:
			return
		}
	}
}

// publish takes in a message of iopub.
func (r *run) publish(m *jupyter.Message) error {
	c, out, err := r.board.publish(m)
	if err != nil {
		return fmt.Errorf("a message of the kernel can't be read: %w", err)
	}
	if out != nil {
		r.OnOutput(c.cell, *out)
	}
	return nil
}

// publishLate takes in a message that comes when no cell is there to fail for it.
func (r *run) publishLate(m *jupyter.Message) {
	if err := r.publish(m); err != nil {
		r.Warnings = append(r.Warnings, err.Error())
	}
}

// reply takes in the answer to an execute_request.
func (r *run) reply(m *jupyter.Message, c *cellOutputs) error {
	var in struct {
		Status string `json:"status"`
		content
	}
	if err := m.Decode(&in); err != nil {
		return err
	}
	c.timing["shell.execute_reply"] = m.Header.Date
	if in.ExecutionCount > 0 {
		c.cell.SetExecutionCount(in.ExecutionCount)
	}
	if in.Status != "ok" {
		c.refused = &nbformat.Output{Type: "error", EName: cmp.Or(in.EName, in.Status), EValue: in.EValue, Traceback: in.Traceback}
	}
	return nil
}

// broken makes the error of a cell that did not come to its end, and an output that says so.
func (r *run) broken(c *Cell, err error) *CellError {
	out := nbformat.Output{Type: "error", EName: "OutputLost", EValue: err.Error()}
	var timeout errTimeout
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		out.EName, out.EValue = "Interrupted", "the run was stopped"
	case errors.Is(err, errDied):
		out.EName, out.EValue = "DeadKernelError", r.kernel.death()+r.kernel.lastWords()
	case errors.As(err, &timeout):
		out.EName = "TimeoutError"
	}
	out.Traceback = []string{out.EName + ": " + out.EValue}
	c.outputs.append(out, "")
	e := newCellError(c, &out)
	e.cause = err
	return e
}

// autosave writes the output now and then, so that a lost machine loses little, and seldom enough to cost next to nothing.
func (r *run) autosave() {
	const pause, share = 5 * time.Second, 50
	if since := time.Since(r.saved); since < pause || since < share*r.saving {
		return
	}
	if err := r.save(); err != nil {
		r.Warnings = append(r.Warnings, err.Error())
	}
}

// save writes the executed notebook as far as it is.
func (r *run) save() error {
	start := time.Now()
	for _, c := range r.board.cells {
		if err := c.write(); err != nil {
			return fmt.Errorf("cellar: notebook %s, cell %s: %w", r.Result.Notebook.Name(), c.cell.ID(), err)
		}
	}
	if r.Output == "" {
		return nil
	}
	err := r.Result.Notebook.WriteFile(r.Output)
	r.saved, r.saving = time.Now(), time.Since(start)
	return err
}
