package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/cellar-go/cellar/internal/fault"
)

// The index has a folder for each asset, with an empty file for each record. An entry is made before its manifest, so it is never the
// index that lacks one. The file %complete says that the index was there from the store's beginning, or was rebuilt: without it the
// manifests are read.

const indexComplete = "%complete" // no asset's name is encoded to it

// History gives the records of an asset, the newest first.
func (s *Store) History(asset string) ([]Record, error) {
	if _, err := os.Stat(s.path("assets", indexComplete)); err != nil {
		if s.options.ReadOnly {
			return s.scan(asset)
		}
		if err := s.rebuildIndex(); err != nil {
			return nil, err
		}
	}
	ids, err := s.idsIn(s.path("assets", fileName(asset)))
	if err != nil {
		return nil, err
	}
	records, err := s.read(ids)
	return only(asset, records), err
}

// only drops the records of assets whose names differ in ways that a file system may not see.
func only(asset string, records []Record) []Record {
	kept := records[:0]
	for _, r := range records {
		if r.Asset == asset {
			kept = append(kept, r)
		}
	}
	return kept
}

// scan finds an asset's records without an index.
func (s *Store) scan(asset string) ([]Record, error) {
	var ids []string
	err := s.eachRecord(context.Background(), func(r *Record) error {
		if r.Asset == asset {
			ids = append(ids, r.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.read(ids)
}

func (s *Store) addToIndex(r *Record) error {
	if _, err := os.Stat(s.path("assets", indexComplete)); err != nil {
		if err := s.rebuildIndex(); err != nil {
			return err
		}
	}
	return s.touch(s.path("assets", fileName(r.Asset), digitsOf(r.ID)))
}

func (s *Store) rebuildIndex() error {
	if fi, err := os.Stat(s.dir); err != nil || !fi.IsDir() {
		return nil // nothing was ever written
	}
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.eachRecord(context.Background(), func(r *Record) error {
		return s.touch(s.path("assets", fileName(r.Asset), digitsOf(r.ID)))
	}); err != nil {
		return err
	}
	return s.touch(s.path("assets", indexComplete))
}

// eachRecord reads every manifest, and passes over damaged ones: Fsck names those.
func (s *Store) eachRecord(ctx context.Context, do func(*Record) error) error {
	return s.eachFile(ctx, "manifests", func(path string, _ fs.FileInfo) error {
		r, err := s.Record("r1:" + filepath.Base(path))
		if errors.Is(err, fault.ErrNotFound) || errors.Is(err, fault.ErrCorrupt) {
			return nil
		}
		if err != nil {
			return err
		}
		return do(r)
	})
}

// eachFile walks a folder of the store. Files that go away meanwhile are passed over.
func (s *Store) eachFile(ctx context.Context, folder string, do func(path string, fi fs.FileInfo) error) error {
	dir := s.path(folder)
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return failure("read", path, err)
		}
		if d.IsDir() {
			return nil
		}
		fi, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return failure("read", path, err)
		}
		return do(path, fi)
	})
}

// fileName makes a name of an asset, a partition or a work tree one of a file: percent-encoded, and hashed where it is too long.
func fileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.' && i > 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	if b.Len() > 200 {
		sum := blake3.Sum256([]byte(name))
		return b.String()[:100] + "%%" + hex.EncodeToString(sum[:16])
	}
	return b.String()
}
