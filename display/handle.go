package display

import (
	"fmt"
	"image"
	"math/rand/v2"
)

// Handle is a place that shows one thing after the other: the first call shows something, and each later one, of whichever cell,
// replaces it where it stands. The zero Handle works.
type Handle struct {
	ID    string // names the place; chosen by the first call if empty
	shown bool
}

// Show shows values as they are shown behind a cell.
func (h *Handle) Show(values ...any) {
	if len(values) == 1 {
		if b, ok := values[0].(Bundle); ok { // shown where it was made, and here
			h.put(b)
			return
		}
	}
	h.put(OfAll(values...))
}

// HTML shows a piece of HTML.
func (h *Handle) HTML(s string) { h.put(htmlBundle(s)) }

// Markdown shows a piece of Markdown.
func (h *Handle) Markdown(s string) { h.put(markdownBundle(s)) }

// Latex shows a formula or a piece of LaTeX.
func (h *Handle) Latex(s string) { h.put(latexBundle(s)) }

// SVG shows a drawing.
func (h *Handle) SVG(s string) { h.put(svgBundle(s)) }

// PNG shows an encoded picture.
func (h *Handle) PNG(b []byte) { h.put(pictureBundle("image/png", b)) }

// JPEG shows an encoded picture.
func (h *Handle) JPEG(b []byte) { h.put(pictureBundle("image/jpeg", b)) }

// Image shows a picture. It panics if there is none to encode.
func (h *Handle) Image(m image.Image) { h.put(must(imageBundle(m))) }

// JSON shows any value that encodes as JSON, as a tree. It panics with the reason if v does not encode.
func (h *Handle) JSON(v any) { h.put(must(jsonBundle(v))) }

// VegaLite shows a chart from its specification.
func (h *Handle) VegaLite(spec any) { h.put(must(vegaBundle(spec))) }

func (h *Handle) put(b Bundle) {
	mu.Lock()
	if h.ID == "" {
		h.ID = fmt.Sprintf("cellar-%016x", rand.Uint64())
	}
	b.ID, b.Update = h.ID, h.shown
	h.shown = true
	mu.Unlock()
	emit(b)
}
