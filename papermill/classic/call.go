package classic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"unicode/utf8"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// callVariable names a file in which the functions for Python ask for what no flag of Papermill's can say: a call. Its zero value asks for nothing.
const callVariable = "CELLAR_CALL"

// call is what such a file holds, as JSON.
type call struct {
	// Managed: the notebook is one that the caller goes on with (papermill.Options.Managed), and the paths are files, not templates.
	Managed bool `json:"managed"`
	// Events is the descriptor of a pipe that gets a line of JSON for all that the caller should know, see event; 0: none does.
	Events int `json:"events"`
	// Outputs: also each output as it comes, of what is no stream only its text.
	Outputs     bool    `json:"outputs"`
	AllowErrors bool    `json:"allow_errors"`
	Source      *string `json:"source"`  // of the cell with the parameters
	Comment     *string `json:"comment"` // its first line
}

// readCall reads the file that the environment names.
func readCall() (c call, err error) {
	path := os.Getenv(callVariable)
	os.Unsetenv(callVariable) // a notebook may run others
	if path == "" {
		return c, nil
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, fault.New(fault.Usage, "unset it: only the functions for Python set it", "%s: %w", callVariable, err)
	}
	if c.Events > 2 {
		syscall.CloseOnExec(c.Events) // or the caller would wait for the end of what we start
	}
	return c, nil
}

// event is a line of a call's events.
type event struct {
	Event    string          `json:"event"` // started; running, then completed or failed; output; late, of a cell that is through; ended
	Cell     *int            `json:"cell,omitempty"`
	Is       json.RawMessage `json:"is,omitempty"`       // completed, failed, late: the cell
	Output   map[string]any  `json:"output,omitempty"`   // output: as nbformat has it
	Metadata map[string]any  `json:"metadata,omitempty"` // ended: what the run has learnt for the notebook's, null for what it takes away
}

// events tells a caller of a run.
type events struct {
	w    io.Writer
	mask papermill.Mask
	held map[string][]byte // by stream: the begin of a character whose rest comes
	err  error
}

// newEvents is nil if nobody listens.
func newEvents(c call, tie *tie, mask papermill.Mask) *events {
	if c.Events <= 2 {
		return nil
	}
	pipe := pollable(c.Events, "the caller's events")
	if pipe == nil {
		return nil
	}
	if tie != nil {
		tie.add(pipe)
	}
	return &events{w: pipe, mask: mask, held: map[string][]byte{}}
}

// tell writes an event. A caller that does not listen any more misses it; the notebook has all.
func (e *events) tell(ev event) {
	if e == nil || e.err != nil {
		return
	}
	var text []byte
	if text, e.err = json.Marshal(ev); e.err == nil {
		_, e.err = e.w.Write(append(text, '\n'))
	}
}

// cell tells how far a cell is.
func (e *events) cell(what string, index int, c papermill.Cell) {
	if e == nil || e.err != nil {
		return
	}
	if c.Status == papermill.Running {
		e.tell(event{Event: what, Cell: &index})
		return
	}
	_, e.err = fmt.Fprintf(e.w, `{"event": %q, "cell": %d, "is": `, what, index)
	if e.err == nil {
		e.err = c.Write(oneLine{e.w})
	}
	if e.err == nil {
		_, e.err = io.WriteString(e.w, "}\n")
	}
}

// oneLine takes the line breaks out of JSON: they stand between its tokens only.
type oneLine struct{ w io.Writer }

func (l oneLine) Write(text []byte) (int, error) {
	kept := slices.DeleteFunc(bytes.Clone(text), func(c byte) bool { return c == '\n' || c == '\r' })
	if _, err := l.w.Write(kept); err != nil {
		return 0, err
	}
	return len(text), nil
}

// output tells of an output, of a stream of one piece.
func (e *events) output(index int, out nbformat.Output) {
	is := map[string]any{"output_type": out.Type}
	switch {
	case out.Type == "update_display_data":
		return
	case out.Type == "stream":
		text := append(e.held[out.Name], out.Text...)
		end := len(text)
		for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
			if c := text[len(text)-i]; utf8.RuneStart(c) {
				if !utf8.FullRune(text[len(text)-i:]) {
					end = len(text) - i
				}
				break
			}
		}
		e.held[out.Name] = bytes.Clone(text[end:])
		is["name"], is["text"] = out.Name, string(text[:end])
	case out.Type == "error":
		is["ename"], is["evalue"], is["traceback"] = out.EName, out.EValue, out.Traceback
	case out.Large["text/plain"] != nil:
		var text bytes.Buffer
		masked := e.mask.Writer(&text)
		nbformat.CopyText(masked, out.Large["text/plain"])
		masked.Flush()
		is["data"] = map[string]any{"text/plain": text.String()}
	case out.Data["text/plain"] != nil:
		is["data"] = map[string]any{"text/plain": joined(out.Data["text/plain"])}
	default:
		return
	}
	e.tell(event{Event: "output", Cell: &index, Output: is})
}

// ended tells what else a run has made of the notebook.
func (e *events) ended(nb *nbformat.Notebook) {
	if e == nil || nb == nil {
		return
	}
	is := map[string]any{}
	for _, key := range []string{"language_info", "widgets"} {
		is[key] = nil
		if raw := nb.Metadata().Raw(key); raw != nil {
			is[key] = e.mask.JSON(raw)
		}
	}
	e.tell(event{Event: "ended", Metadata: is})
}

// listen has a run tell of itself.
func (e *events) listen(o *papermill.Options, c call) {
	if e == nil {
		return
	}
	index := map[string]int{} // by id
	began, onStart, onCell, onOutput := o.OnBegin, o.OnStart, o.OnCell, o.OnOutput
	o.OnBegin = func(cells []papermill.Cell) {
		for i, c := range cells {
			index[c.ID] = i
		}
		if began != nil {
			began(cells)
		}
	}
	o.OnStart = func(is papermill.Result) {
		onStart(is)
		e.tell(event{Event: "started"})
	}
	o.OnCell = func(c papermill.Cell) {
		onCell(c)
		e.cell(string(c.Status), index[c.ID], c)
	}
	o.OnLate = func(c papermill.Cell) { e.cell("late", index[c.ID], c) }
	if c.Outputs {
		o.OnOutput = func(cell *nbformat.Cell, out nbformat.Output) {
			onOutput(cell, out)
			e.output(index[cell.ID()], out)
		}
	}
}
