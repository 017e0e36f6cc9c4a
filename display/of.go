package display

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/png"
	"reflect"
	"strings"
)

const (
	tableRows = 60    // rows of a table that are shown; the count is always told
	textLimit = 20000 // bytes of a value's text
)

// Of is how a value is shown: by its own Display, as a picture, as a table of structs, and as the text that fmt prints.
func Of(v any) Bundle {
	switch v := v.(type) {
	case Bundle:
		return v
	case Shower:
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
			return plain("<nil>")
		}
		return v.Display()
	case image.Image:
		var buffer bytes.Buffer
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() || png.Encode(&buffer, v) != nil {
			break
		}
		b := plain(fmt.Sprintf("%T %v", v, v.Bounds()))
		b.Data["image/png"] = base64.StdEncoding.EncodeToString(buffer.Bytes())
		return b
	}
	b := plain(valueText(v))
	if table := htmlTable(v); table != "" {
		b.Data["text/html"] = table
	}
	return b
}

// OfAll is how the values of an expression with several results are shown: one behind the other.
func OfAll(values ...any) Bundle {
	if len(values) == 1 {
		return Of(values[0])
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = valueText(v)
	}
	return plain(strings.Join(texts, " "))
}

func plain(s string) Bundle {
	if len(s) > textLimit {
		s = s[:textLimit] + fmt.Sprintf("… (%d bytes in all)", len(s))
	}
	return Bundle{Data: map[string]any{"text/plain": s}}
}

// valueText is the plain form of a value: as fmt prints it, with the names of fields.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		if len(v) > 200 {
			return fmt.Sprintf("%v… (%d bytes in all)", v[:200], len(v))
		}
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.Len() > 1000 && (r.Type().Elem().Kind() != reflect.Uint8) {
		return fmt.Sprintf("%+v… (%d in all)", r.Slice(0, 1000).Interface(), r.Len())
	}
	return fmt.Sprintf("%+v", v)
}

// htmlTable shows a slice of structs, or of pointers to them.
func htmlTable(v any) string {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice {
		return ""
	}
	element := r.Type().Elem()
	if element.Kind() == reflect.Pointer {
		element = element.Elem()
	}
	if element.Kind() != reflect.Struct || element.NumField() == 0 || reflect.PointerTo(element).Implements(reflect.TypeFor[fmt.Stringer]()) {
		return ""
	}
	var b strings.Builder
	b.WriteString(`<div style="max-height:30em;overflow:auto"><table><thead><tr><th></th>`)
	for i := range element.NumField() {
		f := element.Field(i)
		fmt.Fprintf(&b, "<th>%s<br><small>%s</small></th>", html.EscapeString(f.Name), html.EscapeString(f.Type.String()))
	}
	b.WriteString("</tr></thead><tbody>")
	rows := min(r.Len(), tableRows)
	for i := range rows {
		fmt.Fprintf(&b, "<tr><th>%d</th>", i)
		row := r.Index(i)
		if row.Kind() == reflect.Pointer {
			if row.IsNil() {
				fmt.Fprintf(&b, `<td colspan="%d">&lt;nil&gt;</td></tr>`, element.NumField())
				continue
			}
			row = row.Elem()
		}
		for j := range element.NumField() {
			cell := fmt.Sprintf("%+v", row.Field(j)) // fmt looks through reflect.Value, unexported fields too
			if runes := []rune(cell); len(runes) > 200 {
				cell = string(runes[:200]) + "…"
			}
			fmt.Fprintf(&b, "<td>%s</td>", html.EscapeString(cell))
		}
		b.WriteString("</tr>")
	}
	fmt.Fprintf(&b, "</tbody></table></div><small>%d rows × %d columns", r.Len(), element.NumField())
	if rows < r.Len() {
		fmt.Fprintf(&b, ", the first %d shown", rows)
	}
	b.WriteString("</small>")
	return b.String()
}
