package page

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/page/terminal"
)

// longOutput is how many lines of text an output shows before it scrolls on the screen. On paper it is shown whole.
const longOutput = 60

const noneLate = -1

// outputs shows outputs; the one numbered late, and those after it, came when their cell had ended.
func (p *writer) outputs(all iter.Seq[nbformat.Output], late int) {
	var name string // of a stream that may go on in the next output
	var pieces []string
	flush := func() {
		if len(pieces) > 0 {
			p.stream(name, strings.Join(pieces, ""))
			pieces = nil
		}
	}
	at := 0
	for o := range all {
		if o.Type != "stream" || o.Name != name || at == late {
			flush()
		}
		if at == late {
			p.WriteString(`<p class="late">after the cell had ended:</p>` + "\n")
		}
		at++
		switch o.Type {
		case "stream":
			name = o.Name
			pieces = append(pieces, o.Text)
		case "error":
			p.failure(o)
		default:
			p.bundle(o)
		}
	}
	flush()
}

// lines opens a block of text, writes it and closes it.
func (p *writer) lines(class, text string) {
	text = strings.TrimSuffix(text, "\n")
	attributes := ""
	if strings.Count(text, "\n") >= longOutput {
		class += " long"
		attributes = ` tabindex="0"`
	}
	fmt.Fprintf(p, `<pre class="terminal %s"%s>`, class, attributes)
	if strings.HasPrefix(text, "\n") {
		p.WriteByte('\n') // HTML drops a pre's first newline
	}
	terminal.Write(p, text)
	p.WriteString("</pre>")
}

func (p *writer) stream(name, text string) {
	class := "stdout"
	if name == "stderr" {
		class = "stderr"
	}
	p.WriteString(`<div class="part">`)
	p.lines(class, text)
	p.WriteString("</div>\n")
}

func (p *writer) failure(o nbformat.Output) {
	text := strings.Join(o.Traceback, "\n")
	if strings.TrimSpace(text) == "" {
		text = strings.TrimSuffix(o.EName+": "+o.EValue, ": ")
	}
	p.WriteString(`<div class="part">`)
	p.lines("error", text)
	p.WriteString("</div>\n")
}

// richest are the MIME types that a page can show, the best first. The order is nbconvert's, as far as that has one; what needs a script to
// be seen comes after all that doesn't.
var richest = []string{
	"text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
	"application/json", "application/javascript", "text/plain",
}

// live are the MIME types that only a script can show, by the start of their names.
var live = map[string]string{
	"application/vnd.jupyter.widget-view": "Jupyter widget", "application/vnd.plotly.": "Plotly figure", "application/vnd.vegalite.": "Vega-Lite chart",
	"application/vnd.vega.": "Vega chart", "application/vnd.bokehjs_": "Bokeh plot", "application/vnd.holoviews_": "HoloViews plot", "application/geo+json": "GeoJSON map",
	"application/vnd.dataresource+json": "data table", "application/javascript": "JavaScript program",
}

func liveName(bundle map[string]json.RawMessage) string {
	for _, mime := range slices.Sorted(maps.Keys(bundle)) {
		for prefix, name := range live {
			if strings.HasPrefix(mime, prefix) {
				return name
			}
		}
	}
	return ""
}

// bundle shows an output in the richest of its forms.
func (p *writer) bundle(o nbformat.Output) {
	seen := p.viewed(o)
	if drawerOf(seen) != nil && p.hidden(seen) {
		return
	}
	p.WriteString(`<div class="part">`)
	if o.Type == "execute_result" {
		p.prompt(o.ExecutionCount)
	}
	defer p.WriteString("</div>\n")
	name := liveName(o.Data)
	switch {
	case drawerOf(seen) != nil:
		p.WriteString(`<div class="widget">`)
		p.draw(seen)
		p.WriteString("</div>")
		return
	case seen != nil:
		name = seen.title()
	}
	for _, mime := range richest {
		raw, ok := o.Data[mime]
		if !ok || !usable(mime, raw) {
			continue
		}
		switch {
		case name == "", strings.HasPrefix(mime, "text/") && mime != "text/plain", mime == "image/svg+xml":
		case mime == "application/javascript":
			p.note("A " + name + ", which a page does not run.")
		case mime == "text/plain":
			p.note("A " + name + ", which only a live notebook can show. Its description:")
		default:
			p.note("A " + name + ", shown as a picture.")
		}
		p.show(mime, raw, o)
		return
	}
	p.unknown(o.Data, name)
}

func (p *writer) note(text string) { fmt.Fprintf(p, `<p class="note">%s</p>`, escape(text)) }

// unknown shows what has no form that a page can show: its JSON or text, or at least its name.
func (p *writer) unknown(bundle map[string]json.RawMessage, name string) {
	for _, mime := range slices.Sorted(maps.Keys(bundle)) {
		raw := bundle[mime]
		isText := bytes.HasPrefix(raw, []byte{'"'})
		switch {
		case isText && !strings.HasPrefix(mime, "text/"):
			p.note(fmt.Sprintf("An output of type %s, %d bytes, which a page can't show.", mime, len(raw)-2))
			continue
		case name != "":
			p.note("A " + name + ", which only a live notebook can show. Its data (" + mime + "):")
		default:
			p.note("An output of type " + mime + ":")
		}
		if isText {
			p.lines("plain", textOf(raw))
		} else {
			p.json(raw)
		}
	}
	if len(bundle) == 0 {
		p.note("An output without content.")
	}
}

// usable reports whether an output's form has content of its kind.
func usable(mime string, raw json.RawMessage) bool {
	switch {
	case mime == "application/json":
		return len(raw) > 0
	case len(raw) < 3 || raw[0] != '"':
		return false
	case strings.HasPrefix(mime, "image/") && mime != "image/svg+xml":
		_, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, base64Of(raw)))
		return err == nil
	}
	return true
}

// textOf is a text of a bundle.
func textOf(raw json.RawMessage) string {
	var s string
	json.Unmarshal(raw, &s)
	return s
}

// base64Of reads a JSON string of base64 without making a copy. A line break is escaped in it.
func base64Of(raw json.RawMessage) io.Reader { return &base64Reader{rest: raw[1 : len(raw)-1]} }

type base64Reader struct{ rest []byte }

func (r *base64Reader) Read(b []byte) (n int, err error) {
	for n < len(b) && len(r.rest) > 0 {
		if r.rest[0] == '\\' && len(r.rest) > 1 && strings.IndexByte("nrt", r.rest[1]) >= 0 {
			r.rest = r.rest[2:]
			continue
		}
		piece := r.rest[:min(len(r.rest), len(b)-n)]
		if end := bytes.IndexByte(piece[1:], '\\'); end >= 0 {
			piece = piece[:end+1]
		}
		n += copy(b[n:], piece)
		r.rest = r.rest[len(piece):]
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (p *writer) show(mime string, raw json.RawMessage, o nbformat.Output) {
	switch mime {
	case "text/html":
		p.WriteString(`<div class="rich">`)
		p.html(textOf(raw))
		p.WriteString("</div>")
	case "text/markdown":
		p.WriteString(`<div class="rich markdown">` + "\n")
		p.markdown(textOf(raw), nil)
		p.WriteString("</div>")
	case "text/latex":
		p.WriteString(`<div class="rich latex">`)
		p.latex(textOf(raw))
		p.WriteString("</div>")
	case "application/json":
		p.json(raw)
	case "application/javascript":
		p.lines("plain", textOf(raw))
	case "text/plain":
		p.lines("plain", textOf(raw))
	default:
		p.image(mime, raw, o)
	}
}

// image writes a picture. SVG is a picture, too, and not part of the page: its names and styles would be those of all other pictures.
func (p *writer) image(mime string, raw json.RawMessage, o nbformat.Output) {
	var layout struct {
		Width           json.Number `json:"width"`
		Height          json.Number `json:"height"`
		Alt             string      `json:"alt"`
		NeedsBackground string      `json:"needs_background"`
	}
	json.Unmarshal(o.Metadata[mime], &layout)
	if layout.Alt == "" {
		layout.Alt, _, _ = strings.Cut(textOf(o.Data["text/plain"]), "\n")
	}
	p.WriteString(`<img class="picture`)
	if layout.NeedsBackground == "dark" {
		p.WriteString(" on-dark")
	}
	fmt.Fprintf(p, `" alt="%s"`, escape(layout.Alt))
	for _, size := range []struct {
		name  string
		value json.Number
	}{{"width", layout.Width}, {"height", layout.Height}} {
		if n, err := size.value.Float64(); err == nil && n > 0 && n < 1e5 {
			fmt.Fprintf(p, ` %s="%.0f"`, size.name, n)
		}
	}
	p.WriteString(` src="`)
	p.data(mime, raw)
	p.WriteString(`">`)
}

// data writes a picture of a bundle as an address.
func (p *writer) data(mime string, raw json.RawMessage) {
	p.WriteString("data:" + mime + ";base64,")
	if mime != "image/svg+xml" {
		io.Copy(p, base64Of(raw))
		return
	}
	encoder := base64.NewEncoder(base64.StdEncoding, p)
	io.WriteString(encoder, withNamespace(textOf(raw)))
	encoder.Close()
}

// withNamespace completes a picture that was written to stand in HTML: in a file of its own SVG has to say what it is.
func withNamespace(svg string) string {
	if at := strings.Index(svg, "<svg"); at >= 0 && !strings.Contains(svg, "xmlns=") {
		at += len("<svg")
		return svg[:at] + ` xmlns="http://www.w3.org/2000/svg"` + svg[at:]
	}
	return svg
}

func (p *writer) json(raw json.RawMessage) {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil { // NaN, which Python writes
		b.Reset()
		b.Write(raw)
	}
	class := ""
	if bytes.Count(b.Bytes(), []byte("\n")) >= longOutput {
		class = " long"
	}
	fmt.Fprintf(p, `<details class="json" open><summary>JSON</summary><pre class="plain%s">%s</pre></details>`, class, html.EscapeString(b.String()))
}
