package kernel

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/kernel/session"
)

const (
	// gather is how long text waits for more, so that a loop of prints is not a message per line.
	gather = 15 * time.Millisecond
	// gatherLimit is how much text waits at most.
	gatherLimit = 64 << 10
)

// output publishes what one cell shows, in order.
type output struct {
	kernel   *kernel
	parent   jupyter.Header
	terminal bool // displays can't be changed there, but a line can be written anew

	deaf bool // the front-end takes no questions, and the cell had one

	mu    sync.Mutex
	kind  session.EventKind // of text
	text  []byte            // not yet published
	timer *time.Timer
	line  string // the display that stands in the terminal's last line
}

func (o *output) show(e session.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.terminal {
		e = o.redraw(e)
	}
	switch e.Kind {
	case session.Stdout, session.Stderr:
		if e.Kind != o.kind {
			o.send(true)
			o.kind = e.Kind
		}
		o.text = append(o.text, e.Text...)
		if len(o.text) >= gatherLimit {
			o.send(false)
		} else if o.timer == nil {
			o.timer = time.AfterFunc(gather, func() {
				o.mu.Lock()
				defer o.mu.Unlock()
				o.timer = nil
				o.send(false)
			})
		}
	case session.Display:
		o.send(true)
		o.display(e.Bundle)
	case session.Comm:
		o.send(true)
		o.kernel.comms.opened(e.Packet, o.parent)
		o.kernel.publishComm(o.parent, e.Packet)
	}
}

// redraw makes text of a display that will change, so that each form of it is written over the last one by a carriage return.
func (o *output) redraw(e session.Event) session.Event {
	text := plainText(&e.Bundle)
	if e.Kind != session.Display || e.Bundle.ID == "" || text == "" || strings.Contains(text, "\n") {
		o.newLine()
		return e
	}
	if e.Bundle.ID == o.line {
		text = "\r\x1b[K" + text
	} else {
		o.newLine()
	}
	o.line = e.Bundle.ID
	return session.Event{Kind: session.Stdout, Text: text}
}

// newLine ends the line in which a display stands.
func (o *output) newLine() {
	if o.line != "" {
		o.line, o.kind, o.text = "", session.Stdout, append(o.text, '\n')
	}
}

func (o *output) display(b display.Bundle) {
	k := o.kernel
	if b.Clear {
		k.publish(o.parent, "clear_output", map[string]bool{"wait": !b.Now})
		return
	}
	kind := "display_data"
	if b.Update {
		kind = "update_display_data"
	}
	k.publish(o.parent, kind, map[string]any{"data": orEmpty(b.Data), "metadata": orEmpty(b.Metadata), "transient": transient(b)})
}

// flush publishes all that waits.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
	}
	o.newLine()
	o.send(true)
}

// send publishes the text; a character that is cut at its end waits for the rest, unless all must go.
func (o *output) send(all bool) {
	n := len(o.text)
	if !all {
		n = wholeRunes(o.text)
	}
	if n == 0 {
		return
	}
	name := "stdout"
	if o.kind == session.Stderr {
		name = "stderr"
	}
	o.kernel.publish(o.parent, "stream", map[string]string{"name": name, "text": string(o.text[:n])})
	o.text = append(o.text[:0], o.text[n:]...)
}

// wholeRunes is the length of b without a character that is cut at its end.
func wholeRunes(b []byte) int {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}

func transient(b display.Bundle) map[string]any {
	if b.ID == "" {
		return map[string]any{}
	}
	return map[string]any{"display_id": b.ID}
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
