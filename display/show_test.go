package display

import (
	"encoding/json"
	"fmt"
	"image"
	"strings"
	"testing"
	"time"
)

// recorded runs f and gives all that it shows, in the forms that go to the notebook.
func recorded(t *testing.T, f func()) []Bundle {
	t.Helper()
	defer sink.Store(sink.Load())
	var all []Bundle
	SetSink(func(b Bundle) {
		encoded, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		var sent Bundle
		if err := json.Unmarshal(encoded, &sent); err != nil {
			t.Fatal(err)
		}
		all = append(all, sent)
	})
	f()
	return all
}

// Everything that can be shown, with its text: testdata/show.golden.
func TestShow(t *testing.T) {
	var b strings.Builder
	for _, c := range []struct {
		name string
		show func()
	}{
		{"HTML", func() {
			HTML("<h1>Title &amp; more</h1><p>A <b>bold</b> word.</p><ul><li>one<li>two</ul><script>x</script>")
		}},
		{"HTML table", func() { HTML("<table><tr><td>a</td><td>b</td></tr>\n<tr><td>c</td><td>d</td></tr></table>") }},
		{"HTML without words", func() { HTML("<canvas></canvas>") }},
		{"Markdown", func() { Markdown("**bold**") }},
		{"LaTeX", func() { Latex(`\alpha$x$`) }},
		{"a formula", func() { Latex(`e^{i\pi}`) }},
		{"Math", func() { Math(`$e$`) }},
		{"SVG", func() { SVG(`<svg><title>A drawing</title></svg>`) }},
		{"PNG", func() { PNG([]byte{1, 2}) }},
		{"a picture", func() { Image(image.NewGray(image.Rect(0, 0, 1, 1))) }},
		{"JSON", func() { JSON(map[string]any{"a": []int{1}}) }},
		{"long JSON", func() { JSON(map[string]string{"a": strings.Repeat("x", 60), "b": strings.Repeat("y", 60)}) }},
		{"Vega-Lite", func() { VegaLite(`{"title": "Sales", "mark": "bar"}`) }},
		{"Vega-Lite from a value", func() { VegaLite(map[string]any{"mark": map[string]any{"type": "line"}}) }},
		{"JavaScript", func() { JavaScript("1") }},
		{"PDF", func() { PDF([]byte("%PDF-1")) }},
		{"any value", func() { Show([]place{{"x", 1, nil}}) }},
		{"MIME", func() { MIME(MIMEMap{MIMETypeLatex: "$x$"}, MIMEMap{"width": 3}) }},
		{"MakeData", func() { MakeData(MIMETypeHTML, []byte("<b>x</b>")) }},
		{"MakeData3", func() { MakeData3("application/x", "text", 3) }},
		{"Auto on bytes", func() { Auto([]byte("\x89PNG\r\n")) }},
		{"Auto on a reader", func() { Auto(strings.NewReader("<svg></svg>")) }},
		{"Auto on a value", func() { Auto(celsius(3)) }},
		{"Any", func() { Any(MIMETypeMarkdown, "*x*") }},
	} {
		for _, shown := range recorded(t, c.show) {
			write(&b, c.name, shown)
		}
	}
	golden(t, "testdata/show.golden", b.String())
}

func TestWhatCantBeShown(t *testing.T) {
	for name, show := range map[string]func(){
		"cellar: display JSON: json: unsupported type: func()":                                  func() { JSON(func() {}) },
		"cellar: display Vega-Lite: json: error calling MarshalJSON for type json.RawMessage: ": func() { VegaLite("{") },
		"cellar: display Vega-Lite: the specification is no JSON object: ":                      func() { VegaLite("[]") },
		"cellar: display image: it is nil":                                                      func() { Image(nil) },
		"cellar: display: open nowhere: ":                                                       func() { File("", "nowhere") },
	} {
		func() {
			defer func() {
				if err := fmt.Sprint(recover()); !strings.HasPrefix(err, name) {
					t.Errorf("%s, not %s", err, name)
				}
			}()
			show()
		}()
	}
}

// What a cell has shown is not shown again as its value, or by the Display that gophernotes needs; a later cell may show it again.
func TestOnce(t *testing.T) {
	count := func(f func()) int { return len(recorded(t, f)) }
	last := func(values ...any) { emit(OfAll(values...)) } // what is made of a cell's last expression
	made := func() Data { return HTML("<b>") }
	for name, f := range map[string]func(){
		"HTML as the last expression":              func() { last(HTML("<b>")) },
		"Display(HTML)":                            func() { Display(HTML("<b>")) },
		"a function of the user's that returns it": func() { last(made()) },
		"a Renderer that makes it so":              func() { last(renderer{}) },
		"Data made by hand":                        func() { last(Data{Data: MIMEMap{MIMETypeText: "x"}}) },
		"Display(Data) and its nil error":          func() { Display(Data{Data: MIMEMap{MIMETypeText: "x"}}) },
	} {
		if n := count(f); n != 1 {
			t.Errorf("%s shows %d times", name, n)
		}
	}
	if n := count(func() { d := made(); NextCell(); last(d); NextCell(); last(d) }); n != 3 {
		t.Errorf("shown %d times in three cells", n)
	}
	if n := count(func() { d := made(); Display(d); Display(d) }); n != 2 {
		t.Errorf("two calls of Display show it %d times", n)
	}
}

type renderer struct{}

func (renderer) Render() Data { return Markdown("*x*") }

// A handle shows once and changes that from then on.
func TestHandle(t *testing.T) {
	var h Handle
	all := recorded(t, func() { h.HTML("1"); h.Markdown("2"); NextCell(); h.Show(3); h.Show(HTML("4")) })
	var got []string
	for _, b := range all {
		got = append(got, fmt.Sprintf("%v %v %v", b.Data["text/plain"], b.Update, b.ID == h.ID))
	}
	if want := "1 false true|2 true true|3 true true|4 false false|4 true true"; strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	named := recorded(t, func() { (&Handle{ID: "mine"}).HTML("x") })
	if named[0].ID != "mine" || named[0].Update {
		t.Errorf("%+v", named[0])
	}
}

// What a function shows can go elsewhere; what others show meanwhile does not.
func TestDivert(t *testing.T) {
	var elsewhere []string
	note := func(b Bundle) { elsewhere = append(elsewhere, b.Data["text/plain"].(string)) }
	all := recorded(t, func() {
		Divert(note, func() {
			HTML("diverted")
			other := make(chan bool)
			go func() { HTML("of another goroutine"); close(other) }()
			<-other
			Divert(func(b Bundle) {}, func() { HTML("twice") })
			HTML("diverted again")
		})
		HTML("after")
	})
	if got := strings.Join(elsewhere, "|"); got != "diverted|diverted again" || len(all) != 2 {
		t.Errorf("%s, %v", got, all)
	}
	func() {
		defer func() { recover() }()
		Divert(note, func() { panic("x") })
	}()
	if len(recorded(t, func() { HTML("after a panic") })) != 1 {
		t.Error("a panic left it diverted")
	}
}

func TestClear(t *testing.T) {
	all := recorded(t, func() { Clear(); ClearNow() })
	if len(all) != 2 || !all[0].Clear || all[0].Now || !all[1].Clear || !all[1].Now {
		t.Errorf("%+v", all)
	}
}

// A bar is drawn at its start and its end, and now and then between them.
func TestProgress(t *testing.T) {
	sum := 0
	all := recorded(t, func() {
		for i, item := range Track(make([]int, 100_000), "adding") {
			sum += i - item
		}
	})
	last := all[len(all)-1]
	if sum != 4999950000 || len(all) > 1000 || all[0].Update || !last.Update || last.ID != all[0].ID {
		t.Errorf("sum %d, %d bundles", sum, len(all))
	}
	if text := last.Data["text/plain"].(string); !strings.HasPrefix(text, "adding |██████████████████████████████| 100000/100000 [0") {
		t.Error(text)
	}
	if page := last.Data["text/html"].(string); !strings.Contains(page, `value="100000" max="100000"`) {
		t.Error(page)
	}
	all = recorded(t, func() {
		for i := range TrackN(10) {
			if i == 3 {
				break
			}
		}
	})
	if text := all[len(all)-1].Data["text/plain"].(string); !strings.HasPrefix(text, "|█████████·····················| 3/10 [") {
		t.Errorf("a loop that is left: %s", text)
	}
	all = recorded(t, func() {
		b := Progress(0)
		b.start = b.start.Add(-2 * time.Hour)
		b.Set(7)
		b.Done()
	})
	if text := all[len(all)-1].Data["text/plain"].(string); text != "7 [2:00:00]" {
		t.Error(text)
	}
}

// A cell that is halted while it shows something keeps nobody else from showing, and the next cell can begin.
func TestHaltedWhileShowing(t *testing.T) {
	defer sink.Store(sink.Load())
	halted, over := make(chan struct{}), make(chan struct{})
	defer close(over)
	SetSink(func(Bundle) {
		close(halted)
		<-over
	})
	go HTML("<b>first</b>")
	<-halted
	shown := ""
	SetSink(func(b Bundle) { shown += b.Data["text/html"].(string) })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		NextCell()
		HTML("<b>second</b>")
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for the cell before it")
	}
	if shown != "<b>second</b>" {
		t.Error(shown)
	}
}
