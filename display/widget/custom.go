package widget

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"

	"github.com/cellar-go/cellar/display/comm"
)

// Custom is a widget that brings its own JavaScript.
type Custom struct{ *Model }

// Any makes a widget of an ECMAScript module as https://anywidget.dev defines it: its default export's render({model, el}) draws it. The traits are what
// model.get and model.set read and write. CSS may be empty.
//
//	counter := widget.Any(`export default { render({ model, el }) {
//		const b = document.createElement("button")
//		b.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes() }
//		el.append(b)
//	} }`, "", map[string]any{"count": 0})
func Any(module, css string, traits map[string]any) Custom {
	id := fnv.New64a() // two widgets of one code share its style on the page
	id.Write([]byte(module + css))
	all := map[string]any{"_esm": module, "_css": css, "_anywidget_id": fmt.Sprintf("cellar.%x", id.Sum64())}
	maps.Copy(all, traits)
	return Custom{open("anywidget", "*", "Any", nil, all)} // the front-end part that is installed, or that the front-end fetches
}

// Send sends a message to the module's model.on("msg:custom", …).
func (c Custom) Send(content any, buffers ...[]byte) error {
	return c.comm.Send(comm.Message{Data: map[string]any{"method": "custom", "content": content}, Buffers: buffers})
}

// OnMessage says what is called with what the module sends by model.send.
func (c Custom) OnMessage(f func(content json.RawMessage, buffers [][]byte)) { c.onCustom(f) }
