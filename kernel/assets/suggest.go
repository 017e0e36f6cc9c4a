package assets

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel/session"
)

// cellOptions are the options of a cell, as docs/formats/cell.md and docs/session.md have them, and the values of those that have few.
var cellOptions = []struct {
	key, about string
	values     []string
}{
	{key: "asset", about: "the variable of this name is an asset; [a, b] for two"},
	{key: "key", about: "sets the asset's key by hand"},
	{key: "group", about: "for selections"},
	{key: "tags", about: "for selections"},
	{key: "reads", about: "files that the source does not name as constants"},
	{key: "env", about: "variables passed to the step, part of the key"},
	{key: "secrets", about: "variables passed to the step, in no key, masked wherever they are shown"},
	{key: "refresh", about: "the value is an observation, good for that long", values: []string{"1h", "24h", "168h"}},
	{key: "live", about: "true: runs in the session and is not kept", values: []string{"true"}},
	{key: "checks", about: "off: loops do not look for an interrupt", values: []string{"off"}},
}

// suggest completes option lines, and the names of assets in load and materialize.
func (a *assets) suggest(t session.Typed) []session.Item {
	switch {
	case t.Call == "load" && t.Arg == 0, t.Call == "materialize", t.Call == "assets":
		prefix := t.Text[:len(t.Text)-len(strings.TrimLeft(t.Text, "+"))]
		var items []session.Item
		for _, it := range a.known.names(a) {
			if t.Call != "load" {
				it.Text = prefix + it.Text
			}
			items = append(items, it)
		}
		return items
	case strings.HasPrefix(t.Line, "//|"), strings.HasPrefix(t.Line, "// |"):
		return optionsOf(t.Line)
	}
	return nil
}

func optionsOf(line string) (items []session.Item) {
	_, text, _ := strings.Cut(line, "|")
	key, _, hasKey := strings.Cut(strings.TrimSpace(text), ":")
	for _, o := range cellOptions {
		switch {
		case !hasKey:
			items = append(items, session.Item{Text: o.key + ":", Kind: "option", Type: o.about})
		case key == o.key:
			for _, v := range o.values {
				items = append(items, session.Item{Text: v, Kind: "value", Type: o.about})
			}
		}
	}
	return items
}

// names of assets, as they were found the last time: to look takes longer than who types will wait.
type names struct {
	mu    sync.Mutex
	items []session.Item
	at    time.Time
	done  chan struct{} // closed when it has been looked
}

// patience is how long who types waits for the project to be read, and fresh for how long what was found is good.
const (
	patience = 70 * time.Millisecond
	fresh    = 3 * time.Second
)

func (n *names) names(a *assets) []session.Item {
	n.mu.Lock()
	if n.done == nil && time.Since(n.at) > fresh {
		done := make(chan struct{})
		n.done = done
		go func() {
			items := a.keys()
			n.mu.Lock()
			n.items, n.at, n.done = items, time.Now(), nil
			n.mu.Unlock()
			close(done)
		}()
	}
	done := n.done
	n.mu.Unlock()
	if done != nil {
		select {
		case <-done:
		case <-time.After(patience):
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.items
}

// keys are the project's assets with what is known of their values.
func (a *assets) keys() (items []session.Item) {
	p, err := a.project()
	if err != nil {
		return nil
	}
	s, err := a.snapshot(context.Background(), p, "")
	if err != nil {
		return nil
	}
	for _, st := range s.States() {
		for _, asset := range st.Assets {
			it := session.Item{Text: asset.Key, Kind: "asset", Type: string(st.Condition)}
			if r := st.Record(asset.Key); r != nil {
				it.Type, it.Doc = shape(r)
			}
			items = append(items, it)
		}
	}
	return items
}

// shape is what an asset's value is: its kind and size, and its columns.
func shape(r *store.Record) (kind, columns string) {
	if r.Kind != "table" {
		return r.Kind, ""
	}
	var list []string
	for _, c := range r.Columns {
		list = append(list, c.Name+" "+c.Type)
	}
	return fmt.Sprintf("table · %s rows (%s)", ui.Count(r.Rows), strings.Join(list, ", ")), strings.Join(list, "\n")
}
