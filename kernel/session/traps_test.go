package session

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// module writes a module of the user's with a package that holds text.
func module(t *testing.T, dir, text string) {
	t.Helper()
	for name, text := range map[string]string{"go.mod": "module example.com/user\n\ngo 1.26\n", "shape/shape.go": text} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// only is the one object that is kept in a folder.
func only(t *testing.T, r reuse) string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(r.dir, "*"))
	if len(files) != 1 {
		t.Fatalf("%d objects are kept", len(files))
	}
	return files[0]
}

// TestRefusedObject gives the worker an object that was compiled against another package: it must not be linked, but made anew.
func TestRefusedObject(t *testing.T) {
	dir := t.TempDir()
	prepare := Cell{ID: "a", Source: "import \"example.com/user/shape\"\nb := shape.Box{W: 2}\nfunc area(n int) int { return n * b.W }"}
	cell := Cell{ID: "b", Source: "b.W++\narea(10) + shape.More"}
	begin := func() (*Session, reuse) {
		s := start(t, Options{Dir: dir})
		s.tools.kept = reuse{}
		play(t.Context(), s, prepare)
		s.tools.kept = reuse{t.TempDir()}
		return s, s.tools.kept
	}
	module(t, dir, "package shape\n\nvar More = 0\n\ntype Box struct{ Name string; W int }\n")
	s, foreign := begin()
	if got := play(t.Context(), s, cell); got != "= 30\n" {
		t.Fatalf("got %s", got)
	}
	time.Sleep(10 * time.Millisecond)
	module(t, dir, "package shape\n\nvar More = 0\n\ntype Box struct{ W int }\n")
	s, right := begin()
	play(t.Context(), s, cell)
	text, err := os.ReadFile(only(t, foreign))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(only(t, right), text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ = begin()
	s.tools.kept = right
	first := s.process
	got := play(t.Context(), s, cell)
	if got != "= 30\n" || s.process != first {
		t.Errorf("got %s", got)
	}
	if got := play(t.Context(), s, Cell{ID: "c", Source: "b.W, area(1)"}); strings.Contains(got, "panic") {
		t.Errorf("afterwards: %s", got)
	}
	if got := play(t.Context(), s, Cell{ID: "d", Source: "area(1)"}); got != "= 3\n" {
		t.Errorf("afterwards: %s", got)
	}
}

// TestDamagedPlugin finds half a plugin in the cache, as a crash leaves it, and builds it again.
func TestDamagedPlugin(t *testing.T) {
	r := reuse{t.TempDir()}
	whole := filepath.Join(t.TempDir(), "x.so")
	if err := os.WriteFile(whole, []byte("a plugin"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(r.dir, "k.so")
	r.keep(whole, kept)
	to := filepath.Join(t.TempDir(), "cell1.so")
	if !r.take(kept, to) {
		t.Fatal("a plugin that is whole was not taken")
	}
	text, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{nil, text[:sha256.Size], text[:len(text)-1], append(text[:len(text):len(text)], 0)} {
		if err := os.WriteFile(kept, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if r.take(kept, to) {
			t.Errorf("%d of %d bytes were taken for a plugin", len(damaged), len(text))
		}
	}
}

// TestKeptUnderOtherSettings: what makes the compiler or the linker write other code is kept under another name.
func TestKeptUnderOtherSettings(t *testing.T) {
	config := filepath.Join(t.TempDir(), "importcfg")
	if err := os.WriteFile(config, []byte("packagefile fmt=/a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, c := range []struct {
		t                          toolchain
		name, entry, source, lines string
	}{
		{},
		{t: toolchain{version: "go1.26.9"}},
		{t: toolchain{folder: "/go2"}},
		{t: toolchain{settings: []string{"GOAMD64=v3"}}},
		{t: toolchain{programs: "/usr/bin/cc 2"}},
		{name: "cell2"},
		{entry: "Run2"},
		{source: "package main"},
		{lines: "packagefile fmt=/b\n"},
	} {
		if c.lines != "" {
			if err := os.WriteFile(config, []byte(c.lines), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		path, err := reuse{"kept"}.path(&c.t, config, c.name, c.entry, c.source)
		if err != nil {
			t.Fatal(err)
		}
		if j, ok := seen[path]; ok {
			t.Errorf("cases %d and %d have one name", i, j)
		}
		seen[path] = i
	}
}

// asPlugins starts a session in which nothing is linked in memory: where a Go version has other formats, each cell is a plugin.
func asPlugins(t *testing.T) *Session {
	s := start(t, Options{})
	s.tools.builtins = nil
	return s
}

// TestNamesUsedOnce runs cells that compile, that fail at each stage, and that are interrupted: plugin.Open remembers paths, and would
// run the old code of one that is used again.
func TestNamesUsedOnce(t *testing.T) {
	s := asPlugins(t)
	s.tools.kept = reuse{}
	seen := map[string]string{} // what is mapped under a path
	look := func(after string) {
		t.Helper()
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", s.process.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(maps), "\n") {
			f := strings.Fields(line)
			if len(f) < 6 || !strings.HasPrefix(f[5], s.tmp) {
				continue
			}
			if was, ok := seen[f[5]]; ok && was != f[4] {
				t.Errorf("%s: two plugins were opened as %s", after, filepath.Base(f[5]))
			}
			seen[f[5]] = f[4]
		}
		left, _ := filepath.Glob(filepath.Join(s.tmp, "cell*"))
		if len(left) > 0 {
			t.Errorf("%s: files are left: %v", after, left)
		}
	}
	for i, source := range []string{"x := 1", "x = undefined", "x = 2", "x +", "panic(x)", "func f() int { return x }", "x = 3; f()", "import \"no/such/package\"", "f() + 1"} {
		got := play(t.Context(), s, Cell{Source: source})
		look(source)
		if want := map[int]string{6: "= 3\n", 8: "= 4\n"}[i]; want != "" && got != want {
			t.Errorf("%s: got %s", source, got)
		}
	}
	// A failed attempt: the linker fails, and the same cell is run again.
	linker := s.tools.linker
	s.tools.linker = "nosuch"
	if got := play(t.Context(), s, Cell{Source: "x = 10; f()"}); !strings.Contains(got, "error: ") {
		t.Errorf("without a linker: %s", got)
	}
	s.tools.linker = linker
	if got := play(t.Context(), s, Cell{Source: "x = 11; f()"}); got != "= 11\n" {
		t.Errorf("after a failed attempt: %s", got)
	}
	look("after a failed attempt")
	if len(seen) < 6 {
		t.Errorf("only %d plugins were seen", len(seen))
	}
}
