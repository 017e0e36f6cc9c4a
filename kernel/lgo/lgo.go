// Package lgo is what notebooks of the kernel lgo find under the name _ctx: its Display, and the context of the cell.
//
// It turns lgo's calls into those of package display, and knows nothing else. Start reading at Display.
package lgo

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// Display is _ctx.Display. The methods take a place for the display's name: an empty one gets a new name, a name changes what it shows.
var Display displayer

type displayer struct{}

var count atomic.Int64

func show(id *string, mime string, value any) {
	b := display.Bundle{Data: map[string]any{mime: value}}
	if mime != "text/plain" {
		b.Data["text/plain"] = "<" + mime + ">"
	}
	switch {
	case id == nil:
	case *id == "":
		*id = fmt.Sprintf("lgo-%d-%d", time.Now().UnixNano(), count.Add(1))
		b.ID = *id
	default:
		b.ID, b.Update = *id, true
	}
	display.Show(b)
}

func encoded(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func (displayer) HTML(s string, id *string)       { show(id, "text/html", s) }
func (displayer) JavaScript(s string, id *string) { show(id, "application/javascript", s) }
func (displayer) Latex(s string, id *string)      { show(id, "text/latex", s) }
func (displayer) Markdown(s string, id *string)   { show(id, "text/markdown", s) }
func (displayer) SVG(s string, id *string)        { show(id, "image/svg+xml", s) }
func (displayer) Text(s string, id *string)       { show(id, "text/plain", s) }
func (displayer) GIF(b []byte, id *string)        { show(id, "image/gif", encoded(b)) }
func (displayer) JPEG(b []byte, id *string)       { show(id, "image/jpeg", encoded(b)) }
func (displayer) PDF(b []byte, id *string)        { show(id, "application/pdf", encoded(b)) }
func (displayer) PNG(b []byte, id *string)        { show(id, "image/png", encoded(b)) }

// Done is closed when the cell is interrupted.
func Done() <-chan struct{} { return live.Done() }

// Err is not nil when the cell is interrupted.
func Err() error {
	select {
	case <-live.Done():
		return context.Canceled
	default:
		return nil
	}
}

// Deadline and Value are those of a context without any.
func Deadline() (time.Time, bool) { return time.Time{}, false }

// Value has none.
func Value(any) any { return nil }
