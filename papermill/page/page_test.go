package page

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func show(t testing.TB, nb *nbformat.Notebook, o Options) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, nb, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func parse(t testing.TB, notebook string) *nbformat.Notebook {
	t.Helper()
	nb, err := nbformat.Parse([]byte(notebook), "dir/x.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	return nb
}

// TestGolden shows the notebooks of testdata. The pages there lack the style, which is in style.css.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.ipynb")
	if err != nil || len(paths) == 0 {
		t.Fatal("no notebooks in testdata", err)
	}
	for _, path := range paths {
		nb, err := nbformat.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Replace(show(t, nb, Options{}), style, "", 1)
		balanced(t, path, got)
		golden := strings.TrimSuffix(path, ".ipynb") + ".html"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Fatalf("%s, line %d:\n got %s\nwant %s", golden, i+1, g[i], w[i])
			}
		}
		if len(g) != len(w) {
			t.Errorf("%s: %d lines instead of %d", golden, len(g), len(w))
		}
	}
}

// balanced parses a page as a browser does: nothing that a cell holds may swallow the end of the page or reach out of its cell.
func balanced(t testing.TB, name, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var mains, inner int
	var last *html.Node
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch {
		case n.Data == "main":
			mains++
			last = n
		case n.Data == "div" && strings.HasPrefix(class(n), "cell ") && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "id" }):
			if n.Parent.Data != "main" {
				inner++
			}
		}
	}
	if mains != 1 || inner != 0 {
		t.Errorf("%s: %d main elements, %d cells not in them", name, mains, inner)
	}
	if last != nil && last.NextSibling != nil && strings.TrimSpace(last.NextSibling.Data) != "" {
		t.Errorf("%s: %q comes after the page's end", name, last.NextSibling.Data)
	}
}

func class(n *html.Node) string {
	for _, a := range n.Attr {
		if a.Key == "class" {
			return a.Val
		}
	}
	return ""
}

func TestOptions(t *testing.T) {
	nb := parse(t, `{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [
		{"cell_type": "code", "source": "secret = 1", "metadata": {}, "outputs": [{"output_type": "stream", "name": "stdout", "text": "shown"}]},
		{"cell_type": "markdown", "source": "![a](a%20b.png) ![b](../b.png) ![c](http://x/c.png) ![d](d.svg) ![none](none.png)", "metadata": {}}]}`)
	files := fstest.MapFS{"a b.png": {Data: []byte("png")}, "d.svg": {Data: []byte("<svg/>")}, "b.png": {Data: []byte("other")}}
	plain := show(t, nb, Options{})
	for _, want := range []string{"<title>x</title>", "secret = 1", "shown", `src="a%20b.png"`} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %s", want)
		}
	}
	got := show(t, nb, Options{Title: "<T>", HideSources: true, Files: files})
	for _, want := range []string{"<title>&lt;T&gt;</title>", "shown", `src="data:image/png;base64,cG5n"`, `src="../b.png"`, `src="http://x/c.png"`, `src="data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="`, `src="none.png"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(got, "secret") {
		t.Error("the source is there")
	}
}

// TestWidgetsRunNothing: whatever stands in a widget's state, its drawing is text, forms and colours.
func TestWidgetsRunNothing(t *testing.T) {
	nb, err := nbformat.Read("testdata/widgets.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(show(t, nb, Options{Files: fstest.MapFS{"x": {Data: []byte("a file beside it")}}})))
	if err != nil {
		t.Fatal(err)
	}
	drawn := 0
	for n := range root.Descendants() {
		if n.Data == "script" {
			t.Error("a script")
		}
		if strings.HasPrefix(class(n), "widget") {
			drawn++
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "javascript:") || a.Key == "style" && strings.Contains(a.Val, "url") || strings.Contains(a.Val, "YSBmaWxl") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
	if drawn < 50 {
		t.Errorf("%d elements of widgets", drawn)
	}
	// Each level names the next one twice: 2^40 widgets.
	states := map[string]any{}
	for i := range 40 {
		next := fmt.Sprint("IPY_MODEL_", i+1)
		states[fmt.Sprint(i)] = map[string]any{"model_name": "VBoxModel", "model_module": "@jupyter-widgets/controls", "state": map[string]any{"children": []string{next, next}}}
	}
	nb = parse(t, `{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": "", "metadata": {}, "outputs": [
		{"output_type": "display_data", "metadata": {}, "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "0"}}}]}]}`)
	if err := nb.Metadata().Set("widgets", map[string]any{"application/vnd.jupyter.widget-state+json": map[string]any{"state": states}}); err != nil {
		t.Fatal(err)
	}
	if page := show(t, nb, Options{}); !strings.Contains(page, "More widgets") || len(page) > 5_000_000 {
		t.Errorf("a page of %d bytes", len(page))
	}
	// A box has many times another, which has many that are not there; and one has the states of no widget beside it.
	nb = parse(t, `{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": "", "metadata": {}, "outputs": [
		{"output_type": "display_data", "metadata": {}, "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "outer"}}}]}]}`)
	box := func(child string) map[string]any {
		return map[string]any{"model_name": "VBoxModel", "model_module": "@jupyter-widgets/controls", "state": map[string]any{"children": slices.Repeat([]string{"IPY_MODEL_" + child}, 2000)}}
	}
	states = map[string]any{"outer": box("inner"), "inner": box("missing"), "odd": map[string]any{"model_name": 5}, "none": "x"}
	if err := nb.Metadata().Set("widgets", map[string]any{"application/vnd.jupyter.widget-state+json": map[string]any{"state": states}, "other": 5}); err != nil {
		t.Fatal(err)
	}
	if page := show(t, nb, Options{}); strings.Count(page, "More widgets") != 1 || strings.Count(page, "whose state is not in the notebook") < 9000 || len(page) > 5_000_000 {
		t.Errorf("a page of %d bytes", len(page))
	}
}

// TestMarkdownScripts: as in Jupyter, the HTML of Markdown cells runs nothing; that of outputs is as the cell gave it.
func TestMarkdownScripts(t *testing.T) {
	for in, want := range map[string]string{
		`<b onclick="bad()" title="a&amp;b">x</b>`:            `<b title="a&amp;b">x</b>`,
		`<b TITLE='a'>x</b>`:                                  `<b TITLE='a'>x</b>`,
		`[x](javascript:bad())`:                               `<a>x</a>`,
		"<a href=' java\tscript:bad()'>x</a>":                 `<a>x</a>`,
		`<iframe srcdoc="<script>bad()</script>"></iframe>`:   `<iframe></iframe>`,
		`a <script>bad()</script> b <SCRIPT SRC=x></SCRIPT>c`: `a  b c`,

		"<a href='" + strings.Repeat(" ", 200) + "javascript:bad()'>x</a>":                   `<a>x</a>`,
		`<iframe src="data:image/svg+xml,<svg onload=bad()>"></iframe>`:                      `<iframe></iframe>`,
		`<a href="data:application/xhtml+xml;x,bad()">x</a>`:                                 `<a>x</a>`,
		`<a download="x" href="data:text/csv;base64,YQ==">x</a> <i title="Data: HTML">y</i>`: `<a download="x" href="data:text/csv;base64,YQ==">x</a> <i title="Data: HTML">y</i>`,
		`<img src="data:image/svg+xml;base64,PHN2Zy8+">`:                                     `<img src="data:image/svg+xml;base64,PHN2Zy8+">`,
		`a<meta http-equiv="refresh" content="0;url=bad()"><base href="bad()">b`:             `ab`,
		`a<link rel="import" href="bad()"><embed src="bad()">b`:                              `ab`,
		`a<object data="bad()">instead</object>b`:                                            `ainsteadb`,
		`<svg><a><set attributeName="href" to=" java&#10;script:bad()"/></a></svg>`:          `<svg><a><set attributename="href"/></a></svg>`,
		`<svg><animate values="x;javascript:bad()" dur="1s"/></svg>`:                         `<svg><animate dur="1s"/></svg>`,
	} {
		nb := nbformat.New(nbformat.Kernel{})
		nb.Insert(0, "markdown", in)
		if got := show(t, nb, Options{}); !strings.Contains(got, want) || strings.Contains(got, "bad()") {
			t.Errorf("%s became %s", in, got[strings.Index(got, "<main>"):])
		}
	}
	nb := nbformat.New(nbformat.Kernel{})
	kept := `<b onclick="good()">x</b><script>good()</script>`
	quoted, _ := json.Marshal(kept)
	if err := nb.Insert(0, "code", "").AppendOutput(nbformat.Output{Type: "display_data", Data: map[string]json.RawMessage{"text/html": quoted}}); err != nil {
		t.Fatal(err)
	}
	if got := show(t, nb, Options{}); !strings.Contains(got, kept) {
		t.Error("an output's HTML has changed")
	}
}

func TestTook(t *testing.T) {
	for seconds, want := range map[float64]string{0: "less than 1 ms", 0.0123: "12 ms", 1.5: "1.50 s", 12.34: "12.3 s", 75: "1 min 15 s", 7320: "2 h 2 min", 1e30: "1e+30 s", -1: "-1 s"} {
		if got := took(seconds); got != want {
			t.Errorf("%g: %s instead of %s", seconds, got, want)
		}
	}
}

func TestCutFormulas(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"$a$ and $$b$$", []string{"a", "b"}},
		{"$5 and $6", nil},
		{`\$a$ b$`, []string{" b"}},
		{"`$a$` ``$b`$`` $c$", []string{"c"}},
		{"```\n$a$\n```\n$b$", []string{"b"}},
		{"~~~\n$a$\n", nil},
		{"> ```\n> $a$\n> ```\n$b$", []string{"b"}},
		{"$a\n\nb$", nil},
		{"$a `code$` b", nil},
		{`\\(a\\) \\[b\\] \(c\)`, []string{"a", "b"}},
		{`\begin{align} \begin{align} a \end{align} \end{align} b`, []string{`\begin{align} \begin{align} a \end{align} \end{align}`}},
		{`\begin{align} a`, nil},
		{"$$ $$ $", nil},
		{`$a\$b$`, []string{`a\$b`}},
	} {
		_, formulas := cutFormulas(c.in)
		var got []string
		for _, f := range formulas {
			got = append(got, f.latex)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q instead of %q", c.in, got, c.want)
		}
		if plain, formulas := cutFormulas(c.in); restore(plain, formulas) != c.in {
			t.Errorf("%q came back as %q", c.in, restore(plain, formulas))
		}
	}
}

func TestWriteError(t *testing.T) {
	full := errors.New("full")
	nb := nbformat.New(nbformat.Kernel{})
	if err := Write(failing{full}, nb, Options{}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestMemory: of a large output there is one copy at a time, beside the notebook.
func TestMemory(t *testing.T) {
	const size = 50 << 20
	line := strings.Repeat("x", 99)
	for name, output := range map[string]string{
		"stream":  `{"output_type": "stream", "name": "stdout", "text": "` + strings.Repeat(line+`\n`, size/100) + `"}`,
		"picture": `{"output_type": "display_data", "metadata": {}, "data": {"image/png": "` + strings.Repeat("AAAA", size/4) + `"}}`,
		"HTML":    `{"output_type": "display_data", "metadata": {}, "data": {"text/html": "` + strings.Repeat("<p>"+line+`</p>\n`, size/107) + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			nb := parse(t, `{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": "", "metadata": {}, "outputs": [`+output+`]}]}`)
			runtime.GC()
			var before, peak runtime.MemStats
			runtime.ReadMemStats(&before)
			count := &counter{every: func() {
				var now runtime.MemStats
				runtime.GC()
				if runtime.ReadMemStats(&now); now.HeapAlloc > peak.HeapAlloc {
					peak = now
				}
			}}
			if err := Write(count, nb, Options{}); err != nil {
				t.Fatal(err)
			}
			if count.n < size {
				t.Errorf("%d bytes came out", count.n)
			}
			more := (float64(peak.HeapAlloc) - float64(before.HeapAlloc)) / size
			t.Logf("the page took %.1f times the output in memory", more)
			if more > 2.5 {
				t.Errorf("%.1f times the output in memory", more)
			}
			runtime.KeepAlive(nb)
		})
	}
}

// counter counts what is written, and looks around now and then.
type counter struct {
	n, seen int
	every   func()
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += len(b)
	if c.n-c.seen > 1<<23 {
		c.seen = c.n
		c.every()
	}
	return len(b), nil
}

// FuzzWrite gives one text to every place of a notebook: the page must stay whole, and the text where it is text must be escaped.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{"</pre></main><script>alert(1)</script>", "<!--", "<b><i></b>", "$x_<1$ **a** `b`", "\x1b[31m<x>\r\n", "| a |\n|--|\n|b|", "<svg><style>/*</svg>",
		"```python\n$a$\n```", "\uE0000\uE001 $a$", "# <h> $x$ `c`", "<textarea><plaintext>", "<table><tr><td>", "[a](javascript:x)", "<a href='x\"", "![x](attachment:$a$)", "<select><option>", "<template><p>", "<math><mi>", "</p></li></td>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		nb := nbformat.New(nbformat.Kernel{Language: "python"})
		nb.Metadata().Set("title", s)
		nb.Insert(0, "raw", s)
		c := nb.Insert(1, "code", s)
		quoted, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []nbformat.Output{{Type: "stream", Name: s, Text: s}, {Type: "error", EName: s, EValue: s, Traceback: []string{s}}} {
			if err := c.AppendOutput(o); err != nil {
				t.Fatal(err)
			}
		}
		for _, mime := range append(slices.Clone(richest), "application/x-own", s) {
			if mime == "text/html" || mime == "text/markdown" || mime == "application/json" {
				continue
			}
			if err := c.AppendOutput(nbformat.Output{Type: "display_data", Data: map[string]json.RawMessage{mime: quoted}}); err != nil {
				t.Fatal(err)
			}
		}
		text := show(t, nb, Options{})
		// The page without this text has the same elements: none is of the text's making, but for spans of colours and formulas.
		root, err := html.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type == html.CommentNode {
				t.Fatalf("a comment %q from %q", n.Data, s)
			}
			if n.Type == html.ElementNode && n.Namespace == "" && !slices.Contains(strings.Fields("html head meta title style body main nav a div pre code span p img details summary"), n.Data) {
				t.Fatalf("an element %s from %q", n.Data, s)
			}
		}
		balanced(t, s, text)

		nb.Insert(0, "markdown", s)
		for _, mime := range []string{"text/html", "text/markdown"} {
			if err := c.AppendOutput(nbformat.Output{Type: "display_data", Data: map[string]json.RawMessage{mime: quoted}}); err != nil {
				t.Fatal(err)
			}
		}
		nb.Insert(3, "code", "last")
		if all := show(t, nb, Options{}); !strings.HasSuffix(all, "</main>\n</body>\n</html>\n") {
			t.Fatal("the page does not end")
		}
	})
}
