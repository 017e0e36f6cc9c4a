package kernel

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/kernel/session"
)

// failure is an error as Jupyter has it.
type failure struct {
	Name      string   `json:"ename"`
	Value     string   `json:"evalue"`
	Traceback []string `json:"traceback"`
}

func errorReply(name, value string, traceback []string) map[string]any {
	if traceback == nil {
		traceback = []string{name + ": " + value}
	}
	return map[string]any{"status": "error", "ename": name, "evalue": value, "traceback": traceback}
}

const (
	red   = "\x1b[31m"
	faint = "\x1b[2m"
	reset = "\x1b[0m"
)

// describe puts an error into words, with the lines of the cell that it is about.
func describe(err error, source string) *failure {
	var compile *session.CompileError
	var panicked *session.PanicError
	var ended *session.EndedError
	var interrupted *session.InterruptedError
	var lost *session.WorkerLostError
	var mistake *fault.Mistake
	f := &failure{Name: "Error", Value: err.Error()}
	switch {
	case errors.As(err, &compile) && len(compile.Diagnostics) > 0:
		f.Name, f.Value = "CompileError", compile.Diagnostics[0].Message
		for _, d := range compile.Diagnostics {
			f.Traceback = append(f.Traceback, fmt.Sprintf("%s%s:%d:%d: %s%s", red, d.Cell, d.Line, d.Column, d.Message, reset))
			if line, ok := sourceLine(source, d.Line); ok && d.Cell == compile.Diagnostics[0].Cell {
				f.Traceback = append(f.Traceback, "    "+line, "    "+caret(line, d.Column))
			}
		}
		return f
	case errors.As(err, &panicked):
		f.Name, f.Value = "panic", panicked.Value
		f.Traceback = []string{red + "panic: " + panicked.Value + reset}
		f.Traceback = append(f.Traceback, quoted(panicked.Frames)...)
		return f
	case errors.As(err, &ended):
		f.Name, f.Value = "Ended", ended.Reason
		f.Traceback = append([]string{red + ended.Reason + reset}, quoted(ended.Frames)...)
		return f
	case errors.As(err, &lost):
		f.Name, f.Value = "WorkerLost", lost.Reason
		f.Traceback = []string{red + "The process that held the session's values has ended: " + lost.Reason + reset}
		f.Traceback = append(f.Traceback, quoted(lost.Frames)...)
		for _, line := range lost.Report() {
			f.Traceback = append(f.Traceback, "→ "+line)
		}
		if trace := strings.Split(strings.TrimSpace(lost.Trace), "\n"); lost.Trace != "" {
			limit := traceLines
			if len(lost.Frames) > 0 {
				limit = traceLines / 4
			}
			if len(trace) > limit {
				trace = append(trace[:limit:limit], fmt.Sprintf("(and %d lines more)", len(trace)-limit))
			}
			f.Traceback = append(append(f.Traceback, ""), trace...)
		}
		return f
	case errors.As(err, &interrupted):
		f.Name, f.Value = "Interrupted", "the cell was interrupted"
		f.Traceback = append([]string{red + f.Value + reset}, quoted(interrupted.Frames)...)
		return f
	case errors.Is(err, session.ErrInterrupted), errors.Is(err, context.Canceled):
		f.Name, f.Value = "Interrupted", "the cell was interrupted"
	case errors.As(err, &mistake):
		f.Name, f.Value = mistake.Kind.String(), strings.TrimPrefix(f.Value, "cellar: ")
	}
	f.Traceback = []string{red + f.Value + reset}
	if hint := fault.Hint(err); hint != "" {
		f.Traceback = append(f.Traceback, "→ "+hint)
	}
	return f
}

// traceLines is how much of the runtime's own trace is shown, which may hold thousands of goroutines; a quarter of that behind the user's own
// lines.
const traceLines = 40

// quoted shows frames, those of cells with their line.
func quoted(frames []session.Frame) (lines []string) {
	for _, frame := range frames {
		where := fmt.Sprintf("    %s:%d", frame.File, frame.Line)
		if name := strings.TrimPrefix(frame.Function, "main."); name != "" { // the cell's own statements are in no function
			where += " in " + name
		}
		if frame.Again != "" {
			where += " (" + frame.Again + ")"
		}
		if frame.Text == "" && !filepath.IsAbs(frame.File) { // the standard library's: the user's own stand out
			where = faint + where + reset
		}
		lines = append(lines, where)
		if text := strings.TrimSpace(frame.Text); text != "" {
			lines = append(lines, "  →     "+text)
		}
	}
	return lines
}

func sourceLine(source string, n int) (string, bool) {
	lines := strings.Split(source, "\n")
	if n < 1 || n > len(lines) {
		return "", false
	}
	return strings.TrimRight(lines[n-1], "\r"), true
}

// caret points at a byte column; tabs stay tabs, so that it stands right under the line.
func caret(line string, column int) string {
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[:max(0, min(column-1, len(line)))])
	return pad + "^"
}
