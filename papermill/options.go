package papermill

import (
	"io"
	"time"

	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
	"github.com/cellar-go/cellar/papermill/place"
)

// Options say what to run and how. Only Input is needed.
type Options struct {
	Input    string             // path of the notebook
	Notebook *nbformat.Notebook // what to run instead of reading Input; it is not changed
	Origin   string             // place that Notebook was read from, if it is not at Input, which then only says what it is called
	Page     place.Page         // the file here that Notebook is a text of, if Origin is a revision: the kernel is told
	Output   string             // path of the executed notebook; empty: it is only in the Result
	Remote   string             // place elsewhere that gets the executed notebook, at the end; Output is the copy here that the run works on, default a temporary file
	To       io.Writer          // gets the executed notebook, once, at the end; Output is only what it is called then

	// Overwrite lets Output replace a notebook that no run has written. Input and Origin themselves are never replaced.
	Overwrite bool

	// Resume goes on from what Output holds of a former run: cells that succeeded, and whose source is still the same, are kept up to the
	// first other one. Without such an output the notebook is run from the top.
	Resume bool
	// Needed says which of the cells that are done have to run again for the rest, since a new kernel knows nothing; default: all. The
	// language is in lower case.
	Needed func(language string, done, rest []Cell) []bool

	// AllowLostOutputs makes a warning of outputs that the kernel has dropped, or may have; default: they fail their cell.
	AllowLostOutputs bool

	// AllowErrors lets the notebook go on behind any cell that fails, as the tag raises-exception does behind one.
	AllowErrors bool

	Parameters  parameters.List
	Secrets     []Secret
	Strict      bool    // parameters that the notebook doesn't declare, or of another type, are an error; default: a warning, and the kernel's affair
	Injected    *string // source of the cell with the parameters; default: what parameters.Translate writes
	Comment     *string // its first line, which makes the cell also where there are no parameters; default: Parameters
	PrepareOnly bool    // inject the parameters, run nothing
	ReportMode  bool    // mark all sources as hidden

	Kernel   string   // name of the kernelspec; default: the notebook's
	Language string   // default: the notebook's
	Dir      string   // working folder of the kernel; default: Input's folder
	Env      []string // environment of the kernel; default: this process's

	Pool      *kernels.Pool // what starts the kernel; default: it is started by itself
	Memory    int64         // bytes that the kernel and what it starts may use together, or it is killed; default: all there are
	Heartbeat time.Duration // a kernel that is silent for longer is given up; default one minute, never if negative

	StartTimeout time.Duration // until the kernel answers; default 60 s
	CellTimeout  time.Duration // of each cell; default none
	Timeout      time.Duration // of the notebook; default none
	Grace        time.Duration // for each step of stopping a cell or the kernel, and six times as long for delivering to Remote after an interrupt; default 5 s

	Hurry <-chan struct{} // closed when who has stopped the run does not want to wait: the kernel is killed without Grace; what has come is saved as ever

	SaveCells bool          // write Output also when the run begins and, within a second, when a cell starts or ends; default: every 5 s, between cells
	SaveEvery time.Duration // with SaveCells: write Output that often while a cell runs; default: never, since the journal has it all; negative: write it only at the end

	// Classic writes metadata to the letter of Papermill: what metadata.papermill already says of version, default_parameters and the like
	// stays, and a notebook that is only prepared gets no times. The caller warns of unknown parameters.
	Classic bool

	// Managed: the notebook is one that the caller goes on with. Its metadata keeps the paths that it has; the cells that lead to an error are the
	// caller's affair.
	Managed bool

	Version string // of this program, for the run's metadata; default "cellar"

	OnBegin  func([]Cell)                          // before the first cell; with Resume, those that are done are
	OnStart  func(Result)                          // when the kernel answers; all cells are pending
	OnCell   func(Cell)                            // when a cell starts and when it ends
	OnLate   func(Cell)                            // when the kernel has ended: for each cell whose outputs have changed since it ended
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
	if o.OnBegin == nil {
		o.OnBegin = func([]Cell) {}
	}
	if o.OnStart == nil {
		o.OnStart = func(Result) {}
	}
	if o.OnCell == nil {
		o.OnCell = func(Cell) {}
	}
	if o.OnLate == nil {
		o.OnLate = func(Cell) {}
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

	// Replayed: a former run has done it, and it runs again because the rest needs what it makes.
	Replayed bool

	notebook  *nbformat.Cell
	index     int  // in the notebook
	ran       bool // the kernel was asked to run it
	kept      bool // a former run has done it
	unwritten bool // the notebook does not have its state yet
	write     func(io.Writer) error
}

// Write writes the cell as it is now, with its outputs, as JSON without secrets. It can be called from OnCell and OnLate.
func (c Cell) Write(w io.Writer) error { return c.write(w) }

// Source is the cell's text.
func (c Cell) Source() string { return c.notebook.Source() }

// Tags are the cell's tags.
func (c Cell) Tags() []string { return c.notebook.Tags() }

// Result is what a run did.
type Result struct {
	Notebook  *nbformat.Notebook // as far as it was run; its outputs are where Options.Output or Remote say, and here only if both are empty. nil if the run couldn't begin
	Kernel    kernels.Spec
	Cells     []Cell
	Started   time.Time
	Ended     time.Time
	Saved     bool     // Options.Output holds what became of the notebook; a run that could not begin leaves it alone
	Delivered bool     // Options.Remote holds it, too
	Warnings  []string // what a user should hear of a run that went well
}
