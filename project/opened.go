package project

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/fault"
)

// unseen refuses a run that opened a file of the project which the key does not hold: its value would look fresh when the file changes.
func (s *Snapshot) unseen(st *State, folder string, opened []string) error {
	known := map[string]bool{}
	for _, l := range st.lines {
		if name, ok := strings.CutPrefix(l, "file "); ok { // file name hash
			known[name[:strings.LastIndex(name, " ")]] = true
		}
	}
	for _, name := range opened {
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		rel, err := filepath.Rel(s.project.Root, name)
		first, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		if err != nil || first == ".." || first == ".git" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		if rel = filepath.ToSlash(rel); info.IsDir() && !s.lists(st, rel) || !info.IsDir() && !known[rel] {
			mine, _ := filepath.Rel(folder, name)
			if mine == "." {
				mine = "*"
			}
			mark := "//| reads: " + filepath.ToSlash(mine)
			if st.Func != "" {
				mark = golang.Directive + " reads=" + filepath.ToSlash(mine)
			}
			return fault.New(fault.Input, "declare it: "+mark, "asset %s (%s): it reads %s, which its source does not name as a constant", st.Assets[0].Key, st.Place(), rel)
		}
	}
	return nil
}

// outside names the files that a run opened outside the project: no key holds them, which status says.
func (s *Snapshot) outside(folder string, opened []string) string {
	var far []string
	for _, name := range opened {
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		in := func(dir string) bool {
			rel, err := filepath.Rel(dir, name)
			return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
		}
		if !in(s.project.Root) && !in(os.TempDir()) && !in("/dev") && !in("/proc") && !slices.Contains(far, name) {
			far = append(far, name)
		}
	}
	return strings.Join(far, ", ")
}

// lists reports whether an option of the asset names a folder, or what lies in it: then what comes and goes there is in the key.
func (s *Snapshot) lists(st *State, folder string) bool {
	for _, pattern := range st.Reads {
		if full, ok := resolve(path.Dir(st.File), pattern); ok && (full == folder || path.Dir(full) == folder || strings.HasPrefix(folder, full+"/")) {
			return true
		}
	}
	return false
}
