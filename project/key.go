package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/modfile"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/gomod"
)

// keyer writes what a version depends on, as docs/formats/key.md lists it, one line a thing. Everything in it stands in the tree.
type keyer struct {
	tree     sources
	modules  map[string]*module  // by folder
	packages map[string]string   // folder of a package of the module → hash of its sources
	names    map[string][]string // package of the module → constants in it that may name files
	hashes   map[string]string   // file → hash, "" if there is none
	files    []string            // all that the tree lists, once asked for
	now      time.Time
}

func newKeyer(tree sources) *keyer {
	return &keyer{tree: tree, modules: map[string]*module{}, packages: map[string]string{}, names: map[string][]string{}, hashes: map[string]string{}, now: time.Now()}
}

// module is a go.mod with its go.sum.
type module struct {
	folder string // of go.mod
	path   string
	file   *modfile.File
	sums   map[string]string // "path version" → h1
	err    error             // why the file can't be read
}

// module finds the go.mod of a folder; nil if there is none.
func (k *keyer) module(folder string) *module {
	if m, ok := k.modules[folder]; ok {
		return m
	}
	var m *module
	if text, err := k.tree.read(path.Join(folder, "go.mod")); err == nil {
		file := path.Join(folder, "go.mod")
		f, err := modfile.Parse(file, text, nil) // ParseLax passes over replace lines
		if err != nil {
			f, err = modfile.ParseLax(file, text, nil)
		}
		if err != nil {
			m = &module{folder: folder, err: err}
		} else if f.Module != nil {
			m = &module{folder: folder, path: f.Module.Mod.Path, file: f, sums: map[string]string{}}
			sums, _ := k.tree.read(path.Join(folder, "go.sum"))
			for _, line := range strings.Split(string(sums), "\n") {
				if p, v, h := fields3(line); h != "" {
					m.sums[p+" "+v] = h
				}
			}
		}
	} else if folder != "." {
		m = k.module(path.Dir(folder))
	}
	k.modules[folder] = m
	return m
}

func fields3(line string) (a, b, c string) {
	f := strings.Fields(line)
	if len(f) == 3 {
		return f[0], f[1], f[2]
	}
	return "", "", ""
}

// fixed are the lines that do not depend on upstream values.
func (k *keyer) fixed(d *graph.Definition) []string {
	lines := []string{"code " + d.Code}
	folder := path.Dir(d.File)
	m := k.module(folder)
	if m == nil { // a workspace may lend it its modules
		m = &module{folder: folder, file: &modfile.File{}}
	}
	if m.file.Go != nil {
		lines = append(lines, "go "+m.file.Go.Version)
	}
	packages := map[string]bool{}
	lines = append(lines, k.imports(m, d.Imports, packages)...)
	names := slices.Clone(d.Files)
	for p := range packages { // they run in the folder of the definition
		names = append(names, k.names[p]...)
	}
	for _, name := range names {
		if strings.Contains(name, "*") {
			for _, file := range k.glob(folder, name) {
				lines = append(lines, "file "+file+" "+k.hash(file))
			}
		} else if file, ok := resolve(folder, name); ok {
			if h := k.hash(file); h != "" {
				lines = append(lines, "file "+file+" "+h)
			}
		}
	}
	for _, pattern := range d.Reads {
		for _, file := range k.glob(folder, pattern) {
			lines = append(lines, "file "+file+" "+k.hash(file))
		}
	}
	for _, name := range d.Env {
		lines = append(lines, "env "+name+"="+os.Getenv(name))
	}
	if d.Refresh != "" {
		if every, err := time.ParseDuration(d.Refresh); err == nil && every > 0 {
			lines = append(lines, "observed "+k.now.UTC().Truncate(every).Format(time.RFC3339))
		}
	}
	sort.Strings(lines[1:])
	return compact(lines)
}

func compact(lines []string) []string {
	out := lines[:0]
	for i, l := range lines {
		if i == 0 || l != lines[i-1] {
			out = append(out, l)
		}
	}
	return out
}

// imports are the modules of third parties, and the packages that lie in the tree, that code of a module imports, and what those import.
// Std is covered by the go line; this module's display and helpers show values and make none.
func (k *keyer) imports(m *module, imports []string, seen map[string]bool) []string {
	var lines []string
	for _, p := range imports {
		first, _, _ := strings.Cut(p, "/")
		switch {
		case within(p, gomod.Path+"/display"):
		case within(p, m.path):
			lines = append(lines, k.local(m, p, seen)...)
		case k.neighbour(m, p) != nil:
			lines = append(lines, k.local(k.neighbour(m, p), p, seen)...)
		case strings.Contains(first, "."):
			lines = append(lines, k.required(m, p, seen)...)
		}
	}
	return lines
}

// within reports whether a module of that path may provide a package.
func within(p, module string) bool { return p == module || strings.HasPrefix(p, module+"/") }

// neighbour is the module of the workspace, if there is one, that provides a package.
func (k *keyer) neighbour(m *module, p string) *module {
	for folder := m.folder; ; folder = path.Dir(folder) {
		text, err := k.tree.read(path.Join(folder, "go.work"))
		if err != nil {
			if folder == "." {
				return nil
			}
			continue
		}
		work, err := modfile.ParseWork("go.work", text, nil)
		if err != nil {
			return nil // the build says so
		}
		for _, use := range work.Use {
			if dir, ok := resolve(folder, use.Path); ok {
				if n := k.module(dir); n != nil && n.err == nil && n.folder == dir && within(p, n.path) {
					return n
				}
			}
		}
		return nil
	}
}

// required is the module that provides a package, by the longest path; of one that a replace line finds in the tree, the package.
func (k *keyer) required(m *module, p string, seen map[string]bool) []string {
	best := ""
	version := ""
	for _, r := range m.file.Require {
		if within(p, r.Mod.Path) && len(r.Mod.Path) > len(best) {
			best, version = r.Mod.Path, r.Mod.Version
		}
	}
	if best == "" {
		return []string{"package " + p}
	}
	line := fmt.Sprintf("module %s %s %s", best, version, m.sums[best+" "+version])
	for _, r := range m.file.Replace {
		if r.Old.Path == best && (r.Old.Version == "" || r.Old.Version == version) {
			line += " => " + strings.TrimSpace(r.New.Path+" "+r.New.Version)
			if folder, ok := resolve(m.folder, r.New.Path); ok && r.New.Version == "" {
				if other := k.module(folder); other != nil && other.err == nil {
					replaced := *other
					replaced.folder, replaced.path = folder, best
					return append([]string{line}, k.local(&replaced, p, seen)...)
				}
			}
		}
	}
	return []string{line}
}

// local are a package that lies in the tree and all that it imports.
func (k *keyer) local(m *module, p string, seen map[string]bool) []string {
	if seen[p] {
		return nil
	}
	seen[p] = true
	folder := path.Join(m.folder, strings.TrimPrefix(strings.TrimPrefix(p, m.path), "/"))
	lines := []string{"local " + p + " " + k.folder(folder)}
	for _, file := range k.sources(folder) {
		text, err := k.tree.read(file)
		if err != nil || path.Ext(file) != ".go" {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		k.names[p] = append(k.names[p], golang.Files(f)...)
		var inner []string
		for _, i := range f.Imports {
			if name, err := strconv.Unquote(i.Path.Value); err == nil {
				inner = append(inner, name)
			}
		}
		lines = append(lines, k.imports(m, inner, seen)...)
	}
	return lines
}

// compiled are the files that go build reads.
var compiled = map[string]bool{".go": true, ".s": true, ".c": true, ".cc": true, ".cpp": true, ".h": true, ".hpp": true, ".syso": true}

// sources are the files of a package: go build reads those that git does not track too.
func (k *keyer) sources(folder string) []string {
	var found []string
	take := func(f string) {
		if compiled[path.Ext(f)] && !strings.HasSuffix(f, "_test.go") {
			found = append(found, f)
		}
	}
	for _, f := range k.listed() {
		if path.Dir(f) == folder {
			take(f)
		}
	}
	if w, isTree := k.tree.(workTree); isTree {
		entries, _ := os.ReadDir(path.Join(w.root, folder))
		for _, e := range entries {
			if e.Type().IsRegular() {
				take(path.Join(folder, e.Name()))
			}
		}
	}
	sort.Strings(found)
	return compact(found)
}

func (k *keyer) listed() []string {
	if k.files == nil {
		k.files, _ = k.tree.list("")
	}
	return k.files
}

// folder is the hash of a package's files, and of those that they embed.
func (k *keyer) folder(folder string) string {
	if h, ok := k.packages[folder]; ok {
		return h
	}
	h := sha256.New()
	for _, file := range k.sources(folder) {
		fmt.Fprintf(h, "%s %s\n", path.Base(file), k.hash(file))
		text, err := k.tree.read(file)
		if err != nil || !bytes.Contains(text, []byte("//go:embed ")) {
			continue
		}
		for _, line := range strings.Split(string(text), "\n") {
			patterns, ok := strings.CutPrefix(line, "//go:embed ")
			if !ok {
				continue
			}
			for _, pattern := range strings.Fields(patterns) {
				for _, embedded := range k.glob(folder, strings.TrimPrefix(strings.Trim(pattern, "\"`"), "all:")) {
					fmt.Fprintf(h, "%s %s\n", embedded, k.hash(embedded))
				}
			}
		}
	}
	k.packages[folder] = hex.EncodeToString(h.Sum(nil)[:16])
	return k.packages[folder]
}

// hash is the hash of a file's bytes; "" where there is no such file.
func (k *keyer) hash(file string) string {
	h, ok := k.hashes[file]
	if !ok {
		if w, isTree := k.tree.(workTree); isTree && w.laid[file] == nil {
			if info, err := os.Stat(path.Join(w.root, file)); err != nil || info.IsDir() {
				k.hashes[file] = ""
				return ""
			}
		}
		if text, err := k.tree.read(file); err == nil {
			h = hashOf(text)
		}
		k.hashes[file] = h
	}
	return h
}

// glob are the files that a pattern of the option `reads:` names, or all in a folder that it names.
func (k *keyer) glob(folder, pattern string) []string {
	full, ok := resolve(folder, pattern)
	if !ok {
		return nil
	}
	var found []string
	if w, isTree := k.tree.(workTree); isTree { // a declared file counts though git does not track it
		matches, _ := fs.Glob(os.DirFS(w.root), full)
		for _, f := range matches {
			fs.WalkDir(os.DirFS(w.root), f, func(inner string, e fs.DirEntry, err error) error { // of a folder, all in it
				if err == nil && !e.IsDir() && k.hash(inner) != "" {
					found = append(found, inner)
				}
				return nil
			})
		}
	}
	for _, f := range k.listed() {
		if match, _ := path.Match(full, f); match || strings.HasPrefix(f, full+"/") {
			found = append(found, f)
		}
	}
	sort.Strings(found)
	return compact(found)
}

// key is the key of one asset's version: the lines, the inputs' contents, and which of the definition's assets it is.
func key(asset string, lines []string) string {
	h := sha256.New()
	fmt.Fprintf(h, "cellar key 1\nasset %s\n", asset)
	for _, l := range lines {
		fmt.Fprintf(h, "%d:%s\n", len(l), l)
	}
	return "k1:" + hex.EncodeToString(h.Sum(nil)[:20])
}
