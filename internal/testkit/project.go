package testkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Project is a folder in which a user works.
type Project struct {
	*World
	Dir string
	t   testing.TB
	env []string
}

// Result is what a command printed and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// With is the same folder with more environment variables; "NAME" alone takes one away.
func (p *Project) With(env ...string) *Project {
	other := *p
	other.env = append(slices.Clone(p.env), env...)
	return &other
}

// At is another folder in the same environment: a worktree, a clone, a folder within.
func (p *Project) At(dir string) *Project {
	other := *p
	other.Dir = p.Path(dir)
	return &other
}

// Path is a file of the project.
func (p *Project) Path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.Dir, filepath.FromSlash(name))
}

func (p *Project) mkdir(name string) *Project {
	p.t.Helper()
	if err := os.MkdirAll(p.Path(name), 0o755); err != nil {
		p.t.Fatal(err)
	}
	return p
}

// Write writes a file.
func (p *Project) Write(name, text string) {
	p.t.Helper()
	p.mkdir(filepath.Dir(p.Path(name)))
	if err := os.WriteFile(p.Path(name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// Read reads a file.
func (p *Project) Read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(p.Path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// Environment is that of the commands.
func (p *Project) Environment() []string {
	var env []string
	for _, e := range append(slices.Clone(p.World.env), p.env...) {
		name, _, set := strings.Cut(e, "=")
		env = slices.DeleteFunc(env, func(have string) bool { return strings.HasPrefix(have, name+"=") })
		if set {
			env = append(env, e)
		}
	}
	return env
}

// Command is a program that runs in the folder, ready to be started.
func (p *Project) Command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir, c.Env = p.Dir, p.Environment()
	return c
}

// Run runs a program.
func (p *Project) Run(name string, args ...string) Result {
	p.t.Helper()
	c := p.Command(name, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return Result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// Try runs cellar, whatever comes of it.
func (p *Project) Try(args ...string) Result {
	p.t.Helper()
	return p.Run(p.Binary, args...)
}

// Cellar runs cellar, which must succeed, and gives what it prints.
func (p *Project) Cellar(args ...string) string {
	p.t.Helper()
	r := p.Try(args...)
	if r.Code != 0 {
		p.t.Fatalf("cellar %s: exit code %d\n%s%s", strings.Join(args, " "), r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// JSON runs cellar with --json, and reads what it prints.
func (p *Project) JSON(into any, args ...string) {
	p.t.Helper()
	text := p.Cellar(append(args, "--json")...)
	if err := json.Unmarshal([]byte(text), into); err != nil {
		p.t.Fatalf("cellar %s --json: %v\n%s", strings.Join(args, " "), err, text)
	}
}

// Git runs git, which must succeed, and gives what it prints.
func (p *Project) Git(args ...string) string {
	p.t.Helper()
	r := p.Run("git", args...)
	if r.Code != 0 {
		p.t.Fatalf("git %s: exit code %d\n%s%s", strings.Join(args, " "), r.Code, r.Stdout, r.Stderr)
	}
	return strings.TrimSpace(r.Stdout)
}

// Commit commits everything and gives the commit's id.
func (p *Project) Commit(message string) string {
	p.t.Helper()
	p.Git("add", "--all")
	p.Git("commit", "--quiet", "--allow-empty", "-m", message)
	return p.Git("rev-parse", "HEAD")
}

// Clean fails the test if git sees a change in the work tree.
func (p *Project) Clean() {
	p.t.Helper()
	if status := p.Git("status", "--porcelain"); status != "" {
		p.t.Errorf("git status is not clean:\n%s", status)
	}
}
