package widget

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/display/comm"
)

// Widget is anything of this package that can be shown, alone or in a box.
type Widget interface {
	display.Shower
	model() *Model
}

// Model is what all widgets are: named traits with values, which the front-end and the program both read and set. See "Jupyter widget
// messaging protocol", version 2.1.
type Model struct {
	kind string // what its text calls it

	mu      sync.Mutex
	comm    *comm.Comm
	traits  map[string]json.RawMessage
	buffers map[string][]byte // traits that are bytes
	changed map[string][]func()
	fits    map[string]func(json.RawMessage) bool // whether a trait may have a value that the page sets; called with mu held
	custom  []func(content json.RawMessage, buffers [][]byte)
}

// Option sets what a control has beside its value.
type Option func(*settings)

type settings struct {
	traits map[string]any
	layout map[string]any
	style  map[string]any
	value  any
}

// Description is the text before a control.
func Description(s string) Option { return Trait("description", s) }

// Value is the value that a control begins with.
func Value(v any) Option { return func(s *settings) { s.value = v } }

// Step is how far a slider moves at least.
func Step[T Number](step T) Option { return Trait("step", step) }

// Layout sets a property of the control's place on the page, by its CSS name: Layout("width", "30em").
func Layout(property, value string) Option {
	return func(s *settings) { s.layout[strings.ReplaceAll(property, "-", "_")] = value }
}

// Trait sets any trait of the control that Jupyter's widgets document: Trait("orientation", "vertical"), Trait("disabled", true).
func Trait(name string, value any) Option { return func(s *settings) { s.traits[name] = value } }

const (
	protocol = "2.1.0"
	base     = "@jupyter-widgets/base"
	controls = "@jupyter-widgets/controls"
)

func gather(options []Option) *settings {
	s := &settings{traits: map[string]any{}, layout: map[string]any{}, style: map[string]any{}}
	for _, o := range options {
		o(s)
	}
	return s
}

// control makes a model of @jupyter-widgets/controls: name is IntSlider and the like.
func control(name string, s *settings, traits map[string]any) *Model {
	if text, ok := s.traits["description"].(string); ok && len(text) > 10 && traits["description"] == nil {
		s.style["description_width"] = "initial" // otherwise it is cut
	}
	return open(controls, "2.0.0", name, s, traits)
}

// open makes a model and tells the front-end of it.
func open(module, version, name string, s *settings, traits map[string]any) *Model {
	all := map[string]any{
		"_model_module": module, "_model_module_version": version, "_model_name": name + "Model",
		"_view_module": module, "_view_module_version": version, "_view_name": name + "View",
	}
	maps.Copy(all, traits)
	if s != nil {
		maps.Copy(all, s.traits)
		if len(s.layout) > 0 {
			all["layout"] = open(base, "2.0.0", "Layout", nil, s.layout)
		}
		if len(s.style) > 0 {
			all["style"] = open(controls, "2.0.0", "DescriptionStyle", nil, maps.Clone(s.style))
		}
	}
	m := &Model{kind: name, traits: map[string]json.RawMessage{}, buffers: map[string][]byte{}, changed: map[string][]func(){}, fits: map[string]func(json.RawMessage) bool{}}
	for name, value := range all {
		m.put(name, value)
	}
	data, buffers := m.state(nil)
	c, err := comm.Open("jupyter.widget", comm.Message{Data: data, Buffers: buffers, Metadata: map[string]any{"version": protocol}})
	if err != nil {
		panic(fmt.Errorf("cellar: widget %s: %w", name, err))
	}
	m.comm = c
	models.Store(c.ID(), m)
	c.OnMessage(m.receive)
	c.OnClose(func(comm.Message) { models.Delete(c.ID()) })
	return m
}

func (m *Model) model() *Model { return m }

// ID is the widget's name on the page (its model_id).
func (m *Model) ID() string { return m.comm.ID() }

// MarshalJSON writes a reference to the widget, which is what one widget holds of another.
func (m *Model) MarshalJSON() ([]byte, error) { return json.Marshal("IPY_MODEL_" + m.ID()) }

// Display shows the widget; where there is no page that knows it, its text.
func (m *Model) Display() display.Bundle {
	b := display.Bundle{Data: map[string]any{"text/plain": m.String()}}
	if comm.Connected() {
		b.Data["application/vnd.jupyter.widget-view+json"] = map[string]any{"version_major": 2, "version_minor": 0, "model_id": m.ID()}
	}
	return b
}

// String tells what the widget is, for those who see text only.
func (m *Model) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	b.WriteString(m.kind)
	for _, name := range []string{"description", "value", "index", "min", "max"} {
		if v, ok := m.traits[name]; ok && string(v) != `""` {
			fmt.Fprintf(&b, " %s=%s", name, v)
		}
	}
	return "<" + b.String() + ">"
}

// Trait gives the value of a trait to *v. It reports whether there is one, of a fitting type.
func (m *Model) Trait(name string, v any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.buffers[name]; ok {
		to, fits := v.(*[]byte)
		if fits {
			*to = slices.Clone(b)
		}
		return fits
	}
	raw, ok := m.traits[name]
	return ok && json.Unmarshal(raw, v) == nil
}

// SetTrait sets a trait, here and on the page. The value has to encode as JSON; a []byte travels beside it.
func (m *Model) SetTrait(name string, value any) {
	m.mu.Lock()
	if !m.put(name, value) {
		m.mu.Unlock()
		return
	}
	data, buffers := m.state([]string{name})
	data["method"] = "update"
	m.comm.Send(comm.Message{Data: data, Buffers: buffers}) // a closed widget keeps its values for the program
	call := slices.Clone(m.changed[name])
	m.mu.Unlock()
	for _, f := range call {
		f()
	}
}

// OnTrait says what is called when a trait has got another value, whoever has set it.
func (m *Model) OnTrait(name string, f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed[name] = append(m.changed[name], f)
}

// Close takes the widget from the page. Its last values stay.
func (m *Model) Close() {
	models.Delete(m.ID())
	m.comm.Close(comm.Message{})
}

// put keeps the value of a trait; it reports whether that is another one. A value that does not encode is the programmer's mistake.
func (m *Model) put(name string, value any) bool {
	if b, ok := value.([]byte); ok {
		was, had := m.buffers[name]
		delete(m.traits, name)
		m.buffers[name] = slices.Clone(b)
		return !had || !bytes.Equal(was, b)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Errorf("cellar: widget %s: trait %s: %w", m.kind, name, err))
	}
	_, had := m.buffers[name]
	delete(m.buffers, name)
	was := m.traits[name]
	m.traits[name] = raw
	return had || !bytes.Equal(was, raw)
}

// state is the data that tells of traits, all of them if no names are given.
func (m *Model) state(names []string) (data map[string]any, buffers [][]byte) {
	state, paths := map[string]any{}, [][]string{}
	for name, raw := range m.traits {
		if names == nil || slices.Contains(names, name) {
			state[name] = raw
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.buffers)) {
		if names == nil || slices.Contains(names, name) {
			paths, buffers = append(paths, []string{name}), append(buffers, m.buffers[name])
		}
	}
	return map[string]any{"state": state, "buffer_paths": paths}, buffers
}

// calls lets one function of the user's run at a time, as everybody expects of them who comes from elsewhere.
var calls sync.Mutex

// receive takes what the page says: new values of traits, a question for all of them, or something of the widget's own.
func (m *Model) receive(message comm.Message) {
	var data struct {
		Method  string                     `json:"method"`
		State   map[string]json.RawMessage `json:"state"`
		Paths   [][]any                    `json:"buffer_paths"`
		Content json.RawMessage            `json:"content"`
	}
	if message.Decode(&data) != nil {
		return
	}
	switch data.Method {
	case "update":
		m.take(data.State, data.Paths, message.Buffers)
	case "request_state":
		m.mu.Lock()
		defer m.mu.Unlock()
		all, buffers := m.state(nil)
		all["method"] = "update"
		m.comm.Send(comm.Message{Data: all, Buffers: buffers})
	case "custom":
		m.mu.Lock()
		call := slices.Clone(m.custom)
		m.mu.Unlock()
		calls.Lock()
		defer calls.Unlock()
		for _, f := range call {
			f(data.Content, message.Buffers)
		}
	}
}

// take keeps the values that the page has set, tells other pages, and calls who waits for them.
func (m *Model) take(state map[string]json.RawMessage, paths [][]any, buffers [][]byte) {
	m.mu.Lock()
	var names []string
	for name := range state {
		names = append(names, name)
	}
	changed := map[string]bool{}
	for i, path := range paths {
		if name, ok := path[0].(string); ok && len(path) == 1 && i < len(buffers) {
			names = append(names, name)
			changed[name] = m.put(name, buffers[i])
			delete(state, name)
		}
	}
	for name, raw := range state {
		if fits := m.fits[name]; fits == nil || fits(raw) { // else the page hears what it still is
			changed[name] = m.put(name, raw)
		}
	}
	echo, sent := m.state(names)
	echo["method"] = "echo_update"
	m.comm.Send(comm.Message{Data: echo, Buffers: sent})
	var call []func()
	slices.Sort(names)
	for _, name := range names {
		if changed[name] {
			call = append(call, m.changed[name]...)
		}
	}
	m.mu.Unlock()
	calls.Lock()
	defer calls.Unlock()
	for _, f := range call {
		f()
	}
}

// onCustom says what is called when the widget sends something that is no trait.
func (m *Model) onCustom(f func(content json.RawMessage, buffers [][]byte)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.custom = append(m.custom, f)
}

// onEvent is onCustom for the events of Jupyter's own widgets.
func (m *Model) onEvent(event string, f func()) {
	m.onCustom(func(content json.RawMessage, _ [][]byte) {
		var c struct{ Event string }
		if json.Unmarshal(content, &c) == nil && c.Event == event {
			f()
		}
	})
}
