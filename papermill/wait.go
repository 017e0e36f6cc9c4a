package papermill

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// wait takes in messages until the kernel has answered the request and has said that all its outputs are sent.
func (r *run) wait(ctx context.Context, id string, c *cellOutputs) error {
	var (
		k        = r.kernel
		done     = ctx.Done()
		replied  = false
		stopping error            // why the cell was interrupted
		hurry    <-chan struct{}  // closed when that may not take any time
		patience <-chan time.Time // until what was asked for is forced, or what should have come is missed

		ending    = false          // the kernel has answered, and nothing more was there
		unflushed <-chan time.Time // until what came then goes into the journal all the same
	)
	defer k.Works(false)
	defer k.IOPub.Rest(0)
	for looked := false; !replied || !c.idle || r.gaps.missing() > 0; {
		if replied && c.idle && !looked {
			looked, patience = true, r.after(gapPatience)
		}
		more := empty
		m, err := k.IOPub.Take()
		if errors.Is(err, jupyter.ErrNotKept) {
			r.cut = true
			return cmp.Or(stopping, err)
		}
		if err != nil {
			return cmp.Or(stopping, r.died(ctx, id, c, replied))
		}
		if m != nil {
			if m.Parent.ID == id {
				k.Works(true)
			}
			if err := r.publish(m); err != nil {
				return err
			}
			if replied && !looked {
				patience = r.after(lateOutputs)
			}
			more = full
		} else if m, err = k.Replies.Take(); err != nil {
			return cmp.Or(stopping, r.died(ctx, id, c, replied))
		} else if m != nil {
			r.gaps.take(m.Header.ID)
			if m.Parent.ID == id {
				if err := r.reply(m, c); err != nil {
					return err
				}
				replied, patience = true, r.after(lateOutputs)
				k.IOPub.Rest(0)
			}
			more = full
		} else if replied && !ending { // the word that all is sent comes now, as a rule, and the end of the cell is written with the rest
			ending = true
			unflushed = time.After(endPause)
		} else { // what came is safe before we wait for more
			if err := r.board.journal.Flush(); err != nil {
				return err
			}
		}
		if r.due == nil && r.recoverable && r.board.journal.Unsynced() {
			r.due = time.After(max(syncPause, syncShare*r.syncing))
		}
		select {
		case <-more:
		case <-unflushed:
		case <-r.due:
			if err := r.sync(); err != nil {
				return err
			}
		case <-r.tick:
			if r.stale || r.SaveEvery > 0 && time.Since(r.saved) >= r.SaveEvery {
				r.autosave()
			}
		case <-k.IOPub.Ready():
		case <-k.Replies.Ready():
		case <-k.Exited:
			return cmp.Or(stopping, r.died(ctx, id, c, replied))
		case <-k.Lost:
			r.deaf = true
			return cmp.Or(stopping, errLost)
		case <-done:
			done, stopping = nil, context.Cause(ctx)
			if err := k.Interrupt(); err != nil {
				return stopping
			}
			patience, hurry = r.after(r.Grace), r.Hurry
		case <-hurry:
			r.deaf = true
			return stopping
		case <-patience:
			if stopping != nil {
				r.deaf = true
				return stopping
			}
			if replied && c.idle {
				return r.gaps.err()
			}
			return errNoIdle
		}
	}
	return stopping
}

// after is time.After for one wait at a time: a timer for each cell would be one of the largest things that a cell takes.
func (r *run) after(d time.Duration) <-chan time.Time {
	if r.timer == nil {
		r.timer = time.NewTimer(d)
	}
	r.timer.Reset(d)
	return r.timer.C
}

// What a select goes on at at once, and never.
var (
	full  = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()
	empty = (<-chan struct{})(nil)
)

// publish takes in a message of iopub.
func (r *run) publish(m *jupyter.Message) error {
	r.gaps.take(m.Header.ID)
	r.backlog.take(m)
	switch m.Header.Type {
	case "stream", "display_data", "update_display_data", "execute_result":
		r.shown++
	}
	return r.board.publish(m)
}

// settle waits for what a cell has printed, where the kernel sends that on a way of its own: it prints a mark, which comes last. Without it,
// the end of what a cell prints would be the next one's, or nobody's. What timers show meanwhile names this request, and is the cell's, too.
func (r *run) settle(ctx context.Context, c *cellOutputs) error {
	mark := "cellar " + rand.Text()
	id, err := r.kernel.Print(mark)
	if err != nil {
		return kernels.ErrDied
	}
	r.board.byParent[id], r.board.asides[id], r.board.mark = c, true, mark
	err = r.takeUntil(ctx, id, func(*jupyter.Message) {}, func() bool { return r.board.mark == "" }, lateOutputs)
	if errors.Is(err, errSilent) {
		r.unmarked = true
		return errNoMark
	}
	return err
}

// recount asks a kernel that counts what it sends whether all has come: the doubt is over then, or is a certainty.
func (r *run) recount(ctx context.Context, doubt error) error {
	id, err := r.kernel.AskSent()
	if id == "" || err != nil {
		return doubt
	}
	sent, known := 0, false
	answer := func(m *jupyter.Message) { sent, known = kernels.Sent(m) }
	err = r.takeUntil(ctx, id, answer, func() bool { return !known || r.shown >= sent }, gapPatience)
	if errors.Is(err, errSilent) {
		err = lost(fmt.Sprintf("outputs are missing: %d of the messages that the kernel sent did not arrive", sent-r.shown))
		r.shown = sent // it is said once
	}
	if err == nil && !known {
		return doubt
	}
	return err
}

var errSilent = errors.New("the kernel is silent")

// takeUntil takes in messages until all that a request was made for is there. Until the kernel has answered, it may have other things to do,
// such as what a timer does; from then on it is silent for as long as patience at most.
func (r *run) takeUntil(ctx context.Context, request string, answer func(*jupyter.Message), done func() bool, patience time.Duration) error {
	k := r.kernel
	var over <-chan time.Time
	for answered := false; !answered || !done(); {
		more := empty
		m, err := k.IOPub.Take()
		if errors.Is(err, jupyter.ErrNotKept) {
			r.cut = true
			return err
		}
		if err != nil {
			return kernels.ErrDied
		}
		if m != nil {
			if err := r.publish(m); err != nil {
				return err
			}
			if answered {
				over = time.After(patience)
			}
			more = full
		} else if m, err = k.Replies.Take(); err != nil {
			return kernels.ErrDied
		} else if m != nil {
			r.gaps.take(m.Header.ID)
			if m.Parent.ID == request {
				answer(m)
				answered, over = true, time.After(patience)
			}
			more = full
		} else if err := r.board.journal.Flush(); err != nil {
			return err
		}
		select {
		case <-more:
		case <-k.IOPub.Ready():
		case <-k.Replies.Ready():
		case <-k.Exited:
			r.drain(ctx, time.After(lastOutputs))
			if !done() {
				return kernels.ErrDied // else all has come; that the kernel has gone, the next cell says
			}
			return nil
		case <-k.Lost:
			r.deaf = true
			return errLost
		case <-over:
			return errSilent
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

const (
	rest        = 10 * time.Millisecond // how long after a cell's begin its outputs may be left in the socket
	endPause    = 20 * time.Millisecond // how long the end of a cell's outputs may take, which is written with them
	lateOutputs = 10 * time.Second      // how long a kernel may be silent between its answer and the word that all outputs are sent
	gapPatience = 2 * time.Second       // how much later than its successors a message may come
	lastOutputs = 2 * time.Second       // how long a dead kernel's messages may take to arrive
)

var errLost = errors.New("the kernel does not answer heartbeats any more: it hangs as a whole, which no interrupt ends")

const errNoMark = lost("outputs may be missing: the kernel did not print what it was asked to behind them, so nobody knows whether all has come; it is not asked again")

const errNoIdle = lost("outputs may be missing: the kernel did not say that all are sent")

// died takes in what a dead kernel had sent for a cell, and is the cell's error: none if it had answered just before, and had sent all.
func (r *run) died(ctx context.Context, id string, c *cellOutputs, replied bool) error {
	if ctx.Err() != nil { // what is on its way comes before the word that the cell was stopped
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastOutputs)
		defer cancel()
	}
	r.drain(ctx, time.After(lastOutputs))
	for end := time.After(lastOutputs); !replied; {
		m, err := r.kernel.Replies.Take()
		switch {
		case err != nil:
			return kernels.ErrDied
		case m != nil && m.Parent.ID == id:
			if err := r.reply(m, c); err != nil {
				return err
			}
			replied = true
		}
		if m != nil {
			r.gaps.take(m.Header.ID)
			continue
		}
		select {
		case <-r.kernel.Replies.Ready():
		case <-end:
			return kernels.ErrDied
		}
	}
	if !c.idle {
		return kernels.ErrDied
	}
	return r.gaps.err()
}

// drain takes in what a kernel that is dead, or about to end, has sent, until nothing can come any more, the end of the time that
// it waits for more, or that of ctx.
func (r *run) drain(ctx context.Context, end <-chan time.Time) {
	for {
		m, err := r.kernel.IOPub.Take()
		switch {
		case errors.Is(err, jupyter.ErrNotKept) && !r.cut:
			r.warnLost(err)
			return
		case err != nil:
			return
		case m != nil:
			r.publishLate(m)
			if ctx.Err() != nil {
				return
			}
			continue
		}
		r.board.journal.Flush() // an error of it ends the run later
		select {
		case <-r.kernel.IOPub.Ready():
		case <-end:
			return
		case <-ctx.Done():
			return
		}
	}
}

// publishLate takes in a message that comes when no cell is there to fail for it.
func (r *run) publishLate(m *jupyter.Message) {
	r.warnLost(r.publish(m))
}

// warnLost tells of outputs that were lost when no cell was there to fail for it. That the journal takes nothing any more, close says, once.
func (r *run) warnLost(err error) {
	if err != nil && r.board.journal.Err() == nil {
		r.Warnings = append(r.Warnings, strings.TrimPrefix(err.Error(), "cellar: "))
	}
}

// reply takes in the answer to an execute_request.
func (r *run) reply(m *jupyter.Message, c *cellOutputs) error {
	var in struct {
		Status  string          `json:"status"`
		Payload json.RawMessage `json:"payload"`
		content
	}
	if err := m.Decode(&in); err != nil {
		return err
	}
	r.mask.content(&in.content)
	c.timing["shell.execute_reply"] = m.Header.Date
	if in.ExecutionCount > 0 {
		c.cell.SetExecutionCount(in.ExecutionCount)
	}
	if in.Status != "ok" {
		c.refused = &nbformat.Output{Type: "error", EName: cmp.Or(in.EName, in.Status), EValue: in.EValue, Traceback: in.Traceback}
	}
	var payload []struct {
		Source     string `json:"source"`
		KeepKernel any    `json:"keepkernel"`
	}
	json.Unmarshal(in.Payload, &payload) // of another shape: it asks for nothing
	for _, p := range payload {
		if p.Source == "ask_exit" {
			r.asksExit(c, p.KeepKernel)
		}
	}
	return nil
}

// asksExit ends the notebook by a cell that asks for it, as exit() does: well where that is sure, else by an error. Papermill runs what comes
// after it, for as long as the kernel lives.
func (r *run) asksExit(c *cellOutputs, keepKernel any) {
	what := "exit was called, and the kernel does not say with which status: a notebook ends well by its last cell, and badly by an error"
	if r.Result.Kernel.Language == "python" {
		switch keepKernel { // what exit was called with, which IPython takes for the wish to keep the kernel
		case nil, false, 0.0, "":
			c.exits = true
			return
		case true:
			keepKernel = "True"
		}
		what = r.mask.Text(fmt.Sprintf("exit was called with %v", keepKernel))
	}
	if !r.Classic && c.refused == nil {
		c.said = true
		c.refused = &nbformat.Output{Type: "error", EName: "SystemExit", EValue: what, Traceback: []string{"SystemExit: " + what}}
	}
}
