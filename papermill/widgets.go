package papermill

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// widgets are the states of Jupyter widgets, so that a page can draw them without a kernel: where in the journal each value stands, as it
// will stand in the notebook.
type widgets map[string]*widget // by comm_id

type widget struct {
	state   map[string]journal.Body
	buffers []widgetBuffer
	outputs *cellOutputs // of an Output widget
	hook    string       // of an Output widget: the id of the execute_request whose outputs it takes; "" for none
}

// widgetBuffer is a binary part of the state, as the schema of @jupyter-widgets has it.
type widgetBuffer struct {
	path string
	body journal.Body
}

// stateChange is what a comm message says of a widget's state.
type stateChange struct {
	State       map[string]json.RawMessage
	BufferPaths []json.RawMessage

	large map[string]*io.SectionReader // what of the state is too large to hold
}

// readChange reads a comm_open or comm_msg. Those without a state are conversations that leave nothing behind, and so are those whose data
// are of another shape than a widget's: a comm may say anything.
func readChange(m *jupyter.Message) (comm string, change stateChange, err error) {
	var in struct {
		CommID string          `json:"comm_id"`
		Data   json.RawMessage `json:"data"`
	}
	if m.Large == nil {
		err = m.Decode(&in)
		var data struct {
			State       json.RawMessage `json:"state"`
			BufferPaths json.RawMessage `json:"buffer_paths"`
		}
		if json.Unmarshal(in.Data, &data) == nil && json.Unmarshal(data.State, &change.State) == nil {
			json.Unmarshal(data.BufferPaths, &change.BufferPaths)
		}
		return in.CommID, change, err
	}
	members, err := nbformat.Members(m.Large.SectionReader)
	if err != nil || !isObject(members["data"]) {
		return "", change, err
	}
	data, err := nbformat.Members(members["data"])
	if err != nil || !isObject(data["state"]) {
		return "", change, err
	}
	if change.large, err = nbformat.Members(data["state"]); err != nil {
		return "", change, err
	}
	if id := members["comm_id"]; id != nil {
		err = json.NewDecoder(id).Decode(&comm)
	}
	if paths := data["buffer_paths"]; paths != nil {
		json.NewDecoder(paths).Decode(&change.BufferPaths)
	}
	change.State = map[string]json.RawMessage{}
	for key, value := range change.large {
		if value.Size() <= mostInMemory || key == "outputs" { // an Output widget's outputs are taken apart
			text, failed := io.ReadAll(value)
			change.State[key], err = text, errors.Join(err, failed)
			delete(change.large, key)
		}
	}
	return comm, change, err
}

// isObject reports whether a value is a JSON object; it may be absent.
func isObject(value *io.SectionReader) bool {
	if value == nil {
		return false
	}
	first := []byte{0}
	value.ReadAt(first, 0)
	return first[0] == '{'
}

// How deep the parts of a widget's state stand: notebook, metadata, widgets, MIME type, state, comm, state or buffers.
const widgetDepth = 7

// widget takes in a comm_open or comm_msg.
func (b *board) widget(c *cellOutputs, m *jupyter.Message) error {
	comm, change, err := readChange(m)
	if err != nil {
		return unreadable{err}
	}
	if err := b.outputWidget(c, comm, &change, m); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(change.State)) {
		if err := b.setState(event{Cell: c.index, Comm: comm, State: b.mask.Text(key)}, func(w io.Writer) error {
			return b.layout.Value(w, change.State[key], widgetDepth)
		}); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(change.large)) {
		if err := b.setState(event{Cell: c.index, Comm: comm, State: b.mask.Text(key)}, func(w io.Writer) error {
			return b.layout.LargeValue(w, change.large[key], widgetDepth)
		}); err != nil {
			return err
		}
	}
	for i, path := range change.BufferPaths[:min(len(change.BufferPaths), len(m.Buffers))] {
		path = b.mask.JSON(path)
		if err := b.setState(event{Cell: c.index, Comm: comm, Path: path}, func(w io.Writer) error {
			return b.writeBuffer(w, path, m.Buffers[i])
		}); err != nil {
			return err
		}
	}
	return nil
}

// setState sets a part of a widget's state to what write writes.
func (b *board) setState(e event, write func(io.Writer) error) error {
	e.Event = eventWidget
	w := b.journal.Begin(e)
	text := b.mask.jsonWriter(w)
	if err := write(text); err != nil {
		return unreadable{err}
	}
	if err := text.Flush(); err != nil {
		return err
	}
	body, err := w.End()
	if err != nil {
		return err
	}
	return b.apply(e, body)
}

// writeBuffer writes a binary part of a state around its bytes, which may be many.
func (b *board) writeBuffer(w io.Writer, path json.RawMessage, data []byte) error {
	var around bytes.Buffer
	if err := b.layout.Value(&around, json.RawMessage(fmt.Sprintf(`{"data": "", "encoding": "base64", "path": %s}`, path)), widgetDepth); err != nil {
		return err
	}
	before, after, _ := bytes.Cut(around.Bytes(), []byte(`""`))
	_, err := fmt.Fprintf(w, `%s"`, before)
	encoder := base64.NewEncoder(base64.StdEncoding, w)
	_, encoded := encoder.Write(data)
	err = errors.Join(err, encoded, encoder.Close())
	_, ended := fmt.Fprintf(w, `"%s`, after)
	return errors.Join(err, ended)
}

// get is the widget of a comm, which is made where there is none.
func (w widgets) get(comm string) *widget {
	if w[comm] == nil {
		w[comm] = &widget{state: map[string]journal.Body{}}
	}
	return w[comm]
}

// apply makes a change that is in the journal.
func (w widgets) apply(e event, body journal.Body) {
	it := w.get(e.Comm)
	if e.Path == nil {
		it.state[e.State] = body
		return
	}
	b := widgetBuffer{string(e.Path), body}
	if i := slices.IndexFunc(it.buffers, func(have widgetBuffer) bool { return have.path == b.path }); i >= 0 {
		it.buffers[i] = b
		return
	}
	it.buffers = append(it.buffers, b)
}

const widgetState = "application/vnd.jupyter.widget-state+json"

// writeWidgets puts the states into metadata.widgets as nbclient does, beside those of a former run that its outputs still show.
func (b *board) writeWidgets(nb *nbformat.Notebook) {
	former := b.formerWidgets(nb)
	nb.Metadata().Delete("widgets")
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(b.widgets)), func(id string) bool {
		return b.widgets[id].state["_model_name"] == nil // not a widget
	})
	if len(ids)+len(former) == 0 {
		return
	}
	all := nb.Metadata().Object("widgets").Object(widgetState)
	set(all, "version_major", 2)
	set(all, "version_minor", 0)
	states := all.Object("state")
	for id, state := range former {
		set(states, id, state)
	}
	for _, id := range ids {
		it, model := b.widgets[id], states.Object(id)
		for _, key := range []string{"model_name", "model_module", "model_module_version"} {
			if value, ok := it.state["_"+key]; ok {
				model.SetLaid(key, laidBody{b.journal, value})
			} else {
				set(model, key, nil)
			}
		}
		state := model.Object("state")
		for key, value := range it.state {
			state.SetLaid(key, laidBody{b.journal, value})
		}
		if it.outputs != nil {
			set(state, "outputs", []any{})
			for _, o := range it.outputs.outputs {
				state.AppendLaid("outputs", laidOutput{o, b.journal, it.outputs.layout})
			}
		}
		for _, buffer := range it.buffers {
			model.AppendLaid("buffers", laidBody{b.journal, buffer.body})
		}
	}
}

// laidBody is a text in the journal.
type laidBody struct {
	journal *journal.Journal
	body    journal.Body
}

func (l laidBody) WriteTo(w io.Writer) (int64, error) { return 0, l.journal.Copy(w, l.body) }

// modelID finds the widgets that a widget's state, or a view of it, names.
var modelID = regexp.MustCompile(`"IPY_MODEL_([^"\\]+)"|"model_id"\s*:\s*"([^"\\]+)"`)

// formerWidgets are the states that a former run has left (see resume) and that are still shown, by the outputs of cells that were not run
// again or by each other.
func (b *board) formerWidgets(nb *nbformat.Notebook) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	var former struct {
		State map[string]json.RawMessage `json:"state"`
	}
	nb.Metadata().Get("widgets", &all)
	if json.Unmarshal(all[widgetState], &former) != nil {
		return nil
	}
	shown := map[string]json.RawMessage{}
	var show func(raw json.RawMessage)
	show = func(raw json.RawMessage) {
		for _, found := range modelID.FindAllSubmatch(raw, -1) {
			id := string(found[1]) + string(found[2])
			if state, ok := former.State[id]; ok && shown[id] == nil && b.widgets[id] == nil {
				shown[id] = state
				show(state)
			}
		}
	}
	for _, c := range b.cells {
		if c.changed {
			continue
		}
		for o := range c.cell.EachOutput("") {
			show(o.Data[widgetView])
		}
	}
	return shown
}

const widgetView = "application/vnd.jupyter.widget-view+json"
