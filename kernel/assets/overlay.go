package assets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/kernel"
	"github.com/cellar-go/cellar/kernel/session"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/project"
)

// tell says which cells count as they were run here and not as they are saved, whenever these have changed.
func (a *assets) tell(r kernel.CellRequest) {
	a.mu.Lock()
	var cells []string
	for _, n := range a.unsaved {
		cells = append(cells, fmt.Sprint(n))
	}
	text := strings.Join(cells, ", ")
	known := text == a.said
	a.said = text
	a.mu.Unlock()
	if text != "" && !known {
		r.Show(session.Event{Kind: session.Stderr, Text: fmt.Sprintf("Not saved: cell %s of the notebook. Here it counts as it was run; for everybody else as it is saved.\n", text)})
	}
}

// remember keeps the text of a cell that runs.
func (a *assets) remember(r kernel.CellRequest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.ran {
		if r.CellID != "" && a.ran[i].ID == r.CellID {
			a.ran[i].Text = r.Source
			return
		}
	}
	a.ran = append(a.ran, golang.Source{ID: r.CellID, Text: r.Source})
}

// declare notes the types that a cell declares, so that a loaded value uses them.
func (a *assets) declare(source string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.here = map[string]bool{}
	for name, text := range golang.Types(source) {
		a.types[name], a.here[name] = text, true
	}
}

// saved is the notebook as it is saved, or of the commit whose text runs.
func (a *assets) saved(p *project.Project, rel string) (*nbformat.Notebook, error) {
	if a.commit == "" {
		return nbformat.Read(a.notebook)
	}
	if p.Repo == nil {
		return nil, fault.New(fault.Input, "run the command again", "notebook %s as of commit %.7s: %w", rel, a.commit, fault.ErrNoGit)
	}
	text, _, err := p.Repo.ReadFile(a.commit, rel)
	if err != nil {
		return nil, fault.New(fault.Input, "run the command again", "notebook %s as of commit %.7s: %w", rel, a.commit, err)
	}
	nb, err := nbformat.Parse(text, rel)
	if err != nil {
		return nil, err
	}
	nb.EnsureIDs()
	return nb, nil
}

// overlay is the saved notebook with the cells run in this session, and the id of the cell of the request in it. A cell that is not
// saved yet, such as one with injected parameters, stands behind the one that was run before it.
func (a *assets) overlay(p *project.Project, r kernel.CellRequest) (project.Overlay, string, error) {
	rel, err := p.Rel(a.notebook)
	if err != nil {
		return project.Overlay{}, "", err
	}
	o := project.Overlay{File: rel}
	nb, err := a.saved(p, rel)
	switch {
	case errors.Is(err, fs.ErrNotExist): // never saved
	case err != nil:
		return o, "", err
	default:
		o.Cells = project.Cells(nb)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unsaved = nil
	id := r.CellID
	place := func(c golang.Source) int {
		for i := range o.Cells {
			if c.ID != "" && o.Cells[i].ID == c.ID || c.ID == "" && o.Cells[i].Text == c.Text {
				return i
			}
		}
		return -1
	}
	last := -1
	for i, c := range a.ran {
		at := place(c)
		if at < 0 {
			at = last + 1
			c.Number = at + 1
			if last >= 0 {
				c.Number = o.Cells[last].Number
				if has(o.Cells[last].Tags, "parameters") {
					c.Tags = []string{"injected-parameters"}
				}
			}
			if c.ID == "" {
				c.ID = fmt.Sprintf("unsaved-%d", i+1)
			}
			o.Cells = append(o.Cells[:at], append([]golang.Source{c}, o.Cells[at:]...)...)
		} else if o.Cells[at].Text != c.Text {
			o.Cells[at].Text = c.Text
			a.unsaved = append(a.unsaved, o.Cells[at].Number)
		}
		if r.CellID == "" && c.Text == r.Source {
			id = o.Cells[at].ID
		}
		last = at
	}
	return o, id, nil
}

func has(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// snapshot is the project with this session's cells, or at a revision.
func (a *assets) snapshot(ctx context.Context, p *project.Project, revision string) (*project.Snapshot, error) {
	if revision != "" {
		return p.At(ctx, revision)
	}
	if a.notebook == "" {
		return p.Snapshot(ctx)
	}
	overlay, _, err := a.overlay(p, kernel.CellRequest{})
	if err != nil {
		return nil, err
	}
	return p.Snapshot(ctx, overlay)
}

// key completes a name: this notebook's asset comes first.
func (a *assets) key(s *project.Snapshot, p *project.Project, name string) string {
	if a.notebook == "" {
		return name
	}
	if rel, err := p.Rel(a.notebook); err == nil {
		if n, ok := s.Notebook(rel); ok {
			if key := n.Key(name); key != name {
				if _, known := s.Graph().Get(key); known {
					return key
				}
			}
		}
	}
	return name
}
