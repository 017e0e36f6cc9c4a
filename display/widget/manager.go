package widget

import (
	"encoding/json"
	"sync"

	"github.com/cellar-go/cellar/display/comm"
)

// models are the widgets that live, by the name of their comm.
var models sync.Map

// A page that is opened anew asks for all widgets at once.
func init() {
	comm.Register(comm.Control, func(c *comm.Comm, _ comm.Message) {
		c.OnMessage(func(m comm.Message) {
			var data struct{ Method string }
			if m.Decode(&data) == nil && data.Method == "request_states" {
				c.Send(allStates())
			}
		})
	})
}

func allStates() comm.Message {
	states, paths := map[string]any{}, [][]string{}
	var buffers [][]byte
	models.Range(func(id, value any) bool {
		m := value.(*Model)
		m.mu.Lock()
		defer m.mu.Unlock()
		data, own := m.state(nil)
		for _, path := range data["buffer_paths"].([][]string) {
			paths = append(paths, append([]string{id.(string), "state"}, path...))
		}
		buffers = append(buffers, own...)
		text := func(name string) (s string) { json.Unmarshal(m.traits[name], &s); return s }
		states[id.(string)] = map[string]any{
			"model_name": text("_model_name"), "model_module": text("_model_module"), "model_module_version": text("_model_module_version"), "state": data["state"],
		}
		return true
	})
	return comm.Message{Data: map[string]any{"method": "update_states", "states": states, "buffer_paths": paths}, Buffers: buffers}
}
