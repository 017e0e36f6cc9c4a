package papermill

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// event is the head of a record of the journal; see docs/formats/journal.md.
type event struct {
	Event string `json:"event"`

	Version int    `json:"version,omitempty"` // run: of the format
	Input   string `json:"input,omitempty"`   // run: path of the notebook

	Cell   int  `json:"cell"`             // all others: index of the cell, from 0
	Replay bool `json:"replay,omitempty"` // of a cell that a former run has done: it counts when the cell is completed

	Late bool `json:"late,omitempty"` // output, stream: it came after the kernel had said that all outputs are sent

	Type    string       `json:"type,omitempty"`    // output, update
	Count   int          `json:"count,omitempty"`   // output, update: of an execute_result
	Display string       `json:"display,omitempty"` // output, update: display_id
	Widgets bool         `json:"widgets,omitempty"` // update: of the displays in Output widgets, not of those in cells
	Error   *cellFailure `json:"error,omitempty"`   // output: of an error
	Name    string       `json:"name,omitempty"`    // stream: stdout or stderr

	Comm  string          `json:"comm,omitempty"`  // widget: comm_id; output, stream, clear: of the Output widget that shows it
	State string          `json:"state,omitempty"` // widget: name of the value
	Path  json.RawMessage `json:"path,omitempty"`  // widget: where the bytes belong in the state

	Status    Status            `json:"status,omitempty"`    // cell
	Started   time.Time         `json:"started,omitzero"`    // cell
	Ended     time.Time         `json:"ended,omitzero"`      // cell
	Execution int               `json:"execution,omitempty"` // cell: execution_count
	Timing    map[string]string `json:"timing,omitempty"`    // cell: metadata.execution

	Language json.RawMessage `json:"language,omitempty"` // kernel: its language_info
}

type cellFailure struct {
	EName     string   `json:"ename"`
	EValue    string   `json:"evalue"`
	Traceback []string `json:"traceback"`
}

// What records say.
const (
	eventRun    = "run"    // a run begins; the body is the notebook with its parameters
	eventKernel = "kernel" // the kernel answers
	eventCell   = "cell"   // a cell's state
	eventOutput = "output" // an output; the body is its text in the notebook
	eventStream = "stream" // more of a stream; the body is text
	eventUpdate = "update" // what a display shows is another now
	eventClear  = "clear"  // a cell shows nothing any more
	eventWidget = "widget" // a value of a widget's state is another now
)

const journalVersion = 3

// openJournal makes the journal of a run. Without an output that is a file, it has a place of its own.
func (r *run) openJournal() error {
	path := journal.Path(r.Output)
	if !r.toFile() {
		path = journal.Path(filepath.Join(os.TempDir(), "cellar-run-"+rand.Text()+".ipynb"))
	}
	j, err := journal.Create(path)
	if err != nil {
		return err
	}
	r.board = newBoard(r.Result.Notebook, j)
	r.board.shown, r.board.mask = r.OnOutput, r.mask
	run := j.Begin(event{Event: eventRun, Version: journalVersion, Input: r.Input})
	if err = r.writeNotebook(run); err == nil {
		_, err = run.End()
	}
	r.recoverable = r.toFile()
	if err == nil && r.recoverable {
		err = j.Sync()
	}
	if err != nil {
		j.Remove()
	}
	return err
}

// toFile reports whether the output is a file, and no pipe or device, which can be written only once.
func (r *run) toFile() bool {
	info, err := os.Stat(r.Output)
	return r.Output != "" && r.To == nil && (err != nil || info.Mode().IsRegular())
}

// note writes down how far a cell is. Whoever waits for the kernel next flushes it.
func (r *run) note(c *Cell) error {
	o := r.board.of(c.index, c.Replayed)
	_, err := r.board.journal.Add(event{Event: eventCell, Cell: c.index, Replay: c.Replayed, Status: c.Status, Started: c.Started, Ended: c.Ended,
		Execution: c.notebook.ExecutionCount(), Timing: o.timing}, nil)
	return err
}

// A crash of the machine may take back syncPause of a run, so that short cells don't each wait for the disk, and long ones not for each of their
// outputs; on a slow disk syncShare times as long as it takes to sync, unless a test wants to know how long.
const syncPause = time.Second

var syncShare time.Duration = 20

// sync makes what the journal has survive a crash of the machine.
func (r *run) sync() error {
	if r.due = nil; !r.recoverable {
		return nil
	}
	start := time.Now()
	err := r.board.journal.Sync()
	r.syncing = time.Since(start)
	return err
}

// Recover writes the output of a run that ended without a word (killed, out of memory, power loss) as far as its journal goes, and removes
// the journal. The cell that ran then has failed. Without a journal the error is fs.ErrNotExist.
func Recover(output string) error {
	r := &run{Options: Options{Output: output}}
	r.defaults()
	j, err := journal.Read(journal.Path(output), r.replay)
	if err != nil {
		return err
	}
	if r.board == nil && j.Damaged() < 0 { // it ended before it had begun
		return cmp.Or(j.Remove(), fmt.Errorf("the run had not begun: %w", fs.ErrNotExist))
	}
	if r.board == nil {
		return keepDamaged(j)
	}
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Status == Running {
			c.Status, c.Ended = Failed, c.Started
			r.writeCell(c)
		}
	}
	r.finish(errVanished)
	r.board.list()
	if err := r.write(); err != nil {
		return errors.Join(err, j.Close())
	}
	if j.Damaged() >= 0 {
		return keepDamaged(j)
	}
	return j.Remove()
}

// keepDamaged puts a journal that can't be read to its end out of the next run's way.
func keepDamaged(j *journal.Journal) error {
	kept := j.Path() + ".damaged"
	return errors.Join(fault.New(fault.Storage, "check the disk; what can be read of it is written, the whole is kept as "+kept,
		"journal %s: it is damaged at byte %d, and what follows can't be used", j.Path(), j.Damaged()), os.Rename(j.Path(), kept), j.Close())
}

var errVanished = errors.New("the run ended without a word")

// replay makes a change that the journal of a former run has.
func (r *run) replay(j *journal.Journal, head json.RawMessage, body journal.Body) error {
	var e event
	if err := json.Unmarshal(head, &e); err != nil {
		return fmt.Errorf("cellar: journal %s: %w", j.Path(), err)
	}
	if r.board == nil {
		return r.replayRun(j, e, body)
	}
	switch e.Event {
	case eventKernel:
		set(r.Result.Notebook.Metadata(), "language_info", e.Language)
	case eventCell:
		if e.Cell < 0 || e.Cell >= len(r.Cells) {
			return fmt.Errorf("cellar: journal %s: there is no cell %d", j.Path(), e.Cell+1)
		}
		c := &r.Cells[e.Cell]
		if e.Replay && e.Status == Running {
			return nil // until it is through, what it was counts
		}
		if e.Replay {
			r.board.replayed(e.Cell)
		}
		c.Status, c.Started, c.Ended = e.Status, e.Started, e.Ended
		c.notebook.SetExecutionCount(e.Execution)
		if len(e.Timing) > 0 {
			r.board.cells[e.Cell].timing = e.Timing
			c.ran = true
		}
		r.writeCell(c)
	default:
		return r.board.apply(e, body)
	}
	return nil
}

// replayRun takes in the first record.
func (r *run) replayRun(j *journal.Journal, e event, body journal.Body) error {
	if e.Event != eventRun || e.Version != journalVersion && e.Version != 2 { // which has no marks of what was synced
		return fault.New(fault.Input, "recover it with the cellar that wrote it, or remove it", "journal %s has version %d of the format, not %d", j.Path(), e.Version, journalVersion)
	}
	var text bytes.Buffer
	text.Grow(int(body.Size()))
	if err := j.Copy(&text, body); err != nil {
		return err
	}
	nb, err := nbformat.Parse(text.Bytes(), e.Input)
	if err != nil {
		return err
	}
	r.Input, r.Result.Notebook, r.board = e.Input, nb, newBoard(nb, j)
	r.listCells(nil)
	for i := range r.Cells { // what a run before this one had done
		var m cellMetadata
		r.Cells[i].notebook.Metadata().Get("papermill", &m)
		r.Cells[i].Status = m.Status
	}
	var m notebookMetadata
	if nb.Metadata().Get("papermill", &m) && m.StartTime != nil {
		r.Started, _ = time.Parse(stampFormat, *m.StartTime)
	}
	return nil
}

// recoverOutput saves what a former run of the same output left, before a new one begins.
func (r *run) recoverOutput() error {
	if r.To != nil {
		return nil
	}
	err := Recover(r.Output)
	switch {
	case err == nil:
		r.Warnings = append(r.Warnings, "the last run of "+r.outputName()+" ended without a word: what it had done was saved before this one began")
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}
