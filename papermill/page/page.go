package page

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/page/mathml"
)

// Options say how a notebook is shown. The zero value is ready for use.
type Options struct {
	Title       string // default: the notebook's metadata.title, or its file name
	HideSources bool   // a report: what the cells gave out, without the cells' code
	Files       fs.FS  // has the pictures that Markdown names by relative paths, which are then in the page; default: they are only named
}

//go:embed style.css
var style string

// Write writes an executed notebook as one HTML file. It goes through the notebook once and holds one output at a time; the only errors
// are those of w.
func Write(w io.Writer, nb *nbformat.Notebook, o Options) error {
	p := &writer{Writer: bufio.NewWriterSize(w, 1<<16), nb: nb, options: o, ids: map[string]bool{}, language: language(nb)}
	p.head()
	p.summary()
	p.failures()
	for i, c := range nb.Cells() {
		p.cell(i, c)
	}
	p.WriteString("</main>\n</body>\n</html>\n")
	return p.Flush()
}

// writer writes one page. Its bufio.Writer keeps the first error for the end.
type writer struct {
	*bufio.Writer
	nb       *nbformat.Notebook
	options  Options
	language string // of the code cells
	math     mathml.Converter
	ids      map[string]bool // of the headings so far

	widgets map[string]*widget // once one has been asked for
	within  map[*widget]bool   // those that are being drawn, each within another
	drawn   int                // how many so far, or named where they can't be
}

// text writes a text, escaped.
func (p *writer) text(s string) { p.WriteString(escape(s)) }

// escape escapes a text for an element or an attribute. Controls, which HTML can't have, are left out.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || 0x7F <= r && r < 0xA0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return html.EscapeString(s)
}

func language(nb *nbformat.Notebook) string {
	var info struct {
		Name string `json:"name"`
	}
	if nb.Metadata().Get("language_info", &info) && info.Name != "" {
		return info.Name
	}
	return nb.Language()
}

func (p *writer) head() {
	title := p.options.Title
	if title == "" {
		p.nb.Metadata().Get("title", &title)
	}
	if title == "" {
		title = strings.TrimSuffix(path.Base(strings.ReplaceAll(p.nb.Name(), `\`, "/")), ".ipynb")
	}
	fmt.Fprintf(p, `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Cellar">
<title>%s</title>
<style>
%s</style>
</head>
<body>
<main>
`, escape(title), style)
}

// run is metadata.papermill of a notebook or a cell; see docs/formats/notebook.md.
type run struct {
	Status    string   `json:"status"`
	StartTime string   `json:"start_time"`
	Duration  *float64 `json:"duration"`
	Exception bool     `json:"exception"`
	Late      *int     `json:"late"`
}

func runOf(o nbformat.Object) (r run, ok bool) {
	raw := o.Raw("papermill")
	return r, raw != nil && json.Unmarshal(raw, &r) == nil
}

// summary is the line that says when the notebook was run.
func (p *writer) summary() {
	r, _ := runOf(p.nb.Metadata())
	start, err := time.Parse("2006-01-02T15:04:05.999999-07:00", r.StartTime)
	if err != nil {
		start, err = time.Parse("2006-01-02T15:04:05.999999", r.StartTime)
	}
	if err != nil {
		return
	}
	fmt.Fprintf(p, `<p class="run">Run on %s`, start.UTC().Format("2 January 2006 at 15:04 UTC"))
	if r.Duration != nil {
		p.text(" in " + took(*r.Duration))
	}
	if r.Exception {
		p.WriteString(", stopped by an error")
	}
	p.WriteString("</p>\n")
}

// took is a duration as a person says it.
func took(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case seconds > 1e9 || d < 0:
		return fmt.Sprintf("%g s", seconds)
	case d < time.Millisecond:
		return "less than 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", seconds)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", seconds)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}

// failures links to the cells that failed.
func (p *writer) failures() {
	open := false
	for i, c := range p.nb.Cells() {
		if !failed(c) || hidden(c, "remove_cell") {
			continue
		}
		if !open {
			p.WriteString(`<nav class="failures">` + "\n")
			open = true
		}
		fmt.Fprintf(p, `<a href="#%s">Cell %s failed`, cellID(i, c), number(i, c))
		for o := range c.EachOutput("error") {
			first, _, _ := strings.Cut(o.EValue, "\n")
			if runes := []rune(first); len(runes) > 200 {
				first = string(runes[:200]) + "…"
			}
			p.text(": " + strings.TrimSuffix(o.EName+": "+first, ": "))
			break
		}
		p.WriteString("</a>\n")
	}
	if open {
		p.WriteString("</nav>\n")
	}
}

// failed reports whether a cell failed that was not meant to.
func failed(c *nbformat.Cell) bool {
	if c.Type() != "code" || c.HasTag("raises-exception") {
		return false
	}
	if r, ok := runOf(c.Metadata()); ok && (r.Exception || r.Status == "failed") {
		return true
	}
	for range c.EachOutput("error") {
		return true
	}
	return false
}

// number is what the page calls a cell: its prompt, or its place where it has none.
func number(i int, c *nbformat.Cell) string {
	if n := c.ExecutionCount(); n > 0 {
		return fmt.Sprintf("[%d]", n)
	}
	return fmt.Sprintf("number %d", i+1)
}

func cellID(i int, c *nbformat.Cell) string {
	if id := c.ID(); id != "" {
		return "cell-" + escape(id)
	}
	return fmt.Sprintf("cell-%d", i+1)
}
