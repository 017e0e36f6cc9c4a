package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/cellar-go/cellar/internal/gomod"
	"github.com/cellar-go/cellar/kernel/session/internal/sources"
)

// browser knows the packages that a cell could import, whether the session has them or not: for whom types, not for what runs. What takes
// time it finds out behind the back of who asks, who gets what is there already.
type browser struct {
	ps  *packages // the session's; only read
	end context.CancelFunc
	ctx context.Context
	wg  sync.WaitGroup

	fetching sync.Mutex // held while the go command lists

	mu       sync.Mutex
	tools    *toolchain        // a copy: the session's changes with go.mod
	more     *packages         // those that a cell that is being typed imports
	std      map[string]string // import path → folder
	own      map[string]string // of the session's modules
	stamp    string            // of go.mod, when own was made
	scanned  chan struct{}
	fetched  map[string]time.Time // when a package was asked for
	read     map[string]*sources.Package
	stamps   map[string]string // of local packages, when they were read
	importer types.Importer
}

func newBrowser(tools *toolchain, ps *packages) *browser {
	b := &browser{ps: ps, read: map[string]*sources.Package{}, stamps: map[string]string{}}
	b.ctx, b.end = context.WithCancel(context.Background())
	b.use(*tools)
	return b
}

// use takes what go.mod says now.
func (b *browser) use(tools toolchain) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tools, b.more = &tools, &packages{tools: &tools, known: map[string]*pkg{}}
	b.fetched, b.importer = map[string]time.Time{}, nil
}

func (b *browser) now() (*toolchain, *packages) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tools, b.more
}

func (b *browser) close() {
	b.end()
	b.wg.Wait()
}

// get is what is known of a package.
func (b *browser) get(path string) *pkg {
	if p := b.ps.get(path); p != nil {
		return p
	}
	_, more := b.now()
	return more.get(path)
}

// name is what a package is called in the code that imports it.
func (b *browser) name(path string) string {
	if p := b.get(path); p != nil && p.Name != "" {
		return p.Name
	}
	if p := b.sources(path); p != nil && p.Name != "" {
		return p.Name
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}

// sources is what a package's files say; nil if they are not found.
func (b *browser) sources(path string) *sources.Package {
	dir, stamp := "", ""
	var files []string
	if p := b.get(path); p != nil && p.Dir != "" {
		dir, files = p.Dir, append(append(files, p.GoFiles...), p.CgoFiles...)
		if p.local() {
			stamp = p.stamp()
		}
	} else if dir = b.dir(path); dir == "" {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.read[path]; p != nil && b.stamps[path] == stamp {
		return p
	}
	if files == nil {
		files = sources.Files(dir)
	}
	b.read[path], b.stamps[path] = sources.Read(dir, files), stamp
	return b.read[path]
}

// dir is the folder of a package that may be imported.
func (b *browser) dir(path string) string {
	std, own := b.paths(0)
	if dir := own[path]; dir != "" {
		return dir
	}
	if path == "builtin" {
		return filepath.Join(b.root(), path)
	}
	return std[path]
}

// root is the folder of the standard library's source.
func (b *browser) root() string {
	if p := b.ps.get("fmt"); p != nil {
		return filepath.Dir(p.Dir)
	}
	return ""
}

// paths are the packages that can be imported: of the standard library, and of the session's modules, for which it waits that long.
func (b *browser) paths(wait time.Duration) (std, own map[string]string) {
	tools, _ := b.now()
	stamp := gomod.Stamp(tools.dir)
	b.mu.Lock()
	if b.std == nil {
		b.std = map[string]string{}
		walk(b.root(), "", b.std, 6)
		for path := range b.std {
			if strings.HasPrefix(path, "cmd/") || path == "builtin" || path == "cmd" {
				delete(b.std, path)
			}
		}
	}
	if b.scanned == nil || b.stamp != stamp {
		b.stamp, b.scanned = stamp, make(chan struct{})
		done := b.scanned
		b.wg.Go(func() {
			defer close(done)
			if stamp != tools.stamp {
				if module, err := gomod.Find(tools.dir); err == nil {
					changed := *tools
					changed.module, changed.stamp = module, stamp
					b.use(changed)
				}
			}
			own, std := b.modules(), b.standard()
			b.mu.Lock()
			b.own = own
			if len(std) > 0 {
				b.std = std
			}
			b.mu.Unlock()
		})
	}
	done := b.scanned
	b.mu.Unlock()
	select {
	case <-done:
	case <-time.After(wait):
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.std, b.own
}

// standard is what the go command says of the standard library: some of its folders hold packages of experiments.
func (b *browser) standard() map[string]string {
	found := map[string]string{}
	tools, _ := b.now()
	c := tools.command(b.ctx, "list", "-e", "-f", "{{.ImportPath}} {{.Dir}}", "std")
	output, err := c.Output()
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(output)) {
		if path, dir, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(path, "vendor/") {
			found[path] = dir
		}
	}
	return found
}

// modules finds the packages of the modules that the session's go.mod requires and that are on this machine.
func (b *browser) modules() map[string]string {
	found := map[string]string{}
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	tools, _ := b.now()
	c := tools.command(ctx, "list", "-m", "-e", "-json=Path,Dir", "all")
	c.Env = append(c.Env, "GOPROXY=off") // what is not here can't be completed, and nothing is fetched for it
	output, err := c.Output()
	if err != nil && len(output) == 0 {
		return found
	}
	for d := json.NewDecoder(strings.NewReader(string(output))); ; {
		var m struct{ Path, Dir string }
		if d.Decode(&m) != nil {
			return found
		}
		if m.Dir != "" {
			walk(m.Dir, m.Path, found, 8)
		}
	}
}

// walk finds the packages under a folder. Folders that no other module can import are left out.
func walk(dir, path string, found map[string]string, depth int) {
	if dir == "" || depth == 0 {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if name := e.Name(); !e.IsDir() && e.Type()&fs.ModeSymlink == 0 && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			if path != "" {
				found[path] = dir
			}
			break
		}
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || name == "testdata" || name == "vendor" || name == "internal" && path == "" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
			continue
		}
		sub := filepath.Join(dir, name)
		if path != "" {
			if _, err := os.Stat(filepath.Join(sub, "go.mod")); err == nil { // another module
				continue
			}
		}
		walk(sub, strings.TrimPrefix(path+"/"+name, "/"), found, depth-1)
	}
}

// importable reports whether a cell of the session may import path.
func (b *browser) importable(path string) bool {
	if !strings.Contains("/"+path+"/", "/internal/") {
		return true
	}
	tools, _ := b.now()
	return within(path, tools.module.Path)
}

// called are the packages of the standard library that go by a name, those that every worker holds first.
func (b *browser) called(name string) (list []string) {
	std, _ := b.paths(0)
	for _, path := range sortedKeys(std) {
		last := path[strings.LastIndexByte(path, '/')+1:]
		if (last == name || strings.HasPrefix(last, "v") && strings.HasSuffix(path, "/"+name+"/"+last)) && b.importable(path) {
			list = append(list, path)
		}
	}
	held := func(path string) bool { return slices.Contains(common, path) }
	sort.SliceStable(list, func(i, j int) bool { return held(list[i]) && !held(list[j]) })
	return list
}

// imported is the package of a cell that is being typed. One that the session does not know is asked for, and there the next time.
func (b *browser) imported(path string, base types.Importer) (*types.Package, error) {
	if p := b.ps.get(path); p != nil && p.Export != "" || path == "unsafe" {
		return base.Import(path)
	}
	_, more := b.now()
	p := more.get(path)
	if p != nil && p.local() && p.Stamp != p.stamp() {
		b.mu.Lock()
		b.importer = nil
		b.mu.Unlock()
		more.drop(path)
		p = nil
	}
	if p == nil || p.Export == "" {
		b.fetch(path)
		return nil, fmt.Errorf("package %s is not known yet", path)
	}
	b.mu.Lock()
	if b.importer == nil {
		b.importer = importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
			if p := b.get(path); p != nil && p.Export != "" {
				return os.Open(p.Export)
			}
			return nil, errors.New("no export data")
		})
	}
	imp := b.importer
	b.mu.Unlock()
	return imp.Import(path)
}

// fetch has the go command make export data of a package that is there.
func (b *browser) fetch(path string) {
	if b.dir(path) == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.fetched[path]) < 10*time.Second { // one that does not compile may be edited
		return
	}
	b.fetched[path] = time.Now()
	b.wg.Go(func() {
		b.fetching.Lock()
		defer b.fetching.Unlock()
		_, more := b.now()
		if more.get(path) != nil {
			return
		}
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Minute)
		defer cancel()
		_ = more.list(ctx, path) // if it fails, there is nothing to offer
	})
}

// importerFunc makes an importer of a function.
type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }
