package testkit

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// World is what the projects of one test binary share: cellar, and the caches that make equal steps be built once.
type World struct {
	Root   string // of this module
	Binary string
	Cache  string // $CELLAR_CACHE
	dir    string
	env    []string
}

// Build compiles cellar once, for TestMain. Everything that follows runs without network and without the user's own settings.
func Build() (*World, error) {
	root, err := output("go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "cellar-e2e-")
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	w := &World{Root: root, Binary: filepath.Join(dir, "bin", "cellar"), Cache: filepath.Join(dir, "cache"), dir: dir}
	build := exec.Command("go", "build", "-o", w.Binary, "./cmd/cellar")
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		w.Remove()
		return nil, fmt.Errorf("build cellar: %w\n%s", err, text)
	}
	folders, err := output("go", "env", "GOCACHE", "GOMODCACHE", "GOPATH", "GOROOT")
	if err != nil {
		w.Remove()
		return nil, err
	}
	home := filepath.Join(dir, "home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		w.Remove()
		return nil, err
	}
	set := []string{
		"HOME=" + home, "USER=tester", "LANG=C.UTF-8", "TMPDIR=" + os.TempDir(), "CI=1", "CELLAR_CACHE=" + w.Cache,
		"GOPROXY=off", "GOFLAGS=-mod=mod", "GOTOOLCHAIN=local", "GOTELEMETRY=off",
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Tester", "GIT_AUTHOR_EMAIL=tester@example.com",
		"GIT_COMMITTER_NAME=Tester", "GIT_COMMITTER_EMAIL=tester@example.com",
	}
	for i, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		set = append(set, name+"="+strings.Split(folders, "\n")[i])
	}
	w.env = append(set, "PATH="+filepath.Dir(w.Binary)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return w, nil
}

// Remove takes away all that Build made.
func (w *World) Remove() {
	os.RemoveAll(w.dir)
}

func output(name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	text, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(text)), nil
}

// Folder is an empty folder: no git, no go.mod.
func (w *World) Folder(t testing.TB) *Project {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return w.in(t, filepath.Join(dir, "shop")).mkdir(".")
}

// Repo is a git repository with a module of its own, example.com/shop, and one commit.
func (w *World) Repo(t testing.TB) *Project {
	t.Helper()
	p := w.Folder(t)
	p.Write("go.mod", "module example.com/shop\n\ngo 1.26\n")
	p.Git("init", "--quiet", "-b", "main")
	p.Commit("Open the shop")
	return p
}

func (w *World) in(t testing.TB, dir string) *Project {
	return &Project{World: w, Dir: dir, t: t}
}
