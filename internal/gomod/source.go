package gomod

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	cellar "github.com/cellar-go/cellar"
	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
)

// Source is the folder that holds this module's source as the binary carries it, written at the first use. Its name is its content's
// hash, so binaries of several versions live side by side.
func Source(cache string) (string, error) {
	var parts []string
	err := fs.WalkDir(cellar.Source, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := cellar.Source.ReadFile(path)
		parts = append(parts, path, string(text))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("cellar: own source: %w", err)
	}
	dir := filepath.Join(cache, "source", digest(parts...))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fault.New(fault.Storage, "set CELLAR_CACHE to a folder that can be written", "cache: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return "", fault.New(fault.Storage, "set CELLAR_CACHE to a folder that can be written", "cache: %w", err)
	}
	defer os.RemoveAll(temp)
	folders := map[string]bool{}
	for i := 0; i < len(parts); i += 2 {
		file := filepath.Join(temp, filepath.FromSlash(parts[i]))
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", fmt.Errorf("cellar: own source: %w", err)
		}
		if err := writeSynced(file, parts[i+1]); err != nil {
			return "", fmt.Errorf("cellar: own source: %w", err)
		}
		for folder := filepath.Dir(file); len(folder) >= len(temp); folder = filepath.Dir(folder) {
			folders[folder] = true
		}
	}
	for folder := range folders {
		if err := atomicfile.SyncDir(folder); err != nil {
			return "", fmt.Errorf("cellar: own source: %w", err)
		}
	}
	if err := os.Rename(temp, dir); err != nil {
		if _, err := os.Stat(dir); err == nil { // another process was first
			return dir, nil
		}
		return "", fmt.Errorf("cellar: own source: %w", err)
	}
	return dir, nil
}

// writeSynced waits for the disk: the folder's name says what is in it, and nobody looks again. What a loss of power had emptied would be built from
// for good.
func writeSynced(file, text string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = atomicfile.Sync(f)
	}
	return errors.Join(err, f.Close())
}

// Differences are the files of this module's source that a tree of it has otherwise than the binary, or not at all, sorted.
func Differences(root string) (files []string, err error) {
	err = fs.WalkDir(cellar.Source, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := cellar.Source.ReadFile(path)
		if !bytes.Equal(text, readOptional(filepath.Join(root, filepath.FromSlash(path)))) {
			files = append(files, path)
		}
		return err
	})
	return files, err
}
