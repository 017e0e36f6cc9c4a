package papermill

import (
	"time"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// Options say what to run and how. Only Input is needed.
type Options struct {
	Input    string             // path of the notebook
	Notebook *nbformat.Notebook // what to run instead of reading Input; it is not changed
	Output   string             // path of the executed notebook; empty: it is only in the Result

	// Overwrite lets Output replace a notebook that no run has written. Input itself is never replaced.
	Overwrite bool

	Parameters  Parameters
	PrepareOnly bool // inject the parameters, run nothing
	ReportMode  bool // mark all sources as hidden

	Kernel   string   // name of the kernelspec; default: the notebook's
	Language string   // default: the notebook's
	Dir      string   // working folder of the kernel; default: Input's folder
	Env      []string // environment of the kernel; default: this process's

	StartTimeout time.Duration // until the kernel answers; default 60 s
	CellTimeout  time.Duration // of each cell; default none
	Timeout      time.Duration // of the notebook; default none
	Grace        time.Duration // for each step of stopping a cell or the kernel; default 5 s

	Version string // of this program, for the run's metadata; default "cellar"

	OnCell   func(Cell)                            // when a cell starts and when it ends
	OnOutput func(*nbformat.Cell, nbformat.Output) // each output as it comes; a stream piece by piece; updates as update_display_data
}

func (o *Options) defaults() {
	if o.StartTimeout == 0 {
		o.StartTimeout = 60 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.Version == "" {
		o.Version = "cellar"
	}
	if o.OnCell == nil {
		o.OnCell = func(Cell) {}
	}
	if o.OnOutput == nil {
		o.OnOutput = func(*nbformat.Cell, nbformat.Output) {}
	}
}

// Status is how far a cell has come.
type Status string

const (
	Pending   Status = "pending"
	Running   Status = "running"
	Completed Status = "completed"
	Failed    Status = "failed"
)

// Cell is what a run did with a cell.
type Cell struct {
	Number  int // from 1, in the notebook with the injected cell and before error marks are added
	ID      string
	Type    string
	Status  Status
	Started time.Time
	Ended   time.Time
	Error   *CellError // nil unless Failed, or tolerated because the cell is tagged raises-exception

	notebook *nbformat.Cell
	outputs  *cellOutputs // nil before it runs
}

// Source is the cell's text.
func (c Cell) Source() string { return c.notebook.Source() }

// Result is what a run did.
type Result struct {
	Notebook *nbformat.Notebook // as far as it was run; nil if the run couldn't begin
	Kernel   Kernelspec
	Cells    []Cell
	Started  time.Time
	Ended    time.Time
	Warnings []string // what a user should hear of a run that went well
}
