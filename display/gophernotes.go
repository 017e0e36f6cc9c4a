package display

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"maps"
	"os"
	"strings"
	"unicode/utf8"
)

// The names that gophernotes' notebooks know, so that they run here as they are. There a function makes what the cell's end or Display
// shows; here it shows it at once, and neither repeats it.

// Data is a bundle.
type Data = Bundle

// MIMEMap is a bundle's data: MIME type → value.
type MIMEMap = map[string]any

// MIME types of the common forms.
const (
	MIMETypeHTML       = "text/html"
	MIMETypeJavaScript = "application/javascript"
	MIMETypeJPEG       = "image/jpeg"
	MIMETypeJSON       = "application/json"
	MIMETypeLatex      = "text/latex"
	MIMETypeMarkdown   = "text/markdown"
	MIMETypePNG        = "image/png"
	MIMETypePDF        = "application/pdf"
	MIMETypeSVG        = "image/svg+xml"
	MIMETypeText       = "text/plain"
)

// A value with one of these methods is shown by it; its type need not import this package.
type (
	Renderer       = interface{ Render() Data }
	SimpleRenderer = interface{ SimpleRender() MIMEMap }
	HTMLer         = interface{ HTML() string }
	JavaScripter   = interface{ JavaScript() string }
	JPEGer         = interface{ JPEG() []byte }
	JSONer         = interface{ JSON() map[string]any }
	Latexer        = interface{ Latex() string }
	Markdowner     = interface{ Markdown() string }
	PNGer          = interface{ PNG() []byte }
	PDFer          = interface{ PDF() []byte }
	SVGer          = interface{ SVG() string }
)

// rendered is what a value's methods say of it: all the forms that there are, in one bundle. It reports whether there is any such method.
func rendered(v any) (Bundle, bool) {
	var b Bundle
	forms, found := MIMEMap{}, true
	switch r := v.(type) {
	case Renderer:
		b = r.Render().again()
	case SimpleRenderer:
		b.Data = r.SimpleRender()
	default:
		found = false
	}
	if r, ok := v.(HTMLer); ok {
		forms[MIMETypeHTML] = r.HTML()
	}
	if r, ok := v.(JavaScripter); ok {
		forms[MIMETypeJavaScript] = r.JavaScript()
	}
	if r, ok := v.(JPEGer); ok {
		forms[MIMETypeJPEG] = r.JPEG()
	}
	if r, ok := v.(JSONer); ok {
		forms[MIMETypeJSON] = r.JSON()
	}
	if r, ok := v.(Latexer); ok {
		forms[MIMETypeLatex] = r.Latex()
	}
	if r, ok := v.(Markdowner); ok {
		forms[MIMETypeMarkdown] = r.Markdown()
	}
	if r, ok := v.(PNGer); ok {
		forms[MIMETypePNG] = r.PNG()
	}
	if r, ok := v.(PDFer); ok {
		forms[MIMETypePDF] = r.PDF()
	}
	if r, ok := v.(SVGer); ok {
		forms[MIMETypeSVG] = r.SVG()
	}
	maps.Copy(forms, b.Data)
	b.Data = forms
	return b, found || len(forms) > 0
}

// Display shows what was made for it; it is Show, as gophernotes calls it.
func Display(d Data) error {
	Show(d)
	return nil
}

// JavaScript has the page run a script.
func JavaScript(s string) Data {
	return emit(bundle(MIMETypeJavaScript, s, described("JavaScript", "", len(s))))
}

// Math shows a formula in a line of its own.
func Math(latex string) Data { return emit(latexBundle("$$" + strings.Trim(latex, "$") + "$$")) }

// PDF shows a document.
func PDF(b []byte) Data { return emit(bundle(MIMETypePDF, b, described("PDF", "", len(b)))) }

// MIME shows data in the forms that it has.
func MIME(data, metadata MIMEMap) Data {
	return emit(withText(Bundle{Data: data, Metadata: metadata}, data))
}

// MakeData shows data of a MIME type.
func MakeData(mimeType string, data any) Data { return emit(dataBundle(mimeType, data)) }

// MakeData3 shows data of a MIME type, with its text.
func MakeData3(mimeType, plaintext string, data any) Data {
	return emit(bundle(mimeType, data, plaintext))
}

// Any shows a text, bytes, or what can be read, under a MIME type; with "" it is found out from the bytes. A picture or a value that
// knows how it is shown is shown that way.
func Any(mimeType string, data any) Data {
	var err error
	switch v := data.(type) {
	case image.Image:
		return emit(Of(v))
	case io.Reader:
		data, err = io.ReadAll(v)
	case io.WriterTo:
		var b bytes.Buffer
		_, err = v.WriteTo(&b)
		data = b.Bytes()
	}
	if err != nil {
		panic(fmt.Errorf("cellar: display: %w", err))
	}
	switch v := data.(type) {
	case string:
		if mimeType == "" {
			mimeType = MIMETypeText
		}
	case []byte:
		if mimeType == "" {
			mimeType = sniff(v)
		}
	default:
		return emit(Of(data))
	}
	return emit(dataBundle(mimeType, data))
}

// Auto is Any without a MIME type.
func Auto(data any) Data { return Any("", data) }

// File shows a file; it panics if it can't be read.
func File(mimeType, path string) Data {
	content, err := os.ReadFile(path)
	if err != nil {
		panic(fmt.Errorf("cellar: display: %w", err))
	}
	return Any(mimeType, content)
}

// dataBundle is data of a MIME type. Texts may come as bytes.
func dataBundle(mime string, data any) Bundle {
	if b, ok := data.([]byte); ok && (strings.HasPrefix(mime, "text/") || mime == MIMETypeSVG || mime == MIMETypeJavaScript) {
		data = string(b)
	}
	switch v := data.(type) {
	case string:
		switch mime {
		case MIMETypeText:
			return plain(v)
		case MIMETypeHTML:
			return htmlBundle(v)
		case MIMETypeSVG:
			return svgBundle(v)
		}
		return bundle(mime, v, shortened(v, textLimit))
	case []byte:
		switch mime {
		case MIMETypePNG, MIMETypeJPEG:
			return pictureBundle(mime, v)
		}
		return bundle(mime, v, described(mime, "", len(v)))
	}
	return bundle(mime, data, textOf(data))
}

// sniff finds out what bytes are, of what a page can show.
func sniff(b []byte) string {
	start := strings.ToLower(string(bytes.TrimSpace(b[:min(len(b), 512)])))
	switch {
	case bytes.HasPrefix(b, []byte("\x89PNG")):
		return MIMETypePNG
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return MIMETypeJPEG
	case strings.HasPrefix(start, "gif8"):
		return "image/gif"
	case strings.HasPrefix(start, "%pdf-"):
		return MIMETypePDF
	case strings.Contains(start, "<svg"):
		return MIMETypeSVG
	case strings.HasPrefix(start, "<"):
		return MIMETypeHTML
	case utf8.Valid(b):
		return MIMETypeText
	}
	return "application/octet-stream"
}
