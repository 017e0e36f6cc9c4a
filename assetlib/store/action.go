package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
)

// Put records a version, whose objects must be in the store, and gives back the record's ID. Each step is durable before the next:
// index entry, manifest, action, canonical marker. So a crash leaves at most an index entry without a manifest, or a manifest that no
// key leads to; both are harmless. The first record of a key is the one that Find gives; later ones are kept beside it.
// A dirty record becomes the work in progress of its work tree.
func (s *Store) Put(ctx context.Context, r Record) (id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := s.ready(); err != nil {
		return "", err
	}
	unlock, err := s.flock("sweep", false) // from here to the end, Prune takes away nothing that this record names
	if err != nil {
		return "", err
	}
	defer unlock()
	text, err := s.complete(&r)
	if err != nil {
		return "", err
	}
	if err := s.addToIndex(&r); err != nil {
		return "", err
	}
	path := s.manifestPath(r.ID)
	ours, err := s.place(path, text)
	if err != nil {
		return "", err
	}
	if there, err := os.ReadFile(path); !ours && (err != nil || !bytes.Equal(there, text)) {
		if err := s.replace(path, text); err != nil { // the one in the store was damaged
			return "", err
		}
	}
	dir, err := s.actionDir(r.Key)
	if err != nil {
		return "", err
	}
	if err := s.touch(filepath.Join(dir, digitsOf(r.ID))); err != nil {
		return "", err
	}
	if err := s.claim(dir, r.ID); err != nil {
		return "", err
	}
	if r.Dirty {
		return r.ID, s.MarkDirty(r.Worktree, r)
	}
	return r.ID, nil
}

// complete fills in what the store knows, and gives the record's bytes.
func (s *Store) complete(r *Record) ([]byte, error) {
	r.Format = recordFormat
	if err := r.check(); err != nil {
		return nil, fault.New(fault.Input, "", "record of %s: %w", r.Asset, err)
	}
	size, err := s.use(r.Object)
	if err != nil {
		return nil, err
	}
	r.Size = size
	if r.Displays != "" {
		if _, err := s.use(r.Displays); err != nil {
			return nil, err
		}
	}
	text, err := r.encode()
	r.ID = recordID(text)
	return text, err
}

// use begins an object's grace period again, and gives its size.
func (s *Store) use(h Hash) (int64, error) {
	path, err := s.Object(h)
	if err != nil {
		return 0, err
	}
	if err := s.renew(path); err != nil {
		return 0, err
	}
	fi, err := os.Stat(path)
	if err != nil {
		return 0, failure("find", path, err)
	}
	return fi.Size(), nil
}

// touch makes an empty file, durably.
func (s *Store) touch(path string) error {
	if err := s.mkdir(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o666)
	if err != nil {
		return failure("write", path, err)
	}
	f.Close()
	return s.syncDir(filepath.Dir(path))
}

// claim makes the record the canonical one of its key, unless a record that is still good is.
func (s *Store) claim(actionDir, id string) error {
	path := filepath.Join(actionDir, "canonical")
	ours, err := s.place(path, []byte(id+"\n"))
	if err != nil || ours {
		return err
	}
	if r, err := s.canonical(actionDir); err != nil || r != nil {
		return err
	}
	unlock, err := s.flock("canonical", true)
	if err != nil {
		return err
	}
	defer unlock()
	if r, err := s.canonical(actionDir); err != nil || r != nil {
		return err // somebody else was faster
	}
	return s.replace(path, []byte(id+"\n"))
}

// Prefer makes a record the one that Find gives for its key: what `materialize --force` computed, or a promoted record.
func (s *Store) Prefer(id string) error {
	if err := s.ready(); err != nil {
		return err
	}
	unsweep, err := s.flock("sweep", false)
	if err != nil {
		return err
	}
	defer unsweep()
	r, err := s.Record(id)
	if err != nil {
		return err
	}
	dir, err := s.actionDir(r.Key)
	if err != nil {
		return err
	}
	unlock, err := s.flock("canonical", true)
	if err != nil {
		return err
	}
	defer unlock()
	return s.replace(filepath.Join(dir, "canonical"), []byte(id+"\n"))
}

// Find gives the canonical record of a key, if there is one whose object is there and whole in length.
func (s *Store) Find(key string) (*Record, bool, error) {
	dir, err := s.actionDir(key)
	if err != nil {
		return nil, false, err
	}
	r, err := s.canonical(dir)
	return r, r != nil, err
}

// canonical reads a key's record. What is damaged or not there counts as absent, so that it is computed again; what a later
// cellar wrote is an error.
func (s *Store) canonical(actionDir string) (*Record, error) {
	path := filepath.Join(actionDir, "canonical")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failure("read", path, err)
	}
	r, err := s.Record(strings.TrimSuffix(string(text), "\n"))
	if errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrCorrupt) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if whole, err := s.whole(r); err != nil || !whole {
		return nil, err
	}
	return r, nil
}

// whole says whether a record's object is there, with all its bytes.
func (s *Store) whole(r *Record) (bool, error) {
	path, err := s.Object(r.Object)
	if errors.Is(err, fault.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	fi, err := os.Stat(path)
	return err == nil && fi.Size() == r.Size, nil
}

// Record reads the record of that ID.
func (s *Store) Record(id string) (*Record, error) {
	if _, err := split(id, "r1"); err != nil {
		return nil, fmt.Errorf("cellar: %q names no record: %w", id, fault.ErrCorrupt)
	}
	path := s.manifestPath(id)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cellar: record %s in %s: %w", shorten(id), s.dir, fault.ErrNotFound)
	}
	if err != nil {
		return nil, failure("read", path, err)
	}
	r, err := parseRecord(text)
	if err == nil && r.ID != id {
		err = fault.ErrCorrupt
	}
	if err != nil {
		return nil, fault.New(fault.Storage, fault.Hint(err), "read %s: %w", path, err)
	}
	return r, nil
}

// Records gives every record of a key, the oldest first. Where their Content differs, the asset is not computed alike each time.
func (s *Store) Records(key string) ([]Record, error) {
	dir, err := s.actionDir(key)
	if err != nil {
		return nil, err
	}
	ids, err := s.idsIn(dir)
	if err != nil {
		return nil, err
	}
	records, err := s.read(ids)
	slices.Reverse(records)
	return records, err
}

// idsIn are the records that a folder has empty files for.
func (s *Store) idsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, failure("read", dir, err)
	}
	var ids []string
	for _, e := range entries {
		if len(e.Name()) == 64 {
			ids = append(ids, "r1:"+e.Name())
		}
	}
	return ids, nil
}

// read reads records, the newest first, and passes over what a crash left behind or what is damaged.
func (s *Store) read(ids []string) ([]Record, error) {
	var records []Record
	for _, id := range ids {
		r, err := s.Record(id)
		if errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, err
		}
		records = append(records, *r)
	}
	slices.SortFunc(records, func(a, b Record) int {
		if c := b.Finished.Compare(a.Finished); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return records, nil
}

func digitsOf(id string) string { return id[strings.IndexByte(id, ':')+1:] }

func (s *Store) manifestPath(id string) string {
	digits := digitsOf(id)
	return s.path("manifests", digits[:2], digits)
}

func (s *Store) actionDir(key string) (string, error) {
	digits, err := split(key, "k")
	if err != nil {
		return "", fault.New(fault.Input, "", "key %w", err)
	}
	scheme, _, _ := strings.Cut(key, ":")
	return s.path("actions", scheme, digits[:2], digits), nil
}
