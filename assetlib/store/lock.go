package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Lock makes the caller the only one to compute the key, among all processes on this store. It waits until ctx ends. The lock dies with
// the process.
func (s *Store) Lock(ctx context.Context, key string) (unlock func(), err error) {
	digits, err := split(key, "k")
	if err != nil {
		return nil, err
	}
	if err := s.ready(); err != nil {
		return nil, err
	}
	dir := s.path("locks")
	if err := s.mkdir(dir); err != nil {
		return nil, err
	}
	return lockFile(ctx, filepath.Join(dir, digits))
}

// lockFile takes the lock on a file that exists only as long as it is locked.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, failure("lock", path, err)
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && isStill(path, f) {
			return func() {
				os.Remove(path) // while it is held: whoever waits for this file sees below that it is gone
				f.Close()
			}, nil
		}
		f.Close()
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, failure("lock", path, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// isStill says whether the open file is the one of that name.
func isStill(path string, f *os.File) bool {
	named, err := os.Stat(path)
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(named, open)
}

// flock takes one of the store's own locks, which are held for moments: "sweep" shared by whoever adds, exclusive for whoever removes;
// "rename" by publish; "canonical" by whoever changes what a key stands for.
func (s *Store) flock(name string, exclusive bool) (unlock func(), err error) {
	dir := s.path("locks")
	if err := s.mkdir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, failure("lock", path, err)
	}
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, failure("lock", path, err)
	}
	return func() { f.Close() }, nil
}
