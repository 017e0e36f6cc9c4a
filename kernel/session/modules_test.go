package session

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
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
	if got := play(ctx, s, Cell{Source: "b.Name"}); !strings.Contains(got, "no field or method Name) (package example.com/user/internal/shape was edited; ") {
		t.Errorf("got %s", got)
	}
	if got := play(ctx, s, Cell{Source: "shape.New()"}); !strings.Contains(got, "undefined: shape.New (package example.com/user/internal/shape was edited; the session goes on with what it has loaded: %replay takes the change)") {
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

// A package of the module's own that is not there is no question for the module proxy.
func TestNoSuchPackage(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"go.mod": "module example.com/user\n\ngo 1.26\n", "stats/stats.go": "package stats\n", "plots/plots.go": "package plots\n",
		"deep/go.mod": "module example.com/user/deep\n", "deep/deep.go": "package deep\n"})
	s := start(t, Options{Dir: dir})
	want := "error: cell[1]:1:8: import example.com/user/stat: the module example.com/user has no such package: its packages are example.com/user/plots, example.com/user/stats (did you mean example.com/user/stats?)\n"
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/user/stat\""}); got != want {
		t.Errorf("got %s", got)
	}
	tree(t, dir, map[string]string{"cmd/tool/main.go": "package main\n\nfunc main() {}\n"})
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/user/cmd/tool\""}); !strings.Contains(got, "import example.com/user/cmd/tool: it is a program, not an importable package: ") {
		t.Errorf("a program: %s", got)
	}
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/user/stats\"\n1"}); got != "= 1\n" {
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
		where := filepath.Join(dir, "bad/bad.go")
		want := "the initialisation of a package panicked: no table; it could not go on with a package that is half initialised\n\t" +
			where + ":5 example.com/user/bad.load\n\t" + where + ":3 example.com/user/bad.init\n"
		if !strings.Contains(got, want) || strings.Contains(got, "= ") {
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
	if len(asked) != 2 || !strings.HasPrefix(asked[1], "github.com/google/uuid v") {
		t.Errorf("it asked for %v", asked)
	}
	if got := play(t.Context(), s, Cell{Source: "import \"golang.org/x/text/language\""}); !strings.Contains(got, "= ") && !strings.HasPrefix(strings.Join(asked[2:], ""), "golang.org/x/text/language of module golang.org/x/text v") {
		t.Errorf("it asked for %v: %s", asked, got)
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
		"main/d/d.go":  "package d\n\nimport \"example.com/lib/a\"\n\nvar Old = a.Version()\n",
		"main/go.work": "",
	})
	os.Remove(filepath.Join(dir, "main/go.work"))
	s := start(t, Options{Dir: filepath.Join(dir, "main")})
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/lib/a\"\nimport \"example.com/user/d\"\nx := 10\na.Version() * d.Old"}); got != "= 1\n" {
		t.Fatal(got)
	}
	s.took = 2 * replayable
	mod, _ := os.ReadFile(filepath.Join(dir, "main/go.mod"))
	tree(t, dir, map[string]string{"main/go.mod": strings.Replace(string(mod), "require example.com/lib v1.0.0", "require example.com/lib v2.0.0+incompatible", 1)})
	got := play(t.Context(), s, Cell{Source: "x + a.Version()"})
	if !strings.HasPrefix(got, "= 11\nnotice: module example.com/lib is loaded as v1.0.0, and go.mod asks for v2.0.0+incompatible now") || !strings.Contains(got, "%replay") {
		t.Errorf("go.mod was edited: %s", got)
	}
	if strings.Contains(got, "user/d") {
		t.Errorf("it tells of what only follows: %s", got)
	}
	if got := play(t.Context(), s, Cell{Source: "x + a.Version()"}); got != "= 11\n" {
		t.Errorf("it says it again: %s", got)
	}
	for _, source := range []string{"import \"example.com/lib/b\"\nb.Next()", "b.Next()"} { // also where the session imports it by itself
		if got := play(t.Context(), s, Cell{Source: source}); !strings.Contains(got, "needs example.com/lib/a as it is now") {
			t.Errorf("a package that needs the other version: %s", got)
		}
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

// In a folder of a workspace that is no module's, the workspace's modules are the session's. What they have is no question for the module proxy; what
// they don't have is fetched, and no file of the user's changes. A module that the workspace does not use is told as that.
func TestWorkspaceRoot(t *testing.T) {
	proxy(t, 0)
	dir := t.TempDir()
	const work = "go 1.26\n\nuse ./a\nuse ./b\n"
	tree(t, dir, map[string]string{
		"go.work":    work,
		"a/go.mod":   "module example.com/a\n\ngo 1.26\n",
		"a/pa/pa.go": "package pa\n\nimport \"example.com/b\"\n\nfunc A() int { return b.B() + 1 }\n",
		"b/go.mod":   "module example.com/b\n\ngo 1.26\n",
		"b/b.go":     "package b\n\nfunc B() int { return 6 }\n",
		"c/go.mod":   "module example.com/c\n\ngo 1.26\n",
		"c/c.go":     "package c\n\nfunc C() int { return 8 }\n",
		"books/x":    "",
	})
	s := start(t, Options{Dir: filepath.Join(dir, "books")})
	for _, x := range []struct{ source, want string }{
		{"import \"example.com/a/pa\"\npa.A()", "= 7\n"},
		{"import \"example.com/a/nosuch\"", "error: cell[2]:1:8: import example.com/a/nosuch: the module example.com/a has no such package: its packages are example.com/a/pa\n"},
		{"import \"example.com/quick\"\nquick.N", "= 3\n"},
	} {
		if got := play(t.Context(), s, Cell{Source: x.source}); got != x.want {
			t.Errorf("%s:\n%s", x.source, got)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "go.work")); err != nil || string(text) != work {
		t.Errorf("go.work is %s, %v", text, err)
	}
	if made, err := filepath.Glob(filepath.Join(dir, "*.*")); err != nil || len(made) != 1 {
		t.Errorf("the folder has %q, %v", made, err)
	}

	outside, err := Start(t.Context(), Options{Dir: filepath.Join(dir, "c")})
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	_, err = outside.Run(t.Context(), Cell{Source: "1"}, func(Event) {})
	wantMistake(t, err, fault.Input, "module "+filepath.Join(dir, "c")+": the workspace "+filepath.Join(dir, "go.work")+" does not use it")
	if hint := fault.Hint(err); !strings.Contains(hint, "`go work use ./c` in "+dir) {
		t.Errorf("way out: %s", hint)
	}
	c := exec.Command("go", "work", "use", "./c")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := play(t.Context(), outside, Cell{Source: "import (\"example.com/c\"; \"example.com/b\")\nc.C() + b.B()"}); got != "= 14\n" {
		t.Errorf("used: %s", got)
	}
	if got := play(t.Context(), s, Cell{Source: "import \"example.com/c\"\nc.C()"}); got != "= 8\n" {
		t.Errorf("joined: %s", got)
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

// proxy serves modules whose package has a constant N: what is slow takes its time for the archive of one, and what is refused may not be had.
// All else is what the machine has.
func proxy(t *testing.T, slow time.Duration) {
	t.Helper()
	folder, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		module, file, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/@v/")
		name := path.Base(module)
		switch {
		case !strings.HasPrefix(module, "example.com/"):
			http.NotFound(w, r)
		case name == "refused":
			http.Error(w, "it may not be had", http.StatusForbidden)
		case file == "list":
			io.WriteString(w, "v1.2.0\n")
		case file == "v1.2.0.info":
			io.WriteString(w, `{"Version":"v1.2.0"}`)
		case file == "v1.2.0.mod":
			io.WriteString(w, "module "+module+"\n")
		case file == "v1.2.0.zip":
			if name == "slow" {
				time.Sleep(slow)
			}
			z := zip.NewWriter(w)
			if entry, err := z.Create(module + "@v1.2.0/n.go"); err == nil {
				io.WriteString(entry, "package "+name+"\n\nconst N = 3\n")
			}
			z.Close()
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("GOPROXY", server.URL+",file://"+filepath.ToSlash(filepath.Join(strings.TrimSpace(string(folder)), "cache", "download")))
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GONOSUMDB", "*")
	t.Setenv("GOFLAGS", "-modcacherw")
}

// A module that takes its time is named while it comes, in a line that says afterwards how long that was; one that the proxy refuses can be had
// from a folder, and the error says how.
func TestModulesOfProxy(t *testing.T) {
	proxy(t, unnoticed+500*time.Millisecond)
	dir := t.TempDir()
	tree(t, dir, map[string]string{"go.mod": "module example.com/user\n\ngo 1.26\n", "copy/go.mod": "module example.com/refused\n", "copy/refused.go": "package refused\n\nconst N = 4\n"})
	s := start(t, Options{Dir: dir, Add: func(context.Context, []string) bool { return true }})
	line := regexp.MustCompile(`^(looking for the module of \S+ …\|again: )?downloading and building example\.com/(slow|quick) v1\.2\.0 …\|again: downloading and building \S+ v1\.2\.0 \(it took [\d.]+s\)\|$`)
	for _, name := range []string{"slow", "quick"} {
		var told strings.Builder
		began := time.Now()
		r, err := s.Run(t.Context(), Cell{Source: "import \"example.com/" + name + "\"\n" + name + ".N"}, func(e Event) {
			if e.Bundle.Update {
				told.WriteString("again: ")
			}
			fmt.Fprintf(&told, "%v|", e.Bundle.Data["text/plain"])
		})
		if err != nil || r.Value == nil || r.Value.Data["text/plain"] != "3" {
			t.Errorf("%s: got %v, %v", name, r.Value, err)
		}
		if noticed := line.MatchString(told.String()); !noticed && (told.Len() > 0 || name == "slow") || noticed && time.Since(began) < unnoticed {
			t.Errorf("%s: told %s", name, told.String())
		}
	}
	use := Cell{Source: "import \"example.com/refused\"\nrefused.N"}
	want := "error: cell[3]:1:8: import example.com/refused: the module proxy can't give example.com/refused: 403 Forbidden: check the spelling, and go env GOPROXY; " +
		"a copy of the module in a folder is used with %go mod edit -replace=example.com/refused=FOLDER in a cell\n"
	if got := play(t.Context(), s, use); got != want {
		t.Errorf("got %s", got)
	}
	c := exec.Command("go", "mod", "edit", "-replace=example.com/refused=./copy")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := play(t.Context(), s, use); got != "= 4\n" {
		t.Errorf("with a copy: %s", got)
	}
}
