package project

import (
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gitx"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// Project is a repository, or a folder outside git.
type Project struct {
	Root  string     // absolute
	Repo  *gitx.Repo // nil outside git
	Store *store.Store
	run   string // see Options.Run
}

// Options of Open. The zero value takes the store from $CELLAR_STORE, else the git common folder.
type Options struct {
	Store  string
	Budget int64  // bytes; old dirty versions go first when the store is larger. 0 is $CELLAR_BUDGET, else no bound
	Run    string // which run of a notebook computes, to tell what it has made; default none
}

// Open finds the project that a folder belongs to.
func Open(dir string, o Options) (*Project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	p := &Project{run: o.Run}
	repo, err := gitx.Find(dir)
	switch {
	case err == nil:
		p.Repo, p.Root = repo, repo.Root()
	case errors.Is(err, fault.ErrNoGit):
		p.Root = dir
	default:
		return nil, err
	}
	folder := o.Store
	if folder == "" {
		folder = os.Getenv("CELLAR_STORE")
	}
	if folder == "" && p.Repo != nil {
		folder = filepath.Join(p.Repo.CommonDir(), "cellar")
	}
	if folder == "" {
		folder = filepath.Join(p.Root, ".cellar")
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return nil, err
	}
	budget := o.Budget
	if budget == 0 {
		if budget, err = ParseBytes(os.Getenv("CELLAR_BUDGET")); err != nil {
			return nil, fault.New(fault.Usage, "for example CELLAR_BUDGET=20GB", "CELLAR_BUDGET: %w", err)
		}
	}
	p.Store, err = store.Open(folder, store.Options{Budget: budget})
	return p, err
}

// Untracked reports whether git does not know a file: what it defines is seen by its own runs only.
func (p *Project) Untracked(file string) (bool, error) {
	rel, err := p.Rel(file)
	if err != nil || p.Repo == nil {
		return false, err
	}
	tracked, err := p.Repo.Tracked(filepath.Ext(file))
	return err == nil && !slices.Contains(tracked, rel), err
}

// Rel names a file by its slash path from the project's root.
func (p *Project) Rel(file string) (string, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		abs = filepath.Join(dir, filepath.Base(abs))
	}
	rel, err := filepath.Rel(p.Root, abs)
	if err != nil || strings.HasPrefix(rel, "..") {
		return "", fault.New(fault.Input, "run the command in the repository that the file is in", "%s is not in %s", file, p.Root)
	}
	return filepath.ToSlash(rel), nil
}

// Overlay is a notebook whose cells are not, or not only, those of the saved file.
type Overlay struct {
	File  string // slash path from the root
	Cells []golang.Source
}

// catalog is what a tree's sources define.
type catalog struct {
	graph     *graph.Graph
	notebooks map[string]*golang.Notebook
	functions map[string]*golang.Function // by the definition's place
	problems  []error                     // files that can't be read; the rest is not affected
}

// read finds the definitions of a tree.
func read(tree sources, overlays ...Overlay) (*catalog, error) {
	c := &catalog{notebooks: map[string]*golang.Notebook{}, functions: map[string]*golang.Function{}}
	var definitions []*graph.Definition
	add := func(n *golang.Notebook) {
		c.notebooks[n.File] = n
		definitions = append(definitions, n.Definitions()...)
		c.problems = append(c.problems, n.Problems()...)
	}
	overlaid := map[string]bool{}
	for _, o := range overlays {
		overlaid[o.File] = true
		add(golang.Read(o.File, o.Cells))
	}
	files, err := tree.list(".ipynb", ".go")
	if err != nil {
		return nil, err
	}
	packages := map[string]bool{}
	for _, file := range files {
		switch {
		case overlaid[file] || strings.HasSuffix(file, "_test.go") || tree.executed(file):
		case strings.HasSuffix(file, ".ipynb"):
			text, err := tree.read(file)
			if err != nil {
				c.problems = append(c.problems, err)
				continue
			}
			if !bytes.Contains(text, []byte("asset:")) && !bytes.Contains(text, []byte("load(")) {
				continue // no cell of it can have a part in the graph
			}
			n, err := nbformat.Parse(text, file)
			if err != nil {
				c.problems = append(c.problems, err)
				continue
			}
			if n.Executed() || n.Language() != "go" && n.Language() != "" {
				continue
			}
			add(golang.Read(file, Cells(n)))
		default:
			text, err := tree.read(file)
			if err != nil {
				c.problems = append(c.problems, err)
				continue
			}
			if bytes.Contains(text, []byte("\n"+golang.Directive)) {
				packages[path.Dir(file)] = true
			}
		}
	}
	for folder := range packages {
		texts := map[string][]byte{}
		for _, file := range files {
			if path.Dir(file) == folder && strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") {
				if text, err := tree.read(file); err == nil {
					texts[file] = text
				}
			}
		}
		functions, problems := golang.Functions(texts)
		c.problems = append(c.problems, problems...)
		for _, f := range functions {
			c.functions[f.Definition.Place()] = f
			definitions = append(definitions, f.Definition)
		}
	}
	c.graph = graph.New(definitions)
	return c, nil
}

// Cells are a notebook's code cells as the analysis reads them.
func Cells(n *nbformat.Notebook) []golang.Source {
	var all []golang.Source
	above := ""
	for i, c := range n.Cells() {
		if c.Type() != "code" {
			above = strings.Clone(c.Source())
			continue
		}
		// Copies, for a part would keep the whole text of the notebook in memory.
		all = append(all, golang.Source{ID: strings.Clone(c.ID()), Number: i + 1, Text: strings.Clone(c.Source()), Tags: c.Tags(), Above: above})
		above = ""
	}
	return all
}
