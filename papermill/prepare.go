package papermill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// prepare does all that can fail before anything runs.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.mask, err = NewMask(r.Secrets); err != nil {
		return err
	}
	if err := cmp.Or(r.mask.Name("notebook", r.Input), r.mask.Name("output", r.outputName())); err != nil {
		return err
	}
	if err := r.openRemote(ctx); err != nil {
		return err
	}
	if err := r.checkOutput(); err != nil {
		return err
	}
	if err := r.recoverOutput(); err != nil {
		return err
	}
	if err := r.fromRemote(ctx); err != nil {
		return err
	}
	if info, err := os.Stat(r.Dir); r.Dir != "" && err != nil {
		return fault.New(fault.Usage, "create it: mkdir -p "+r.Dir, "there is no folder %s to work in", r.Dir)
	} else if r.Dir != "" && !info.IsDir() {
		return fault.New(fault.Usage, "name another folder with --cwd", "%s is a file, not a folder to work in", r.Dir)
	}
	nb := r.Options.Notebook
	if nb == nil {
		nb, err = nbformat.Read(r.Input)
	} else { // which stays as it is
		nb, err = nbformat.Parse(nb.Bytes(), cmp.Or(r.Input, nb.Name()))
	}
	if err != nil {
		return err
	}
	name := cmp.Or(r.Options.Kernel, nb.Kernel().Name)
	language := strings.ToLower(cmp.Or(r.Language, nb.Language()))
	if !r.PrepareOnly {
		if r.Result.Kernel, err = kernels.Find(name, language); err != nil {
			return inNotebook(nb, err)
		}
		// What the kernel says of itself counts more than what the notebook says.
		language = strings.ToLower(cmp.Or(r.Language, r.Result.Kernel.Language, language))
	}
	numbers := map[*nbformat.Cell]int{} // in the notebook as it was given, for messages
	for i, c := range nb.Cells() {
		numbers[c] = i + 1
	}
	if !r.Managed {
		unmark(nb)
	}
	injected, warnings, err := r.inject(nb, parameters.Language(name, language))
	if err != nil {
		return err
	}
	if !r.Classic {
		r.Warnings = append(r.Warnings, warnings...)
		for _, c := range nb.Cells() {
			switch {
			case slices.Contains([]string{"code", "markdown", "raw"}, c.Type()):
			case !nb.Newer():
				return fault.New(fault.Input, `cells are "code", "markdown" or "raw"`, "notebook %s, %s: its type is %q, so it would not run", nb.Name(), cellName(numbers[c]), c.Type())
			default:
				r.Warnings = append(r.Warnings, fmt.Sprintf("%s does not run: nobody knows cells of type %q", cellName(numbers[c]), c.Type()))
			}
		}
	}
	nb.EnsureIDs()
	if r.ReportMode {
		hideSources(nb)
	}
	r.Result.Notebook = nb
	r.writeParameters()
	if !r.PrepareOnly {
		for _, c := range nb.Cells() {
			if c.Type() == "code" {
				c.ClearOutputs()
			}
		}
		maps.DeleteFunc(numbers, func(c *nbformat.Cell, _ int) bool { return nb.Cell(c.ID()) != c })
		nb.Release() // while nobody else keeps pieces of it
		r.listCells(numbers)
	} else if r.Classic {
		prepareCells(nb, injected)
	}
	return nil
}

// listCells makes the result's cells.
func (r *run) listCells(numbers map[*nbformat.Cell]int) {
	for i, c := range r.Result.Notebook.Cells() {
		write := func(w io.Writer) error { return r.writeCellText(i, w) }
		r.Cells = append(r.Cells, Cell{Number: numbers[c], ID: c.ID(), Type: c.Type(), Status: Pending, notebook: c, index: i, write: write})
	}
}

// inNotebook names the notebook in a mistake that doesn't.
func inNotebook(nb *nbformat.Notebook, err error) error {
	var m *fault.Mistake
	if errors.As(err, &m) {
		return &fault.Mistake{Kind: m.Kind, Message: fmt.Sprintf("notebook %s: %s", nb.Name(), m.Message), Hint: m.Hint, Err: err}
	}
	return err
}

// longestName is the length of a file's name from which the journal and the file that is to replace the output have names too long for
// today's file systems, which take 255 bytes.
const longestName = 240

// checkOutput makes sure, before hours of work, that the output can be written and that nothing is lost by it.
func (r *run) checkOutput() error {
	if r.Output == "" || r.To != nil {
		return nil
	}
	if err := nbformat.CheckFolder(r.Output); err != nil {
		return err
	}
	if name := filepath.Base(r.Output); len(name) > longestName {
		return fault.New(fault.Usage, "choose a shorter name", "output %s: a name of %d bytes leaves no room for the names of what is written beside it (%d at most)", r.Output, len(name), longestName)
	}
	old, err := os.Stat(r.Output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not there yet
	}
	if err != nil {
		return fault.New(fault.Storage, "name another file", "output %s: %w", r.Output, err)
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
	nb, err := nbformat.ReadMetadata(r.Output)
	if err != nil {
		return fault.New(fault.Usage, "name another file, or replace this one with --overwrite", "output %s is there and is no notebook: it would be lost", r.Output)
	}
	if !nb.Executed() {
		return fault.New(fault.Usage, "name another file, or replace this one with --overwrite", "output %s is a notebook that no run has written: it would be lost", r.Output)
	}
	return nil
}
