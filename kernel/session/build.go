package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
)

const (
	livePath   = gomod.Path + "/kernel/session/live"
	workerPath = gomod.Path + "/kernel/session/worker"
)

// common are the packages that notebooks import most, and time/tzdata, which can't come as a plugin: they are in the worker from the start.
var common = []string{"bufio", "bytes", "cmp", "container/heap", "container/list", "context", "encoding/base64", "encoding/csv", "encoding/hex",
	"encoding/json", "errors", "fmt", "html", "image", "image/color", "image/png", "io", "io/fs", "iter", "log", "log/slog", "maps", "math", "math/big",
	"math/bits", "math/cmplx", "math/rand", "math/rand/v2", "os", "os/exec", "path", "path/filepath", "plugin", "reflect", "regexp", "runtime",
	"runtime/debug", "slices", "sort", "strconv", "strings", "sync", "sync/atomic", "testing", "text/tabwriter", "text/template", "time", "time/tzdata", "unicode",
	"unicode/utf8", gomod.Path + "/display", gomod.Path + "/display/comm", gomod.Path + "/display/widget", livePath}

// toolchain is the user's own, pinned when the session starts.
type toolchain struct {
	module  *gomod.Module
	scratch string // a folder that goes with the session, for what a tool that is killed leaves
	dir     string // the module is that of this folder
	stamp   string // of the files that decided its modules
	env     []string
	version string // GOVERSION
	folder  string // GOTOOLDIR
	cache   string // GOCACHE
	cc      []string
	linker  string // what -fuse-ld is told, or ""
	// settings are what the go command tells compiler and linker through their environment, from wherever it has it (go env -w).
	settings []string
	compiler string // compilerStamp when the session began
	programs string // the C compiler and the linker, as they are now
	kept     reuse
	first    *atomic.Bool // set when something is built that later sessions find
	builtins []string     // the runtime's symbols that objects refer to by number; none if the toolchain came without its source
}

func newToolchain(ctx context.Context, o Options, scratch string) (*toolchain, error) {
	module, err := gomod.Find(o.Dir)
	if err != nil {
		return nil, err
	}
	t := &toolchain{scratch: scratch, dir: o.Dir, module: module, stamp: gomod.Stamp(o.Dir), env: o.Env}
	output, err := t.command(ctx, "env", append([]string{"-json", "GOVERSION", "GOROOT", "GOTOOLDIR", "GOCACHE", "GO111MODULE", "CC", "CGO_ENABLED", "GOOS"}, settings...)...).Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fault.New(fault.Environment, "install Go from https://go.dev/dl; `cellar doctor` checks it", "session: no go command in PATH")
	}
	if err != nil {
		return nil, fault.New(fault.Environment, "install the Go version that is named, or set GOTOOLCHAIN=auto", "session: go env: %w", explain(err))
	}
	var v struct{ GOVERSION, GOROOT, GOTOOLDIR, GOCACHE, GO111MODULE, CC, CGO_ENABLED, GOOS string }
	var set map[string]string
	if err := errors.Join(json.Unmarshal(output, &v), json.Unmarshal(output, &set)); err != nil {
		return nil, fmt.Errorf("cellar: go env: %w", err)
	}
	if err := usable(v.GOVERSION); err != nil {
		return nil, err
	}
	if v.GO111MODULE == "off" {
		return nil, fault.New(fault.Environment, "unset it (or go env -u GO111MODULE) and restart the kernel", "session: GO111MODULE is off, and cells need modules")
	}
	t.version, t.folder, t.cache, t.cc = v.GOVERSION, v.GOTOOLDIR, v.GOCACHE, strings.Fields(v.CC)
	t.builtins, t.compiler = builtins(v.GOROOT), compilerStamp(t)
	for _, name := range settings {
		t.settings = append(t.settings, name+"="+set[name])
	}
	if v.GOOS != "linux" {
		return nil, fault.New(fault.Environment, "run the kernel on Linux, in a container for example", "session: live cells are not made for %s yet", v.GOOS)
	}
	if v.CGO_ENABLED != "1" || len(t.cc) == 0 {
		return nil, fault.New(fault.Environment, "install gcc (Debian: apt install gcc libc6-dev) or set CC; `cellar doctor` checks it", "session: no C compiler: cgo is off")
	}
	if _, err := exec.LookPath(t.cc[0]); err != nil {
		return nil, fault.New(fault.Environment, "install gcc (Debian: apt install gcc libc6-dev) or set CC; `cellar doctor` checks it", "session: no C compiler %s", t.cc[0])
	}
	for _, name := range []string{"mold", "gold"} { // both are faster than GNU ld
		if _, err := exec.LookPath("ld." + name); err == nil {
			t.linker = name
			break
		}
	}
	for _, program := range []string{t.cc[0], "ld", "ld." + t.linker} {
		if path, err := exec.LookPath(program); err == nil {
			if info, err := os.Stat(path); err == nil { // follows links: another version is another file
				t.programs += fmt.Sprintf("%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	t.programs += strings.Join(t.cc, " ")
	return t, nil
}

// builtins reads the toolchain's own list.
func builtins(root string) (names []string) {
	text, err := os.ReadFile(filepath.Join(root, "src", "cmd", "internal", "goobj", "builtinlist.go"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), `{"`); ok {
			name, abi, _ := strings.Cut(rest, `"`)
			if strings.Contains(abi, "0") {
				name += ".abi0"
			}
			names = append(names, name)
		}
	}
	return names
}

// settings are the variables by which compilers differ in what they make.
var settings = []string{"GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT", "GOROOT"}

func (t *toolchain) command(ctx context.Context, verb string, args ...string) *exec.Cmd {
	if verb == "env" {
		c := exec.CommandContext(ctx, "go", append([]string{verb}, args...)...)
		c.Dir, c.Env = t.module.Root, slices.Concat(t.environ(), t.module.Env)
		return c
	}
	c := t.module.Command(ctx, verb, args...)
	if t.env != nil {
		c.Env = append(c.Env, t.env...)
	}
	c.Env = append(c.Env, "TMPDIR="+t.scratch) // the go command's own folder is that of GOTMPDIR, the linker's is not
	if t.version != "" {                       // a go.mod edited meanwhile must not bring another toolchain
		c.Env = append(c.Env, "GOTOOLCHAIN="+strings.Fields(t.version)[0])
	}
	return c
}

// plain is a go command on the module's own files.
func (t *toolchain) plain(ctx context.Context, verb string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "go", append([]string{verb}, args...)...)
	c.Dir, c.Env = t.module.Root, append(slices.Clone(t.environ()), "GOTOOLCHAIN="+strings.Fields(t.version)[0])
	if !t.module.Own { // no go.work names it
		c.Env = append(c.Env, "GOWORK=off")
	}
	return c
}

func (t *toolchain) environ() []string {
	if t.env != nil {
		return t.env
	}
	return os.Environ()
}

// buildError is what a tool said.
type buildError struct {
	Output string
	Err    error
}

func (e *buildError) Error() string {
	return fmt.Sprintf("%v: %s", e.Err, strings.TrimSpace(e.Output))
}
func (e *buildError) Unwrap() error { return e.Err }

func explain(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return &buildError{string(exit.Stderr), err}
	}
	return err
}

// buildWorker makes the worker program, once for each module graph and toolchain.
func (t *toolchain) buildWorker(ctx context.Context, ps *packages, imports []string, cache string) (string, error) {
	closure := ps.closure(append([]string{workerPath}, imports...)...)
	h := sha256.New()
	fmt.Fprintln(h, "surface", t.version, t.module.Root, t.module.Flags, t.module.Env)
	for _, path := range closure {
		fmt.Fprintln(h, path, ps.known[path].Export, ps.known[path].Stamp)
	}
	out := filepath.Join(cache, fmt.Sprintf("worker-%x", h.Sum(nil)[:12]))
	if _, err := os.Stat(out); err == nil {
		now := time.Now()
		os.Chtimes(out, now, now)
		return out, nil
	}
	t.first.Store(true)
	dir, err := os.MkdirTemp(t.scratch, "worker-")
	if err != nil {
		return "", fault.New(fault.Storage, "free some room, or set TMPDIR", "session: %w", err)
	}
	defer os.RemoveAll(dir)
	// Nothing but this may stand in the worker's main package: its symbols would be taken for a cell's.
	const folder = "zz_cellar_worker"
	main := fmt.Sprintf("package main\n\nimport (\n\t%q\n\t_ %q\n)\n\nfunc main() { worker.Main() }\n", workerPath, t.module.Path+"/"+folder+"/surface")
	all, err := surface("surface", ps.newImporter(func(*pkg) {}), imports)
	if err != nil {
		return "", err
	}
	all += "\nfunc init() { use(Surface[:]) }\n\n//go:noinline\nfunc use([]any) {}\n"
	replaced := map[string]string{}
	for name, text := range map[string]string{"main.go": main, "surface/surface.go": all} {
		file := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		replaced[filepath.Join(t.module.Root, folder, name)] = file
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", fault.New(fault.Storage, "free some room, or set TMPDIR", "session: %w", err)
		}
	}
	overlay, _ := json.Marshal(map[string]any{"Replace": replaced})
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		return "", fault.New(fault.Storage, "free some room, or set TMPDIR", "session: %w", err)
	}
	c := t.command(ctx, "build", "-overlay="+filepath.Join(dir, "overlay.json"), "-ldflags=-checklinkname=0", "-o", filepath.Join(dir, "worker"), "./zz_cellar_worker")
	if output, err := c.CombinedOutput(); err != nil {
		return "", &buildError{string(output), fmt.Errorf("cellar: build the session's worker: %w", err)}
	}
	return out, install(filepath.Join(dir, "worker"), out)
}

// install moves a finished program into the cache, over a file system's border if need be. Nobody looks into it again before it is started, so it waits
// for the disk: a program that a loss of power has emptied would be started each time.
func install(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(to, text, 0o755); err != nil {
		return fault.New(fault.Storage, gomod.NoCache, "session: %w", err)
	}
	return nil
}

// put writes a file of the cache, whole or not at all while the machine stays up: it does not wait for the disk. Who reads it finds out whether it is whole.
func put(text []byte, to string, mode os.FileMode) error {
	fail := func(err error) error {
		return fault.New(fault.Storage, gomod.NoCache, "session: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fail(err)
	}
	temp, err := os.CreateTemp(filepath.Dir(to), "new-")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(text)
	if err := errors.Join(err, temp.Chmod(mode), temp.Close()); err != nil {
		return fail(err)
	}
	return os.Rename(temp.Name(), to)
}

// compile makes an object of a cell's Go file. Name is that of its files, and never used again.
func (t *toolchain) compile(ctx context.Context, dir, name, importcfg, source string) (object string, err error) {
	object = filepath.Join(dir, name+".a")
	return object, t.kept.once(t, importcfg, object, func() error { return t.compileAs(ctx, "main", object, importcfg, source) }, "object", name, source)
}

// linkCell makes a plugin of a cell's object, where it can't be linked in memory.
func (t *toolchain) linkCell(ctx context.Context, object, entry, importcfg string) (plugin string, err error) {
	plugin = strings.TrimSuffix(object, ".a") + ".so"
	content, err := os.ReadFile(object)
	if err != nil {
		return "", fmt.Errorf("cellar: session: %w", err)
	}
	return plugin, t.kept.once(t, importcfg, plugin, func() error { return t.link(ctx, object, entry, importcfg, plugin) }, "plugin", filepath.Base(plugin), entry, string(content))
}

// importsPlugin makes a plugin that brings packages.
func (t *toolchain) importsPlugin(ctx context.Context, dir, name, importcfg, source string) (plugin string, err error) {
	plugin = filepath.Join(dir, name+".so")
	return plugin, t.kept.once(t, importcfg, plugin, func() error {
		object := filepath.Join(dir, name+".a")
		defer os.Remove(object)
		if err := t.compileAs(ctx, name, object, importcfg, source); err != nil {
			return err
		}
		return t.link(ctx, object, "", importcfg, plugin)
	}, "imports", name, source)
}

func (t *toolchain) compileAs(ctx context.Context, packagePath, object, importcfg, source string) error {
	base := strings.TrimSuffix(object, ".a")
	if err := os.WriteFile(base+".go", []byte(source), 0o600); err != nil {
		return fault.New(fault.Storage, "free some room, or set TMPDIR", "session: %w", err)
	}
	defer os.Remove(base + ".go")
	return t.tool(ctx, "compile", "-p", packagePath, "-dynlink", "-pack", "-dwarf=false", "-c=2", "-trimpath", filepath.Dir(object)+"=>", "-importcfg", importcfg,
		"-o", object, base+".go")
}

// link makes a plugin of an object. Its path is never used again, not even after a failure: plugin.Open remembers paths.
func (t *toolchain) link(ctx context.Context, object, entry, importcfg, plugin string) error {
	base := strings.TrimSuffix(plugin, ".so")
	name := filepath.Base(base)
	defer os.Remove(base + ".tmp")
	flags := []string{"-Wl,--build-id=none"} // nobody reads it
	if t.linker != "" {
		flags = append(flags, "-fuse-ld="+t.linker)
	}
	if entry != "" {
		flags = append(flags, fmt.Sprintf("-Wl,--defsym=%s.%s=main.%s", name, entry, entry))
	}
	link := []string{"-s", "-w", "-importcfg", importcfg, "-buildmode=plugin", "-pluginpath", name, "-linkmode=external", "-extld", t.cc[0]}
	flags = append(t.cc[1:len(t.cc):len(t.cc)], flags...)
	link = append(link, "-extldflags="+strings.Join(flags, " "))
	if err := t.tool(ctx, "link", append(link, "-o", base+".tmp", object)...); err != nil {
		return err
	}
	return os.Rename(base+".tmp", plugin)
}

func (t *toolchain) tool(ctx context.Context, name string, args ...string) error {
	c := exec.CommandContext(ctx, filepath.Join(t.folder, name), args...)
	// They live for a quarter of a second: collecting garbage takes a fifth of that, and only large links need it.
	c.Env = slices.Concat(t.environ(), t.settings, []string{"GOGC=off", "GOMEMLIMIT=512MiB", "TMPDIR=" + t.scratch})
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &buildError{output.String(), fmt.Errorf("cellar: go tool %s: %w", name, err)}
	}
	return nil
}

var building sync.Mutex // workers of one process that start together build one program

// key names the cache entries of a toolchain and module graph.
func (t *toolchain) key(imports []string) string {
	h := sha256.New()
	fmt.Fprintln(h, t.version, t.module.Root, t.module.Flags, t.module.Env, imports)
	for _, v := range t.environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_") || name == "CC" || name == "PATH" {
			fmt.Fprintln(h, v)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, _ := os.ReadFile(filepath.Join(t.module.Root, name))
		h.Write(text)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}
