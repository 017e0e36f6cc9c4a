package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gitx"
)

// NotesRef is where the notes of commits are; docs/formats/notes.md.
const NotesRef = "refs/notes/cellar"

// Note adds records to a commit's note, in one commit of the notes ref: what the note said of the same assets before is replaced, the
// rest stays. Whoever writes at the same time waits; nothing is lost.
func Note(ctx context.Context, repo *gitx.Repo, commit string, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	commit, err := repo.Resolve(commit)
	if err != nil {
		return err
	}
	batch := make([]NoteLine, len(records))
	for i, r := range records {
		if r.Dirty || r.ID == "" {
			return fmt.Errorf("cellar: note %s at %.10s: only a clean record that is in the store belongs to a commit", r.Asset, commit)
		}
		batch[i] = NoteLine{r.Asset, r.Partition, r.Key, r.ID, r.Object, r.Kind, r.Rows, r.Size, commit}
	}
	unlock, err := lockFile(ctx, filepath.Join(repo.CommonDir(), "cellar-notes.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	// So that git carries notes along when it rewrites commits.
	if err := repo.AddConfig(ctx, "notes.rewriteRef", NotesRef); err != nil {
		return err
	}
	return repo.Edit(ctx, NotesRef, fmt.Sprintf("Note %d records of %.10s", len(batch), commit), func(t *gitx.Tree) error {
		path, text, err := findNote(t, commit)
		if err != nil {
			return err
		}
		note, err := parseNote(text)
		if err != nil {
			return fmt.Errorf("cellar: read the note of %.10s: %w", commit, err)
		}
		lines, err := readLines(t, commit, note.roots)
		if err != nil {
			return err
		}
		for _, l := range batch {
			lines[Slot(l.Asset, l.Partition)] = l
		}
		root, err := t.Folder(shards(lines))
		if err != nil {
			return err
		}
		if err := t.Link(recordsPath(root), root); err != nil {
			return err
		}
		return t.Write(path, note.render(lines, root))
	})
}

// Noted is what a commit's note says: a line for each Slot. It is empty for a commit without a note. A line whose Commit is another one was carried along by git, in a rebase for one: the asset had this value
// there, and may have another one here.
func Noted(ctx context.Context, repo *gitx.Repo, commit string) (map[string]NoteLine, error) {
	commit, err := repo.Resolve(commit)
	if err != nil {
		return nil, err
	}
	var lines map[string]NoteLine
	err = repo.View(ctx, NotesRef, func(t *gitx.Tree) error {
		_, text, err := findNote(t, commit)
		if err != nil {
			return err
		}
		note, err := parseNote(text)
		if err != nil {
			return fmt.Errorf("cellar: read the note of %.10s: %w", commit, err)
		}
		lines, err = readLines(t, commit, note.roots)
		return err
	})
	return lines, err
}

// findNote reads a commit's note, and says where it is or belongs. git spreads notes over folders as it sees fit: all of its ways are
// read; a new one goes where git puts it when there are some hundreds.
func findNote(t *gitx.Tree, commit string) (path string, text []byte, err error) {
	spread := commit[:2] + "/" + commit[2:]
	for _, path := range []string{commit, spread, commit[:2] + "/" + commit[2:4] + "/" + commit[4:]} {
		text, err := t.Read(path)
		if !errors.Is(err, fault.ErrNotFound) {
			return path, text, err
		}
	}
	return spread, nil, nil
}

// recordsPath is where the records of a note are kept. git takes what is no commit's name for none of its business, and leaves it be.
func recordsPath(root string) string { return "records/" + root[:2] + "/" + root[2:] }

// readLines reads the records under the roots. Of two that speak of one asset (git put two notes together) the first one holds: the
// note that the commit had itself.
func readLines(t *gitx.Tree, commit string, roots []string) (map[string]NoteLine, error) {
	lines := map[string]NoteLine{}
	for _, root := range roots {
		files, err := t.Files(recordsPath(root))
		if err == nil && len(files) == 0 {
			err = fault.ErrNotFound
		}
		if err != nil {
			return nil, fault.New(fault.Storage, "git fetch origin "+NotesRef+":"+NotesRef, "the note of %.10s names the records %.10s: %w", commit, root, err)
		}
		here := map[string]NoteLine{}
		for _, name := range files {
			text, err := t.Read(recordsPath(root) + "/" + name)
			if err != nil {
				return nil, err
			}
			if err := parseShard(text, here); err != nil {
				return nil, fmt.Errorf("cellar: read the records of %.10s, %s/%s: %w", commit, recordsPath(root), name, err)
			}
		}
		for s, l := range here {
			if _, ok := lines[s]; !ok {
				lines[s] = l
			}
		}
	}
	return lines, nil
}

// Promote makes the work in progress of a work tree, where clean says that the commit's sources give the same version, records of the
// commit, and notes them. A crash on the way leaves the rest in progress: promote again.
func (s *Store) Promote(ctx context.Context, repo *gitx.Repo, worktree, commit string, clean func(Record) bool) ([]Record, error) {
	work, err := s.Dirty(worktree)
	if err != nil {
		return nil, err
	}
	commit, err = repo.Resolve(commit)
	if err != nil {
		return nil, err
	}
	var from, promoted []Record
	for _, r := range work {
		if !clean(r) {
			continue
		}
		c := r
		c.Dirty, c.Commit = false, commit
		if c.ID, err = s.Put(ctx, c); err != nil {
			return nil, err
		}
		if err := s.Prefer(c.ID); err != nil {
			return nil, err
		}
		from, promoted = append(from, r), append(promoted, c)
	}
	if err := Note(ctx, repo, commit, promoted); err != nil {
		return nil, err
	}
	for _, r := range from {
		if err := s.ClearDirty(worktree, r); err != nil {
			return nil, err
		}
	}
	return promoted, nil
}
