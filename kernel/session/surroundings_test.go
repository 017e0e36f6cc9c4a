package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
)

// wantMistake looks for a mistake with a way out.
func wantMistake(t *testing.T, err error, kind fault.Kind, text string) {
	t.Helper()
	var mistake *fault.Mistake
	if !errors.As(err, &mistake) || mistake.Kind != kind || mistake.Hint == "" || !strings.Contains(err.Error(), text) {
		t.Errorf("want a %v about %q, got %v", kind, text, err)
	}
}

// goWrapper puts a go command in front that says something else about its environment.
func goWrapper(t *testing.T, set map[string]string) {
	t.Helper()
	output, err := exec.Command("go", "env", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	if err := json.Unmarshal(output, &all); err != nil {
		t.Fatal(err)
	}
	for name, value := range set {
		all[name] = value
	}
	text, _ := json.Marshal(all)
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nif [ \"$1 $2\" = 'env -json' ]; then cat <<'END'\n%s\nEND\nelse exec %s \"$@\"; fi\n", text, real)
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// tmpfs is a file system of its own.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// TestBadSurroundings starts sessions where they can't run.
func TestBadSurroundings(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		kind    fault.Kind
		text    string
	}{
		"no go":     {func(t *testing.T, _ string) { t.Setenv("PATH", t.TempDir()) }, fault.Environment, "no go command"},
		"an old go": {func(t *testing.T, _ string) { goWrapper(t, map[string]string{"GOVERSION": "go1.21.3"}) }, fault.Environment, "go1.21.3"},
		"a go.mod that wants a newer go": {func(t *testing.T, dir string) {
			t.Setenv("GOTOOLCHAIN", "local")
			os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module m\n\ngo 1.99\n"), 0o600)
		}, fault.Environment, "1.99"},
		"modules off": {func(t *testing.T, _ string) { t.Setenv("GO111MODULE", "off") }, fault.Environment, "GO111MODULE is off"},
		"a cache that can't be written": {func(t *testing.T, _ string) {
			cache := tmpfs(t, "size=1m")
			if err := syscall.Mount("tmpfs", cache, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			t.Setenv("CELLAR_CACHE", cache)
		}, fault.Storage, "read-only file system"},
		"a full build cache": {func(t *testing.T, _ string) {
			t.Setenv("GOCACHE", tmpfs(t, "size=1m"))
			t.Setenv("CELLAR_CACHE", t.TempDir())
		}, fault.Storage, "no space left"},
		"no temporary folder": {func(t *testing.T, _ string) { t.Setenv("TMPDIR", "/nowhere/at/all") }, fault.Storage, "/nowhere/at/all"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.prepare(t, dir)
			s, err := Start(t.Context(), Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			err = s.Ready(t.Context())
			wantMistake(t, err, c.kind, c.text)
			if variable := map[string]string{"a cache that can't be written": "CELLAR_CACHE", "a full build cache": "GOCACHE"}[name]; variable != "" && !strings.Contains(fault.Hint(err), "set "+variable) {
				t.Errorf("way out: %s", fault.Hint(err))
			}
			_, err = s.Run(t.Context(), Cell{Source: "1"}, func(Event) {})
			wantMistake(t, err, c.kind, c.text)
		})
	}
}

// TestReplacedToolchain changes the compiler under a session, and brings it back.
func TestReplacedToolchain(t *testing.T) {
	output, err := exec.Command("go", "env", "GOTOOLDIR").Output()
	if err != nil {
		t.Fatal(err)
	}
	tools, real := t.TempDir(), strings.TrimSpace(string(output))
	for _, tool := range []string{"compile", "link"} {
		if err := os.Symlink(filepath.Join(real, tool), filepath.Join(tools, tool)); err != nil {
			t.Fatal(err)
		}
	}
	goWrapper(t, map[string]string{"GOTOOLDIR": tools})
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "x := 1"})
	compiler := filepath.Join(tools, "compile")
	os.Rename(compiler, compiler+".away")
	_, err = s.Run(t.Context(), Cell{Source: "x"}, func(Event) {})
	wantMistake(t, err, fault.Environment, "is gone")
	os.WriteFile(compiler, []byte("#!/bin/sh\nexit 1\n"), 0o755)
	_, err = s.Run(t.Context(), Cell{Source: "x"}, func(Event) {})
	wantMistake(t, err, fault.Environment, "was replaced")
	os.Rename(compiler+".away", compiler)
	if got := play(t.Context(), s, Cell{Source: "x"}); got != "= 1\n" {
		t.Errorf("afterwards: %s", got)
	}
}

// TestFullDisk runs out of room in the temporary folder, and has some again.
func TestFullDisk(t *testing.T) {
	dir := tmpfs(t, "size=64m")
	t.Setenv("TMPDIR", dir)
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "x := 1"})
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1 << 20, 1} { // to the last byte
		for block := make([]byte, size); ; {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
	f.Close()
	for _, source := range []string{"x + 70", "import \"encoding/xml\"\nxml.Header"} {
		_, err = s.Run(t.Context(), Cell{Source: source}, func(Event) {})
		wantMistake(t, err, fault.Storage, "no space left")
	}
	os.Remove(ballast)
	if got := play(t.Context(), s, Cell{Source: "x + 71"}); got != "= 72\n" {
		t.Errorf("afterwards: %s", got)
	}
}

// TestFullCache has no room for the worker's program. With some, the next cell has a session.
func TestFullCache(t *testing.T) {
	dir := tmpfs(t, "size=2m")
	s, err := Start(t.Context(), Options{Dir: t.TempDir(), Cache: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Run(t.Context(), Cell{Source: "6 * 7"}, func(Event) {})
	wantMistake(t, err, fault.Storage, "no space left")
	if c := s.Complete("fm", 2); len(c.Items) > 0 {
		t.Errorf("completions of a session that is not there: %v", c)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=200m"); err != nil {
		t.Fatal(err)
	}
	if got := play(t.Context(), s, Cell{Source: "6 * 7"}); !strings.HasSuffix(got, "= 42\n") { // building may have taken long
		t.Errorf("afterwards: %s", got)
	}
}

// TestFirstStart begins with nothing built: the cell says what it waits for, and takes that back.
func TestFirstStart(t *testing.T) {
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	slow := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = build ]; then sleep %v; fi\nexec %s \"$@\"\n", 2*slowStart.Seconds(), real)
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(slow), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	cache := t.TempDir()
	for _, want := range []string{"building Go's standard library for this session, once for this module and version of Go …|clear|42", "42"} {
		s, err := Start(t.Context(), Options{Dir: t.TempDir(), Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		r, err := s.Run(t.Context(), Cell{Source: "6 * 7"}, func(e Event) {
			if e.Bundle.Clear {
				got += "clear|"
			} else {
				got += fmt.Sprint(e.Bundle.Data["text/plain"], "|")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if got += fmt.Sprint(r.Value.Data["text/plain"]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		s.Close()
	}
}

// TestWorkerProgramGone deletes the worker's program under it: a worker that ends is replaced all the same.
func TestWorkerProgramGone(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "func f() int { return 7 }\nx := 1"})
	if err := os.Remove(s.program); err != nil {
		t.Fatal(err)
	}
	if got := play(t.Context(), s, Cell{Source: "x"}); got != "= 1\n" {
		t.Errorf("while it runs: %s", got)
	}
	play(t.Context(), s, Cell{Source: "import \"syscall\"\nsyscall.Kill(syscall.Getpid(), syscall.SIGKILL); select {}"})
	if got := play(t.Context(), s, Cell{Source: "f()"}); got != "= 7\n" {
		t.Errorf("afterwards: %s", got)
	}
}

// In a tree of this module the worker is what lies there. One that does not fit this kernel is told as that, and a module of the notebook's own is
// a way out.
func TestOtherTree(t *testing.T) {
	source, err := gomod.Source(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "kernel/session/live/live.go")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const now, then = "func Slot(name string, pointer any, word unsafe.Pointer) any", "func Slot(name string, pointer any, word unsafe.Pointer, _ int) any"
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), now, then, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	notebooks := filepath.Join(dir, "notebooks")
	if err := os.Mkdir(notebooks, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), Options{Dir: notebooks})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Ready(t.Context())
	s.Close()
	want := "session: " + dir + " is a tree of " + gomod.Path + " in another version than this kernel's (1 file of the worker not the same, such as kernel/session/live/live.go); "
	if wantMistake(t, err, fault.Environment, want); err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("it has the compiler's lines: %v", err)
	}
	if err := os.WriteFile(filepath.Join(notebooks, "go.mod"), []byte("module notebook\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := play(t.Context(), start(t, Options{Dir: notebooks}), Cell{Source: "x := 41\nx + 1"}); got != "= 42\n" {
		t.Errorf("with a module of its own: %s", got)
	}
}

// TestClosedOutput closes what cells print to. It is told, and the next cell has it again; a file that got the descriptor has nothing but its own.
func TestClosedOutput(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	const told = "os.Stdout was closed; what is printed from now on is shown again\n"
	for _, x := range []struct{ source, want string }{
		{"os.Stdout.Close()\nf, _ := os.Create(\"file\")\nfmt.Println(\"lost\")\n_, _ = f.WriteString(\"kept\")", told},
		{"fmt.Println(\"shown\")\n_, _ = f.WriteString(\"!\")", "shown\n"},
		{"text, _ := os.ReadFile(\"file\")\nstring(text)", "= kept!\n"},
		{"os.Stdout = nil", told},
		{"fmt.Println(\"shown\")", "shown\n"},
		{"fmt.Fprintln(os.Stderr, \"too\")", "too\n"},
	} {
		if got := play(t.Context(), s, Cell{Source: x.source}); got != x.want {
			t.Errorf("%s:\n%s\nwant\n%s", x.source, got, x.want)
		}
	}
}
