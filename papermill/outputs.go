package papermill

import (
	"encoding/json"
	"strings"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// board holds the outputs of all cells that have run, so that a late output or an update of a display finds its cell.
type board struct {
	cells    []*cellOutputs
	byParent map[string]*cellOutputs // by the id of the execute_request
	widgets  widgets
}

// cellOutputs are the outputs of a cell while the kernel runs.
type cellOutputs struct {
	cell      *nbformat.Cell
	outputs   []*liveOutput
	clearNext bool              // clear_output(wait=True): clear when something comes to take the place
	idle      bool              // the kernel has said that all outputs of the request are sent
	timing    map[string]string // as nbclient writes it into metadata.execution
	changed   bool              // since it was last written into the notebook
	refused   *nbformat.Output  // the error of the kernel's answer, which it doesn't always show (IPython's unknown magics)
}

// liveOutput is an output that can grow (streams) or be replaced (displays with an id).
type liveOutput struct {
	nbformat.Output
	text    strings.Builder // of a stream
	display string          // display_id
}

func newBoard() *board { return &board{byParent: map[string]*cellOutputs{}, widgets: widgets{}} }

// add opens the outputs of a cell whose request has this id.
func (b *board) add(parent string, cell *nbformat.Cell) *cellOutputs {
	c := &cellOutputs{cell: cell, timing: map[string]string{}}
	b.cells = append(b.cells, c)
	b.byParent[parent] = c
	return c
}

// content is what the iopub messages that matter here can hold.
type content struct {
	ExecutionState string                     `json:"execution_state"`
	ExecutionCount int                        `json:"execution_count"`
	Name           string                     `json:"name"`
	Text           string                     `json:"text"`
	Data           map[string]json.RawMessage `json:"data"`
	Metadata       map[string]json.RawMessage `json:"metadata"`
	Transient      struct {
		DisplayID string `json:"display_id"`
	} `json:"transient"`
	Wait      bool     `json:"wait"`
	EName     string   `json:"ename"`
	EValue    string   `json:"evalue"`
	Traceback []string `json:"traceback"`
}

// publish takes in a message of iopub. It returns the cell that it belongs to and the output that it brings; both nil when the
// message is none of ours (another client's, the kernel's own status).
func (b *board) publish(m *jupyter.Message) (*cellOutputs, *nbformat.Output, error) {
	c := b.byParent[m.Parent.ID]
	if c == nil {
		return nil, nil, nil
	}
	switch m.Header.Type {
	case "comm_open", "comm_msg":
		return c, nil, b.widgets.take(m)
	case "status", "execute_input", "stream", "display_data", "update_display_data", "execute_result", "error", "clear_output":
	default:
		return nil, nil, nil
	}
	var in content
	if err := m.Decode(&in); err != nil {
		return c, nil, err
	}
	out := nbformat.Output{Type: m.Header.Type, Data: in.Data, Metadata: in.Metadata}
	switch m.Header.Type {
	case "status":
		c.timing["iopub.status."+in.ExecutionState] = m.Header.Date
		c.idle = c.idle || in.ExecutionState == "idle"
		return c, nil, nil
	case "execute_input":
		c.timing["iopub.execute_input"] = m.Header.Date
		c.cell.SetExecutionCount(in.ExecutionCount)
		return c, nil, nil
	case "clear_output":
		if c.clearNext = in.Wait; !in.Wait {
			c.outputs, c.changed = nil, true
		}
		return c, nil, nil
	case "stream":
		out = nbformat.Output{Type: "stream", Name: in.Name, Text: in.Text}
	case "execute_result":
		out.ExecutionCount = in.ExecutionCount
		c.cell.SetExecutionCount(in.ExecutionCount)
	case "error":
		out = nbformat.Output{Type: "error", EName: in.EName, EValue: in.EValue, Traceback: in.Traceback}
	}
	if id := in.Transient.DisplayID; id != "" {
		b.update(id, out)
	}
	if out.Type != "update_display_data" {
		c.append(out, in.Transient.DisplayID)
	}
	return c, &out, nil
}

// update replaces what all displays of this id show, in whichever cell they are.
func (b *board) update(display string, by nbformat.Output) {
	for _, c := range b.cells {
		for _, o := range c.outputs {
			if o.display == display {
				o.Data, o.Metadata = by.Data, by.Metadata
				c.changed = true
			}
		}
	}
}

func (c *cellOutputs) append(out nbformat.Output, display string) {
	c.changed = true
	if c.clearNext {
		c.outputs, c.clearNext = nil, false
	}
	if out.Type == "stream" {
		if last := len(c.outputs) - 1; last >= 0 && c.outputs[last].Type == "stream" && c.outputs[last].Name == out.Name {
			c.outputs[last].text.WriteString(out.Text)
			return
		}
	}
	o := &liveOutput{Output: out, display: display}
	o.text.WriteString(out.Text)
	c.outputs = append(c.outputs, o)
}

// failed returns the cell's error, nil without.
func (c *cellOutputs) failed() *nbformat.Output {
	for _, o := range c.outputs {
		if o.Type == "error" {
			return &o.Output
		}
	}
	return c.refused
}

// write puts the outputs into the notebook, if they have changed since.
func (c *cellOutputs) write() error {
	if !c.changed {
		return nil
	}
	c.changed = false
	c.cell.ClearOutputs()
	for _, o := range c.outputs {
		o.Text = o.text.String()
		if err := c.cell.AppendOutput(o.Output); err != nil {
			return err
		}
	}
	return nil
}
