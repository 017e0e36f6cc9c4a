package gomod

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cellar "github.com/cellar-go/cellar"
)

// The binary's own source is used wherever a user's go.mod or go.work names this module: two of them can't be in one program.
func TestOwnSourceIsUsed(t *testing.T) {
	t.Setenv("CELLAR_CACHE", t.TempDir())
	t.Setenv("GOFLAGS", "")
	other, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string][2]string{ // go.mod and go.work
		"required":              {"module example.com/user\n\ngo 1.26\n\nrequire " + Path + " v0.1.0\n\nreplace " + Path + " => " + other + "\n", ""},
		"used by a workspace":   {"module example.com/user\n\ngo 1.26\n", "go 1.26\n\nuse .\nuse " + other + "\n"},
		"replaced by workspace": {"module example.com/user\n\ngo 1.26\n", "go 1.26\n\nuse .\n\nreplace " + Path + " => " + other + "\n"},
	} {
		dir := t.TempDir()
		for i, file := range []string{"go.mod", "go.work"} {
			if files[i] == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(files[i]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m, err := Find(dir)
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Command(t.Context(), "list", "-f", "{{.Dir}}", Path+"/display").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), os.Getenv("CELLAR_CACHE")) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// What a process left that was killed while it built goes when the next one builds, and what that one made goes, too.
func TestBuildsLeaveNothing(t *testing.T) {
	t.Setenv("CELLAR_CACHE", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	dead := filepath.Join(os.TempDir(), "cellar-build-dead")
	if err := os.Mkdir(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, ".owner"), nil, 0o600); err != nil { // which nobody locks
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/user\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	m.Laid = map[string][]byte{filepath.Join(m.Root, "laid.go"): []byte("package user\n")}
	if exports, err := m.Exports(t.Context(), "."); err != nil || exports["example.com/user"] == "" {
		t.Errorf("%v, %v", exports, err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "cellar-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

func TestDifferences(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, cellar.Source); err != nil {
		t.Fatal(err)
	}
	differ := func(want ...string) {
		t.Helper()
		if got, err := Differences(dir); err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, %v", got, err)
		}
	}
	differ()
	if err := os.WriteFile(filepath.Join(dir, "display/ask.go"), []byte("package display\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "go.sum")); err != nil {
		t.Fatal(err)
	}
	differ("display/ask.go", "go.sum")
}
