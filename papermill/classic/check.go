package classic

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
	"github.com/cellar-go/cellar/papermill/place"
	"github.com/cellar-go/cellar/papermill/template"
)

// check says what Papermill would say of a notebook before it runs it, in its order.
func (r *run) check(nb *nbformat.Notebook) error {
	if len(r.parameters) > 0 && r.call.Source == nil { // whoever wrote it has checked them
		if err := r.checkParameters(nb); err != nil {
			return err
		}
	}
	if !r.prepareOnly {
		if err := r.checkEngine(); err != nil {
			return err
		}
		if kernelName(nb, r.kernel) == "" {
			return errNoKernel
		}
		if err := checkFolder(r.cwd); err != nil {
			return err
		}
	}
	return nil
}

// checkOutput makes sure that the executed notebook can be written.
func (r *run) checkOutput(ctx context.Context) error {
	r.warnExtension(r.output, notebookExtensions...)
	if remote(r.output) {
		return remoteError(r.output, place.Check(ctx, r.output))
	}
	if dir, _ := filepath.Split(r.output); dir != "" && !strings.HasPrefix(r.output, stream) {
		dir = strings.TrimSuffix(dir, "/")
		if _, err := os.Stat(cmp.Or(dir, "/")); err != nil {
			return raise("FileNotFoundError", "output folder %s doesn't exist.", dir)
		}
	}
	if info, err := os.Stat(r.output); err == nil && info.IsDir() {
		return osError(&os.PathError{Op: "open", Path: r.output, Err: syscall.EISDIR})
	}
	return nil
}

var (
	errNoKernel   = raise("ValueError", "No kernel name found in notebook and no override provided.")
	errNoLanguage = raise("ValueError", "No language found in notebook and no override provided.")
)

func checkFolder(path *string) error {
	if path == nil {
		return nil
	}
	info, err := os.Stat(*path)
	if err == nil && !info.IsDir() {
		err = &os.PathError{Op: "chdir", Path: *path, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return pythonError(err)
	}
	return nil
}

func (r *run) checkEngine() error {
	if r.engine != nil && *r.engine != "nbclient" {
		return papermillError("No engine named '%s' found", *r.engine)
	}
	return nil
}

// checkParameters warns of parameters that the notebook doesn't know.
func (r *run) checkParameters(nb *nbformat.Notebook) error {
	declaring := taggedCell(nb, "parameters")
	known, err := r.declared(nb, declaring)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, d := range known {
		names[d.Name] = true
	}
	for _, q := range r.parameters {
		if !names[q.Name] {
			r.log.print("WARNING", "Passed unknown parameter: %s", q.Name)
		}
	}
	if err := r.checkEngine(); err != nil {
		return err
	}
	language, err := r.translator(nb)
	if err != nil {
		return err
	}
	source := ""
	if declaring != nil {
		source = declaring.Source()
	}
	if _, err := parameters.Translate(language, r.parameters, source); err != nil {
		return fault.New(fault.Input, "", "notebook %s: %w", nb.Name(), err)
	}
	if declaring == nil && taggedCell(nb, "injected-parameters") == nil {
		r.log.print("WARNING", "Input notebook does not contain a cell with tag 'parameters'")
	}
	return nil
}

// declared is what the parameters cell declares, as far as Papermill can tell; in Go, which it doesn't know, as far as we can.
func (r *run) declared(nb *nbformat.Notebook, declaring *nbformat.Cell) ([]parameters.Declared, error) {
	if declaring == nil {
		return nil, nil
	}
	language, err := r.translator(nb)
	if err != nil {
		return nil, err
	}
	if !parameters.Inspects(language) {
		r.log.print("WARNING", "Translator for '%s' language does not support parameter introspection.", languageName(nb, r.language))
	}
	if language == "python" {
		r.warnLines(declaring.Source())
	}
	return parameters.Inspect(language, declaring.Source()), nil
}

// warnLines names the lines of Python that Papermill's inspection, and so ours, can't read.
func (r *run) warnLines(source string) {
	for i, line := range strings.Split(strings.TrimSuffix(source, "\n"), "\n") {
		if bare := strings.TrimSpace(line); !strings.HasPrefix(bare, "#") && strings.Count(line, "=") > 1 {
			r.log.print("WARNING", "Unable to parse line %d '%s'.", i+1, line)
		}
	}
}

// translator names the language that parameters are written in.
func (r *run) translator(nb *nbformat.Notebook) (string, error) {
	kernel, said := kernelName(nb, r.kernel), languageName(nb, r.language)
	switch {
	case kernel == "":
		return "", errNoKernel
	case said == "":
		return "", errNoLanguage
	}
	language := parameters.Language(kernel, said)
	if _, err := parameters.Translate(language, nil, ""); err != nil {
		return "", papermillError("No parameter translator functions specified for kernel '%s' or language '%s'", kernel, said).because(err)
	}
	return language, nil
}

func taggedCell(nb *nbformat.Notebook, tag string) *nbformat.Cell {
	for _, c := range nb.Cells() {
		if c.HasTag(tag) {
			return c
		}
	}
	return nil
}

func kernelName(nb *nbformat.Notebook, override *string) string {
	return cmp.Or(value(override), nb.Kernel().Name)
}

// languageName is the notebook's language as it is spelled there.
func languageName(nb *nbformat.Notebook, override *string) string {
	var info struct{ Name string }
	nb.Metadata().Get("language_info", &info)
	return cmp.Or(value(override), cmp.Or(info.Name, nb.Kernel().Language))
}

// describe is --help-notebook: path is as it was typed.
func (r *run) describe(ctx context.Context, path string) error {
	formatted, err := template.Format(path, r.fields())
	if err != nil {
		return err
	}
	if path == "" {
		r.log.print("INFO", "Input Notebook:  Notebook will not be saved")
		return papermillError("read is not supported by NoIOHandler")
	}
	r.log.print("INFO", "Input Notebook:  %s", shownPath(formatted))
	nb, err := r.read(ctx, formatted)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.Out, "%s\n\nParameters inferred for notebook '%s':\n", r.usage(), path)
	declaring := taggedCell(nb, "parameters")
	if declaring == nil {
		fmt.Fprintln(r.Out, "\n  No cell tagged 'parameters'")
		return exit(1)
	}
	r.kernel, r.language = nil, nil // Papermill asks the notebook only
	known, err := r.declared(nb, declaring)
	if err != nil {
		return err
	}
	if len(known) == 0 {
		fmt.Fprintln(r.Out, "\n  Can't infer anything about this notebook's parameters. It may not have any parameter defined.")
	}
	for _, d := range known {
		fmt.Fprintln(r.Out, describeParameter(d))
	}
	return nil
}

func describeParameter(d parameters.Declared) string {
	typ := d.Type
	if typ == "None" {
		typ = "Unknown type"
	}
	text := fmt.Sprintf("  %s: %s (default %s)", d.Name, typ, d.Default)
	switch {
	case len([]rune(text)) <= 30:
		return fmt.Sprintf("%-34s%s", text, d.Help)
	case d.Help != "":
		return text + "\n" + strings.Repeat(" ", 34) + d.Help
	}
	return text
}

func validJSON(text string) bool { return json.Valid([]byte(text)) }
