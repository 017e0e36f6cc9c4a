package atomicfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "new", "a.txt")
	read := func() (string, os.FileMode) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text), info.Mode().Perm()
	}
	if err := Write(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, mode := read(); text != "one" || mode != 0o600 {
		t.Errorf("%q, %v", text, mode)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, []byte("two"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, mode := read(); text != "two" || mode != 0o600 {
		t.Errorf("through a link: %q, %v", text, mode)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := Write(filepath.Join(file, "below", "b"), nil, 0o600); err == nil {
		t.Error("a file was taken for a folder")
	}
}

// TestSynced: a file is synced before it has its name, and each folder after a name in it is new.
func TestSynced(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "a", "b", "c.txt")
	var order []string
	Synced = func(f *os.File) {
		info, err := f.Stat()
		_, missing := os.Stat(file)
		switch {
		case err != nil:
			t.Error(err)
		case !info.IsDir():
			order = append(order, "content")
			if missing == nil || info.Size() != 3 {
				t.Errorf("synced with %d bytes, when it had its name: %t", info.Size(), missing == nil)
			}
		default:
			rel, _ := filepath.Rel(dir, f.Name())
			order = append(order, rel)
		}
	}
	defer func() { Synced = nil }()
	if err := Write(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != ". a content a/b" {
		t.Errorf("in this order: %s", got)
	}
}
