// Package scratch makes folders for temporary files that do not outlive their process for long: what a killed process has left is swept away
// when the next one makes a folder.
//
// It knows folders and locks, and not what is in them. Start reading at Make.
package scratch

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// owner is a file that is locked as long as the folder's process lives.
const owner = ".owner"

// Dir is a folder of this process.
type Dir struct {
	Path  string
	owner *os.File
}

// Make makes an empty folder in a folder, "" for that of temporary files. Its name begins with cellar- and the given name, and those of
// that name whose process is dead are removed; where files can't be locked, as on some NFS, that can't be known, and they stay.
func Make(parent, name string) (*Dir, error) {
	parent = cmp.Or(parent, os.TempDir())
	sweep(parent, name)
	path, err := os.MkdirTemp(parent, "cellar-"+name+"-")
	if err != nil {
		return nil, err
	}
	d := &Dir{Path: path}
	if err := d.own(); err != nil {
		return nil, errors.Join(err, d.Remove())
	}
	return d, nil
}

// own makes the owner's file, which has its name once it is locked.
func (d *Dir) own() (err error) {
	unlocked := filepath.Join(d.Path, owner+".new")
	if d.owner, err = os.OpenFile(unlocked, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if err := lock(d.owner); errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK) {
		d.owner.Close()
		d.owner = nil
		return os.Remove(unlocked)
	} else if err != nil {
		return err
	}
	return os.Rename(unlocked, filepath.Join(d.Path, owner))
}

// Remove removes the folder.
func (d *Dir) Remove() error {
	err := os.RemoveAll(d.Path)
	if d.owner != nil {
		d.owner.Close()
	}
	return err
}

// sweep removes the folders of dead processes. What can't be removed is another user's, or is tried again next time.
func sweep(parent, name string) {
	all, _ := os.ReadDir(parent)
	for _, e := range all {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), "cellar-"+name+"-") {
			continue
		}
		path := filepath.Join(parent, e.Name())
		f, err := os.OpenFile(filepath.Join(path, owner), os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if lock(f) == nil {
			os.RemoveAll(path)
		}
		f.Close()
	}
}

func lock(f *os.File) error { return flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// flock is set by the test of file systems without it.
var flock = syscall.Flock
