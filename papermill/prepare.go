package papermill

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// prepare does all that can fail before anything runs.
func (r *run) prepare() error {
	if err := r.checkOutput(); err != nil {
		return err
	}
	if info, err := os.Stat(r.Dir); r.Dir != "" && (err != nil || !info.IsDir()) {
		return fault.New(fault.Usage, "create it: mkdir -p "+r.Dir, "there is no folder %s to work in", r.Dir)
	}
	source := r.Options.Notebook
	var err error
	if source == nil {
		if source, err = nbformat.Read(r.Input); err != nil {
			return err
		}
	}
	nb, err := nbformat.Parse(source.Bytes(), cmp.Or(r.Input, source.Name()))
	if err != nil {
		return err
	}
	name := cmp.Or(r.Options.Kernel, nb.Kernel().Name)
	language := strings.ToLower(cmp.Or(r.Language, nb.Language()))
	if !r.PrepareOnly {
		if r.Result.Kernel, err = FindKernelspec(name, language); err != nil {
			return inNotebook(nb, err)
		}
		// What the kernel says of itself counts more than what the notebook says.
		language = strings.ToLower(cmp.Or(r.Language, r.Result.Kernel.Language, language))
	}
	numbers := map[*nbformat.Cell]int{} // in the notebook as it was given, for messages
	for i, c := range nb.Cells() {
		numbers[c] = i + 1
	}
	unmark(nb)
	warnings, err := inject(nb, r.Parameters, language)
	if err != nil {
		return err
	}
	r.Warnings = warnings
	nb.EnsureIDs()
	if r.ReportMode {
		hideSources(nb)
	}
	r.Result.Notebook = nb
	r.writeParameters()
	if r.PrepareOnly {
		return nil
	}
	for _, c := range nb.Cells() {
		r.Cells = append(r.Cells, Cell{Number: numbers[c], ID: c.ID(), Type: c.Type(), Status: Pending, notebook: c})
	}
	return nil
}

// inNotebook names the notebook in a mistake that doesn't.
func inNotebook(nb *nbformat.Notebook, err error) error {
	var m *fault.Mistake
	if errors.As(err, &m) {
		return &fault.Mistake{Kind: m.Kind, Message: fmt.Sprintf("notebook %s: %s", nb.Name(), m.Message), Hint: m.Hint, Err: err}
	}
	return err
}

// checkOutput makes sure, before hours of work, that the output can be written and that nothing is lost by it.
func (r *run) checkOutput() error {
	if r.Output == "" {
		return nil
	}
	dir := filepath.Dir(r.Output)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fault.New(fault.Input, "create it: mkdir -p "+dir, "output %s: there is no folder %s", r.Output, dir)
	}
	old, err := os.Stat(r.Output)
	if err != nil {
		return nil // not there yet
	}
	if old.IsDir() {
		return fault.New(fault.Usage, "name a file in it", "output %s is a folder", r.Output)
	}
	if in, err := os.Stat(r.Input); err == nil && os.SameFile(in, old) {
		return fault.New(fault.Usage, "name another file for the executed notebook", "output %s is the notebook itself", r.Output)
	}
	if r.Overwrite || !old.Mode().IsRegular() || old.Size() == 0 {
		return nil
	}
	if nb, err := nbformat.Read(r.Output); err == nil && !nb.Executed() {
		return fault.New(fault.Usage, "name another file, or remove this one", "output %s is a notebook that no run has written: it would be lost", r.Output)
	}
	return nil
}
