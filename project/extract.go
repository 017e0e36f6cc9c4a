package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/assetlib/step"
	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/extract"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// Extraction is an asset cell on its way to a source file: proved, and not written yet.
type Extraction struct {
	Function *extract.Function
	Records  []*store.Record // the cell's values, which the function was proved to give
	Diff     string          // of all files, unified
	Notes    []string        // what a reader of the change should know

	project  *Project
	notebook string            // absolute
	was, is  []byte            // the notebook
	files    map[string][]byte // new, by slash path
	before   *Snapshot
	after    *Snapshot
	job      *job
	folder   string // the target, absolute
	made     string // the topmost folder that was made for the target, "" if it was there
}

// Candidates says of every cell of a notebook what it could become.
func (p *Project) Candidates(ctx context.Context, notebook string) ([]extract.Candidate, error) {
	_, n, _, err := p.open(ctx, notebook)
	if err != nil {
		return nil, err
	}
	return (&golang.Extractor{Notebook: n}).Candidates(), nil
}

// open reads a notebook as it is saved, and the tree around it.
func (p *Project) open(ctx context.Context, notebook string) (*Snapshot, *golang.Notebook, *nbformat.Notebook, error) {
	file, err := p.Rel(notebook)
	if err != nil {
		return nil, nil, nil, err
	}
	page, err := nbformat.Read(filepath.Join(p.Root, filepath.FromSlash(file)))
	if err != nil {
		return nil, nil, nil, err
	}
	if l := page.Language(); l != "go" && l != "" {
		return nil, nil, nil, fault.New(fault.Input, "only Go notebooks can be extracted yet", "%s is a notebook in %s", file, l)
	}
	s, err := p.Snapshot(ctx, Overlay{File: file, Cells: Cells(page)})
	if err != nil {
		return nil, nil, nil, err
	}
	n, _ := s.Notebook(file)
	return s, n, page, nil
}

// Extract writes the cell (an id, an asset's name or key) of a notebook as a function of the package in a folder, and proves that it
// gives the same value from the same stored inputs. Nothing is written: see Write. Close must be called.
func (p *Project) Extract(ctx context.Context, notebook, cell, folder string) (*Extraction, error) {
	s, n, page, err := p.open(ctx, notebook)
	if err != nil {
		return nil, err
	}
	if page.Upgraded() {
		return nil, fault.New(fault.Input, "convert it: jupyter nbconvert --to notebook --inplace "+n.File, "extract from %s: it has a format before 4, and would be written in another", n.File)
	}
	d, err := asset(s, n, page, cell)
	if err != nil {
		return nil, err
	}
	if d.Problem != nil {
		return nil, d.Problem
	}
	e := &Extraction{project: p, before: s, notebook: filepath.Join(p.Root, filepath.FromSlash(n.File)), was: page.Bytes()}
	rel, err := p.Rel(folder)
	if err != nil {
		return nil, err
	}
	e.folder = filepath.Join(p.Root, filepath.FromSlash(rel))
	module, err := e.target(n, rel)
	if err != nil {
		return nil, err
	}
	outcomes, err := s.Materialize(ctx, []*graph.Definition{d}, Plan{}) // loads what is fresh
	if err != nil {
		return nil, err
	}
	e.Records = outcomes[0].Records
	extractor := &golang.Extractor{Notebook: n, Exports: func(packages ...string) (map[string]string, error) { return module.Exports(ctx, packages...) }, Provides: provides(module)}
	if _, extractor.Inputs, _, err = s.inputs(ctx, s.states[d]); err != nil {
		return nil, err
	}
	to, err := e.package_(rel, n, page, d)
	if err != nil {
		return nil, err
	}
	if e.Function, err = extractor.Extract(d.Assets[0].Name, to); err != nil {
		return nil, err
	}
	if err := e.change(page); err != nil {
		return nil, err
	}
	if err := e.prove(ctx, extractor, module); err != nil {
		e.Close()
		return nil, err
	}
	e.Diff = e.diff(page)
	return e, nil
}

// asset finds the definition that is meant by a cell's id or an asset's name.
func asset(s *Snapshot, n *golang.Notebook, page *nbformat.Notebook, name string) (*graph.Definition, error) {
	for _, d := range s.catalog.graph.Definitions() {
		if d.File != n.File {
			continue
		}
		for _, a := range d.Assets {
			if name == a.Name || name == a.Key || name == d.Cell {
				return d, nil
			}
		}
	}
	if c := page.Cell(name); c != nil {
		for _, o := range (&golang.Extractor{Notebook: n}).Candidates() {
			if o.ID == name {
				return nil, fault.New(fault.Input, o.Becomes, "%s, cell %d (%s): it is no asset, so there is no value to compare with", n.File, o.Number, name)
			}
		}
		return nil, fault.New(fault.Input, "name a code cell", "%s, cell %d (%s): it holds no code", n.File, c.Index()+1, name)
	}
	return nil, fault.New(fault.Input, "`cellar extract "+n.File+"` lists its cells", "%s: cell %s: %w", n.File, name, fault.ErrNotFound)
}

// target checks that the folder can be a package that the notebook's module has.
func (e *Extraction) target(n *golang.Notebook, rel string) (*gomod.Module, error) {
	module, err := gomod.Find(filepath.Dir(e.notebook))
	if err != nil {
		return nil, err
	}
	other, err := gomod.Find(e.folder)
	if err != nil {
		return nil, err
	}
	switch {
	case !module.Own:
		return nil, fault.New(fault.Input, "run `go mod init NAME` in the project's folder, and `go mod tidy` after the extraction", "%s is in no Go module, and a function needs one", n.File)
	case module.Root != other.Root:
		return nil, fault.New(fault.Usage, "name a folder in "+module.Root, "%s is not in the notebook's module %s", rel, module.Path)
	}
	for _, part := range strings.Split(rel, "/") {
		if part == "testdata" || part == "vendor" || strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".") && part != "." {
			return nil, fault.New(fault.Usage, "name another folder, such as --to pipeline", "%s: go build does not look into a folder named %s", rel, part)
		}
	}
	if info, err := os.Stat(e.folder); err == nil && !info.IsDir() {
		return nil, fault.New(fault.Usage, "name another folder, such as --to pipeline", "%s is a file", rel)
	}
	return module, nil
}

// provides tells the packages that the module can import by its own go.mod.
func provides(m *gomod.Module) func(string) bool {
	return func(p string) bool {
		first, _, _ := strings.Cut(p, "/")
		if !strings.Contains(first, ".") || p == m.Path || strings.HasPrefix(p, m.Path+"/") {
			return true
		}
		return slices.ContainsFunc(m.File.Require, func(r *modfile.Require) bool { return p == r.Mod.Path || strings.HasPrefix(p, r.Mod.Path+"/") })
	}
}

// package_ reads the target's sources, and the text above the cell.
func (e *Extraction) package_(rel string, n *golang.Notebook, page *nbformat.Notebook, d *graph.Definition) (extract.Target, error) {
	to := extract.Target{Folder: rel, Files: map[string][]byte{}}
	entries, err := os.ReadDir(e.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return to, fault.New(fault.Storage, "", "read %s: %w", rel, err)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".go") && entry.Type().IsRegular() {
			file := path.Join(rel, entry.Name())
			if to.Files[file], err = e.before.tree.read(file); err != nil {
				return to, err
			}
		}
	}
	makes := map[int]bool{}
	for _, other := range e.before.catalog.graph.Definitions() {
		makes[other.Number] = makes[other.Number] || other.File == n.File
	}
	for i := d.Number - 2; i >= 0 && !makes[i+1]; i-- { // cells of its own section only
		if c := page.Cells()[i]; c.Type() == "markdown" {
			to.Doc = c.Source()
			break
		}
	}
	from := path.Dir(n.File)
	to.Moved = func(name string) (string, bool) {
		file, ok := resolve(from, name)
		if !ok || !strings.ContainsAny(name, "./") || !strings.ContainsFunc(name, func(r rune) bool { return r != '.' && r != '/' }) {
			return "", false
		}
		if matches, err := fs.Glob(os.DirFS(e.project.Root), file); err != nil || len(matches) == 0 {
			return "", false
		}
		moved, err := filepath.Rel(filepath.FromSlash(rel), filepath.FromSlash(file))
		if err != nil {
			return "", false
		}
		if moved = filepath.ToSlash(moved); strings.HasSuffix(name, "/") {
			moved += "/"
		}
		return moved, true
	}
	return to, nil
}

// change makes the notebook as it will be.
func (e *Extraction) change(page *nbformat.Notebook) error {
	e.files = map[string][]byte{}
	if e.Function.Source != "" {
		e.files[e.Function.File] = []byte(e.Function.Source)
	}
	copy, err := nbformat.Parse(e.was, page.Name())
	if err != nil {
		return err
	}
	cells := copy.Cells()
	for _, c := range e.Function.Cells {
		cell := cells[c.Number-1]
		if strings.TrimSpace(c.Text) == "" {
			copy.Delete(cell)
			continue
		}
		cell.SetSource(c.Text)
		cell.ClearOutputs() // they show what the old text did
		cell.SetExecutionCount(0)
	}
	e.is = copy.Bytes()
	return nil
}

// prove runs the function on the stored inputs and compares, without a file being written; then that no other asset becomes stale.
func (e *Extraction) prove(ctx context.Context, extractor *golang.Extractor, module *gomod.Module) error {
	if err := e.makeFolder(); err != nil {
		return err
	}
	rel, err := e.project.Rel(e.notebook)
	if err != nil {
		return err
	}
	tree := e.before.tree.(workTree)
	tree.laid = map[string][]byte{rel: e.is}
	for file, text := range e.files {
		tree.laid[file] = text
	}
	e.after = &Snapshot{project: e.project, tree: tree, Commit: e.before.Commit, Branch: e.before.Branch}
	if err := e.after.load(ctx); err != nil {
		return err
	}
	if err := e.untouched(); err != nil {
		return err
	}
	d, ok := e.after.catalog.graph.Get(e.Function.Assets[0])
	if !ok || d.Func != e.Function.Name {
		return fmt.Errorf("cellar: extract %s: the graph does not find the function %s", e.Function.Assets[0], e.Function.Name)
	}
	if d.Problem != nil {
		return d.Problem
	}
	st := e.after.states[d]
	if len(st.keys) == 0 {
		return fault.New(fault.Input, "", "extract %s: %s", e.Function.Assets[0], strings.Join(st.Reasons, "; "))
	}
	if e.job, err = e.after.prepare(ctx, st); err != nil {
		return err
	}
	if err := e.after.run(ctx, e.job); err != nil {
		return err
	}
	for _, r := range e.Records {
		if info := e.job.result.Outputs[r.Asset]; info.Content != r.Content {
			return fault.New(fault.Input, "look for what differs from run to run: the order of a map, goroutines, the time, the environment",
				"extract %s: the function gives another value than the cell from the same inputs: %s, the cell %s", r.Asset, info.Content, r.Content)
		}
	}
	return e.test(ctx, extractor)
}

// makeFolder makes the target's folder, in which the function runs. Git does not see an empty folder; Close takes it away again.
func (e *Extraction) makeFolder() error {
	for dir := e.folder; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		e.made = dir
	}
	if err := os.MkdirAll(e.folder, 0o755); err != nil {
		return fault.New(fault.Storage, "make the folder writable", "extract %s: %w", e.Function.Assets[0], err)
	}
	return nil
}

// untouched refuses an extraction that would change another asset's definition, such as a function of the package, and notes what else
// makes one stale.
func (e *Extraction) untouched() error {
	for _, d := range e.before.catalog.graph.Definitions() {
		if d.Assets[0].Key == e.Function.Assets[0] {
			continue
		}
		now, ok := e.after.catalog.graph.Get(d.Assets[0].Key)
		if !ok || now.Code != d.Code || !sameInputs(now, d) {
			return fault.New(fault.Input, "extract to another folder", "extract %s: %s (%s) would become stale: its slice would be another one",
				e.Function.Assets[0], d.Assets[0].Key, d.Place())
		}
		if reasons := e.after.differences(now, e.before.keyer.fixed(d), e.after.keyer.fixed(now)); len(reasons) > 0 {
			e.Notes = append(e.Notes, fmt.Sprintf("%s becomes stale: %s", d.Assets[0].Key, strings.Join(reasons, "; ")))
		}
	}
	return nil
}

func sameInputs(a, b *graph.Definition) bool {
	return slices.EqualFunc(a.Inputs, b.Inputs, func(x, y graph.Input) bool { return x.Key == y.Key && x.At == y.At })
}

// test computes a small case and writes it as a test, if one can be found that passes.
func (e *Extraction) test(ctx context.Context, extractor *golang.Extractor) error {
	f := e.Function
	if _, err := os.Stat(filepath.Join(e.project.Root, filepath.FromSlash(f.TestFile))); err == nil || f.Source == "" {
		return nil // the function, or a test of that name, has been there before
	}
	sample, err := e.sample(ctx)
	if err != nil {
		return err
	}
	if sample.Problem != "" {
		e.Notes = append(e.Notes, "no test is written: "+sample.Problem)
		return nil
	}
	text, err := extractor.Test(f, extract.Case{Inputs: sample.Inputs, Outputs: sample.Outputs, Rows: sample.Rows, Imports: sample.Imports, Empty: sample.Empty})
	if err != nil {
		return err
	}
	e.job.module.Laid[filepath.Join(e.project.Root, filepath.FromSlash(f.TestFile))] = []byte(text)
	binary := filepath.Join(e.job.dir, "tests")
	folder, err := filepath.Rel(e.job.module.Root, e.folder)
	if err == nil {
		err = e.job.module.BuildTest(ctx, filepath.ToSlash(folder), binary)
	}
	if err == nil {
		c := exec.CommandContext(ctx, binary, "-test.run", "^Test"+f.Name+"(OfNothing)?$")
		c.Dir = e.folder
		var out []byte
		if out, err = c.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		e.Notes = append(e.Notes, "no test is written, since the one that was tried fails: "+tail(plain(err), 5))
		return nil
	}
	e.files[f.TestFile] = []byte(text)
	return nil
}

// sample runs the function on a few rows.
func (e *Extraction) sample(ctx context.Context) (*step.Sample, error) {
	j := *e.job
	pkg := e.after.packagePath(j.module, path.Dir(e.Function.File))
	source := golang.SampleProgram(e.Function, pkg, knowsNew(j.module))
	j.binary = filepath.Join(j.dir, "sample")
	if err := j.module.Build(ctx, "zz_cellar_sample", map[string]string{"main.go": source}, j.binary); err != nil {
		return nil, buildMistake(j.State, err)
	}
	j.spec.Result = filepath.Join(j.dir, "sample.json")
	if err := e.after.run(ctx, &j); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return &step.Sample{Problem: tail(plain(err), 3)}, nil
	}
	return j.result.Sample, nil
}

// knowsNew reports whether the module's Go takes an expression in new.
func knowsNew(m *gomod.Module) bool {
	return m.File.Go != nil && semver.Compare("v"+m.File.Go.Version, "v1.26") >= 0
}

// diff shows the change of every file and cell.
func (e *Extraction) diff(page *nbformat.Notebook) string {
	var b strings.Builder
	var names []string
	for file := range e.files {
		names = append(names, file)
	}
	slices.Sort(names)
	for _, file := range names {
		text := string(e.files[file])
		b.WriteString(unified(file, nil, &text))
	}
	name, _ := e.project.Rel(e.notebook)
	cells := page.Cells()
	for _, c := range e.Function.Cells {
		cell := cells[c.Number-1]
		was, is := cell.Source(), &c.Text
		if strings.TrimSpace(c.Text) == "" {
			is = nil
		}
		b.WriteString(unified(strings.TrimSuffix(fmt.Sprintf("%s, cell %d (%s)", name, c.Number, cell.ID()), " ()"), &was, is))
	}
	return b.String()
}

// Write writes the files, records the value for the function's key, and replaces the notebook last. A failure leaves everything as it was.
func (e *Extraction) Write(ctx context.Context) (err error) {
	if now, err := os.ReadFile(e.notebook); err != nil || !bytes.Equal(now, e.was) {
		return fault.New(fault.Input, "run the command again", "extract %s: the notebook has changed meanwhile", e.Function.Assets[0])
	}
	var written []string
	defer func() {
		if err != nil {
			for _, file := range written {
				os.Remove(file)
			}
		}
	}()
	var names []string
	for file, text := range e.files {
		target := filepath.Join(e.project.Root, filepath.FromSlash(file))
		if _, err := os.Stat(target); err == nil {
			return fault.New(fault.Input, "run the command again", "extract %s: %s has appeared meanwhile", e.Function.Assets[0], file)
		}
		if err := atomicfile.Write(target, text, 0o644); err != nil {
			return fault.New(fault.Storage, "free some room, or make the folder writable", "extract %s: %w", e.Function.Assets[0], err)
		}
		written, names = append(written, target), append(names, target)
	}
	records, err := e.after.keep(ctx, e.job)
	if err != nil {
		return err
	}
	if err := nbformat.WriteFile(e.notebook, e.is); err != nil {
		return err
	}
	written, e.made = nil, ""
	if e.project.Repo != nil && len(names) > 0 {
		if err := e.project.Repo.IntendToAdd(ctx, names...); err != nil {
			return fault.New(fault.Environment, "git add --intent-to-add "+strings.Join(names, " "), "extract %s: everything is written, but git does not track the new files: %w", e.Function.Assets[0], err)
		}
	}
	return e.after.note(ctx, []Outcome{{State: e.job.State, Status: Computed, Records: records}})
}

// Close takes away what the proof left.
func (e *Extraction) Close() {
	if e.job != nil {
		e.job.remove()
	}
	if e.made == "" {
		return
	}
	for dir := e.folder; len(dir) >= len(e.made); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil { // not empty
			return
		}
	}
}
