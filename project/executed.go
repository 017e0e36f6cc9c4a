package project

import (
	"path/filepath"

	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/place"
)

// ExecutedCopy is where the last run of a notebook is kept when nobody names a place, or when its place is elsewhere: in the store's
// folder, out of git's sight.
func (p *Project) ExecutedCopy(notebook string) (string, error) {
	name := place.File(notebook)
	if place.Local(notebook) {
		name = filepath.Base(notebook)
		if rel, err := p.Rel(notebook); err == nil {
			name = filepath.FromSlash(rel)
		}
	}
	file := filepath.Join(p.Store.Dir(), "runs", name)
	if err := atomicfile.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", fault.New(fault.Storage, "name an output: cellar run NOTEBOOK OUTPUT", "folder of executed notebooks: %w", err)
	}
	return file, nil
}
