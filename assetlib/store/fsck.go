package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
)

// Problem is something in a store that is not as it should be.
type Problem struct {
	Path string // of the file
	What string
	Fix  string
}

func (p Problem) String() string { return p.Path + ": " + p.What }

// Fsck reads everything and compares it with its name, and follows every reference. What crashes leave behind by design is no problem:
// temporary files, objects that no record names, index entries without a manifest, manifests that no key leads to.
func (s *Store) Fsck(ctx context.Context) (problems []Problem, err error) {
	report := func(path, fix, format string, args ...any) {
		problems = append(problems, Problem{path, fmt.Sprintf(format, args...), fix})
	}
	if _, err := os.Stat(s.path("locks")); err == nil && !s.options.ReadOnly {
		if unlock, err := s.flock("sweep", false); err == nil { // else the disk is read-only, and nobody prunes
			defer unlock()
		}
	}
	const again = "remove the file; `cellar materialize stale` computes it again"
	sound := map[Hash]bool{}
	err = s.eachFile(ctx, "objects", func(path string, _ fs.FileInfo) error {
		h := Hash("b3:" + filepath.Base(path))
		if want, err := s.objectPath(h); err != nil || want != path {
			report(path, "move the file away", "no object has this name")
			return nil
		}
		err := s.Check(h)
		switch {
		case errors.Is(err, fault.ErrCorrupt):
			report(path, again, "the content is not what the name says")
		case err != nil:
			return err
		default:
			sound[h] = true
		}
		return nil
	})
	if err != nil {
		return problems, err
	}

	_, indexErr := os.Stat(s.path("assets", indexComplete))
	err = s.eachFile(ctx, "manifests", func(path string, _ fs.FileInfo) error {
		id := "r1:" + filepath.Base(path)
		if len(id) != len("r1:")+64 || s.manifestPath(id) != path {
			report(path, "move the file away", "no record has this name")
			return nil
		}
		r, err := s.Record(id)
		if errors.Is(err, fault.ErrCorrupt) {
			report(path, again, "the record is damaged: %v", errors.Unwrap(err))
			return nil
		}
		if err != nil {
			report(path, fault.Hint(err), "%v", err)
			return nil
		}
		for _, h := range r.objects() {
			if !sound[h] && s.Check(h) != nil { // which may have been written since
				report(path, "`cellar materialize --force "+r.Asset+"` computes it again", "the object %s of %s is not there, or damaged", h.Short(), r.Asset)
			}
		}
		if _, err := os.Stat(s.path("assets", fileName(r.Asset), digitsOf(id))); err != nil && indexErr == nil {
			report(path, "remove "+s.path("assets", indexComplete)+": the index is made again", "the index of %s lacks this record", r.Asset)
		}
		return nil
	})
	if err != nil {
		return problems, err
	}

	err = s.eachFile(ctx, "actions", func(path string, _ fs.FileInfo) error {
		id := "r1:" + filepath.Base(path)
		if filepath.Base(path) == "canonical" {
			text, err := os.ReadFile(path)
			if err != nil {
				return failure("read", path, err)
			}
			id = strings.TrimSuffix(string(text), "\n")
		}
		r, err := s.Record(id)
		switch {
		case errors.Is(err, fault.ErrNotFound):
			report(path, again, "the record %s is not there", shorten(id))
		case errors.Is(err, fault.ErrCorrupt):
			report(path, again, "it leads to no sound record: %.80q", id)
		case err == nil:
			if dir, err := s.actionDir(r.Key); err != nil || dir != filepath.Dir(path) {
				report(path, again, "the record %s belongs to the key %s", shorten(id), shorten(r.Key))
			}
		}
		return nil
	})
	return problems, err
}
