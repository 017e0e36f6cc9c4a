package session

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/internal/gomod"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// ErrInterrupted is the end of a cell that was told to stop.
var ErrInterrupted = errors.New("interrupted")

// InterruptedError is ErrInterrupted of a cell that ran, and where that was.
type InterruptedError struct{ Frames []Frame } // in cells, innermost first

func (e *InterruptedError) Error() string { return ErrInterrupted.Error() + places(e.Frames) }

// Is makes it ErrInterrupted.
func (e *InterruptedError) Is(target error) bool { return target == ErrInterrupted }

// interruptedAt makes it of what the worker says.
func interruptedAt(reply wire.Reply) *InterruptedError {
	e := &InterruptedError{}
	if _, place, ok := cutLast(reply.Left, " "); ok { // "…, called at cell[3]:2"
		file, line, _ := cutLast(place, ":")
		f := Frame{File: file}
		fmt.Sscanf(line, "%d", &f.Line)
		e.Frames = []Frame{f}
	}
	if reply.Panic != nil {
		for _, f := range newPanic(reply.Panic).Frames {
			if f.Function == "" || strings.HasPrefix(f.Function, "main.") {
				e.Frames = append(e.Frames, f)
			}
		}
	}
	return e
}

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
	File     string // the cell's name, or a source file; of the standard library as in sort/slice.go
	Line     int
	Text     string // the line itself, of a cell
	Again    string // of the last of calls that repeat: how often they do
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
		if f.Again != "" {
			b.WriteString(" (" + f.Again + ")")
		}
	}
	return b.String()
}

// newPanic is what the worker says of a panic.
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
	if strings.Contains(e.Trace, elided) { // it has the end of a deep stack too
		e.Frames = crashFrames(e.Trace)
	} else {
		e.Frames = fold(e.Frames, true)
	}
	if strings.HasPrefix(e.Value, "stack overflow") {
		e.Frames = withoutLast(e.Frames)
	}
	return e
}

// withoutLast leaves out the last call of a recursion that has no end if it had only begun: its other lines say what it does.
func withoutLast(frames []Frame) []Frame {
	for i := 1; i < len(frames) && frames[0].Again == "" && frames[i-1].Again == ""; i++ {
		if f := frames[i]; f.Function == frames[0].Function && f.File == frames[0].File && slices.ContainsFunc(frames[i:], func(f Frame) bool { return f.Again != "" }) {
			return frames[1:]
		}
	}
	return frames
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
	Own        []string // what the cell that ended the process declares, which is gone altogether: "func f (cell[3])"
	Unrun      string   // the cell that was to run when the process had ended; "": one ran
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
	if lost := strings.Join(slices.Concat(e.Lost, e.Own), ", "); lost != "" || e.Goroutines > 0 {
		if e.Goroutines > 0 {
			lost = strings.TrimPrefix(lost+", and "+counted(e.Goroutines, "goroutine"), ", and ")
		}
		lines = append(lines, "lost: "+lost)
	}
	if len(e.Kept) > 0 {
		lines = append(lines, "kept: "+strings.Join(e.Kept, ", "))
	}
	if len(e.Waiting) > 0 {
		lines = append(lines, "waiting for what is lost: "+strings.Join(e.Waiting, ", "))
	}
	if e.Unrun != "" {
		lines = append(lines, "not run: "+e.Unrun+", which came behind it: run it again")
	}
	if len(e.Cells) > 0 && len(e.Lost)+len(e.Waiting)+e.Goroutines > 0 {
		lines = append(lines, "a cell with %replay runs "+runs(e.Cells)+" again")
	}
	return lines
}

// counted is a number of things.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

var numbered = regexp.MustCompile(`^cell\[(\d+)\]$`)

// runs lists cells: three and more whose numbers follow each other by the first and the last of them.
func runs(cells []string) string {
	number := func(i int) int {
		if i < len(cells) {
			if m := numbered.FindStringSubmatch(cells[i]); m != nil {
				n, _ := strconv.Atoi(m[1])
				return n
			}
		}
		return -1
	}
	var list []string
	for i := 0; i < len(cells); i++ {
		first := i
		for number(i) >= 0 && number(i+1) == number(i)+1 {
			i++
		}
		if i-first >= 2 {
			list = append(list, cells[first]+" to "+cells[i])
		} else {
			list = append(list, cells[first:i+1]...)
		}
	}
	return strings.Join(list, ", ")
}
