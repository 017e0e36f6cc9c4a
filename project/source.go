package project

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gitx"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// sources are the files of a tree, named by slash paths from its root.
type sources interface {
	// list names the files with one of the suffixes.
	list(suffixes ...string) ([]string, error)
	// read gives a file's bytes; an error that is fs.ErrNotExist if there is none.
	read(file string) ([]byte, error)
	// executed tells the notebooks that runs have written, as far as that is seen without reading them.
	executed(file string) bool
}

// workTree is what lies in the folder now: what git tracks, or every file where there is no git.
type workTree struct {
	root string
	repo *gitx.Repo
	more []string          // files that count though git does not track them: the notebook being run
	laid map[string][]byte // files as they will be once they are written
}

func (w workTree) list(suffixes ...string) ([]string, error) {
	var all []string
	if w.repo != nil {
		tracked, err := w.repo.Tracked(suffixes...)
		if err != nil {
			return nil, err
		}
		all = tracked
	} else {
		err := filepath.WalkDir(w.root, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			name := d.Name()
			if d.IsDir() && p != w.root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor") {
				return fs.SkipDir
			}
			for _, s := range suffixes {
				if !d.IsDir() && strings.HasSuffix(name, s) {
					if rel, err := filepath.Rel(w.root, p); err == nil {
						all = append(all, filepath.ToSlash(rel))
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("cellar: list %s: %w", w.root, err)
		}
	}
	seen := map[string]bool{}
	var present []string
	for f := range w.laid {
		for _, s := range suffixes {
			if !seen[f] && strings.HasSuffix(f, s) {
				seen[f] = true
				present = append(present, f)
			}
		}
	}
	for _, f := range append(all, w.more...) {
		if seen[f] || strings.Contains(f, ".ipynb_checkpoints/") {
			continue
		}
		seen[f] = true
		if info, err := os.Stat(filepath.Join(w.root, filepath.FromSlash(f))); err == nil && info.Mode().IsRegular() {
			present = append(present, f)
		}
	}
	sort.Strings(present)
	return present, nil
}

func (w workTree) read(file string) ([]byte, error) {
	if text, ok := w.laid[file]; ok {
		return text, nil
	}
	text, err := os.ReadFile(filepath.Join(w.root, filepath.FromSlash(file)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Storage, "", "read %s: %w", file, err)
	}
	return text, err
}

// largeNotebook is the size from which a look at a notebook's metadata pays: its outputs, which nobody asks for here, would take memory.
const largeNotebook = 1 << 20

func (w workTree) executed(file string) bool {
	name := filepath.Join(w.root, filepath.FromSlash(file))
	if info, err := os.Stat(name); err != nil || info.Size() < largeNotebook || !strings.HasSuffix(file, ".ipynb") || w.laid[file] != nil {
		return false
	}
	n, err := nbformat.ReadMetadata(name)
	return err == nil && n.Executed()
}

// commit is the tree of a commit.
type commit struct {
	repo *gitx.Repo
	id   string
}

func (c commit) list(suffixes ...string) ([]string, error) {
	entries, err := c.repo.List(c.id, suffixes...)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if !strings.Contains(e.Path, ".ipynb_checkpoints/") {
			all = append(all, e.Path)
		}
	}
	return all, nil
}

func (c commit) read(file string) ([]byte, error) {
	text, _, err := c.repo.ReadFile(c.id, file)
	if errors.Is(err, fault.ErrNotFound) {
		return nil, fmt.Errorf("%s: %w", file, fs.ErrNotExist)
	}
	return text, err
}

func (c commit) executed(string) bool { return false }

// resolve makes a path that code in a file of folder names a path from the root; false if it leads out of the tree.
func resolve(folder, name string) (string, bool) {
	if path.IsAbs(name) || filepath.IsAbs(name) {
		return "", false
	}
	p := path.Clean(path.Join(folder, filepath.ToSlash(name)))
	return p, p != "." && p != ".." && !strings.HasPrefix(p, "../")
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
