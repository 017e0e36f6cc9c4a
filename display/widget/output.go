package widget

import (
	"sync"

	"github.com/cellar-go/cellar/display"
)

// Area is a place for what functions of widgets show and print, in a box with them.
type Area struct {
	*Model
	kept *kept
}

type kept struct {
	mu      sync.Mutex
	outputs []map[string]any
}

// Output is an empty area.
func Output(options ...Option) Area {
	return Area{open("@jupyter-widgets/output", "1.0.0", "Output", gather(options), map[string]any{"msg_id": "", "outputs": []any{}}), &kept{}}
}

// Show adds values, as they are shown behind a cell.
func (a Area) Show(values ...any) { a.change(func() { a.add(values) }) }

// Replace shows values in the place of all that is there.
func (a Area) Replace(values ...any) { a.change(func() { a.kept.outputs = nil; a.add(values) }) }

// Clear empties the area.
func (a Area) Clear() { a.change(func() { a.kept.outputs = nil }) }

// Write adds text: fmt.Fprintln(area, "done").
func (a Area) Write(text []byte) (int, error) {
	a.change(func() {
		if n := len(a.kept.outputs); n > 0 && a.kept.outputs[n-1]["output_type"] == "stream" {
			last := a.kept.outputs[n-1]
			last["text"] = last["text"].(string) + string(text)
			return
		}
		a.kept.outputs = append(a.kept.outputs, map[string]any{"output_type": "stream", "name": "stdout", "text": string(text)})
	})
	return len(text), nil
}

func (a Area) add(values []any) {
	if b := display.OfAll(values...); len(b.Data) > 0 {
		metadata := b.Metadata
		if metadata == nil {
			metadata = map[string]any{}
		}
		a.kept.outputs = append(a.kept.outputs, map[string]any{"output_type": "display_data", "data": b.Data, "metadata": metadata})
	}
}

func (a Area) change(f func()) {
	a.kept.mu.Lock()
	defer a.kept.mu.Unlock()
	f()
	outputs := a.kept.outputs
	if outputs == nil {
		outputs = []map[string]any{}
	}
	a.SetTrait("outputs", outputs)
}

// Interact shows what f makes of the widgets' values, and makes it anew whenever one of them changes.
func Interact(f func() any, widgets ...Widget) Box {
	area := Output()
	for _, w := range widgets {
		m := w.model()
		for _, trait := range []string{"value", "index"} {
			m.OnTrait(trait, func() { area.Replace(f()) })
		}
	}
	area.Replace(f())
	return VBox(append(append([]Widget{}, widgets...), area)...)
}
