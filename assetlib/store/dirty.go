package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// mainWorktree is the folder of the main work tree; no name of a linked one is encoded to it.
const mainWorktree = "%main"

func (s *Store) workPath(worktree string, r Record) string {
	return s.path("work", workFolder(worktree), fileName(Slot(r.Asset, r.Partition)))
}

func workFolder(worktree string) string {
	if worktree == "" {
		return mainWorktree
	}
	return fileName(worktree)
}

// Slot names an asset, or one partition of it: the asset's name, and a tab and the partition if there is one.
func Slot(asset, partition string) string {
	if partition == "" {
		return asset
	}
	return asset + "\t" + partition // no name has a tab
}

// MarkDirty makes a record the work in progress of a work tree for its asset. Put does it for a dirty record; do it again when an older
// one is loaded there because the sources went back.
func (s *Store) MarkDirty(worktree string, r Record) error {
	if err := s.ready(); err != nil {
		return err
	}
	return s.replace(s.workPath(worktree, r), []byte(r.ID+"\n"))
}

// Dirty gives the work in progress of a work tree: for each asset the record last computed or loaded there from sources that were in
// no commit.
func (s *Store) Dirty(worktree string) ([]Record, error) {
	ids, err := s.workIn(workFolder(worktree))
	if err != nil {
		return nil, err
	}
	return s.read(ids)
}

// ClearDirty ends the work in progress on a record's asset, if it is still on that record.
func (s *Store) ClearDirty(worktree string, r Record) error {
	if err := s.ready(); err != nil {
		return err
	}
	path := s.workPath(worktree, r)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(text)) != r.ID {
		return nil
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return failure("remove", path, err)
	}
	return nil
}

func (s *Store) workIn(folder string) ([]string, error) {
	dir := s.path("work", folder)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, failure("read", dir, err)
	}
	var ids []string
	for _, e := range entries {
		text, err := os.ReadFile(s.path("work", folder, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, failure("read", dir, err)
		}
		ids = append(ids, strings.TrimSpace(string(text)))
	}
	return ids, nil
}

// allWork is the work in progress of every work tree.
func (s *Store) allWork() (map[string]bool, error) {
	folders, err := os.ReadDir(s.path("work"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, failure("read", s.path("work"), err)
	}
	all := map[string]bool{}
	for _, f := range folders {
		ids, err := s.workIn(f.Name())
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			all[id] = true
		}
	}
	return all, nil
}
