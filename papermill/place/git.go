package place

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gitx"
)

// revision is a notebook as of a commit, git:REVISION:PATH. As in `git show`, PATH is from the top of the repository around the current
// folder, or from that folder if it starts with ./ or ../; and an absolute path names its repository, too.
type revision struct{ name string }

// parts are the repository, the revision, and the path in it.
func (p revision) parts() (repo *gitx.Repo, rev, name string, err error) {
	rev, name, ok := strings.Cut(strings.TrimPrefix(p.name, "git:"), ":")
	if !ok || rev == "" || strings.HasPrefix(rev, "-") || name == "" || strings.HasSuffix(name, "/") {
		return nil, "", "", fault.New(fault.Usage, "for example git:HEAD~1:notebooks/a.ipynb", "%s names no notebook of a revision", p.name)
	}
	dir := "."
	if filepath.IsAbs(name) {
		dir = filepath.Dir(name)
	}
	if repo, err = gitx.Find(dir); err != nil {
		hint := ""
		if errors.Is(err, fault.ErrNoGit) {
			hint = "go to a folder of the repository, or write an absolute path"
		}
		return nil, "", "", fault.New(fault.Input, hint, "read %s: %w", p.name, err)
	}
	if filepath.IsAbs(name) || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		if name, err = repo.Rel(name); err != nil {
			return nil, "", "", fault.New(fault.Input, "name a file of the repository", "read %s: %w", p.name, err)
		}
	}
	return repo, rev, path.Clean(name), nil
}

func (p revision) read(context.Context) ([]byte, error) {
	text, _, err := p.page()
	return text, err
}

// page reads the notebook, and says of which file here it is a text.
func (p revision) page() (text []byte, page Page, err error) {
	repo, rev, name, err := p.parts()
	if err != nil {
		return nil, page, err
	}
	commit, err := repo.Resolve(rev)
	if err != nil {
		return nil, page, fault.New(fault.Input, "", "read %s: %w", p.name, err)
	}
	text, _, err = repo.ReadFile(commit, name)
	if errors.Is(err, fault.ErrNotFound) {
		hint := "see which there are: git ls-tree -r --name-only " + rev
		if from, ok := p.fromHere(repo, commit); ok {
			hint = "PATH counts from the top of the repository; from the current folder: " + from
		}
		return nil, page, fault.Missing(hint, "%s: %s (%.10s) has no file %s", p.name, rev, commit, name)
	}
	if err != nil {
		return nil, page, fault.New(fault.Input, "", "read %s: %w", p.name, err)
	}
	dir := filepath.Join(repo.Root(), filepath.FromSlash(path.Dir(name)))
	if info, err := os.Stat(dir); repo.Root() == "" || err != nil || !info.IsDir() {
		return text, page, nil // its folder is not here
	}
	here, err := repo.Rel(dir)
	inner, missing := gitx.Find(dir)
	if err != nil || missing != nil || here != path.Dir(name) || inner.Root() != repo.Root() {
		return text, page, nil // the folder of that name is elsewhere, or another repository's
	}
	return text, Page{File: filepath.Join(dir, path.Base(name)), Commit: commit}, nil
}

// fromHere is the same path as counted from the current folder, if that names a file of the commit.
func (p revision) fromHere(repo *gitx.Repo, commit string) (name string, ok bool) {
	rev, file, _ := strings.Cut(strings.TrimPrefix(p.name, "git:"), ":")
	if filepath.IsAbs(file) || strings.HasPrefix(file, "./") || strings.HasPrefix(file, "../") {
		return "", false
	}
	inside, err := repo.Rel("./" + file)
	if err != nil {
		return "", false
	}
	_, _, err = repo.ReadFile(commit, inside)
	return "git:" + rev + ":./" + file, err == nil
}

func (p revision) put(ctx context.Context, _ *os.File) error { return p.check(ctx) }

func (p revision) check(context.Context) error {
	return fault.New(fault.Usage, "write to a file, and commit it", "%s: a revision can only be read", p.name)
}
