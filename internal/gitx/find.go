package gitx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cellar-go/cellar/internal/fault"
)

// Repo is one work tree of a repository, or a bare repository. It may be used by several goroutines, and needs no closing.
type Repo struct {
	root   string // work tree, "" when bare
	gitDir string // of this work tree
	common string // shared by all work trees

	native  *native // nil where go-git can't read this repository
	refusal error   // why native is nil
	program func() (string, error)
}

// Find opens the repository that dir, a folder or a file, lies in. Outside of any repository the error is fault.ErrNoGit.
func Find(dir string) (*Repo, error) {
	dir, err := physical(dir)
	if err != nil {
		return nil, err
	}
	if fi, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("cellar: find the repository of %s: %w", dir, err)
	} else if !fi.IsDir() {
		dir = filepath.Dir(dir)
	}
	for at := dir; ; at = filepath.Dir(at) {
		gitDir, err := gitDirOf(at)
		if err != nil {
			return nil, err
		}
		if gitDir != "" {
			return open(at, gitDir)
		}
		if isGitDir(at) {
			return open("", at)
		}
		if at == filepath.Dir(at) {
			return nil, fmt.Errorf("cellar: %s: %w", dir, fault.ErrNoGit)
		}
	}
}

// gitDirOf is the git directory that the work tree at root names, or "".
func gitDirOf(root string) (string, error) {
	dot := filepath.Join(root, ".git")
	fi, err := os.Stat(dot)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return "", fault.New(fault.Environment, "make the folder readable", "read %s: %w", dot, err)
		}
		return "", nil
	}
	if fi.IsDir() {
		if !isGitDir(dot) {
			return "", nil // as git does: a folder that only has the name
		}
		return dot, nil
	}
	// A linked work tree or a submodule: "gitdir: <path>".
	text, err := os.ReadFile(dot)
	if err != nil {
		return "", fmt.Errorf("cellar: read %s: %w", dot, err)
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), "gitdir: ")
	if !ok {
		return "", fault.New(fault.Environment, "remove the file, or run git init again", "%s names no git directory", dot)
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(root, target)
	}
	if _, err := os.Stat(filepath.Join(target, "HEAD")); err != nil {
		return "", fault.New(fault.Environment, "if the repository was moved, run `git worktree repair` in it",
			"%s points at %s, which is no git directory: %w", dot, target, err)
	}
	return target, nil
}

func isGitDir(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func open(root, gitDir string) (*Repo, error) {
	r := &Repo{root: root, gitDir: gitDir, common: gitDir}
	if text, err := os.ReadFile(filepath.Join(gitDir, "commondir")); err == nil {
		common := strings.TrimSpace(string(text))
		if !filepath.IsAbs(common) {
			common = filepath.Join(gitDir, common)
		}
		r.common = filepath.Clean(common)
	}
	r.program = sync.OnceValues(func() (string, error) { return exec.LookPath("git") })
	if r.native, r.refusal = openNative(r.dir(), r.common); r.refusal != nil {
		if _, err := r.program(); err != nil {
			return nil, fault.New(fault.Environment, "install git, and put it on PATH",
				"the repository %s can only be read by the git program, which is not on PATH: %w", r.dir(), r.refusal)
		}
	}
	return r, nil
}

// Root is the folder of the work tree, with symbolic links resolved; empty for a bare repository.
func (r *Repo) Root() string { return r.root }

// CommonDir is the git directory that all work trees share.
func (r *Repo) CommonDir() string { return r.common }

// Worktree is the name of a linked work tree, as under .git/worktrees; empty for the main one.
func (r *Repo) Worktree() string {
	if r.gitDir == r.common {
		return ""
	}
	return filepath.Base(r.gitDir)
}

// Shallow says whether the history is cut, as `git clone --depth` leaves it.
func (r *Repo) Shallow() bool {
	fi, err := os.Stat(filepath.Join(r.common, "shallow"))
	return err == nil && fi.Size() > 0
}

// Limits says in one sentence what can't be done here, for the caller to show once; empty if nothing.
func (r *Repo) Limits() string {
	if _, err := r.program(); err != nil {
		return "the git program is not on PATH: cellar reads the repository by itself, which is slower and knows fewer names of commits"
	}
	return ""
}

// Rel is the path of a file in the work tree, with slashes, as git names it.
func (r *Repo) Rel(path string) (string, error) {
	path, err := physical(path)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(r.root, path)
	if err != nil || r.root == "" || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", fault.New(fault.Input, "", "%s is not in the work tree %s", path, r.root)
	}
	return filepath.ToSlash(rel), nil
}

// dir is where git is run, and what messages name.
func (r *Repo) dir() string {
	if r.root == "" {
		return r.gitDir
	}
	return r.root
}

// physical resolves symbolic links as far as the path exists: git goes by the physical path too.
func physical(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cellar: resolve %s: %w", path, err)
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
		parent, err := physical(filepath.Dir(path))
		return filepath.Join(parent, filepath.Base(path)), err
	}
	if err != nil {
		return "", fmt.Errorf("cellar: resolve %s: %w", path, err)
	}
	return real, nil
}
