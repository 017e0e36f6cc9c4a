package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Name       string
	Export     string // its export data; the path changes with its content
	Imports    []string
	ImportMap  map[string]string
	Standard   bool
	Dir        string
	GoFiles    []string
	CgoFiles   []string
	CFiles     []string
	CXXFiles   []string
	HFiles     []string
	SFiles     []string
	SysoFiles  []string
	EmbedFiles []string
	Module     *struct {
		Path, Version string
		Main          bool
		Replace       *struct{ Path, Version string }
	}
	Error *struct{ Err string }

	Stamp string // size and time of its files, for those that may be edited
}

// local reports whether the package's source may change while the session lives.
func (p *pkg) local() bool {
	return p.Module != nil && (p.Module.Main || p.Module.Replace != nil && p.Module.Replace.Version == "" ||
		strings.Contains(p.Dir, string(filepath.Separator)+"vendor"+string(filepath.Separator)))
}

func (p *pkg) stamp() string {
	stamp, _ := p.files()
	return stamp
}

// files gives the stamp of the package's files and when the last of them was changed.
func (p *pkg) files() (stamp string, last time.Time) {
	var b strings.Builder
	note := func(info os.FileInfo) {
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	folders := map[string]bool{p.Dir: true}
	for _, f := range slices.Concat(p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.HFiles, p.SFiles, p.SysoFiles, p.EmbedFiles) {
		file := filepath.Join(p.Dir, f)
		folders[filepath.Dir(file)] = true
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", f, info.Size(), info.ModTime().UnixNano())
			note(info)
		}
	}
	for _, dir := range sortedKeys(folders) { // files added or removed
		if info, err := os.Stat(dir); err == nil {
			fmt.Fprintf(&b, "%d\n", info.ModTime().UnixNano())
			note(info)
		}
	}
	return b.String(), last
}

// packages is the module graph of a session, as far as it has been asked for.
type packages struct {
	tools *toolchain
	mu    sync.Mutex // guards known
	known map[string]*pkg
	fresh bool   // the go command was asked since the last save
	files int    // importcfg files written
	text  string // of the last one

	show    func(Event) // where the running cell's output goes
	fetched int         // go commands that it was told of
}

// list asks the go command for packages and all that they import.
func (ps *packages) list(ctx context.Context, paths ...string) error {
	args := append([]string{"-e", "-export", "-deps", "-buildmode=plugin",
		"-json=ImportPath,Name,Export,Imports,ImportMap,Standard,Dir,GoFiles,CgoFiles,CFiles,CXXFiles,HFiles,SFiles,SysoFiles,EmbedFiles,Module,Error", "--"}, paths...)
	began := time.Now()
	c := ps.tools.command(ctx, "list", args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := ps.fetch(c); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &buildError{stderr.String(), err}
	}
	broken := map[string]bool{}
	var why []string // of those that can't be used, as the go command gives them: what is imported comes first
	for d := json.NewDecoder(&stdout); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("cellar: go list: %w", err)
		}
		if p.Error != nil || p.Export == "" && p.ImportPath != "unsafe" {
			broken[p.ImportPath] = true
			if p.Error != nil && strings.TrimSpace(p.Error.Err) != "" {
				why = append(why, strings.TrimSpace(p.Error.Err))
			}
			ps.drop(p.ImportPath)
			continue
		}
		if p.local() {
			if stamp, last := p.files(); last.Before(began) { // else it may have been edited when it was built: it will be asked for again
				p.Stamp = stamp
			}
		}
		ps.mu.Lock()
		ps.known[p.ImportPath], ps.fresh = &p, true
		ps.mu.Unlock()
	}
	for _, path := range paths {
		if broken[path] {
			text := stderr.String()
			if len(why) > 0 {
				text = why[0]
			}
			return &buildError{text, fmt.Errorf("cellar: package %s", path)}
		}
	}
	return nil
}

// need makes the packages known, with fresh export data where a local one was edited.
func (ps *packages) need(ctx context.Context, paths []string) error {
	var missing []string
	for _, path := range paths {
		if path == "unsafe" || path == "C" {
			continue
		}
		if ps.known[path] == nil {
			missing = append(missing, path)
			continue
		}
		for _, q := range ps.closure(path) {
			if p := ps.known[q]; p.local() && p.Stamp != p.stamp() {
				missing = append(missing, path)
				break
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return ps.list(ctx, missing...)
}

// closure is the packages and all that they import, those first that import the least.
func (ps *packages) closure(paths ...string) []string {
	var order []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(path string) {
		p := ps.known[path]
		if seen[path] || p == nil {
			return
		}
		seen[path] = true
		for _, i := range p.Imports {
			if mapped, ok := p.ImportMap[i]; ok {
				i = mapped
			}
			visit(i)
		}
		order = append(order, path)
	}
	for _, path := range paths {
		visit(path)
	}
	return order
}

// importcfg writes the file that tells compiler and linker where the packages are.
func (ps *packages) importcfg(dir string) (string, error) {
	var lines []string // sorted: equal files name equal plugins
	for path, p := range ps.known {
		if p.Export != "" {
			lines = append(lines, fmt.Sprintf("packagefile %s=%s\n", path, p.Export))
		}
	}
	sort.Strings(lines)
	text := strings.Join(lines, "")
	file := filepath.Join(dir, fmt.Sprintf("importcfg%d", ps.files))
	if _, err := os.Stat(file); err == nil && text == ps.text {
		return file, nil
	}
	ps.files++
	file = filepath.Join(dir, fmt.Sprintf("importcfg%d", ps.files))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", ps.tools.outOfRoom(err)
	}
	ps.text = text
	return file, nil
}

// get is for those who come while a cell runs.
func (ps *packages) get(path string) *pkg {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.known[path]
}

func (ps *packages) snapshot() map[string]*pkg {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return maps.Clone(ps.known)
}

// forget drops what is known of all but the standard library: other modules count now.
func (ps *packages) forget() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	maps.DeleteFunc(ps.known, func(_ string, p *pkg) bool { return !p.Standard })
}

// save and restore keep the list in the cache: go list takes half a second to say what it said the last time.
func (ps *packages) save(file string) {
	if text, err := json.Marshal(ps.snapshot()); err == nil {
		put(text, file, 0o644)
		ps.fresh = false
	}
}

func (ps *packages) restore(file string) bool {
	text, err := os.ReadFile(file)
	known := map[string]*pkg{}
	if err != nil || json.Unmarshal(text, &known) != nil || len(known) == 0 {
		return false
	}
	for _, p := range known {
		if p.local() && p.Stamp != p.stamp() {
			return false
		}
		if p.Export != "" {
			if _, err := os.Stat(p.Export); err != nil { // the build cache was trimmed
				return false
			}
			now := time.Now()
			os.Chtimes(p.Export, now, now) // as the go command does, so that it is not
		}
	}
	ps.known = known
	return true
}
