package session

import (
	"context"
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
	got := play(ctx, s, Cell{ID: "b", Source: "b.Area() + 1"})
	if !strings.HasPrefix(got, "= 7\nnotice: package example.com/user/internal/shape was edited") || !strings.Contains(got, "its variables would be made anew") {
		t.Errorf("got %s", got)
	}
	if _, err := s.Replay(ctx, func(Event) {}); err != nil {
		t.Fatal(err)
	}
	if got := play(ctx, s, Cell{ID: "b", Source: "b.Name + \"!\""}); got != "= !\n" {
		t.Errorf("got %s", got)
	}
	if got := play(ctx, s, Cell{Source: "b.Area()"}); got != "= 6000\n" {
		t.Errorf("got %s", got)
	}
	write("internal/shape/shape.go", "package shape\n\nfunc broken( {\n")
	if got := play(ctx, s, Cell{Source: "b.Area() + 1"}); !strings.HasPrefix(got, "= 6001\nnotice: package example.com/user/internal/shape does not build") || !strings.Contains(got, "shape.go:3") {
		t.Errorf("got %s", got)
	}
	write("more/more.go", "package more\n\nimport \"example.com/user/internal/shape\"\n\nvar Box shape.Box\n")
	for range 2 { // nothing is lost by what can't be imported
		if got := play(ctx, s, Cell{Source: "import \"example.com/user/more\""}); !strings.Contains(got, "shape.go:3") || !strings.Contains(got, "error") {
			t.Errorf("got %s", got)
		}
		if got := play(ctx, s, Cell{Source: "b.Area() + 2"}); !strings.HasPrefix(got, "= 6002\n") {
			t.Errorf("got %s", got)
		}
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
	if got := play(t.Context(), s, Cell{ID: "c", Source: "text()"}); !strings.HasPrefix(got, "= old\nnotice: package example.com/user/shape was edited") {
		t.Errorf("an embedded file: %s", got)
	}
	if _, err := s.Replay(t.Context(), func(Event) {}); err != nil {
		t.Fatal(err)
	}
	if got := play(t.Context(), s, Cell{ID: "c", Source: "text()"}); got != "= new\n" {
		t.Errorf("an embedded file: %s", got)
	}
	write("linked/linked.go", "package linked\n\nfunc Sides() int { return 5 }\n\nfunc More() {}\n")
	if got := play(t.Context(), s, Cell{ID: "d", Source: "sides()"}); !strings.HasPrefix(got, "= 4\nnotice: package example.com/user/linked was edited") {
		t.Errorf("a package in the worker: %s", got)
	}
	if _, err := s.Replay(t.Context(), func(Event) {}); err != nil {
		t.Fatal(err)
	}
	if got := play(t.Context(), s, Cell{ID: "d", Source: "sides()"}); got != "= 5\n" {
		t.Errorf("a package in the worker: %s", got)
	}
}

// tree writes files into a folder.
func tree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	time.Sleep(10 * time.Millisecond) // so that what is edited has another time
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnrequiredModule imports from a module that go.mod does not require: the session asks once, and go.mod says so then.
func TestUnrequiredModule(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"go.mod": "module example.com/user\n\ngo 1.26\n"})
	allowed := false
	var asked []string
	s := start(t, Options{Dir: dir, Add: func(_ context.Context, packages []string) bool { asked = append(asked, packages...); return allowed }})
	cell := Cell{Source: "x := 1\nimport \"github.com/google/uuid\"\nlen(uuid.Nil.String())"}
	if got := play(t.Context(), s, cell); !strings.Contains(got, "no module of go.mod provides it") {
		t.Errorf("refused: %s", got)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "go.mod")); strings.Contains(string(text), "uuid") {
		t.Errorf("go.mod was changed:\n%s", text)
	}
	play(t.Context(), s, Cell{Source: "kept := 7"})
	allowed = true
	if got := play(t.Context(), s, cell); got != "= 36\n" {
		t.Errorf("allowed: %s", got)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "go.mod")); !strings.Contains(string(text), "github.com/google/uuid v") {
		t.Errorf("go.mod does not say it:\n%s", text)
	}
	if got := play(t.Context(), s, Cell{Source: "import \"github.com/google/uuid\"\nkept + len(uuid.Nil)"}); got != "= 23\n" {
		t.Errorf("afterwards: %s", got)
	}
	if len(asked) != 2 || !strings.HasPrefix(asked[1], "github.com/google/uuid@v") {
		t.Errorf("it asked for %v", asked)
	}
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/nowhere/package\""}); !strings.Contains(got, "example.com/nowhere/package") || strings.Contains(got, "please report") {
		t.Errorf("of no module: %s", got)
	}
}

// TestVersionConflict has go.mod ask for another version of a module that is loaded, and a replacement edited under a workspace. A session
// whose cells ran for long goes on with what it has, and says so; what needs the other version is refused before anything is loaded.
func TestVersionConflict(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{
		"main/go.mod":  "module example.com/user\n\ngo 1.26\n\nrequire example.com/lib v1.0.0\n\nreplace example.com/lib v1.0.0 => ../one\n\nreplace example.com/lib v2.0.0+incompatible => ../two\n",
		"one/go.mod":   "module example.com/lib\n\ngo 1.26\n",
		"one/a/a.go":   "package a\n\nfunc Version() int { return 1 }\n",
		"two/go.mod":   "module example.com/lib\n\ngo 1.26\n",
		"two/a/a.go":   "package a\n\nfunc Version() int { return 2 }\n\nfunc More() {}\n",
		"two/b/b.go":   "package b\n\nimport \"example.com/lib/a\"\n\nfunc Next() int { a.More(); return a.Version() + 1 }\n",
		"main/c/c.go":  "package c\n\nfunc C() int { return 3 }\n",
		"main/go.work": "",
	})
	os.Remove(filepath.Join(dir, "main/go.work"))
	s := start(t, Options{Dir: filepath.Join(dir, "main")})
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/lib/a\"\nx := 10\na.Version()"}); got != "= 1\n" {
		t.Fatal(got)
	}
	s.took = 2 * replayable
	mod, _ := os.ReadFile(filepath.Join(dir, "main/go.mod"))
	tree(t, dir, map[string]string{"main/go.mod": strings.Replace(string(mod), "require example.com/lib v1.0.0", "require example.com/lib v2.0.0+incompatible", 1)})
	got := play(t.Context(), s, Cell{Source: "x + a.Version()"})
	if !strings.HasPrefix(got, "= 11\nnotice: module example.com/lib is loaded as v1.0.0, and go.mod asks for v2.0.0+incompatible now") || !strings.Contains(got, "%replay") {
		t.Errorf("go.mod was edited: %s", got)
	}
	if got := play(t.Context(), s, Cell{Source: "x + a.Version()"}); got != "= 11\n" {
		t.Errorf("it says it again: %s", got)
	}
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/lib/b\"\nb.Next()"}); !strings.Contains(got, "needs example.com/lib/a as it is now") {
		t.Errorf("a package that needs the other version: %s", got)
	}
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/user/c\"\nc.C() + x"}); got != "= 13\n" {
		t.Errorf("a package that does not: %s", got)
	}
	r, err := s.Replay(t.Context(), func(Event) {})
	if err != nil {
		t.Fatal(err, r)
	}
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/lib/b\"\nx + a.Version() + b.Next()"}); got != "= 15\n" {
		t.Errorf("after a replay: %s", got)
	}
}

// TestWorkspace uses a module of a go.work that lies beside, edits it, and adds one.
func TestWorkspace(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{
		"go.work":     "go 1.26\n\nuse ./user\nuse ./lib\n",
		"user/go.mod": "module example.com/user\n\ngo 1.26\n",
		"lib/go.mod":  "module example.com/lib\n\ngo 1.26\n",
		"lib/lib.go":  "package lib\n\nfunc V() int { return 1 }\n",
		"more/go.mod": "module example.com/more\n\ngo 1.26\n",
		"more/m.go":   "package more\n\nfunc M() int { return 5 }\n",
	})
	s := start(t, Options{Dir: filepath.Join(dir, "user")})
	if got := play(t.Context(), s, Cell{ID: "a", Source: "import \"example.com/lib\"\nlib.V()"}); got != "= 1\n" {
		t.Fatal(got)
	}
	tree(t, dir, map[string]string{"lib/lib.go": "package lib\n\nfunc V() int { return 2 }\n"})
	if got := play(t.Context(), s, Cell{ID: "b", Source: "lib.V()"}); !strings.HasPrefix(got, "= 2\nnotice: package example.com/lib was edited") {
		t.Errorf("edited: %s", got)
	}
	tree(t, dir, map[string]string{"go.work": "go 1.26\n\nuse ./user\nuse ./lib\nuse ./more\n"})
	if got := play(t.Context(), s, Cell{ID: "c", Source: "import \"example.com/more\"\nmore.M() + lib.V()"}); got != "= 7\n" {
		t.Errorf("a module joined: %s", got)
	}
	tree(t, dir, map[string]string{"user/go.mod": "modul example.com/user\n"})
	if got := play(t.Context(), s, Cell{ID: "d", Source: "1"}); !strings.Contains(got, "go.mod") || !strings.Contains(got, "error") {
		t.Errorf("a broken go.mod: %s", got)
	}
	tree(t, dir, map[string]string{"user/go.mod": "module example.com/user\n\ngo 1.26\n"})
	if got := play(t.Context(), s, Cell{ID: "d", Source: "lib.V()"}); got != "= 2\n" {
		t.Errorf("put right: %s", got)
	}
}

// TestEditAfterLoss edits a package when cells wait to be run again, and when a goroutine of a cell runs: nothing is run again unasked, and
// %replay still has all of it.
func TestEditAfterLoss(t *testing.T) {
	dir := t.TempDir()
	module(t, dir, "package shape\n\nfunc F() int { return 1 }\n")
	s := start(t, Options{Dir: dir})
	play(t.Context(), s, Cell{ID: "a", Source: "import \"example.com/user/shape\"\nfunc f() int { return 40 + shape.F() }\nx := f()"})
	if got := play(t.Context(), s, Cell{ID: "b", Source: "var m map[int]int\ngo func() { m2 := map[int]int{}; go func() { for { m2[1]++ } }(); for { m2[2]++ } }()\nfor {}"}); !strings.Contains(got, "x int (cell[1])") {
		t.Fatalf("got %s", got)
	}
	time.Sleep(10 * time.Millisecond)
	module(t, dir, "package shape\n\nfunc F() int { return 2 }\n\nfunc G() {}\n")
	if got := play(t.Context(), s, Cell{ID: "c", Source: "f()"}); !strings.HasPrefix(got, "= 41\nnotice: ") || !strings.Contains(got, "have not been run again") {
		t.Errorf("after a loss: %s", got)
	}
	s.mu.Lock()
	s.past = latest(s.past)[:1] // without the cell that ended the process
	s.mu.Unlock()
	if _, err := s.Replay(t.Context(), func(Event) {}); err != nil {
		t.Fatal(err)
	}
	if got := play(t.Context(), s, Cell{ID: "d", Source: "x + f()"}); got != "= 84\n" {
		t.Errorf("after a replay: %s", got)
	}
	play(t.Context(), s, Cell{ID: "e", Source: "n := 5\nstop := make(chan int)\ngo func() { <-stop; n++ }()"})
	time.Sleep(10 * time.Millisecond)
	module(t, dir, "package shape\n\nfunc F() int { return 3 }\n\nfunc G() int { return 1 }\n")
	if got := play(t.Context(), s, Cell{ID: "g", Source: "n"}); !strings.HasPrefix(got, "= 5\nnotice: ") || !strings.Contains(got, "goroutines of its cells run") {
		t.Errorf("while a goroutine runs: %s", got)
	}
}

// TestBrokenDependency imports a package whose own import does not compile: the error is that one's, and is gone when it is put right.
func TestBrokenDependency(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"go.mod": "module example.com/user\n\ngo 1.26\n", "a/a.go": "package a\n\nimport \"example.com/user/b\"\n\nfunc A() int { return b.B() }\n", "b/b.go": "package b\n\nfunc B() int { return \"one\" }\n"})
	s := start(t, Options{Dir: dir})
	for _, path := range []string{"a", "b", "a"} {
		if got := play(t.Context(), s, Cell{Source: "import \"example.com/user/" + path + "\""}); !strings.Contains(got, "b.go:3") {
			t.Errorf("%s: got %s", path, got)
		}
	}
	tree(t, dir, map[string]string{"b/b.go": "package b\n\nfunc B() int { return 1 }\n"})
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/user/a\"\na.A()"}); got != "= 1\n" {
		t.Errorf("put right: %s", got)
	}
}
