package session

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/cellar-go/cellar/display"
)

// unnoticed is how long the go command may fetch modules before the user is told which.
const unnoticed = time.Second

// download tells of the modules that a go command fetches, in a line that is written anew.
type download struct {
	show func(Event)
	id   string

	mu      sync.Mutex
	line    []byte   // of the command's words, not yet whole
	modules []string // with their versions
	asked   string   // the package whose module is looked for
	late    bool     // it takes longer than unnoticed
	shown   bool
	over    bool
}

// fetch runs a go command whose stderr is set, and tells what it fetches.
func (ps *packages) fetch(c *exec.Cmd) error {
	if ps.show == nil {
		return c.Run()
	}
	ps.fetched++
	d := &download{show: ps.show, id: fmt.Sprintf("cellar-download-%d", ps.fetched)}
	began := time.Now()
	timer := time.AfterFunc(unnoticed, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.late = !d.over
		d.tell("…")
	})
	c.Stderr = io.MultiWriter(c.Stderr, d)
	err := c.Run()
	timer.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over, d.late = true, d.shown
	how := "it took"
	if err != nil {
		how = "given up after"
	}
	d.tell(fmt.Sprintf("(%s %v)", how, time.Since(began).Round(100*time.Millisecond)))
	return err
}

// Write takes what the go command says.
func (d *download) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line = append(d.line, b...)
	for {
		line, rest, whole := bytes.Cut(d.line, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		d.line = rest
		if module, ok := strings.CutPrefix(string(line), "go: downloading "); ok {
			d.modules = append(d.modules, module)
			d.tell("…")
		} else if path, ok := strings.CutPrefix(string(line), "go: finding module for package "); ok {
			d.asked = path
			d.tell("…")
		}
	}
}

// tell shows what is fetched. The caller holds mu.
func (d *download) tell(how string) {
	text := "looking for the module of " + d.asked
	if n := len(d.modules); n > 0 { // the command says nothing of when it begins to build
		text = "downloading and building " + d.modules[n-1]
		if n > 1 {
			text += fmt.Sprintf(", after %s", counted(n-1, "other module"))
		}
	} else if d.asked == "" {
		return
	}
	if d.late {
		d.show(Event{Kind: Display, Bundle: display.Bundle{Data: map[string]any{"text/plain": text + " " + how}, ID: d.id, Update: d.shown}})
		d.shown = true
	}
}
