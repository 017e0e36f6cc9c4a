package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// Synced, where a test has set it, is told of each file and folder that has been made to survive a power loss. What a test of power losses was
// not told of counts as lost, so nothing but Sync and SyncDir may call it.
var Synced func(*os.File)

// Sync makes what is in a file survive a power loss. Its name survives by SyncDir of its folder.
func Sync(f *os.File) error {
	err := f.Sync()
	if err == nil && Synced != nil {
		Synced(f)
	}
	return err
}

// SyncDir makes the names in a folder survive a power loss: new and removed files, and renames. Where a file system can't do that for
// folders, it is no error.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := Sync(d); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}

// MkdirAll makes a folder and those above it, as os.MkdirAll, and makes the new ones survive a power loss: what is in a folder that is lost is lost.
func MkdirAll(dir string, mode os.FileMode) error {
	dir = filepath.Clean(dir)
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MkdirAll(parent, mode); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	SyncDir(parent) // not every folder can be opened for it
	return nil
}
