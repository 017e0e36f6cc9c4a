// Package atomicfile writes a file so that a crash at any point leaves the old one or the new one.
//
// It knows the file system and nothing else. Start reading at Write.
package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"
)

// Write puts data into a temporary file beside path, syncs it and renames it; folders are made as needed. A link at path is
// followed, so that the file that it names is the one replaced, and an existing file keeps its mode.
func Write(path string, data []byte, mode os.FileMode) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cellar: write %s: %w", path, err)
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("cellar: write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("cellar: write %s: %w", path, err)
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, openErr := os.Open(dir); openErr == nil { // makes the rename last; not every file system can
		d.Sync()
		d.Close()
	}
	return nil
}
