package page

import (
	"fmt"
	"io"
	"strings"

	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/page/highlight"
)

// errorTag is on the two cells that Papermill adds when a cell fails. The page has its own marks.
const errorTag = "papermill-error-cell-tag"

// hidden reports whether a cell has a tag that hides something, written with underscores or with hyphens.
func hidden(c *nbformat.Cell, tag string) bool {
	return c.HasTag(tag) || c.HasTag(strings.ReplaceAll(tag, "_", "-"))
}

func (p *writer) cell(i int, c *nbformat.Cell) {
	if hidden(c, "remove_cell") || c.HasTag(errorTag) {
		return
	}
	switch c.Type() {
	case "code":
		p.code(i, c)
	case "markdown":
		if hidden(c, "remove_input") {
			return
		}
		fmt.Fprintf(p, `<div class="cell markdown" id="%s">`+"\n", cellID(i, c))
		p.markdown(c.Source(), c.Attachments())
		p.WriteString("</div>\n")
	default:
		var format string
		if !c.Metadata().Get("raw_mimetype", &format) {
			c.Metadata().Get("format", &format)
		}
		fmt.Fprintf(p, `<div class="cell raw" id="%s">`+"\n", cellID(i, c))
		if format == "text/html" {
			p.html(c.Source())
		} else {
			p.WriteString("<pre>")
			p.text(c.Source())
			p.WriteString("</pre>")
		}
		p.WriteString("</div>\n")
	}
}

// shortSource is how many lines of code stay together on paper.
const shortSource = 30

func (p *writer) code(i int, c *nbformat.Cell) {
	var jupyter struct {
		SourceHidden  bool `json:"source_hidden"`
		OutputsHidden bool `json:"outputs_hidden"`
	}
	c.Metadata().Get("jupyter", &jupyter)
	hasSource := !p.options.HideSources && !hidden(c, "remove_input")
	hasOutputs := !hidden(c, "remove_output")
	fold := hidden(c, "hide_cell")

	class, state := "cell code", ""
	r, known := runOf(c.Metadata())
	switch {
	case failed(c):
		class += " failed"
		state = "failed"
		if r.Duration != nil {
			state += " after " + took(*r.Duration)
		}
	case known && r.Status == "pending" && strings.TrimSpace(c.Source()) != "":
		class += " pending"
		state = "not run"
	case r.Duration != nil:
		state = took(*r.Duration)
	}
	fmt.Fprintf(p, `<div class="%s" id="%s">`+"\n", class, cellID(i, c))
	if hasSource {
		source := strings.TrimSuffix(c.Source(), "\n")
		p.folded("source", fold || jupyter.SourceHidden || hidden(c, "hide_input"), func() {
			p.WriteString(`<div class="part">`)
			p.prompt(c.ExecutionCount())
			writeSource(p, p.cellLanguage(source), source)
			p.WriteString("</div>\n")
		})
	}
	if state != "" && (hasSource || class != "cell code") {
		fmt.Fprintf(p, `<p class="state">%s</p>`+"\n", state)
	}
	if hasOutputs {
		late := noneLate
		if r.Late != nil {
			late = *r.Late
		}
		p.folded("output", fold || jupyter.OutputsHidden || hidden(c, "hide_output"), func() { p.outputs(c.EachOutput(""), late) })
	}
	p.WriteString("</div>\n")
}

func writeSource(w io.Writer, language, source string) {
	class := "source"
	if strings.Count(source, "\n") < shortSource {
		class += " short"
	}
	fmt.Fprintf(w, `<pre class="%s"><code>`, class)
	highlight.Write(w, language, source)
	io.WriteString(w, "</code></pre>")
}

// folded writes what a reader may open on the screen; paper leaves it out.
func (p *writer) folded(what string, fold bool, write func()) {
	if !fold {
		write()
		return
	}
	fmt.Fprintf(p, `<details class="folded"><summary>%s</summary>`+"\n", what)
	write()
	p.WriteString("</details>\n")
}

func (p *writer) prompt(count int) {
	number := " "
	if count > 0 {
		number = fmt.Sprint(count)
	}
	fmt.Fprintf(p, `<div class="prompt">[%s]:</div>`, number)
}

// magics are the first lines by which a cell of IPython says that it is in another language.
var magics = map[string]string{
	"%%bash": "bash", "%%sh": "bash", "%%javascript": "javascript", "%%js": "javascript", "%%html": "xml", "%%svg": "xml", "%%latex": "", "%%markdown": "", "%%writefile": "",
	"%%ruby": "ruby", "%%perl": "perl", "%%R": "r", "%%sql": "sql", "%%cython": "python",
}

func (p *writer) cellLanguage(source string) string {
	if strings.HasPrefix(source, "%%") {
		if other, ok := magics[strings.Fields(source)[0]]; ok {
			return other
		}
	}
	return p.language
}
