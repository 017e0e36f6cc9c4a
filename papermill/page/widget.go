package page

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// widget is the state of a Jupyter widget, as a run leaves it in metadata.widgets.
type widget struct {
	Name    string                     `json:"model_name"`
	Module  string                     `json:"model_module"`
	State   map[string]json.RawMessage `json:"state"`
	Buffers []struct {
		Data json.RawMessage   `json:"data"` // in base64
		Path []json.RawMessage `json:"path"`
	} `json:"buffers"`
}

// mostWidgets bounds what is drawn in one page, or said of it: a few states may name each other very often.
const mostWidgets = 10_000

const widgetView = "application/vnd.jupyter.widget-view+json"

// widget is the widget with this name, which may begin with IPY_MODEL_; nil without.
func (p *writer) widget(id string) *widget {
	if p.widgets == nil {
		p.widgets, p.within = map[string]*widget{}, map[*widget]bool{}
		var all map[string]json.RawMessage
		var states struct {
			State map[string]json.RawMessage `json:"state"`
		}
		p.nb.Metadata().Get("widgets", &all)
		json.Unmarshal(all["application/vnd.jupyter.widget-state+json"], &states)
		for id, state := range states.State {
			w := new(widget)
			if json.Unmarshal(state, w) == nil { // one that is of another shape is as if it were not there
				p.widgets[id] = w
			}
		}
	}
	return p.widgets[strings.TrimPrefix(id, "IPY_MODEL_")]
}

// viewed is the widget that an output shows; nil without.
func (p *writer) viewed(o nbformat.Output) *widget {
	var view struct {
		ID string `json:"model_id"`
	}
	if raw, ok := o.Data[widgetView]; !ok || json.Unmarshal(raw, &view) != nil {
		return nil
	}
	return p.widget(view.ID)
}

// drawer draws one kind of widget.
type drawer func(p *writer, w *widget)

// drawerOf is what draws a widget; nil for one that only its own scripts can draw.
func drawerOf(w *widget) drawer {
	if w == nil || !strings.HasPrefix(w.Module, "@jupyter-widgets/") {
		return nil
	}
	return drawers[w.Name]
}

// drawers is filled here since what is drawn may hold other widgets.
var drawers map[string]drawer

func init() {
	drawers = map[string]drawer{
		"BoxModel": row, "HBoxModel": row, "VBoxModel": column, "GridBoxModel": row,
		"TabModel": sections, "AccordionModel": sections, "StackModel": sections,
		"OutputModel": (*writer).widgetOutputs,

		"IntSliderModel": slider, "FloatSliderModel": slider, "FloatLogSliderModel": slider, "IntRangeSliderModel": slider, "FloatRangeSliderModel": slider,
		"SelectionSliderModel": slider, "SelectionRangeSliderModel": slider, "PlayModel": slider,
		"IntProgressModel": bar, "FloatProgressModel": bar,

		"TextModel": field, "TextareaModel": field, "PasswordModel": field, "ComboboxModel": field, "IntTextModel": field, "FloatTextModel": field,
		"BoundedIntTextModel": field, "BoundedFloatTextModel": field, "ColorPickerModel": field, "DatePickerModel": field,
		"CheckboxModel": checkbox, "ValidModel": checkbox, "ToggleButtonModel": button, "ButtonModel": button,
		"DropdownModel": dropdown, "SelectModel": choices, "SelectMultipleModel": choices, "RadioButtonsModel": choices, "ToggleButtonsModel": choices,

		"HTMLModel": richText, "HTMLMathModel": richText, "LabelModel": label, "ImageModel": widgetImage,
	}
}

// draw draws a widget that has a drawer, or says what it is.
func (p *writer) draw(w *widget) {
	d := drawerOf(w)
	p.drawn++
	switch {
	case p.drawn > mostWidgets+1:
		return
	case p.drawn > mostWidgets:
		p.note("More widgets, which a page does not show.")
		return
	case w == nil:
		p.note("A Jupyter widget whose state is not in the notebook.")
		return
	case d == nil:
		p.note("A " + w.title() + ", which only a live notebook can show.")
		return
	case p.within[w]:
		p.note("A " + w.title() + " within itself.")
		return
	case p.hidden(w):
		return
	}
	p.within[w] = true
	d(p, w)
	delete(p.within, w)
}

// title says what a widget is that can't be drawn.
func (w *widget) title() string { return "Jupyter widget (" + w.Name + ")" }

// hidden reports whether a widget's layout hides it, as that of a progress bar that is not left behind.
func (p *writer) hidden(w *widget) bool {
	layout := p.widget(w.text("layout"))
	return layout != nil && (layout.text("visibility") == "hidden" || layout.text("display") == "none")
}

func (w *widget) get(key string, into any) bool {
	raw, ok := w.State[key]
	return ok && string(raw) != "null" && json.Unmarshal(raw, into) == nil
}

func (w *widget) text(key string) (s string) {
	w.get(key, &s)
	return s
}

func (w *widget) texts(key string) (all []string) {
	w.get(key, &all)
	return all
}

func (w *widget) number(key string, otherwise float64) float64 {
	n := otherwise
	w.get(key, &n)
	return n
}

var (
	length = regexp.MustCompile(`^[0-9]{1,5}(\.[0-9]{1,5})?(px|em|rem|ch|pt|mm|cm|%)$`)
	digits = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)
	colour = regexp.MustCompile(`^(#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,30})$`)
)

// size is the style of a widget's width, as far as its layout gives one.
func (p *writer) size(w *widget) string {
	layout := p.widget(w.text("layout"))
	if layout == nil {
		return ""
	}
	var style []string
	if width := layout.text("width"); length.MatchString(width) {
		style = append(style, "width:"+width)
	}
	if flex := layout.text("flex"); digits.MatchString(flex) {
		style = append(style, "flex:"+flex)
	}
	if style == nil {
		return ""
	}
	return ` style="` + strings.Join(style, ";") + `"`
}

func row(p *writer, w *widget)    { p.box(w, "widget-row") }
func column(p *writer, w *widget) { p.box(w, "widget-column") }

func (p *writer) box(w *widget, class string) {
	fmt.Fprintf(p, `<div class="%s"%s>`, class, p.size(w))
	for _, child := range w.texts("children") {
		p.draw(p.widget(child))
	}
	p.WriteString("</div>")
}

// sections draws what is seen one at a time in a live notebook, all under their titles.
func sections(p *writer, w *widget) {
	titles := w.texts("titles")
	var byIndex map[string]string // before ipywidgets 8
	w.get("_titles", &byIndex)
	p.WriteString(`<div class="widget-column">`)
	for i, child := range w.texts("children") {
		title := byIndex[fmt.Sprint(i)]
		if i < len(titles) {
			title = titles[i]
		}
		p.WriteString(`<div class="widget-section">`)
		if title != "" {
			p.WriteString(`<div class="widget-title">`)
			p.text(title)
			p.WriteString("</div>")
		}
		p.draw(p.widget(child))
		p.WriteString("</div>")
	}
	p.WriteString("</div>")
}

func (p *writer) widgetOutputs(w *widget) {
	outputs, err := nbformat.ParseOutputs(w.State["outputs"])
	if err != nil || len(outputs) == 0 {
		return
	}
	p.WriteString(`<div class="widget-outputs">`)
	p.outputs(slices.Values(outputs), noneLate)
	p.WriteString("</div>")
}
