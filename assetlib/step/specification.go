package step

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/cellar-go/cellar/assetlib/table"
)

// Environment names the specification file.
const Environment = "CELLAR_STEP"

// Parent names the descriptor of a pipe that closes when the process which wants the result is gone; without it a step runs to its end.
const Parent = "CELLAR_STEP_PARENT"

const version = 1

// Specification is what a step is told. Paths are absolute.
type Specification struct {
	Format   int               `json:"format"`
	Inputs   map[string]Input  `json:"inputs"`         // by the name that the program gives the input
	Outputs  map[string]string `json:"outputs"`        // asset key → the Parquet file to write
	Displays string            `json:"displays"`       // the file for what the cell shows, JSON lines
	Result   string            `json:"result"`         // the file for the Result
	Mark     string            `json:"mark,omitempty"` // written to stdout and stderr before each display, so that the order is known
}

// Input is a stored value.
type Input struct {
	File    string `json:"file"`
	Content string `json:"content"` // its logical content hash
}

// Result is what a step answers.
type Result struct {
	Format  int                   `json:"format"`
	Outputs map[string]table.Info `json:"outputs,omitempty"`
	Opened  []string              `json:"opened,omitempty"` // files that the code opened
	Failure *Failure              `json:"failure,omitempty"`
	Sample  *Sample               `json:"sample,omitempty"` // of MainSample
}

// Failure is why there are no outputs.
type Failure struct {
	Kind    string `json:"kind"` // "panic", "value" (can't be stored), "input" (does not fit), "changed" (an input was changed in place), "storage" (the disk)
	Asset   string `json:"asset,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Trace   string `json:"trace,omitempty"` // the stack, the user's own lines only
}

// ReadResult reads a result file.
func ReadResult(file string) (*Result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cellar: result of step: %w", err)
	}
	r := &Result{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("cellar: result of step %s: %w", file, err)
	}
	if r.Format != version {
		return nil, fmt.Errorf("cellar: result of step %s: format %d, this program reads %d", file, r.Format, version)
	}
	return r, nil
}

// Write writes the specification to a file.
func (s Specification) Write(file string) error {
	s.Format = version
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("cellar: specification of step: %w", err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return fmt.Errorf("cellar: specification of step: %w", err)
	}
	return nil
}
