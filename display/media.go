package display

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // its size is told
	"image/png"
	"strings"
)

// Each of these shows something at once and returns what it showed.

// HTML shows a piece of HTML.
func HTML(s string) Bundle { return emit(htmlBundle(s)) }

// Markdown shows a piece of Markdown.
func Markdown(s string) Bundle { return emit(markdownBundle(s)) }

// Latex shows a formula or a piece of LaTeX; without any $ or \begin it is taken for a formula.
func Latex(s string) Bundle { return emit(latexBundle(s)) }

// SVG shows a drawing.
func SVG(s string) Bundle { return emit(svgBundle(s)) }

// PNG shows an encoded picture.
func PNG(b []byte) Bundle { return emit(pictureBundle("image/png", b)) }

// JPEG shows an encoded picture.
func JPEG(b []byte) Bundle { return emit(pictureBundle("image/jpeg", b)) }

// Image shows a picture, encoded as PNG. It panics if there is none to encode.
func Image(m image.Image) Bundle { return emit(must(imageBundle(m))) }

// JSON shows any value that encodes as JSON, as a tree. It panics with the reason if v does not encode.
func JSON(v any) Bundle { return emit(must(jsonBundle(v))) }

// VegaLite shows a chart from its specification in Vega-Lite 5 (https://vega.github.io/vega-lite): JSON in a string or []byte, or any
// value that encodes as such. It panics with the reason if v is none.
func VegaLite(spec any) Bundle { return emit(must(vegaBundle(spec))) }

func must(b Bundle, err error) Bundle {
	if err != nil {
		panic(err)
	}
	return b
}

// bundle is one form of a thing, and its text.
func bundle(mime string, v any, text string) Bundle {
	return Bundle{Data: map[string]any{mime: v, "text/plain": text}}
}

func plain(s string) Bundle { return Bundle{Data: map[string]any{"text/plain": s}} }

func htmlBundle(s string) Bundle     { return bundle("text/html", s, htmlText(s)) }
func markdownBundle(s string) Bundle { return bundle("text/markdown", s, s) }

func latexBundle(s string) Bundle {
	if !strings.Contains(s, "$") && !strings.Contains(s, `\begin`) && !strings.Contains(s, `\(`) && !strings.Contains(s, `\[`) {
		s = "$" + s + "$"
	}
	return bundle("text/latex", s, s)
}

func svgBundle(s string) Bundle {
	title := between(s, "<title>", "</title>")
	return bundle("image/svg+xml", s, described("SVG", title, len(s)))
}

func pictureBundle(mime string, b []byte) Bundle {
	size := ""
	if c, _, err := image.DecodeConfig(bytes.NewReader(b)); err == nil {
		size = fmt.Sprintf("%d×%d", c.Width, c.Height)
	}
	return bundle(mime, b, described(strings.ToUpper(strings.TrimPrefix(mime, "image/")), size, len(b)))
}

// described is the text of what can't be shown as text.
func described(kind, what string, size int) string {
	if what != "" {
		kind += ", " + what
	}
	return fmt.Sprintf("<%s, %s>", kind, bytesText(size))
}

func bytesText(n int) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%.3g kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.3g MB", float64(n)/1e6)
}

// mostPixels is how large a picture may be that is sent whole.
const mostPixels = 1 << 24

func imageBundle(m image.Image) (Bundle, error) {
	if m == nil || isNil(m) {
		return Bundle{}, fmt.Errorf("cellar: display image: it is nil")
	}
	size, small := m.Bounds(), m
	if n := size.Dx() * size.Dy(); n > mostPixels {
		step := 2
		for n/(step*step) > mostPixels {
			step++
		}
		small = sampled{m, step}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, small); err != nil {
		return Bundle{}, fmt.Errorf("cellar: display image: %w", err)
	}
	return bundle("image/png", b.Bytes(), fmt.Sprintf("<%T, %d×%d>", m, size.Dx(), size.Dy())), nil
}

// sampled is every nth pixel of a picture.
type sampled struct {
	image.Image
	step int
}

func (s sampled) Bounds() image.Rectangle {
	r := s.Image.Bounds()
	return image.Rect(0, 0, r.Dx()/s.step, r.Dy()/s.step)
}

func (s sampled) At(x, y int) color.Color {
	r := s.Image.Bounds()
	return s.Image.At(r.Min.X+x*s.step, r.Min.Y+y*s.step)
}

func jsonBundle(v any) (Bundle, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return Bundle{}, fmt.Errorf("cellar: display JSON: %w", err)
	}
	var text bytes.Buffer
	if json.Indent(&text, encoded, "", "  "); len(encoded) <= lineWidth {
		text.Reset()
		text.Write(encoded)
	}
	return bundle("application/json", json.RawMessage(encoded), shortened(text.String(), textLimit)), nil
}

func vegaBundle(spec any) (Bundle, error) {
	switch s := spec.(type) {
	case string:
		spec = json.RawMessage(s)
	case []byte:
		spec = json.RawMessage(s)
	}
	encoded, err := json.Marshal(spec)
	if err != nil {
		return Bundle{}, fmt.Errorf("cellar: display Vega-Lite: %w", err)
	}
	var chart struct{ Title, Description, Mark any }
	if err := json.Unmarshal(encoded, &chart); err != nil {
		return Bundle{}, fmt.Errorf("cellar: display Vega-Lite: the specification is no JSON object: %w", err)
	}
	what := ""
	for _, v := range []any{chart.Title, chart.Description, chart.Mark} {
		if m, ok := v.(map[string]any); ok {
			v = m["text"]
			if v == nil {
				v = m["type"]
			}
		}
		if s, ok := v.(string); ok && what == "" {
			what = s
		}
	}
	return bundle("application/vnd.vegalite.v5+json", json.RawMessage(encoded), described("Vega-Lite chart", what, len(encoded))), nil
}
