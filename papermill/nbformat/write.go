package nbformat

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
)

// WriteFile writes the notebook to a file: after it, the file is either what it was or all of the new text, whatever happens in
// between. A symlink stays one, and the file's mode is kept.
func (nb *Notebook) WriteFile(path string) error { return ReplaceFile(path, nb.Write) }

// Write writes the notebook's text.
func (nb *Notebook) Write(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	return cmp.Or(nb.write(b), b.Flush())
}

// WriteFile replaces a file's text in one step; see Notebook.WriteFile.
func WriteFile(path string, data []byte) error {
	return ReplaceFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// ReplaceFile replaces a file's text, in one step, by what write writes; see Notebook.WriteFile.
func ReplaceFile(path string, write func(io.Writer) error) error {
	target, err := followLinks(path)
	if err == nil {
		err = replace(target, write)
	}
	var m *fault.Mistake
	switch {
	case err == nil || errors.As(err, &m):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Input, "create it: mkdir -p "+filepath.Dir(path), "write %s: its folder does not exist: %w", path, err)
	}
	return fault.New(fault.Storage, "the file is as it was; free space or choose another folder", "write %s: %w", path, err)
}

// CheckFolder finds out whether there is a folder for a file that is to be written.
func CheckFolder(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fault.New(fault.Input, "name another folder", "output %s: %s is a file, not a folder", path, dir)
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Input, "create it: mkdir -p "+dir, "output %s: there is no folder %s", path, dir)
	}
	return fault.New(fault.Input, "name another folder", "output %s: %w", path, err)
}

// followLinks returns the file that a path stands for, also when it is a link to nothing yet. A pipe or device is left as it is named:
// what /dev/stdout links to can't be opened by that name.
func followLinks(path string) (string, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return path, nil
	}
	for range 40 {
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil // not a link, or not there: the write says what is wrong
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", errors.New("too many symbolic links")
}

func replace(path string, write func(io.Writer) error) (err error) {
	mode := fs.FileMode(0o666) // less the umask
	old, statErr := os.Stat(path)
	if statErr == nil {
		if old.IsDir() {
			return fault.New(fault.Usage, "name a file in it", "%s is a folder", path)
		}
		if !old.Mode().IsRegular() { // a device or a pipe has no old text to lose
			return overwrite(path, write)
		}
		mode = old.Mode().Perm()
	}
	f, err := createTemp(path, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	err = write(f)
	if err == nil && statErr == nil {
		err = f.Chmod(mode) // what the umask took away
	}
	if err == nil {
		err = atomicfile.Sync(f)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		atomicfile.SyncDir(filepath.Dir(path)) // makes the rename last; the file is whole either way
	}
	return err
}

func overwrite(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// createTemp is os.CreateTemp with a mode that obeys the umask.
func createTemp(path string, mode fs.FileMode) (*os.File, error) {
	for {
		name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8]+".tmp")
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}
