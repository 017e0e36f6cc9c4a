package session

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

const (
	reuseBytes = 1 << 30            // kept; those used longest ago go first
	reuseAge   = 7 * 24 * time.Hour // and those that nobody used for so long
)

// reuse keeps objects and plugins of former sessions: a notebook that is run again from the top makes the same ones under the same names. What one
// is made of is in its name: the generated source, the export data of all packages (their paths hold their content's hash), the
// toolchain with what it is set to, the C compiler and the linker. A file holds the hash of the rest of it in front: what a crash or a
// full disk left of one is not used.
type reuse struct{ dir string } // "": keeps nothing

var errNotKept = errors.New("nothing is kept")

// once puts at a path what was kept of the same parts, or makes and keeps it.
func (r reuse) once(t *toolchain, importcfg, to string, build func() error, parts ...string) error {
	kept, err := r.path(t, importcfg, parts...)
	if err == nil && r.take(kept, to) {
		return nil
	}
	if err := build(); err != nil {
		return err
	}
	if kept != "" {
		r.keep(to, kept)
	}
	return nil
}

// path is where what is made of the parts with these packages is kept.
func (r reuse) path(t *toolchain, importcfg string, parts ...string) (string, error) {
	if r.dir == "" {
		return "", errNotKept
	}
	packages, err := os.ReadFile(importcfg)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, part := range append([]string{t.version, t.folder, t.programs, strings.Join(t.settings, " "), string(packages)}, parts...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return filepath.Join(r.dir, fmt.Sprintf("%x", h.Sum(nil)[:16])), nil
}

// take puts what was kept at a path that nothing was loaded from.
func (r reuse) take(kept, to string) bool {
	text, err := os.ReadFile(kept)
	if err != nil || len(text) < sha256.Size || sha256.Sum256(text[sha256.Size:]) != [sha256.Size]byte(text[:sha256.Size]) {
		return false
	}
	if os.WriteFile(to, text[sha256.Size:], 0o600) != nil {
		os.Remove(to)
		return false
	}
	now := time.Now()
	os.Chtimes(kept, now, now)
	return true
}

// keep copies a file; not being able to is no failure.
func (r reuse) keep(from, kept string) {
	if text, err := os.ReadFile(from); err == nil {
		sum := sha256.Sum256(text)
		put(append(sum[:], text...), kept, 0o600)
	}
}

// sweep keeps the folder within its bounds.
func (r reuse) sweep() {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return
	}
	type file struct {
		path string
		size int64
		used time.Time
	}
	var files []file
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			files = append(files, file{filepath.Join(r.dir, e.Name()), info.Size(), info.ModTime()})
		}
	}
	sort.Slice(files, func(i, j int) bool { return files[i].used.After(files[j].used) })
	var total int64
	for _, f := range files {
		if total += f.size; total > reuseBytes || time.Since(f.used) > reuseAge {
			os.Remove(f.path)
		}
	}
}
