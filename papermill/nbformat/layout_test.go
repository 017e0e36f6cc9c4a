package nbformat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

var styles = map[string]style{
	"house":   houseStyle,
	"ascii":   {newline: "\n", indent: " ", colon: ": ", comma: " ", ascii: true},
	"compact": {colon: ":"},
	"windows": {newline: "\r\n", indent: "  ", colon: " : "},
}

// TestLayout: an output that is laid out by itself stands in the file as one that AppendOutput adds.
func TestLayout(t *testing.T) {
	long := strings.Repeat("é\"\\\n\u2028\r\n\r\t\x01😀", 10_000)
	quoted := func(s string) json.RawMessage { b, _ := json.Marshal(s); return b }
	outputs := []Output{
		{Type: "stream", Name: "stdout"},
		{Type: "stream", Name: "stdout", Text: "a"},
		{Type: "stream", Name: "stderr", Text: "a\nb\r\n\n\rc\r"},
		{Type: "stream", Name: "stdout", Text: long},
		{Type: "display_data", Data: map[string]json.RawMessage{"text/plain": quoted(long), "image/png": quoted(long), "application/json": json.RawMessage(`{"a":[1,{},[],"é\n"],"b":null}`)}},
		{Type: "execute_result", ExecutionCount: 3, Data: map[string]json.RawMessage{"text/html": quoted(""), "text/latex": json.RawMessage(`["a","b"]`)}, Metadata: map[string]json.RawMessage{"x": json.RawMessage("1.50")}},
		{Type: "error", EName: "E", EValue: "v", Traceback: []string{"a\n", "b"}},
	}
	for name, s := range styles {
		for i, o := range outputs {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				want := layoutNotebook(s)
				if err := want.cells[0].AppendOutput(o); err != nil {
					t.Fatal(err)
				}
				for _, size := range []int{0, 1} { // values in memory, and values read when they are written
					l := Layout{style: s, depth: outputDepth}
					var text bytes.Buffer
					var err error
					if o.Type == "stream" {
						w := l.Stream(&text, o.Name)
						err = errors.Join(writePieces(w, o.Text), w.Close())
					} else {
						given := o
						if size == 1 {
							given.Data, given.Large = nil, map[string]*io.SectionReader{}
							for mime, value := range o.Data {
								given.Large[mime] = io.NewSectionReader(strings.NewReader(string(value)), 0, int64(len(value)))
							}
						}
						err = l.Output(&text, given)
					}
					if err != nil {
						t.Fatal(err)
					}
					got := layoutNotebook(s)
					got.cells[0].AppendLaid(bytes.NewReader(text.Bytes()))
					if g, w := string(got.Bytes()), string(want.Bytes()); g != w {
						t.Errorf("got\n%.2000s\nwant\n%.2000s", g, w)
					}
				}
			})
		}
	}
}

func layoutNotebook(s style) *Notebook {
	nb := New(Kernel{Name: "x"})
	nb.style = s
	nb.Insert(0, "code", "1")
	nb.root.lay(0, s)
	return nb
}

// writePieces writes a text in pieces cut anywhere, also within a character.
func writePieces(w io.Writer, text string) error {
	for len(text) > 0 {
		n := 1 + rand.IntN(min(len(text), 5000))
		if _, err := io.WriteString(w, text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

// TestLaidUnreadable: an output that can't be read any more fails the writing of the notebook, which leaves the old file.
func TestLaidUnreadable(t *testing.T) {
	nb := layoutNotebook(houseStyle)
	nb.cells[0].AppendLaid(failing{})
	path := t.TempDir() + "/x.ipynb"
	if err := nb.WriteFile(path); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Error(err)
	}
	if _, err := Read(path); err == nil {
		t.Error("a file was written")
	}
}

type failing struct{}

func (failing) WriteTo(io.Writer) (int64, error) { return 0, errors.New("gone") }

func section(s string) *io.SectionReader {
	return io.NewSectionReader(strings.NewReader(s), 0, int64(len(s)))
}

// FuzzMembers: the members found in a stream are those that encoding/json finds, and texts read in a stream are the same texts.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, `{"a": 1, "b": "x\u00e9\ud83d\ude00\ud83d", "a": [1, {"c": null}] }`, `{"a"}`, `{"a": "` + strings.Repeat(`\n\\é`, 30_000) + `"}`, "{\"a\": \"\xff\"}", `[]`, `{"a": 1} x`, `{"a": 01}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		members, err := Members(section(s))
		var want map[string]json.RawMessage
		wrong := json.Unmarshal([]byte(s), &want)
		if wrong == nil && want == nil { // null
			return
		}
		if err == nil && wrong != nil && strings.Contains(s, "N") || strings.Contains(s, "Infinity") {
			return // NaN and Infinity, which Python writes
		}
		if (err == nil) != (wrong == nil) {
			t.Fatalf("%v; encoding/json: %v", err, wrong)
		}
		for name, value := range members {
			text, err := io.ReadAll(value)
			if err != nil {
				t.Fatal(err)
			}
			var w, is any
			if json.Unmarshal(want[name], &w) != nil || json.Unmarshal(text, &is) != nil || fmt.Sprint(w) != fmt.Sprint(is) {
				t.Errorf("%q: %s, not %s", name, text, want[name])
			}
			for _, style := range styles {
				var b bytes.Buffer
				if _, err := (bundleMember{"x/y", section(string(text)), Layout{style: style, depth: outputDepth}}).WriteTo(&b); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(b.Bytes(), &is); err != nil || fmt.Sprint(w) != fmt.Sprint(is) {
					t.Errorf("%s became %s", text, b.Bytes())
				}
			}
			if s, ok := w.(string); ok {
				var got strings.Builder
				if err := CopyText(&got, section(string(text))); err != nil || toValid(got.String()) != s && !strings.Contains(s, "\uFFFD") {
					t.Errorf("%q, %v; not %q", got.String(), err, s)
				}
			}
		}
	})
}

// TestReadMetadata: of a notebook in any style the metadata is that of the whole, and what is no notebook says so.
func TestReadMetadata(t *testing.T) {
	for name, s := range styles {
		nb := layoutNotebook(s)
		nb.Metadata().Set("papermill", map[string]any{"output_path": "é.ipynb"})
		for _, before := range []string{"", "\uFEFF"} {
			nb.before = before
			path := t.TempDir() + "/a.ipynb"
			if err := nb.WriteFile(path); err != nil {
				t.Fatal(err)
			}
			got, err := ReadMetadata(path)
			if err != nil || !got.Executed() || string(got.Metadata().Raw("papermill")) != string(nb.Metadata().Raw("papermill")) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := ReadMetadata(t.TempDir() + "/none"); err == nil {
		t.Error("no error")
	}
}
