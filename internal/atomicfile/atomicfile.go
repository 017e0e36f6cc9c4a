// Package atomicfile writes a file so that a crash at any point, of the program or of the machine, leaves the old one or the new one, and makes
// files and folders survive the loss of power.
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
	if err := MkdirAll(dir, 0o755); err != nil {
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
	if err = Sync(f); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	SyncDir(dir) // makes the rename last; the file is whole either way
	return nil
}
