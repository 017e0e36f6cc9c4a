package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/zeebo/blake3"

	"github.com/cellar-go/cellar/internal/fault"
)

// Writer writes one object. Nothing of it can be found before Commit. Not for several goroutines at once.
type Writer struct {
	s    *Store
	f    *os.File // nil once it is committed or aborted
	sum  *blake3.Hasher
	size int64
	err  error // the first one; a file that lacks bytes must not be committed
}

// Create begins an object. The caller ends it with Commit or Abort; an Abort after Commit does nothing, so it may be deferred.
func (s *Store) Create() (*Writer, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	f, err := s.temp()
	if err != nil {
		return nil, err
	}
	return &Writer{s: s, f: f, sum: blake3.New()}, nil
}

func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.f == nil {
		return 0, fs.ErrClosed
	}
	n, err := w.f.Write(p)
	w.sum.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		w.err = failure("write", w.f.Name(), err)
	}
	return n, w.err
}

// Commit makes the object durable, then gives it its name. If the store has the object already, that one stays, and counts as new for
// Prune. After an error the store is as it was.
func (w *Writer) Commit() (Hash, error) {
	defer w.Abort()
	if w.err != nil {
		return "", w.err
	}
	if w.f == nil {
		return "", fs.ErrClosed
	}
	if err := seal(w.f); err != nil {
		return "", failure("write", w.f.Name(), err)
	}
	h := hashOf(w.sum)
	return h, w.s.admit(w.f.Name(), h, w.size)
}

// Abort drops what was written.
func (w *Writer) Abort() {
	if w.f != nil {
		w.f.Close()
		os.Remove(w.f.Name())
		w.f = nil
	}
}

func hashOf(sum *blake3.Hasher) Hash { return Hash("b3:" + hex.EncodeToString(sum.Sum(nil))) }

// admit names a sealed temporary file after its content.
func (s *Store) admit(temp string, h Hash, size int64) error {
	path, err := s.objectPath(h)
	if err != nil {
		return err
	}
	if err := s.mkdir(filepath.Dir(path)); err != nil {
		return err
	}
	unlock, err := s.flock("sweep", false)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.renew(temp); err != nil { // the last byte may have been written long ago
		return err
	}
	ours, err := s.publish(temp, path)
	if err != nil || ours {
		return err
	}
	if fi, err := os.Stat(path); err != nil || fi.Size() != size {
		// The one in the store was cut short: ours heals it.
		if err := os.Rename(temp, path); err != nil {
			return failure("write", path, err)
		}
		return s.syncDir(filepath.Dir(path))
	}
	return s.renew(path)
}

// renew makes Prune see a file as new. A failure is one only if the object is gone.
func (s *Store) renew(path string) error {
	now := time.Now()
	if err := os.Chtimes(path, now, now); errors.Is(err, fs.ErrNotExist) {
		return failure("find", path, err)
	}
	return nil
}

// Import takes in a file that is finished: it is gone from path afterwards.
func (s *Store) Import(path string) (Hash, int64, error) {
	if err := s.ready(); err != nil {
		return "", 0, err
	}
	fi, err := os.Lstat(path)
	if err != nil {
		return "", 0, fmt.Errorf("cellar: take in %s: %w", path, err)
	}
	// A file with a second name could be changed through it.
	if stat, ok := fi.Sys().(*syscall.Stat_t); ok && fi.Mode().IsRegular() && stat.Nlink == 1 {
		if h, size, err := s.importByRename(path); !errors.Is(err, syscall.EXDEV) {
			return h, size, err
		}
	}
	return s.importByCopy(path)
}

func (s *Store) importByRename(path string) (h Hash, size int64, err error) {
	f, err := s.temp()
	if err != nil {
		return "", 0, err
	}
	f.Close()
	temp := f.Name()
	defer os.Remove(temp)
	_ = s.renew(path) // so that Prune does not take it for a left-over
	if err := os.Rename(path, temp); err != nil {
		return "", 0, failure("take in", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Rename(temp, path) // as it was
		}
	}()
	if f, err = os.Open(temp); err != nil {
		return "", 0, failure("read", path, err)
	}
	defer f.Close()
	sum := blake3.New()
	if size, err = io.Copy(sum, f); err != nil {
		return "", 0, failure("read", path, err)
	}
	if err := seal(f); err != nil {
		return "", 0, failure("write", path, err)
	}
	h = hashOf(sum)
	return h, size, s.admit(temp, h, size)
}

func (s *Store) importByCopy(path string) (Hash, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("cellar: take in %s: %w", path, err)
	}
	defer f.Close()
	w, err := s.Create()
	if err != nil {
		return "", 0, err
	}
	defer w.Abort()
	size, err := io.Copy(w, f)
	if err != nil {
		return "", 0, failure("take in", path, err)
	}
	h, err := w.Commit()
	if err != nil {
		return "", 0, err
	}
	return h, size, os.Remove(path)
}

func (s *Store) objectPath(h Hash) (string, error) {
	digits, err := split(string(h), "b3")
	if err != nil {
		return "", fault.New(fault.Input, "", "object %w", err)
	}
	return s.path("objects", "b3", digits[:2], digits), nil
}

// Object is the file that holds an object. Whoever asks is taken to use it: Prune's grace period begins again.
func (s *Store) Object(h Hash) (string, error) {
	path, err := s.objectPath(h)
	if err != nil {
		return "", err
	}
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fault.New(fault.Storage, "`cellar materialize` computes it again", "object %s is not in the store %s: %w", h.Short(), s.dir, fault.ErrNotFound)
	}
	if err != nil {
		return "", failure("find", path, err)
	}
	if !s.options.ReadOnly && time.Since(fi.ModTime()) > time.Minute {
		_ = s.renew(path)
	}
	return path, nil
}

// Check reads an object and compares it with its name.
func (s *Store) Check(h Hash) error {
	path, err := s.objectPath(h)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := s.Object(h)
		return err
	}
	if err != nil {
		return failure("read", path, err)
	}
	defer f.Close()
	sum := blake3.New()
	if _, err := io.Copy(sum, f); err != nil {
		return failure("read", path, err)
	}
	if got := hashOf(sum); got != h {
		return fault.New(fault.Storage, "remove the file; `cellar materialize stale` computes it again", "object %s holds %s: %w", path, got.Short(), fault.ErrCorrupt)
	}
	return nil
}
