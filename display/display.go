package display

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"sync"
)

// Bundle is one thing to show in several forms: MIME type → value. Text is a string, binary is base64 in a string, JSON types hold
// any value that encodes as JSON. See "display_data" in the Jupyter messaging specification.
type Bundle struct {
	Data     map[string]any `json:"data"`
	Metadata map[string]any `json:"metadata,omitempty"`
	ID       string         `json:"id,omitempty"`     // names the display, so that Update can change it
	Update   bool           `json:"update,omitempty"` // changes the display of that ID
	Clear    bool           `json:"clear,omitempty"`  // clears the cell's output before the next one
}

// Shower is a value that knows how it is shown.
type Shower interface{ Display() Bundle }

var (
	mu   sync.Mutex
	sink = func(b Bundle) {
		if text, ok := b.Data["text/plain"].(string); ok {
			fmt.Fprintln(os.Stdout, text)
		}
	}
)

// SetSink sends what is shown from now on to f, one call at a time. The program that runs a cell calls it, not the cell.
func SetSink(f func(Bundle)) { mu.Lock(); defer mu.Unlock(); sink = f }

// Show shows a bundle.
func Show(b Bundle) { mu.Lock(); defer mu.Unlock(); sink(b) }

// HTML shows a piece of HTML.
func HTML(s string) { Show(text("text/html", s)) }

// Markdown shows a piece of Markdown.
func Markdown(s string) { Show(text("text/markdown", s)) }

// Latex shows a formula or a piece of LaTeX.
func Latex(s string) { Show(text("text/latex", s)) }

// SVG shows a drawing.
func SVG(s string) { Show(Bundle{Data: map[string]any{"image/svg+xml": s, "text/plain": "<svg>"}}) }

// PNG shows an encoded picture.
func PNG(b []byte) { Show(binary("image/png", b)) }

// JPEG shows an encoded picture.
func JPEG(b []byte) { Show(binary("image/jpeg", b)) }

// Image shows a picture, encoded as PNG.
func Image(m image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return fmt.Errorf("cellar: display image: %w", err)
	}
	PNG(b.Bytes())
	return nil
}

// JSON shows any value that encodes as JSON, as a tree.
func JSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cellar: display json: %w", err)
	}
	Show(Bundle{Data: map[string]any{"application/json": json.RawMessage(b), "text/plain": string(b)}})
	return nil
}

// Clear removes what the cell has shown, when the next output comes.
func Clear() { Show(Bundle{Clear: true}) }

func text(mime, s string) Bundle { return Bundle{Data: map[string]any{mime: s, "text/plain": s}} }

func binary(mime string, b []byte) Bundle {
	return Bundle{Data: map[string]any{mime: base64.StdEncoding.EncodeToString(b), "text/plain": fmt.Sprintf("<%s, %d bytes>", mime, len(b))}}
}
