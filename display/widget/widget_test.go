package widget

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/display/comm"
)

// front is what the page sees, one line a message.
type front struct{ lines []string }

// page makes f talk to a page and returns what that was told.
func page(t *testing.T, f func(p *front)) string {
	t.Helper()
	p := &front{}
	names := map[string]string{} // ids are random
	comm.SetTransport(func(packet comm.Packet) {
		if packet.Kind == comm.KindOpen && packet.Target == "jupyter.widget" {
			names[packet.ID] = fmt.Sprintf("#%d", len(names)+1)
		}
		line := fmt.Sprintf("%s %s %s", packet.Kind, packet.ID, packet.Data)
		if len(packet.Buffers) > 0 {
			line += fmt.Sprintf(" %q", packet.Buffers)
		}
		for id, name := range names {
			line = strings.ReplaceAll(line, id, name)
		}
		p.lines = append(p.lines, line)
	})
	defer comm.SetTransport(nil)
	f(p)
	return strings.Join(p.lines, "\n") + "\n"
}

// sends has the page say something to a widget.
func (p *front) sends(w Widget, data string, buffers ...[]byte) {
	comm.Deliver(comm.Packet{Kind: comm.KindMessage, ID: w.model().ID(), Data: json.RawMessage(data), Buffers: buffers})
}

func (p *front) sets(w Widget, trait, value string) {
	p.sends(w, fmt.Sprintf(`{"method":"update","state":{%q:%s},"buffer_paths":[]}`, trait, value))
}

func (p *front) notes(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}

// What the page is told of each widget: testdata/widgets.golden.
func TestWidgets(t *testing.T) {
	got := page(t, func(p *front) {
		for _, w := range []Widget{
			Slider(0, 10, Value(3), Description("size")), Slider(0, 1.0, Value(1)), Slider(-1000, 1000.0, Step(2.5)), RangeSlider(0, 10, Value([2]int{2, 3})),
			NumberField(3), NumberField(2.5), Text(Value("a"), Layout("max-width", "10em")), TextArea(), Password(), Checkbox(Value(true)), Toggle(),
			Dropdown([]string{"a", "b"}, Value("b")), Select([]int{1, 2}), Radio([]bool{true, false}), SelectSeveral([]int{1, 2, 3}, Value([]int{1, 3})),
			Button("Run", Trait("button_style", "primary")), Label("x"), HTML("<b>"), Output(),
			HBox(Label("a"), VBox(Label("b"))), Tab([]string{"one"}, Label("a")), Accordion([]string{"one"}, Label("a")),
			Text(Description("a long description")), Any("export default {}", "", map[string]any{"n": 1, "bytes": []byte{1}}),
		} {
			p.notes("%v %v", w.Display().Data["text/plain"], w.Display().Data["application/vnd.jupyter.widget-view+json"] != nil)
		}
	})
	golden(t, "testdata/widgets.golden", got)
}

// A value that a control can't have changes nothing and calls nobody.
func TestWrongValues(t *testing.T) {
	page(t, func(p *front) {
		s, f, text := Slider(0, 10, Value(3)), NumberField(2.5), Text(Value("as it was"))
		s.OnChange(func(v int) { t.Errorf("the slider is told to be %d", v) })
		f.OnChange(func(v float64) {
			if v != 1e300 {
				t.Errorf("the field is told to be %v", v)
			}
		})
		text.OnChange(func(v string) { t.Errorf("the text is told to be %q", v) })
		for _, wrong := range []string{`"str"`, "1e300", "99", "-1", "1.5", "null", "[]"} {
			p.sets(s, "value", wrong)
		}
		for _, wrong := range []string{`"str"`, "null", "{}"} {
			p.sets(f, "value", wrong)
			p.sets(text, "value", strings.ReplaceAll(wrong, `"str"`, "7"))
		}
		p.sets(f, "value", "1e300") // it has no bounds
		if s.Value() != 3 || f.Value() != 1e300 || text.Value() != "as it was" {
			t.Errorf("they stand at %v, %v, %q", s.Value(), f.Value(), text.Value())
		}
	})
}

// What is said in both directions: testdata/talk.golden.
func TestTalk(t *testing.T) {
	got := page(t, func(p *front) {
		s := Slider(0, 10)
		s.OnChange(func(v int) { p.notes("now %d", v) })
		p.sets(s, "value", "5")
		p.sets(s, "value", "5")
		s.Set(6)
		s.Set(6)
		p.sends(s, `{"method":"request_state"}`)
		p.sends(s, `{"method":"unknown"}`)
		p.sends(s, `[]`)

		b := Button("Run")
		b.OnClick(func() { p.notes("clicked") })
		p.sends(b, `{"method":"custom","content":{"event":"click"}}`)
		p.sends(b, `{"method":"custom","content":{"event":"other"}}`)

		text := Text()
		text.OnSubmit(func(v string) { p.notes("submitted %s", v) })
		p.sets(text, "value", `"hello"`)
		p.sends(text, `{"method":"custom","content":{"event":"submit"}}`)

		d := Dropdown([]string{"a", "b"})
		d.OnChange(func(v string) { p.notes("chosen %s", v) })
		p.sets(d, "index", "1")
		d.Set("a")
		p.sets(d, "index", "null")
		p.sets(d, "index", "7")
		several := SelectSeveral([]string{"a", "b"})
		p.sets(several, "index", "[1]")
		p.notes("several %v", several.Value())

		out := Output()
		fmt.Fprint(out, "one ")
		fmt.Fprint(out, "two")
		out.Show(3)
		out.Do(func() {
			var h display.Handle
			h.HTML("first")
			display.Clear()
			display.Show("instead")
			h.HTML("second") // of a place that is gone
			h = display.Handle{}
			h.HTML("third")
			h.HTML("fourth")
		})
		out.Clear()

		n := Slider(1, 3)
		Interact(func() any {
			switch n.Value() {
			case 1:
				return nil
			case 3:
				display.HTML("shown")
				return nil
			}
			return n.Value() * 10
		}, n)
		p.sets(n, "value", "2")
		p.sets(n, "value", "3")
		p.sets(n, "value", "1")

		c := Any("", "", map[string]any{"data": []byte("a")})
		c.OnMessage(func(content json.RawMessage, buffers [][]byte) { p.notes("heard %s %q", content, buffers) })
		c.OnTrait("data", func() {
			var data []byte
			p.notes("data %v %q", c.Trait("data", &data), data)
		})
		p.sends(c, `{"method":"custom","content":1}`, []byte("x"))
		p.sends(c, `{"method":"update","state":{},"buffer_paths":[["data"]]}`, []byte("y"))
		c.SetTrait("data", []byte("z"))
		c.Send("hi", []byte("w"))
		c.Close()
		c.SetTrait("data", "after the end")
	})
	golden(t, "testdata/talk.golden", got)
}

// In a step or a program a widget is its text and its value.
func TestNobodyThere(t *testing.T) {
	s := Slider(0, 10, Value(3))
	var seen []int
	s.OnChange(func(v int) { seen = append(seen, v) })
	s.Set(4)
	if data := s.Display().Data; len(data) != 1 || data["text/plain"] != "<IntSlider value=4 min=0 max=10>" || len(seen) != 1 {
		t.Errorf("%v, seen %v", data, seen)
	}
}

// A page that is loaded anew gets all widgets that live.
func TestStates(t *testing.T) {
	models.Clear()
	s := Slider(0, 10)
	c := Any("", "", map[string]any{"data": []byte("a")})
	Label("gone").Close()
	var states struct {
		Method string
		States map[string]struct {
			Name  string `json:"model_name"`
			State map[string]any
		}
		Paths [][]string `json:"buffer_paths"`
	}
	var buffers [][]byte
	comm.SetTransport(func(p comm.Packet) { json.Unmarshal(p.Data, &states); buffers = p.Buffers })
	defer comm.SetTransport(nil)
	comm.Deliver(comm.Packet{Kind: comm.KindOpen, ID: "control", Target: "jupyter.widget.control"})
	comm.Deliver(comm.Packet{Kind: comm.KindMessage, ID: "control", Data: json.RawMessage(`{"method":"request_states"}`)})
	if states.Method != "update_states" || len(states.States) != 2 || states.States[s.ID()].Name != "IntSliderModel" || states.States[s.ID()].State["max"] != 10.0 {
		t.Errorf("%+v", states)
	}
	if len(states.Paths) != 1 || !slices.Equal(states.Paths[0], []string{c.ID(), "state", "data"}) || string(buffers[0]) != "a" {
		t.Errorf("%v %q", states.Paths, buffers)
	}
}

// Functions of two widgets do not run at the same time.
func TestOneAtATime(t *testing.T) {
	a, b := Slider(0, 1000), Slider(0, 1000)
	sum := map[int]int{}
	count := func(v int) { sum[v]++ }
	a.OnChange(count)
	b.OnChange(count)
	over := make(chan struct{})
	for _, s := range []Widget{a, b} {
		go func() {
			for i := range 1000 {
				(&front{}).sets(s, "value", fmt.Sprint(i+1))
			}
			over <- struct{}{}
		}()
	}
	<-over
	<-over
	if len(sum) != 1000 || sum[1000] != 2 {
		t.Errorf("%d values, the last one %d times", len(sum), sum[1000])
	}
}

func TestMistakes(t *testing.T) {
	for want, f := range map[string]func(){
		"cellar: widget Dropdown: the value c is none of the choices":              func() { Dropdown([]string{"a"}, Value("c")) },
		"cellar: widget IntSlider: its value is a int, not the float64 1.5":        func() { Slider(0, 3, Value(1.5)) },
		"cellar: widget Text: trait placeholder: json: unsupported type: chan int": func() { Text(Trait("placeholder", make(chan int))) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}()
			f()
		}()
	}
}
