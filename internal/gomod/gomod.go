package gomod

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/modfile"

	cellar "github.com/cellar-go/cellar"
	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/scratch"
)

// Path is this module's path, the one place where the code names it.
const Path = "github.com/cellar-go/cellar"

// Module is the module that programs for a folder are built in.
type Module struct {
	Root    string // the folder of go.mod; for a folder without one, a scratch module in the cache
	Path    string // its module path
	Own     bool   // the user's own go.mod, not a scratch one
	Work    string // the go.work in force, or ""
	File    *modfile.File
	Flags   []string // for go build and go list
	Env     []string // in addition to the process's own
	members []member // of its workspace
	// Laid are files, by absolute path, that commands find in the module though they are not written yet.
	Laid map[string][]byte
}

// member is a module that a workspace uses.
type member struct {
	dir  string
	file *modfile.File
}

// Cache is the folder for what can be made again: $CELLAR_CACHE, else `cellar` in the user's cache folder.
func Cache() (string, error) {
	if dir := os.Getenv("CELLAR_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fault.New(fault.Environment, "set CELLAR_CACHE to a folder that can be written", "no folder for caches: %w", err)
	}
	return filepath.Join(dir, "cellar"), nil
}

// NoCache is the way out where the cache's folder can't be written.
const NoCache = "free some room, or set CELLAR_CACHE to a folder that can be written and restart the kernel"

// unwritten gives an error of the cache's files its way out.
func unwritten(cache string, err error) error {
	var mistake *fault.Mistake
	if err == nil || errors.As(err, &mistake) {
		return err
	}
	return fault.New(fault.Storage, NoCache, "cache %s: %w", cache, err)
}

// Find prepares the module of a folder: that of the nearest go.mod above it, or a scratch one. In a workspace that is one more member.
func Find(dir string) (*Module, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	cache, err := Cache()
	if err != nil {
		return nil, err
	}
	m := &Module{Root: Root(dir), Own: true, Work: workspace(dir)}
	if m.Root == "" {
		m.Own = false
		m.Root = filepath.Join(cache, "scratch") // one for all: what is built in it is built once
		name := "notebook"
		if m.Work != "" { // what others require must not choose the versions here
			m.Root, name = filepath.Join(cache, "scratch-"+digest(m.Work)), "notebook.workspace"
		}
		if err := makeScratch(m.Root, name); err != nil {
			return nil, unwritten(cache, err)
		}
	}
	file := filepath.Join(m.Root, "go.mod")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cellar: module %s: %w", m.Root, err)
	}
	if m.File, err = modfile.Parse(file, text, nil); err != nil {
		return nil, fault.New(fault.Input, "put the go.mod right; `go mod verify` says more", "module %s: %w", m.Root, err)
	}
	if m.File.Module == nil {
		return nil, fault.New(fault.Input, "add a module line", "module %s: go.mod names no module", m.Root)
	}
	m.Path = m.File.Module.Mod.Path
	if m.Path == Path {
		return m, nil
	}
	source, err := Source(cache)
	if err != nil {
		return nil, unwritten(cache, err)
	}
	if m.Work != "" {
		return m, unwritten(cache, m.joinWorkspace(cache, source, m.Work))
	}
	return m, unwritten(cache, m.lend(cache, source, text))
}

// Root is the folder of the nearest go.mod from dir upwards, or "".
func Root(dir string) string { return above(dir, "go.mod") }

// Requires reports whether the module, or its workspace, names a module that its programs may import from. A scratch module takes all.
func (m *Module) Requires(path string) bool {
	return !m.Own || path == Path || m.Names(path)
}

// Names reports whether the module, or a member of its workspace, is that module or requires it.
func (m *Module) Names(path string) bool {
	for _, x := range append([]member{{m.Root, m.File}}, m.members...) {
		for _, r := range x.file.Require {
			if r.Mod.Path == path {
				return true
			}
		}
		if x.file.Module.Mod.Path == path {
			return true
		}
	}
	return false
}

// Folders are where the user's own modules lie, by module path: this one and the members of its workspace.
func (m *Module) Folders() map[string]string {
	folders := map[string]string{}
	if m.Own {
		folders[m.Path] = m.Root
	}
	for _, x := range m.members {
		folders[x.file.Module.Mod.Path] = x.dir
	}
	return folders
}

// Stamp changes when the files do that decide which modules the programs of a folder are made of, or when others count.
func Stamp(dir string) string {
	var files []string
	if root := Root(dir); root != "" {
		files = append(files, filepath.Join(root, "go.mod"), filepath.Join(root, "go.sum"))
	}
	if work := workspace(dir); work != "" {
		files = append(files, work, work+".sum")
		if w, err := modfile.ParseWork(work, readOptional(work), nil); err == nil {
			for _, u := range w.Use {
				file := u.Path
				if !filepath.IsAbs(file) {
					file = filepath.Join(filepath.Dir(work), file)
				}
				files = append(files, filepath.Join(file, "go.mod"))
			}
		}
	}
	var b strings.Builder
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// above is the nearest folder from dir upwards that holds name, or "".
func above(dir, name string) string {
	for {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// workspace is the go.work in force in a folder, or "".
func workspace(dir string) string {
	switch w := os.Getenv("GOWORK"); w {
	case "off":
		return ""
	case "":
		if home := above(dir, "go.work"); home != "" {
			return filepath.Join(home, "go.work")
		}
		return ""
	default:
		return w
	}
}

// makeScratch makes the module for folders that have none.
func makeScratch(root, name string) error {
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
		return nil
	}
	return atomicfile.Write(filepath.Join(root, "go.mod"), []byte("module "+name+"\n\ngo "+goLine()+"\n"), 0o644)
}

// goLine is the language version of this module's go.mod.
func goLine() string {
	text, err := cellar.Source.ReadFile("go.mod")
	if err == nil {
		if f, err := modfile.ParseLax("go.mod", text, nil); err == nil && f.Go != nil {
			return f.Go.Version
		}
	}
	return "1.26"
}

// lend writes a copy of go.mod and go.sum that also knows this module, for -modfile.
func (m *Module) lend(cache, source string, text []byte) error {
	f, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(f.AddRequire(Path, "v0.0.0"), f.AddReplace(Path, "", source, "")); err != nil {
		return err
	}
	f.Cleanup()
	lent, err := f.Format()
	if err != nil {
		return err
	}
	sums := append(readOptional(filepath.Join(m.Root, "go.sum")), '\n')
	ours, err := cellar.Source.ReadFile("go.sum")
	if err != nil {
		return err
	}
	sums = append(sums, ours...)
	base := filepath.Join(cache, "mod", digest(m.Root, string(lent), string(sums)), "cellar")
	if _, err := os.Stat(base + ".mod"); err != nil {
		if err := errors.Join(atomicfile.Write(base+".sum", sums, 0o644), atomicfile.Write(base+".mod", lent, 0o644)); err != nil {
			return err
		}
	}
	m.Flags = []string{"-modfile=" + base + ".mod", "-mod=mod"}
	m.Env = []string{"GOWORK=off"}
	return nil
}

// joinWorkspace writes a go.work that uses what the user's does, and this module: -modfile can't be used in a workspace.
func (m *Module) joinWorkspace(cache, source, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fault.New(fault.Input, "put go.work right, or set GOWORK=off", "workspace %s: %w", file, err)
	}
	w, err := modfile.ParseWork(file, text, nil)
	if err != nil {
		return fault.New(fault.Input, "put go.work right, or set GOWORK=off", "workspace %s: %w", file, err)
	}
	home := filepath.Dir(file)
	absolute := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(home, p)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "go %s\n\nuse %s\n", goLine(), modfile.AutoQuote(source))
	if !m.Own {
		fmt.Fprintf(&b, "use %s\n", modfile.AutoQuote(m.Root))
	}
	used := map[string]string{} // module path → folder
	joined := !m.Own
	for _, u := range w.Use {
		dir := absolute(u.Path)
		f, err := modfile.ParseLax("go.mod", readOptional(filepath.Join(dir, "go.mod")), nil)
		named := err == nil && f.Module != nil
		if named && f.Module.Mod.Path == Path { // a tree of it: the binary's own is used, as for a requirement
			continue
		}
		fmt.Fprintf(&b, "use %s\n", modfile.AutoQuote(dir))
		joined = joined || sameFolder(dir, m.Root)
		if named {
			used[f.Module.Mod.Path] = dir
			m.members = append(m.members, member{dir, f})
		}
	}
	if !joined {
		rel, err := filepath.Rel(home, m.Root)
		if err != nil {
			rel = m.Root
		}
		if !strings.HasPrefix(rel, "..") {
			rel = "./" + filepath.ToSlash(rel)
		}
		return fault.New(fault.Input, "run `go work use "+rel+"` in "+home+" (in a cell: `!cd "+home+" && go work use "+rel+"`), or set GOWORK=off", "module %s: the workspace %s does not use it", m.Root, file)
	}
	// A member that requires another one at a version that was never published is no error until the whole graph is loaded, as it is
	// for the modules that a step needs.
	required := map[string]bool{}
	for _, x := range m.members {
		for _, r := range x.file.Require {
			if dir := used[r.Mod.Path]; dir != "" && !required[r.Mod.String()] {
				required[r.Mod.String()] = true
				fmt.Fprintf(&b, "replace %s %s => %s\n", r.Mod.Path, r.Mod.Version, modfile.AutoQuote(dir))
			}
		}
	}
	for _, r := range w.Replace {
		if required[r.Old.String()] || r.Old.Path == Path {
			continue
		}
		target := r.New.Path
		if r.New.Version == "" {
			target = absolute(target)
		}
		fmt.Fprintf(&b, "replace %s %s => %s %s\n", r.Old.Path, r.Old.Version, modfile.AutoQuote(target), r.New.Version)
	}
	ours, err := cellar.Source.ReadFile("go.sum")
	if err != nil {
		return err
	}
	sums := append(append(readOptional(file+".sum"), '\n'), ours...)
	base := filepath.Join(cache, "mod", digest(file, b.String(), string(sums)), "go.work")
	if err := errors.Join(atomicfile.Write(base+".sum", sums, 0o644), atomicfile.Write(base, b.Bytes(), 0o644)); err != nil {
		return err
	}
	m.Env = []string{"GOWORK=" + base}
	return nil
}

func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

func readOptional(file string) []byte {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return text
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

// BuildError is what the compiler said.
type BuildError struct {
	Output string
	Err    error
}

func (e *BuildError) Error() string { return "cellar: go build: " + strings.TrimSpace(e.Output) }
func (e *BuildError) Unwrap() error { return e.Err }

// Command is a go command that runs in the module: its flags are put behind the verb.
func (m *Module) Command(ctx context.Context, verb string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "go", append(append([]string{verb}, m.Flags...), args...)...)
	c.Dir = m.Root
	c.Env = append(append(os.Environ(), m.Env...), "GOFLAGS="+ownFlags())
	return c
}

// ownFlags keeps the user's GOFLAGS but what chooses the mod file, which Flags says.
func ownFlags() string {
	var kept []string
	for _, f := range strings.Fields(os.Getenv("GOFLAGS")) {
		if !strings.HasPrefix(strings.TrimLeft(f, "-"), "mod") {
			kept = append(kept, f)
		}
	}
	return strings.Join(append(kept, "-buildvcs=false"), " ")
}

// Build compiles a generated program into out. The files (name → text) form a package main that lies, for the compiler only, in the
// folder name of the module.
func (m *Module) Build(ctx context.Context, name string, files map[string]string, out string) error {
	laid := map[string][]byte{}
	for file, text := range files {
		laid[filepath.Join(m.Root, name, file)] = []byte(text)
	}
	return m.compile(ctx, "build", name, laid, out, "-trimpath", "-ldflags=-s -w")
}

// BuildTest compiles the tests of a package, named by its folder's slash path from the module's root.
func (m *Module) BuildTest(ctx context.Context, folder, out string) error {
	return m.compile(ctx, "test", folder, nil, out, "-c")
}

func (m *Module) compile(ctx context.Context, verb, name string, laid map[string][]byte, out string, flags ...string) error {
	overlay, remove, err := m.overlay(laid)
	if err != nil {
		return err
	}
	defer remove()
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fault.New(fault.Storage, "", "build %s: %w", name, err)
	}
	c := m.Command(ctx, verb, append(append(overlay, flags...), "-o", out, "./"+name)...)
	output, err := c.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fault.New(fault.Environment, "install Go from https://go.dev/dl; `cellar doctor` checks it", "build %s: no go command in PATH", name)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &BuildError{Output: string(output), Err: err}
	}
	return nil
}

// overlay writes the files laid over the tree to a folder of their own, and gives the flag that names them.
func (m *Module) overlay(more map[string][]byte) (flags []string, remove func(), err error) {
	if len(m.Laid)+len(more) == 0 {
		return nil, func() {}, nil
	}
	fail := func(err error) ([]string, func(), error) {
		return nil, nil, fault.New(fault.Storage, "free some room, or set TMPDIR", "overlay of module %s: %w", m.Root, err)
	}
	dir, err := scratch.Make("", "build") // what a killed process has left is swept away
	if err != nil {
		return fail(err)
	}
	replace := map[string]string{}
	for _, files := range []map[string][]byte{m.Laid, more} {
		for file, text := range files {
			real := filepath.Join(dir.Path, fmt.Sprintf("%d-%s", len(replace), filepath.Base(file)))
			if err := os.WriteFile(real, text, 0o600); err != nil {
				dir.Remove()
				return fail(err)
			}
			replace[file] = real
		}
	}
	list := filepath.Join(dir.Path, "overlay.json")
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(list, encoded, 0o600)
	}
	if err != nil {
		dir.Remove()
		return fail(err)
	}
	return []string{"-overlay=" + list}, func() { dir.Remove() }, nil
}

// Exports maps the packages and all that they import to their export data files, which go/importer reads.
func (m *Module) Exports(ctx context.Context, packages ...string) (map[string]string, error) {
	overlay, remove, err := m.overlay(nil)
	if err != nil {
		return nil, err
	}
	defer remove()
	c := m.Command(ctx, "list", append(append(overlay, "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", "--"), packages...)...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	output, err := c.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fault.New(fault.Environment, "install Go from https://go.dev/dl; `cellar doctor` checks it", "list packages: no go command in PATH")
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &BuildError{Output: stderr.String(), Err: err}
	}
	exports := map[string]string{}
	for _, line := range strings.Split(string(output), "\n") {
		if path, file, ok := strings.Cut(line, "="); ok && file != "" {
			exports[path] = file
		}
	}
	return exports, nil
}

// Digest names a program by its source, the module's requirements, this module's lent source, and what else the caller knows that it is
// made of.
func (m *Module) Digest(parts ...string) (string, error) {
	parts = append(parts, strings.Join(m.Flags, " "), strings.Join(m.Env, " "), runtime.Version(), string(readOptional(filepath.Join(m.Root, "go.mod"))), string(readOptional(filepath.Join(m.Root, "go.sum"))))
	if m.Path == Path { // its own packages are not lent but lie in the tree
		h := sha256.New()
		err := filepath.WalkDir(m.Root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(m.Root, path)
			if d.IsDir() && rel != "." && !lent(filepath.ToSlash(rel)) {
				return fs.SkipDir
			}
			if !d.IsDir() && strings.HasSuffix(path, ".go") {
				text := readOptional(path)
				fmt.Fprintf(h, "%s %d:%s\n", rel, len(text), text)
			}
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("cellar: module %s: %w", m.Root, err)
		}
		parts = append(parts, fmt.Sprintf("%x", h.Sum(nil)))
	}
	return digest(parts...), nil
}

// lent tells the folders that the binary carries, and those above them.
func lent(folder string) bool {
	_, err := fs.Stat(cellar.Source, folder)
	return err == nil
}
