package session

import (
	"errors"
	"fmt"
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
}

// PanicError is the panic of a cell. The session lives on.
type PanicError struct {
	Value  string
	Frames []Frame // innermost first
	Trace  string  // the runtime's own
}

func (e *PanicError) Error() string {
	var b strings.Builder
	b.WriteString("panic: " + e.Value)
	for _, f := range e.Frames {
		fmt.Fprintf(&b, "\n\t%s:%d %s", f.File, f.Line, f.Function)
	}
	return b.String()
}

func newPanic(p *wire.Panic) *PanicError {
	e := &PanicError{Value: plainNames(p.Value), Trace: plainNames(p.Trace)}
	for _, f := range p.Frames {
		if f.File == "session" || strings.HasPrefix(f.File, "session:") { // what the rewriter made
			continue
		}
		if strings.HasPrefix(f.Function, gomod.Path+"/display") { // what called the user's method, or was called with what it can't show
			continue
		}
		e.Frames = append(e.Frames, Frame{plainFunction(f.Function), f.File, f.Line})
	}
	return e
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

// WorkerLostError says how the worker process ended. A fresh one takes its place; what lived in it is gone.
type WorkerLostError struct {
	Reason string
	Trace  string   // what the runtime said last, under the user's names
	Frames []Frame  // the user's lines of it, innermost first
	Lost   []string // the variables that are gone, with their cells: "x (cell[2])"
	Cells  []string // the cells to run again, in their order
}

func (e *WorkerLostError) Error() string {
	var b strings.Builder
	b.WriteString("the session's process ended: " + e.Reason)
	for _, f := range e.Frames {
		fmt.Fprintf(&b, "\n\t%s:%d %s", f.File, f.Line, f.Function)
	}
	if len(e.Lost) > 0 {
		b.WriteString("\nlost: " + strings.Join(e.Lost, ", "))
	}
	if len(e.Cells) > 0 {
		b.WriteString("\nrun again: " + strings.Join(e.Cells, ", "))
	}
	return b.String()
}
