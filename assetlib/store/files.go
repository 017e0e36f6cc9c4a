package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cellar-go/cellar/internal/atomicfile"
)

// mkdir makes a folder and those above it, durably: a file in a folder that is lost is lost.
func (s *Store) mkdir(dir string) error {
	if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := s.mkdir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return failure("make the folder", dir, err)
	}
	return s.syncDir(filepath.Dir(dir))
}

func (s *Store) syncDir(dir string) error {
	if err := atomicfile.SyncDir(dir); err != nil {
		return failure("write the folder", dir, err)
	}
	return nil
}

// temp makes a file in the store, so that it can be linked into place.
func (s *Store) temp() (*os.File, error) {
	dir := s.path("tmp")
	if err := s.mkdir(dir); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, "new-*")
	if err != nil {
		return nil, failure("make a file in", dir, err)
	}
	return f, nil
}

// place writes a small file that is there whole or not at all, and never replaces one: it says whether the file is ours.
func (s *Store) place(path string, content []byte) (ours bool, err error) {
	return s.write(path, content, false)
}

// replace writes a small file in place of the one that may be there.
func (s *Store) replace(path string, content []byte) error {
	_, err := s.write(path, content, true)
	return err
}

func (s *Store) write(path string, content []byte, replace bool) (ours bool, err error) {
	if err := s.mkdir(filepath.Dir(path)); err != nil {
		return false, err
	}
	f, err := s.temp()
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		return false, failure("write", path, err)
	}
	if err := seal(f); err != nil {
		return false, failure("write", path, err)
	}
	if replace {
		if err := os.Rename(f.Name(), path); err != nil {
			return false, failure("write", path, err)
		}
		return true, s.syncDir(filepath.Dir(path))
	}
	return s.publish(f.Name(), path)
}

// seal makes a finished file durable, and read-only. Closing it shows the errors of network file systems.
func seal(f *os.File) error {
	if err := f.Chmod(0o444); err != nil {
		return err
	}
	if err := atomicfile.Sync(f); err != nil {
		return err
	}
	return f.Close()
}

// publish gives a sealed temporary file its name, unless the name is taken, and makes the name durable.
func (s *Store) publish(temp, path string) (ours bool, err error) {
	err = s.link(temp, path)
	switch {
	case errors.Is(err, fs.ErrExist):
		err = nil
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EMLINK):
		ours, err = s.renameInto(temp, path) // no hard links here (FAT, some network and overlay file systems)
	case err == nil:
		ours = true
	}
	if err != nil {
		return false, failure("write", path, err)
	}
	return ours, s.syncDir(filepath.Dir(path)) // also for another process's file, whose name it may not have synced yet
}

// renameInto is link without replace where there are no hard links: a rename under a lock that everybody here takes.
func (s *Store) renameInto(temp, path string) (ours bool, err error) {
	unlock, err := s.flock("rename", true)
	if err != nil {
		return false, err
	}
	defer unlock()
	if _, err := os.Lstat(path); err == nil {
		return false, nil
	}
	return true, os.Rename(temp, path)
}
