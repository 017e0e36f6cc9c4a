package display

import (
	"image"
	"strings"
	"testing"
)

type place struct {
	Name string
	Lat  float64
}

type shower struct{}

func (shower) Display() Bundle { return Bundle{Data: map[string]any{"text/html": "<b>"}} }

func TestOf(t *testing.T) {
	if b := Of(shower{}); b.Data["text/html"] != "<b>" {
		t.Errorf("a Shower: %v", b)
	}
	if b := Of("a\nb"); b.Data["text/plain"] != "a\nb" {
		t.Errorf("a string: %v", b)
	}
	b := Of([]place{{"<x>", 1.5}, {"y", 2}})
	html, _ := b.Data["text/html"].(string)
	if !strings.Contains(html, "&lt;x&gt;") || !strings.Contains(html, "2 rows × 2 columns") || b.Data["text/plain"] != "[{Name:<x> Lat:1.5} {Name:y Lat:2}]" {
		t.Errorf("a slice of structs: %v", b)
	}
	if b := Of(image.NewGray(image.Rect(0, 0, 2, 2))); !strings.HasPrefix(b.Data["image/png"].(string), "iVBOR") {
		t.Errorf("a picture: %v", b)
	}
	var none *place
	if b := Of(none); b.Data["text/plain"] != "<nil>" {
		t.Errorf("nil: %v", b)
	}
	if b := OfAll(1, "x"); b.Data["text/plain"] != "1 x" {
		t.Errorf("two values: %v", b)
	}
}

func TestSink(t *testing.T) {
	var got []Bundle
	SetSink(func(b Bundle) { got = append(got, b) })
	HTML("<i>")
	PNG([]byte{1, 2, 3})
	Clear()
	if err := JSON(map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || got[0].Data["text/html"] != "<i>" || got[1].Data["image/png"] != "AQID" || !got[2].Clear || got[3].Data["text/plain"] != `{"a":1}` {
		t.Errorf("%v", got)
	}
	if err := JSON(func() {}); err == nil {
		t.Error("a function was shown as JSON")
	}
}
