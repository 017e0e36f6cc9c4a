package papermill

import (
	"encoding/base64"
	"encoding/json"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// widgets collects the state of Jupyter widgets from comm messages, so that a page can draw them without a kernel.
type widgets map[string]*widget // by comm_id

type widget struct {
	state   map[string]json.RawMessage
	buffers []widgetBuffer
}

// widgetBuffer is a binary part of the state, as the schema of @jupyter-widgets has it.
type widgetBuffer struct {
	Data     string          `json:"data"`
	Encoding string          `json:"encoding"`
	Path     json.RawMessage `json:"path"`
}

// take takes in a comm_open or comm_msg; those without a state are conversations that leave nothing behind.
func (w widgets) take(m *jupyter.Message) error {
	var in struct {
		CommID string `json:"comm_id"`
		Data   struct {
			State       map[string]json.RawMessage `json:"state"`
			BufferPaths []json.RawMessage          `json:"buffer_paths"`
		} `json:"data"`
	}
	if err := m.Decode(&in); err != nil || in.Data.State == nil {
		return err
	}
	it := w[in.CommID]
	if it == nil {
		it = &widget{state: map[string]json.RawMessage{}}
		w[in.CommID] = it
	}
	for key, value := range in.Data.State {
		it.state[key] = value
	}
	for i, path := range in.Data.BufferPaths {
		if i < len(m.Buffers) {
			it.setBuffer(widgetBuffer{base64.StdEncoding.EncodeToString(m.Buffers[i]), "base64", path})
		}
	}
	return nil
}

func (w *widget) setBuffer(b widgetBuffer) {
	for i := range w.buffers {
		if string(w.buffers[i].Path) == string(b.Path) {
			w.buffers[i] = b
			return
		}
	}
	w.buffers = append(w.buffers, b)
}

// write puts the states into metadata.widgets as nbclient does.
func (w widgets) write(nb *nbformat.Notebook) {
	states := map[string]any{}
	for id, it := range w {
		if it.state["_model_name"] == nil {
			continue // not a widget
		}
		s := map[string]any{"state": it.state}
		for _, key := range []string{"model_name", "model_module", "model_module_version"} {
			s[key] = it.state["_"+key]
		}
		if it.buffers != nil {
			s["buffers"] = it.buffers
		}
		states[id] = s
	}
	if len(states) > 0 {
		set(nb.Metadata(), "widgets", map[string]any{
			"application/vnd.jupyter.widget-state+json": map[string]any{"state": states, "version_major": 2, "version_minor": 0},
		})
	}
}
