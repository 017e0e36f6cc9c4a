package widget

import (
	"slices"
	"sync"

	"github.com/cellar-go/cellar/display"
)

// Area is a place for what functions of widgets show and print, in a box with them.
type Area struct {
	*Model
	outputs *outputs
}

// Output is an empty area.
func Output(options ...Option) Area {
	return Area{open("@jupyter-widgets/output", "1.0.0", "Output", gather(options), map[string]any{"msg_id": "", "outputs": []any{}}), &outputs{}}
}

// Show adds values, as they are shown behind a cell.
func (a Area) Show(values ...any) { a.Do(func() { display.Show(values...) }) }

// Do runs f and shows here what f shows by display, as it comes.
func (a Area) Do(f func()) { display.Divert(a.take, f) }

// Clear empties the area.
func (a Area) Clear() { a.take(display.Bundle{Clear: true, Now: true}) }

// Write adds text: fmt.Fprintln(area, "done").
func (a Area) Write(text []byte) (int, error) {
	a.change(func(outputs []output) []output {
		if n := len(outputs); n > 0 && outputs[n-1].Type == "stream" {
			outputs[n-1].Text += string(text)
			return outputs
		}
		return append(outputs, output{Type: "stream", Name: "stdout", Text: string(text)})
	})
	return len(text), nil
}

// output is one of the area's, as notebooks keep them.
type output struct {
	Type     string         `json:"output_type"`
	Name     string         `json:"name,omitempty"`
	Text     string         `json:"text,omitempty"`
	Data     map[string]any `json:"data,omitempty"`
	Metadata map[string]any `json:"metadata,omitzero"`
	id       string
}

// outputs are those of an area.
type outputs struct {
	mu        sync.Mutex
	all       []output
	clearNext bool
}

// take does in the area what a bundle does in a cell.
func (a Area) take(b display.Bundle) {
	a.change(func(all []output) []output {
		metadata := b.Metadata
		if metadata == nil {
			metadata = map[string]any{}
		}
		switch {
		case b.Clear:
			if a.outputs.clearNext = !b.Now; b.Now {
				return nil
			}
		case b.Update:
			for i, o := range all {
				if o.id == b.ID {
					all[i].Data, all[i].Metadata = b.Data, metadata
				}
			}
		default:
			return append(all, output{Type: "display_data", Data: b.Data, Metadata: metadata, id: b.ID})
		}
		return all
	})
}

func (a Area) change(f func([]output) []output) {
	a.outputs.mu.Lock()
	defer a.outputs.mu.Unlock()
	all, late := a.outputs.all, a.outputs.clearNext
	if late { // what comes takes the place of what is there
		all, a.outputs.clearNext = nil, false
	}
	all = f(all)
	if a.outputs.clearNext {
		a.outputs.all = all
		return
	}
	if a.outputs.all = all; all == nil {
		all = []output{}
	}
	a.SetTrait("outputs", all)
}

// Interact shows what f makes of the widgets' values, and makes it anew whenever one of them changes: what f returns, unless that is
// nil, and what it shows.
func Interact(f func() any, widgets ...Widget) Box {
	area := Output()
	draw := func() {
		area.take(display.Bundle{Clear: true})
		area.Do(func() {
			if v := f(); v != nil {
				display.Show(v)
			}
		})
		area.change(func(all []output) []output { return all }) // should f have shown nothing, what was there goes
	}
	for _, w := range widgets {
		for _, trait := range []string{"value", "index"} {
			w.model().OnTrait(trait, draw)
		}
	}
	draw()
	return VBox(append(slices.Clone(widgets), area)...)
}
