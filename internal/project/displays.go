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

// shown keeps what the step printed and displayed, in order, and gives its object; "" if there was nothing.
func (s *Snapshot) shown(displays string, stdout, stderr []string, hide mask) (store.Hash, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	printed := func(n int) error {
		for _, out := range []struct {
			stream string
			texts  []string
		}{{"stdout", stdout}, {"stderr", stderr}} {
			if n < len(out.texts) && out.texts[n] != "" {
				if err := encoder.Encode(Shown{Stream: out.stream, Text: out.texts[n]}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	text, err := os.ReadFile(displays)
	if err != nil {
		return "", fmt.Errorf("cellar: displays of step: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	n := 0
	for ; decoder.More(); n++ {
		if err := printed(n); err != nil {
			return "", err
		}
		var bundle any
		if err := decoder.Decode(&bundle); err != nil {
			return "", fmt.Errorf("cellar: displays of step: %w", err)
		}
		if err := encoder.Encode(hide.value(bundle)); err != nil {
			return "", err
		}
	}
	if err := printed(n); err != nil {
		return "", err
	}
	if b.Len() == 0 {
		return "", nil
	}
	w, err := s.project.Store.Create()
	if err != nil {
		return "", err
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		w.Abort()
		return "", err
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
