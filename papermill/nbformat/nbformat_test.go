package nbformat

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// realNotebooks are the notebooks of testdata, and the larger collection beside the repository where there is one.
func realNotebooks(t testing.TB) []string {
	var paths []string
	for _, pattern := range []string{"testdata/notebooks/*.ipynb", "../../../shared/corpus/*/*.ipynb"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		t.Fatal("no notebooks in testdata")
	}
	return paths
}

func mustRead(t testing.TB, path string) (*Notebook, []byte) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	nb, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return nb, data
}

func mustParse(t testing.TB, text string) *Notebook {
	t.Helper()
	nb, err := Parse([]byte(text), "x.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	return nb
}

func TestRoundTrip(t *testing.T) {
	for _, path := range realNotebooks(t) {
		nb, data := mustRead(t, path)
		if !bytes.Equal(nb.Bytes(), data) {
			t.Errorf("%s changed", path)
		}
	}
}

// TestUndo edits every cell and takes the edit back: the file must be what it was, so edits are written in its own style.
func TestUndo(t *testing.T) {
	for _, path := range realNotebooks(t) {
		nb, data := mustRead(t, path)
		for _, c := range nb.Cells() {
			source := c.Source()
			c.SetSource(source + "\nmore")
			c.SetSource(source)
			inserted := nb.Insert(c.Index(), "code", "x := 1")
			nb.Delete(inserted)
			tags := c.Metadata().Raw("tags")
			c.SetTags("a", "b")
			if tags == nil {
				c.Metadata().Delete("tags")
			} else if err := c.Metadata().Set("tags", tags); err != nil {
				t.Fatal(err)
			}
			if c.Type() != "code" {
				continue
			}
			count, outputs := c.ExecutionCount(), c.Outputs()
			c.SetExecutionCount(count + 1)
			c.SetExecutionCount(count)
			c.ClearOutputs()
			for _, o := range outputs {
				if err := c.AppendOutput(o); err != nil {
					t.Fatal(err)
				}
			}
		}
		diffLines(t, path, string(nb.Bytes()), string(data))
	}
}

func diffLines(t *testing.T, name, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Errorf("%s, line %d:\n got %.200q\nwant %.200q", name, i+1, g[i], w[i])
			return
		}
	}
	t.Errorf("%s: %d lines instead of %d", name, len(g), len(w))
}

// TestStyles edits notebooks that are written in different ways.
func TestStyles(t *testing.T) {
	edit := func(nb *Notebook) {
		c := nb.Cells()[0]
		c.SetSource("é = 2\n")
		c.SetTags("parameters")
		c.AppendOutput(Output{Type: "stream", Name: "stdout", Text: "a\nb"})
		nb.Metadata().Set("z", map[string]any{"k": []int{1, 2}, "e": []int{}})
	}
	for _, c := range []struct{ name, in, want string }{
		{"compact",
			`{"nbformat":4,"nbformat_minor":4,"metadata":{},"cells":[{"cell_type":"code","source":"a = 1.50","metadata":{},"outputs":[]}]}`,
			`{"nbformat":4,"nbformat_minor":4,"metadata":{"z":{"e":[],"k":[1,2]}},"cells":[{"cell_type":"code","source":"é = 2\n","metadata":{"tags":["parameters"]},"outputs":[{"name":"stdout","output_type":"stream","text":["a\n","b"]}]}]}`},
		{"one line",
			`{"cells": [{"cell_type": "code", "source": ["a\u00e9"], "metadata": {}, "outputs": []}], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}`,
			`{"cells": [{"cell_type": "code", "source": ["\u00e9 = 2\n"], "metadata": {"tags": ["parameters"]}, "outputs": [{"name": "stdout", "output_type": "stream", "text": ["a\n", "b"]}]}], "metadata": {"z": {"e": [], "k": [1, 2]}}, "nbformat": 4, "nbformat_minor": 4}`},
		{"two spaces, sorted, CRLF, big number kept",
			"{\r\n  \"cells\": [\r\n    {\r\n      \"cell_type\": \"code\",\r\n      \"metadata\": {\"x\": 1e400},\r\n      \"source\": []\r\n    }\r\n  ],\r\n  \"nbformat\": 4,\r\n  \"nbformat_minor\": 4\r\n}",
			"{\r\n  \"cells\": [\r\n    {\r\n      \"cell_type\": \"code\",\r\n      \"metadata\": {\"tags\": [\r\n          \"parameters\"\r\n        ], \"x\": 1e400},\r\n      \"outputs\": [\r\n        {\r\n          \"name\": \"stdout\",\r\n          \"output_type\": \"stream\",\r\n          \"text\": [\r\n            \"a\\n\",\r\n            \"b\"\r\n          ]\r\n        }\r\n      ],\r\n      \"source\": [\r\n        \"é = 2\\n\"\r\n      ]\r\n    }\r\n  ],\r\n  \"metadata\": {\r\n    \"z\": {\r\n      \"e\": [],\r\n      \"k\": [\r\n        1,\r\n        2\r\n      ]\r\n    }\r\n  },\r\n  \"nbformat\": 4,\r\n  \"nbformat_minor\": 4\r\n}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nb := mustParse(t, c.in)
			edit(nb)
			diffLines(t, c.name, string(nb.Bytes()), c.want)
			if !json.Valid(nb.Bytes()) {
				t.Error("not JSON any more")
			}
		})
	}
}

// TestKeptAsWritten: what Go's encoding/json would change.
func TestKeptAsWritten(t *testing.T) {
	in := "\uFEFF \n{\"nbformat\": 4 , \"nbformat_minor\":5,\t\"cells\": [ ],\"metadata\": { },\n\"n\": [1.0, 1e5, -0, NaN, -Infinity, 12345678901234567890],\"s\": \"\\ud800 \\/ \\u003c <>&\u2028\",\"s\": 2}\n\n"
	nb := mustParse(t, in)
	if got := string(nb.Bytes()); got != in {
		t.Errorf("got %q", got)
	}
	c := nb.Insert(0, "code", "a\nb")
	nb.Delete(c)
	if got := string(nb.Bytes()); got != strings.Replace(in, "[ ]", "[]", 1) {
		t.Errorf("after insert and delete: %q", got)
	}
	half := mustParse(t, `{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "raw", "source": "\ud83d\ude00 \ud800"}]}`)
	source := half.Cells()[0].Source()
	half.Cells()[0].SetSource(source + "!")
	if got := string(half.Bytes()); !strings.Contains(got, `"\ud83d\ude00 \ud800!"`) {
		t.Errorf("surrogates: %s", got)
	}
}

func TestNew(t *testing.T) {
	nb := New(Kernel{Name: "cellar", DisplayName: "Go (cellar)", Language: "go"})
	nb.Insert(0, "markdown", "# Title")
	nb.Insert(1, "code", "x := 1\nx")
	nb.Cells()[1].SetTags()
	diffLines(t, "new", string(nb.Bytes()), `{
 "cells": [
  {
   "cell_type": "markdown",
   "id": "`+nb.Cells()[0].ID()+`",
   "metadata": {},
   "source": [
    "# Title"
   ]
  },
  {
   "cell_type": "code",
   "execution_count": null,
   "id": "`+nb.Cells()[1].ID()+`",
   "metadata": {
    "tags": []
   },
   "outputs": [],
   "source": [
    "x := 1\n",
    "x"
   ]
  }
 ],
 "metadata": {
  "kernelspec": {
   "display_name": "Go (cellar)",
   "language": "go",
   "name": "cellar"
  }
 },
 "nbformat": 4,
 "nbformat_minor": 5
}
`)
	if again := mustParse(t, string(nb.Bytes())); again.Language() != "go" || again.Cell(nb.Cells()[1].ID()).Index() != 1 {
		t.Error("not read back")
	}
}

func TestEnsureIDs(t *testing.T) {
	const in = `{"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [{"cell_type": "raw", "source": "a"}, {"cell_type": "raw", "source": "a"}]}`
	nb, again := mustParse(t, in), mustParse(t, in)
	nb.EnsureIDs()
	again.EnsureIDs()
	if !bytes.Equal(nb.Bytes(), again.Bytes()) {
		t.Error("two runs give different ids")
	}
	a, b := nb.Cells()[0].ID(), nb.Cells()[1].ID()
	if a == "" || b == "" || a == b {
		t.Errorf("ids %q, %q", a, b)
	}
	if back := mustParse(t, string(nb.Bytes())); back.Cell(b).Index() != 1 {
		t.Error("not read back")
	}
}

// TestEqualCells: each further one of many equal cells costs as much as the first ones, and its id is the first that is free.
func TestEqualCells(t *testing.T) {
	insert := func(count int) *Notebook {
		nb := New(Kernel{Name: "python3"})
		for i := range count {
			nb.Insert(i, "code", "pass")
		}
		return nb
	}
	few := testing.AllocsPerRun(3, func() { insert(200) })
	if many := testing.AllocsPerRun(3, func() { insert(800) }); many > 5*few {
		t.Errorf("%v allocations for 200 cells, %v for 800", few, many)
	}
	nb := insert(20)
	free := nb.Cells()[7]
	nb.Delete(free)
	if c := nb.Insert(0, "code", "pass"); c.ID() != free.ID() {
		t.Errorf("id %s instead of %s", c.ID(), free.ID())
	}
}

func TestLines(t *testing.T) {
	var got []string
	for line := range lines("a\nb\r\nc\rd\u2028e\v\n") {
		got = append(got, line)
	}
	if want := "a\n|b\r\n|c\r|d\u2028|e\v|\n"; strings.Join(got, "|") != want {
		t.Errorf("got %q", got)
	}
}

func TestReadParts(t *testing.T) {
	nb := mustParse(t, `{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [
		{"cell_type": "markdown", "source": "", "metadata": {}, "attachments": {"a.png": {"image/png": ["AA", "=="]}}},
		{"cell_type": "code", "source": "", "metadata": {}, "outputs": [
			{"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}, {"output_type": "error", "ename": "E", "evalue": "x", "traceback": []},
			{"output_type": "display_data", "data": {"text/html": ["a\n", "b"], "text/plain": "c", "application/json": ["d", "e"]}, "metadata": {}}]}]}`)
	text, code := nb.Cells()[0], nb.Cells()[1]
	if got := string(text.Attachments()["a.png"]["image/png"]); got != `"AA=="` || code.Attachments() != nil {
		t.Errorf("attachments: %s, %v", got, code.Attachments())
	}
	for o := range code.EachOutput("") {
		if o.Type != "stream" || o.Text != "a\nb" {
			t.Errorf("first output: %+v", o)
		}
		break
	}
	for o := range code.EachOutput("error") {
		if o.EName != "E" {
			t.Errorf("not an error: %+v", o)
		}
	}
	data := code.Outputs()[2].Data
	if string(data["text/html"]) != `"a\nb"` || string(data["text/plain"]) != `"c"` || string(data["application/json"]) != `["d", "e"]` {
		t.Errorf("data: %s", data)
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range realNotebooks(f) {
		if data, err := os.ReadFile(path); err == nil && len(data) < 5000 {
			f.Add(data)
		}
	}
	f.Add([]byte(`{"nbformat":4,"nbformat_minor":5,"cells":[{"cell_type":"code","source":"\ud800\u00e9","outputs":[{"output_type":"stream","text":["a"]}]}]}`))
	for _, old := range oldNotebooks {
		f.Add([]byte(old))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		nb, err := Parse(data, "fuzz.ipynb")
		if err != nil {
			return
		}
		if nb.Upgraded() {
			data = nb.Bytes()
			if nb, err = Parse(data, "fuzz.ipynb"); err != nil {
				t.Fatalf("upgraded, it can't be read: %v", err)
			}
		}
		if !bytes.Equal(nb.Bytes(), data) {
			t.Fatal("changed")
		}
		nb.EnsureIDs()
		for _, c := range nb.Cells() {
			outputs := c.Outputs()
			c.ClearOutputs()
			for _, o := range outputs {
				if err := c.AppendOutput(o); err != nil {
					t.Fatal(err)
				}
			}
			c.SetSource(c.Source() + "\n")
			c.SetTags("x")
		}
		again, err := Parse(nb.Bytes(), "fuzz.ipynb")
		if err != nil {
			t.Fatalf("edited, it can't be read: %v", err)
		}
		for i, c := range again.Cells() {
			if c.Source() != nb.Cells()[i].Source() || !c.HasTag("x") {
				t.Fatal("an edit is lost")
			}
		}
	})
}

// FuzzFlat: a flat object is laid out as any other value is.
func FuzzFlat(f *testing.F) {
	f.Add("status", "completed", "start_time", 1.5, true)
	f.Add("a b", "é", "a", 0.0, false)
	f.Add("", "", "\"", -1e300, true)
	f.Fuzz(func(t *testing.T, a, text, b string, number float64, yes bool) {
		type flat = map[string]any
		for _, value := range []any{flat{a: text, b: number}, flat{a: yes}, flat{a: nil, b: text, "c": yes}, flat{a: flat{}}, flat{}, []string{a}, text,
			struct{ B, A string }{a, b}} {
			raw, err := textOf(value)
			if err != nil {
				return // no JSON: an infinity
			}
			for _, s := range []style{houseStyle, {colon: ":", comma: " "}, {newline: "\r\n", indent: "\t", colon: " : ", ascii: true}} {
				want, err := readNode(raw)
				if err != nil {
					t.Fatal(err)
				}
				if got := s.flat(raw, 2); got != nil && written(got) != written(want.lay(2, s)) {
					t.Errorf("%s: %s, want %s", raw, written(got), written(want))
				}
			}
		}
	})
}

func written(n *node) string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

// TestRelease: who clears the outputs of a large notebook has their memory back, and the same notebook.
func TestRelease(t *testing.T) {
	text := strings.Replace(`{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "execution_count": 1, "source": ["x\n", "y"],
  "outputs": [{"output_type": "stream", "name": "stdout", "text": "LONG"}]}], "metadata": {"k":   [1, "\u00e9"]}, "nbformat": 4, "nbformat_minor": 5}
`, "LONG", strings.Repeat("long ", 4<<20), 1)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	nb, err := Parse([]byte(text), "n.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	text = ""
	nb.Release()
	if len(nb.Cells()[0].Outputs()[0].Text) != 20<<20 {
		t.Error("what is still there is lost")
	}
	nb.Cells()[0].ClearOutputs()
	want := string(nb.Bytes())
	nb.Release()
	if got := string(nb.Bytes()); got != want || nb.Cell("a") != nb.Cells()[0] {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if now := heap(); now > before+1<<20 {
		t.Errorf("%d KB more are held", (now-before)>>10)
	}
	runtime.KeepAlive(nb)
}
