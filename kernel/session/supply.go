package session

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/cellar-go/cellar/internal/gocell"
	"github.com/cellar-go/cellar/internal/gomod"
)

// supply gives a cell what it uses without having declared it: the session's Names, and imports that can be meant in one way only, as
// goimports would write them and GoNB does. It reports whether there was any.
func (s *Session) supply(ctx context.Context, u *universe, src *source, err error) bool {
	var refused *CompileError
	if !errors.As(err, &refused) {
		return false
	}
	supplied := false
	uses := selections(src)
	asked := map[string]bool{}
	for i, d := range refused.Diagnostics {
		rest, ok := strings.CutPrefix(d.Message, "undefined: ")
		name, _, _ := strings.Cut(rest, " ")
		if !ok || asked[name] || src.imports[name] != "" || s.gone[name] != "" {
			continue
		}
		asked[name] = true
		text, known := s.o.Names[name]
		if !known && uses[name] != nil {
			paths := s.candidates(ctx, name, uses[name])
			switch {
			case len(paths) == 1:
				text, known = fmt.Sprintf("import %s %q", name, paths[0]), true
			case len(paths) > 1:
				refused.Diagnostics[i].Message += " (import " + strings.Join(paths[:min(4, len(paths))], " or ") + ")"
			}
		}
		if known && src.declare(text, s.packageName(ctx)) == nil {
			supplied = true
		}
	}
	if supplied {
		_, err = s.packagesFor(ctx, u, src)
	}
	return supplied && err == nil
}

// selections are the names in the cell that a name of their own is selected from, with what is selected: fmt → Println.
func selections(src *source) map[string][]string {
	uses := map[string][]string{}
	cell, err := gocell.Parse(src.name, src.cell.Source)
	if err != nil {
		return nil
	}
	ast.Inspect(cell.File, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok {
				uses[id.Name] = append(uses[id.Name], s.Sel.Name)
			}
		}
		return true
	})
	return uses
}

// preferred are packages that are meant where several have what is selected.
var preferred = []string{"math/rand", "text/template"}

// candidates are the packages of that name, of the standard library or else of the module's requirements, that have all of what is selected.
func (s *Session) candidates(ctx context.Context, name string, selected []string) []string {
	if strings.ToLower(name) != name {
		return nil
	}
	for _, find := range []func() []string{func() []string { return s.standard(name) }, func() []string { return s.required(ctx, name) }} {
		var fit []string
		for _, p := range find() {
			if s.ps.need(ctx, []string{p}) == nil && s.ps.known[p].Name == name && s.exports(p, selected) {
				fit = append(fit, p)
			}
		}
		for _, p := range preferred {
			if slices.Contains(fit, p) {
				return []string{p}
			}
		}
		if len(fit) > 0 {
			return fit
		}
	}
	return nil
}

func (s *Session) exports(path string, names []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	pkg, err := s.importer.Import(path)
	if err != nil {
		return false
	}
	for _, n := range names {
		if !token.IsExported(n) || pkg.Scope().Lookup(n) == nil {
			return false
		}
	}
	return true
}

var major = regexp.MustCompile(`^v[0-9]+$`)

// lastName is what a package of that path is most likely called.
func lastName(p string) string {
	if base := path.Base(p); !major.MatchString(base) {
		return base
	}
	return path.Base(path.Dir(p))
}

// standard are the packages of the standard library with that name. GOTOOLDIR lies in the folder that also holds their source.
func (s *Session) standard(name string) []string {
	return packagesBelow(filepath.Join(s.tools.folder, "..", "..", "..", "src"), "", name, "cmd")
}

// required are the packages with that name in the module and in those that it requires.
func (s *Session) required(ctx context.Context, name string) (paths []string) {
	direct := map[string]bool{s.tools.module.Path: true}
	for _, r := range s.tools.module.File.Require {
		direct[r.Mod.Path] = true
	}
	output, err := s.tools.command(ctx, "list", "-m", "-f", "{{.Path}}\t{{.Dir}}", "all").Output()
	if err != nil {
		return nil
	}
	for _, line := range strings.Split(string(output), "\n") {
		if module, dir, ok := strings.Cut(line, "\t"); ok && dir != "" && direct[module] && module != gomod.Path {
			paths = append(paths, packagesBelow(dir, module, name, "")...)
		}
	}
	sort.Strings(paths)
	return paths
}

// packagesBelow finds the folders with Go files whose path ends in a name.
func packagesBelow(dir, prefix, name, without string) (paths []string) {
	filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		rel, _ := filepath.Rel(dir, file)
		if base := d.Name(); rel != "." && (base == "internal" || base == "vendor" || base == "testdata" || rel == without || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
			return fs.SkipDir
		}
		p := path.Join(prefix, filepath.ToSlash(rel))
		if lastName(p) == name && hasGo(file) {
			paths = append(paths, p)
		}
		return nil
	})
	return paths
}

func hasGo(dir string) bool {
	entries, _ := os.ReadDir(dir)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go")
	})
}
