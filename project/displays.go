package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/display"
)

// Shown is one line of what a step showed: text that it printed, or a display.
type Shown struct {
	Stream string `json:"stream,omitempty"` // stdout or stderr
	Text   string `json:"text,omitempty"`
	display.Bundle
}

// shown keeps what the step printed and displayed, in order, as it stands at the end: a display that changed is kept in its last form,
// and what was cleared is not kept. It gives the object; "" if there was nothing.
func (s *Snapshot) shown(displays string, stdout, stderr []string, hide mask) (store.Hash, error) {
	text, err := os.ReadFile(displays)
	if err != nil {
		return "", fmt.Errorf("cellar: displays of step: %w", err)
	}
	var all []any
	places := map[any]map[string]any{} // by id
	cleared := false                   // when the next one comes
	add := func(one any) {
		if cleared {
			all, places, cleared = nil, map[any]map[string]any{}, false
		}
		all = append(all, one)
	}
	printed := func(n int) {
		for _, out := range []struct {
			stream string
			texts  []string
		}{{"stdout", stdout}, {"stderr", stderr}} {
			if n < len(out.texts) && out.texts[n] != "" {
				add(Shown{Stream: out.stream, Text: out.texts[n]})
			}
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	n := 0
	for ; decoder.More(); n++ {
		printed(n)
		var bundle map[string]any
		if err := decoder.Decode(&bundle); err != nil {
			return "", fmt.Errorf("cellar: displays of step: %w", err)
		}
		bundle, _ = hide.value(bundle).(map[string]any)
		switch id := bundle["id"]; {
		case bundle["clear"] == true:
			if cleared = true; bundle["now"] == true {
				all = nil
			}
		case bundle["update"] == true:
			if place := places[id]; place != nil {
				place["data"], place["metadata"] = bundle["data"], bundle["metadata"]
			}
		default:
			add(bundle)
			if id != nil {
				places[id] = bundle
			}
		}
	}
	printed(n)
	if len(all) == 0 {
		return "", nil
	}
	w, err := s.project.Store.Create()
	if err != nil {
		return "", err
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, one := range all {
		if err := encoder.Encode(one); err != nil {
			w.Abort()
			return "", err
		}
	}
	return w.Commit()
}

// Displays are what a record's step showed.
func (p *Project) Displays(r *store.Record) ([]Shown, error) {
	if r.Displays == "" {
		return nil, nil
	}
	file, err := p.Store.Object(r.Displays)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cellar: displays of %s: %w", r.Asset, err)
	}
	var all []Shown
	decoder := json.NewDecoder(bytes.NewReader(text))
	for decoder.More() {
		var s Shown
		if err := decoder.Decode(&s); err != nil {
			return nil, fmt.Errorf("cellar: displays of %s: %w", r.Asset, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	if len(all) > lines {
		all = append([]string{"…"}, all[len(all)-lines:]...)
	}
	return strings.Join(all, "\n")
}
