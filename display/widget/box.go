package widget

// Box holds widgets.
type Box struct{ *Model }

// VBox puts widgets below each other.
func VBox(children ...Widget) Box { return box("VBox", children, nil) }

// HBox puts widgets side by side.
func HBox(children ...Widget) Box { return box("HBox", children, nil) }

// Tab shows one of several widgets, each under its title.
func Tab(titles []string, children ...Widget) Box { return box("Tab", children, titles) }

// Accordion folds widgets under their titles.
func Accordion(titles []string, children ...Widget) Box { return box("Accordion", children, titles) }

func box(name string, children []Widget, titles []string) Box {
	traits := map[string]any{"children": parts(children)}
	if titles != nil {
		traits["titles"] = titles
		traits["selected_index"] = 0
	}
	return Box{control(name, gather(nil), traits)}
}

// Set puts other widgets into the box.
func (b Box) Set(children ...Widget) { b.SetTrait("children", parts(children)) }

func parts(widgets []Widget) []*Model {
	all := make([]*Model, len(widgets))
	for i, w := range widgets {
		all[i] = w.model()
	}
	return all
}
