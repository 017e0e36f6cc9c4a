package papermill

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// An Output widget takes the outputs of a cell while its code says so (`with out:`): the kernel names the request in the widget's msg_id,
// and whoever shows the outputs, which is us, puts them into the widget's state instead of the cell, and tells the kernel.

// outputWidget takes in what a change says of an Output widget's outputs, and takes that out of the change.
func (b *board) outputWidget(c *cellOutputs, comm string, change *stateChange, m *jupyter.Message) error {
	var module, name string
	json.Unmarshal(change.State["_model_module"], &module)
	json.Unmarshal(change.State["_model_name"], &name)
	if m.Header.Type == "comm_open" && module == "@jupyter-widgets/output" && name == "OutputModel" {
		if err := b.clear(b.shownBy(comm, c)); err != nil {
			return err
		}
	}
	it := b.widgets[comm]
	if it == nil || it.outputs == nil {
		return nil
	}
	if list, ok := change.State["outputs"]; ok {
		delete(change.State, "outputs")
		outputs, err := nbformat.ParseOutputs(list)
		if err != nil {
			return unreadable{err}
		}
		if m.Header.Type != "comm_open" {
			err = b.clear(it.outputs)
		}
		for _, out := range outputs {
			b.mask.output(&out)
			if out.Type == "stream" {
				err = errors.Join(err, b.stream(it.outputs, content{Name: out.Name, Text: out.Text}))
			} else {
				err = errors.Join(err, b.show(it.outputs, out, ""))
			}
		}
		if err != nil {
			return err
		}
	}
	raw, ok := change.State["msg_id"]
	if !ok {
		return nil
	}
	if hooks := b.hooks[it.hook]; it.hook != "" && len(hooks) > 0 {
		b.hooks[it.hook] = hooks[:len(hooks)-1]
	}
	it.hook = ""
	json.Unmarshal(raw, &it.hook)
	if it.hook != "" {
		b.hooks[it.hook] = append(b.hooks[it.hook], it)
	}
	return nil
}

// shownBy is what an Output widget shows.
func (b *board) shownBy(comm string, c *cellOutputs) *cellOutputs {
	it := b.widgets.get(comm)
	if it.outputs == nil {
		it.outputs = &cellOutputs{cell: c.cell, index: c.index, late: -1, comm: comm, layout: b.widgetLayout()}
	}
	return it.outputs
}

// widgetLayout is how outputs stand in the state of an Output widget.
func (b *board) widgetLayout() nbformat.Layout { return b.layout.Elsewhere(widgetDepth + 1) }

// taker is what takes the outputs of a request of a cell.
func (b *board) taker(request string, c *cellOutputs) *cellOutputs {
	if hooks := b.hooks[request]; len(hooks) > 0 {
		return hooks[len(hooks)-1].outputs
	}
	return c
}

// releaseWidgets adds what was held back of the streams of Output widgets.
func (b *board) releaseWidgets() (err error) {
	for _, it := range b.widgets {
		if it.outputs != nil {
			err = errors.Join(err, b.release(it.outputs, ""))
		}
	}
	return err
}

// mostTold is how much of an Output widget's outputs the kernel is told, which holds them in memory.
const mostTold = 1 << 20

// tellOutputs tells the kernel what its Output widgets show. It looks only between cells, so once before each is enough.
func (r *run) tellOutputs() error {
	for comm, it := range r.board.widgets {
		if it.outputs == nil || !it.outputs.changed {
			continue
		}
		it.outputs.changed = false
		var list bytes.Buffer
		size := int64(0)
		for i, o := range it.outputs.outputs {
			if size += o.body.Size(); size > mostTold {
				break
			}
			if i > 0 {
				list.WriteByte(',')
			}
			if _, err := (laidOutput{o, r.board.journal, it.outputs.layout}).WriteTo(&list); err != nil {
				return err
			}
		}
		if size > mostTold {
			continue
		}
		if err := r.kernel.TellComm(comm, map[string]any{"method": "update", "state": map[string]any{"outputs": json.RawMessage("[" + list.String() + "]")}, "buffer_paths": []string{}}); err != nil {
			return err
		}
	}
	return nil
}
