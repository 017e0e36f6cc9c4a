package session

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/cellar-go/cellar/internal/gomod"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// ErrInterrupted is the end of a cell that was told to stop.
var ErrInterrupted = errors.New("interrupted")

// Diagnostic is one thing that is wrong with a cell.
type Diagnostic struct {
	Cell         string // its name, as in cell[3]; an earlier cell's where the new one breaks something there
	Line, Column int    // from 1
	Message      string
}

func (d Diagnostic) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", d.Cell, d.Line, d.Column, d.Message)
}

// CompileError says why a cell was not run.
type CompileError struct{ Diagnostics []Diagnostic }

func (e *CompileError) Error() string {
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Frame is one call of a panic's trace.
type Frame struct {
	Function string // as the user named it
	File     string // the cell's name, or a source file
	Line     int
	Text     string // the line itself, of a cell
}

// PanicError is the panic of a cell. The session lives on.
type PanicError struct {
	Value  string
	Frames []Frame // innermost first
	Trace  string  // the runtime's own
}

func (e *PanicError) Error() string { return "panic: " + e.Value + places(e.Frames) }

// EndedError is the end of a cell that called os.Exit, log.Fatal or runtime.Goexit. The session lives on.
type EndedError struct {
	Reason string
	Frames []Frame // innermost first
}

func (e *EndedError) Error() string { return e.Reason + places(e.Frames) }

// places are frames as lines.
func places(frames []Frame) string {
	var b strings.Builder
	for _, f := range frames {
		b.WriteString("\n\t" + strings.TrimSpace(fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Function)))
	}
	return b.String()
}

func newPanic(p *wire.Panic) *PanicError {
	e := &PanicError{Value: toldApart(plainNames(p.Value)), Trace: plainNames(p.Trace)}
	for _, f := range p.Frames {
		if f.File == "session" || strings.HasPrefix(f.File, "session:") || strings.HasPrefix(f.Function, celltestPath) { // what stands around the user's code
			continue
		}
		if strings.HasPrefix(f.Function, gomod.Path+"/display") { // what called the user's method, or was called with what it can't show
			continue
		}
		e.Frames = append(e.Frames, Frame{Function: plainFunction(f.Function), File: f.File, Line: f.Line})
	}
	return e
}

var oneName = regexp.MustCompile(`^interface conversion: .* is (\S+), not (\S+)$`)

// toldApart explains a conversion between two types of one name.
func toldApart(value string) string {
	if m := oneName.FindStringSubmatch(value); m != nil && m[1] == m[2] {
		return value + " (two types of this name: one was declared again since, or is local to a function)"
	}
	return value
}

// plainFunction is a function of a cell under the user's name; the cell's own statements have none.
func plainFunction(name string) string {
	name = plainNames(name)
	if rest, ok := strings.CutPrefix(name, "main.Run"); ok {
		rest = strings.TrimLeft(rest, "0123456789")
		if rest == "" {
			return ""
		}
		return "main" + rest
	}
	return name
}

// WorkerLostError says how the worker process ended. A fresh one takes its place. Declarations come back with the next cell; variables
// and goroutines are gone. Session.Replay runs the cells again.
type WorkerLostError struct {
	Reason     string
	Trace      string   // what the runtime said last, under the user's names
	Frames     []Frame  // the user's lines of it, innermost first
	Lost       []string // the variables that are gone, with types and cells: "x int (cell[2])"
	Goroutines int      // that earlier cells had left running
	Kept       []string // functions, types and constants that are still there
	Waiting    []string // those that can't be used until variables are there again
	Cells      []string // what Replay runs, in order
}

func (e *WorkerLostError) Error() string {
	lines := append([]string{"the session's process ended: " + e.Reason + places(e.Frames)}, e.Report()...)
	return strings.Join(lines, "\n")
}

// Report says what was lost and what was not, a line each.
func (e *WorkerLostError) Report() (lines []string) {
	if lost := strings.Join(e.Lost, ", "); lost != "" || e.Goroutines > 0 {
		if e.Goroutines > 0 {
			goroutines := "1 goroutine"
			if e.Goroutines > 1 {
				goroutines = fmt.Sprintf("%d goroutines", e.Goroutines)
			}
			lost = strings.TrimPrefix(lost+", and "+goroutines, ", and ")
		}
		lines = append(lines, "lost: "+lost)
	}
	if len(e.Kept) > 0 {
		lines = append(lines, "kept: "+strings.Join(e.Kept, ", "))
	}
	if len(e.Waiting) > 0 {
		lines = append(lines, "waiting for what is lost: "+strings.Join(e.Waiting, ", "))
	}
	if len(e.Cells) > 0 && len(e.Lost)+len(e.Waiting)+e.Goroutines > 0 {
		lines = append(lines, "a cell with %replay runs "+strings.Join(e.Cells, ", ")+" again")
	}
	return lines
}
