package display

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"io"
	"maps"
	"reflect"
	"strings"
)

// Of is how a value is shown: as it says itself, by one of the methods of the interfaces here; as a picture, a plot, a table or an error
// with what it wraps; and always as text, much as fmt prints it.
func Of(v any) Bundle {
	if b, ok := v.(Bundle); ok {
		return b.again()
	}
	if isNil(v) {
		return plain("<nil>")
	}
	if b, ok := own(v); ok {
		return b
	}
	switch v := v.(type) {
	case error:
		return errorBundle(v)
	case image.Image:
		if b, err := imageBundle(v); err == nil {
			return b
		}
	}
	if b, ok := plotBundle(v); ok {
		return b
	}
	t, ok := tableOf(v)
	if !ok {
		return plain(textOf(v))
	}
	text := ""
	if !t.always {
		text = textOf(v)
	}
	if t.always || len(text) > lineWidth || strings.Contains(text, "\n") {
		text = t.text()
	}
	b := plain(text)
	b.Data["text/html"] = t.html()
	return b
}

// OfAll is how several values are shown: one behind the other, or below each other where one has lines. Where one is more than text, all are
// put into a page.
func OfAll(values ...any) Bundle {
	var all []Bundle
	for _, v := range values {
		if b := Of(v); len(b.Data) > 0 { // else the cell has shown it
			all = append(all, b)
		}
	}
	switch len(all) {
	case 0:
		return Bundle{}
	case 1:
		return all[0]
	}
	texts, page, between, rich := make([]string, len(all)), strings.Builder{}, " ", false
	for i, b := range all {
		texts[i], _ = b.Data["text/plain"].(string)
		if strings.Contains(texts[i], "\n") {
			between = "\n"
		}
		part, is := htmlOf(b)
		rich = rich || is
		page.WriteString(part)
	}
	b := plain(strings.Join(texts, between))
	if rich {
		b.Data["text/html"] = page.String()
	}
	return b
}

// htmlOf is a bundle as a part of a page, and whether that is more than its text.
func htmlOf(b Bundle) (part string, rich bool) {
	for _, mime := range []string{"text/html", "image/svg+xml"} {
		if s, ok := b.Data[mime].(string); ok {
			return "<div>" + s + "</div>", true
		}
	}
	for _, mime := range []string{"image/png", "image/jpeg"} {
		if picture, ok := b.Data[mime].([]byte); ok {
			return fmt.Sprintf(`<div><img src="data:%s;base64,%s"></div>`, mime, base64.StdEncoding.EncodeToString(picture)), true
		}
	}
	text, _ := b.Data["text/plain"].(string)
	return "<pre>" + html.EscapeString(text) + "</pre>", false
}

// MIMEBundler is a value that knows how it is shown, of a type that need not import this package: MIME type → value.
type MIMEBundler interface{ MIMEBundle() map[string]any }

// own is what a value says of itself, with a text if it has none.
func own(v any) (Bundle, bool) {
	var b Bundle
	switch s := v.(type) {
	case Shower:
		b = s.Display().again()
	case MIMEBundler:
		b = Bundle{Data: s.MIMEBundle()}
	default:
		var found bool
		if b, found = rendered(v); !found {
			return b, false
		}
	}
	return withText(b, v), true
}

// withText gives a bundle without text the text of another form, or that of the value.
func withText(b Bundle, v any) Bundle {
	if _, ok := b.Data["text/plain"]; ok || len(b.Data) == 0 {
		return b
	}
	b.Data = maps.Clone(b.Data)
	for _, mime := range []string{"text/html", "text/markdown", "text/latex"} {
		if s, ok := b.Data[mime].(string); ok {
			if mime == "text/html" {
				s = htmlText(s)
			}
			b.Data["text/plain"] = s
			return b
		}
	}
	b.Data["text/plain"] = textOf(v)
	return b
}

// textOf is the plain form of a value.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return shortened(v, textLimit)
	case []byte:
		if p := (printer{limit: textLimit}); p.bytes(reflect.ValueOf(v)) {
			return string(p.text)
		}
		if len(v) > 200 {
			return fmt.Sprintf("%v… (%s in all)", v[:200], bytesText(len(v)))
		}
	}
	return valueText(reflect.ValueOf(v), textLimit)
}

// plotBundle shows what has the method of gonum's *plot.Plot: WriterTo(width, height vg.Length, format string) (io.WriterTo, error).
func plotBundle(v any) (Bundle, bool) {
	method := reflect.ValueOf(v).MethodByName("WriterTo")
	if !method.IsValid() {
		return Bundle{}, false
	}
	t := method.Type()
	if t.IsVariadic() || t.NumIn() != 3 || t.In(0).Kind() != reflect.Float64 || t.In(1) != t.In(0) || t.In(2).Kind() != reflect.String ||
		t.NumOut() != 2 || t.Out(0) != reflect.TypeFor[io.WriterTo]() || t.Out(1) != reflect.TypeFor[error]() {
		return Bundle{}, false
	}
	const width, height = 432.0, 288.0 // points: 6 by 4 inches
	out := method.Call([]reflect.Value{reflect.ValueOf(width).Convert(t.In(0)), reflect.ValueOf(height).Convert(t.In(1)), reflect.ValueOf("png").Convert(t.In(2))})
	var picture bytes.Buffer
	if !out[1].IsNil() || out[0].IsNil() {
		return Bundle{}, false
	}
	if _, err := out[0].Interface().(io.WriterTo).WriteTo(&picture); err != nil {
		return Bundle{}, false
	}
	b := pictureBundle("image/png", picture.Bytes())
	b.Data["text/plain"] = fmt.Sprintf("<%T>", v)
	return b, true
}

// isNil reports whether v holds nothing.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}
