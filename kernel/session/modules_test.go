package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEditedPackage edits a package of the user's module under a session that has loaded it: new code must not meet old data.
func TestEditedPackage(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/user\n\ngo 1.26\n")
	write("internal/shape/shape.go", "package shape\n\ntype Box struct{ W, H int }\n\nfunc (b Box) Area() int { return b.W * b.H }\n")
	s := start(t, Options{Dir: dir})
	ctx := t.Context()
	if got := play(ctx, s, Cell{ID: "a", Source: "import \"example.com/user/internal/shape\"\nb := shape.Box{W: 2, H: 3}\nb.Area()"}); got != "= 6\n" {
		t.Fatalf("got %s", got)
	}
	time.Sleep(10 * time.Millisecond)
	write("internal/shape/shape.go", "package shape\n\ntype Box struct{ Name string; W, H int }\n\nfunc (b Box) Area() int { return 1000 * b.W * b.H }\n")
	got := play(ctx, s, Cell{ID: "b", Source: "b.Name + \"!\""})
	if !strings.HasPrefix(got, "= !\nnotice: package example.com/user/internal/shape was edited") {
		t.Errorf("got %s", got)
	}
	if got := play(ctx, s, Cell{Source: "b.Area()"}); got != "= 6000\n" {
		t.Errorf("got %s", got)
	}
	write("internal/shape/shape.go", "package shape\n\nfunc broken( {\n")
	if got := play(ctx, s, Cell{Source: "b.Area() + 1"}); !strings.Contains(got, "shape.go:3") {
		t.Errorf("got %s", got)
	}
}

// TestPanickingInit imports a package whose initialisation panics: the worker is replaced, nothing goes on with a half-made package.
func TestPanickingInit(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":     "module example.com/user\n\ngo 1.26\n",
		"bad/bad.go": "package bad\n\nvar Table = load()\n\nfunc load() map[string]int { panic(\"no table\") }\n",
	} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, Options{Dir: dir})
	play(t.Context(), s, Cell{Source: "x := 1"})
	for range 2 {
		got := play(t.Context(), s, Cell{Source: "import \"example.com/user/bad\"\nlen(bad.Table)"})
		if !strings.Contains(got, "no table") || strings.Contains(got, "= ") {
			t.Errorf("got %s", got)
		}
	}
	if got := play(t.Context(), s, Cell{Source: "1 + 1"}); got != "= 2\n" {
		t.Errorf("got %s", got)
	}
}

// TestEditedUnseen edits what a look at Go files alone would miss: an embedded file, a package whose import was shadowed by a variable, and
// a package that the worker itself is linked with.
func TestEditedUnseen(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		time.Sleep(10 * time.Millisecond)
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/user\n\ngo 1.26\n")
	write("shape/data/text.txt", "old")
	write("shape/shape.go", "package shape\n\nimport _ \"embed\"\n\n//go:embed data/text.txt\nvar Text string\n")
	write("linked/linked.go", "package linked\n\nfunc Sides() int { return 4 }\n")
	s := start(t, Options{Dir: dir, Imports: []string{"example.com/user/linked"}})
	play(t.Context(), s, Cell{ID: "a", Source: "import (\"example.com/user/shape\"; \"example.com/user/linked\")\nfunc text() string { return shape.Text }\nfunc sides() int { return linked.Sides() }"})
	if got := play(t.Context(), s, Cell{ID: "b", Source: "shape, linked := text(), sides()\nfmt.Sprint(shape, linked)"}); got != "= old4\n" {
		t.Fatalf("got %s", got)
	}
	write("shape/data/text.txt", "new")
	if got := play(t.Context(), s, Cell{ID: "c", Source: "text()"}); !strings.HasPrefix(got, "= new\nnotice: package example.com/user/shape was edited") {
		t.Errorf("an embedded file: %s", got)
	}
	write("linked/linked.go", "package linked\n\nfunc Sides() int { return 5 }\n\nfunc More() {}\n")
	if got := play(t.Context(), s, Cell{ID: "d", Source: "sides()"}); !strings.HasPrefix(got, "= 5\nnotice: package example.com/user/linked was edited") {
		t.Errorf("a package in the worker: %s", got)
	}
}
