package project

import (
	"os"
	"path/filepath"

	"github.com/cellar-go/cellar/internal/fault"
)

// ExecutedCopy is where the last run of a notebook is kept when nobody names a place: in the store's folder, out of git's sight.
func (p *Project) ExecutedCopy(notebook string) (string, error) {
	name := filepath.Base(notebook)
	if rel, err := p.Rel(notebook); err == nil {
		name = filepath.FromSlash(rel)
	}
	file := filepath.Join(p.Store.Dir(), "runs", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", fault.New(fault.Storage, "name an output: cellar run NOTEBOOK OUTPUT", "folder of executed notebooks: %w", err)
	}
	return file, nil
}
