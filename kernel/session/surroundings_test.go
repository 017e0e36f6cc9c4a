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
			wantMistake(t, s.Ready(t.Context()), c.kind, c.text)
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
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
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
