package assetlib

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gitx"
)

// Project reads the assets of a repository.
type Project struct {
	repo  *gitx.Repo
	store *store.Store
}

// Open finds the project that a folder belongs to: its store is $CELLAR_STORE, else the folder cellar in the git common folder, else
// .cellar in dir.
func Open(dir string) (*Project, error) {
	p := &Project{}
	folder := os.Getenv("CELLAR_STORE")
	repo, err := gitx.Find(dir)
	switch {
	case err == nil:
		p.repo = repo
		if folder == "" {
			folder = filepath.Join(repo.CommonDir(), "cellar")
		}
	case !errors.Is(err, fault.ErrNoGit):
		return nil, err
	case folder == "":
		folder = filepath.Join(dir, ".cellar")
	}
	p.store, err = store.Open(folder, store.Options{ReadOnly: true})
	return p, err
}

// Load reads the value of an asset, named by its full key, that is noted at a revision ("" is HEAD). T must be able to hold what is
// stored: a wrong type is an error that names the column.
func Load[T any](ctx context.Context, p *Project, asset, revision string) (T, error) {
	var value T
	r, err := p.Record(ctx, asset, revision)
	if err != nil {
		return value, err
	}
	file, err := p.store.Object(r.Object)
	if err != nil {
		return value, err
	}
	f, err := os.Open(file)
	if err != nil {
		return value, fault.New(fault.Storage, "", "asset %s: %w", asset, err)
	}
	defer f.Close()
	if err := table.Read(f, r.Size, &value); err != nil {
		return value, fmt.Errorf("cellar: asset %s: %w", asset, err)
	}
	return value, nil
}

// Record is what is known of the asset's value that is noted at a revision.
func (p *Project) Record(ctx context.Context, asset, revision string) (*store.Record, error) {
	if p.repo == nil {
		return nil, fault.New(fault.Input, "run `git init`, commit, and materialize: values are found by commit", "asset %s: %w", asset, fault.ErrNoGit)
	}
	if revision == "" {
		revision = "HEAD"
	}
	lines, err := store.Noted(ctx, p.repo, revision)
	if err != nil {
		return nil, err
	}
	line, ok := lines[store.Slot(asset, "")]
	if !ok {
		return nil, fault.Missing(fmt.Sprintf("`cellar materialize +%s` at that commit", asset), "asset %s is not noted at %s", asset, revision)
	}
	return p.store.Record(line.Record)
}
