package papermill

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// CellError is the error of a cell that failed, as the kernel gave it.
type CellError struct {
	Number    int // of the cell, from 1; 0 for the injected cell
	ID        string
	FirstLine string // of the cell's source
	EName     string
	EValue    string
	Traceback []string // with terminal colours, as the kernel sent it
	cause     error
}

func (r *run) newCellError(c *Cell, out *nbformat.Output) *CellError {
	first, _, _ := strings.Cut(strings.TrimSpace(r.mask.Text(c.notebook.Source())), "\n")
	return &CellError{Number: c.Number, ID: c.ID, FirstLine: strings.TrimSpace(first), EName: out.EName, EValue: out.EValue, Traceback: out.Traceback}
}

// errorName is the name of an error for people: bash_kernel gives none, only the exit status as the value, and xeus-python Python's words for
// the class.
func errorName(name string) string {
	if class := pythonClass.FindStringSubmatch(name); class != nil {
		return class[1]
	}
	return cmp.Or(name, "error")
}

var pythonClass = regexp.MustCompile(`^<class '(?:\w+\.)*(\w+)'>$`)

// Error names the cell and gives the traceback in plain text.
func (e *CellError) Error() string {
	what := strings.TrimSuffix(errorName(e.EName)+": "+e.EValue, ": ")
	place := fmt.Sprintf("%s (id %s, %q): ", cellName(e.Number), e.ID, e.FirstLine)
	trace := colour.ReplaceAllString(strings.TrimSpace(strings.Join(e.Traceback, "\n")), "")
	switch {
	case trace == "" && e.EValue == "":
		return place + what + "; why, is in the cell's outputs"
	case trace == "" || trace == what:
		return place + what
	case strings.HasPrefix(trace, e.EValue): // it says all, and more
		return place + trace
	}
	return place + what + "\n" + trace
}

// cellName is how messages call a cell.
func cellName(number int) string {
	if number == 0 {
		return "the injected cell"
	}
	return fmt.Sprintf("cell %d", number)
}

// Unwrap is why the run stopped the cell: its context's error, or nil when the cell failed by itself.
func (e *CellError) Unwrap() error { return e.cause }

var colour = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]")
