package project

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cellar-go/cellar/assetlib/step"
	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
)

// compute builds the definition's program, runs it on the stored inputs and keeps what it makes.
func (s *Snapshot) compute(ctx context.Context, st *State) ([]*store.Record, error) {
	j, err := s.prepare(ctx, st)
	if err != nil {
		return nil, err
	}
	defer j.remove()
	if err := s.run(ctx, j); err != nil {
		return nil, err
	}
	return s.keep(ctx, j)
}

// job is a step from its stored inputs to the files that it makes.
type job struct {
	*State
	module  *gomod.Module
	binary  string
	folder  string // where it runs
	spec    step.Specification
	outputs map[string]golang.Type
	used    []store.Input
	dir     string // for the files that it makes

	result            *step.Result
	stdout, stderr    []string // what was printed before each display, and after the last
	started, finished time.Time
	cpu               time.Duration
}

func (j *job) remove() { os.RemoveAll(j.dir) }

// prepare builds the definition's program and lays out its inputs.
func (s *Snapshot) prepare(ctx context.Context, st *State) (*job, error) {
	if s.Branch == "" && isCommit(s.tree) {
		return nil, fmt.Errorf("cellar: asset %s: a commit's tree is read, not run", st.Assets[0].Key)
	}
	inputs, types, used, err := s.inputs(ctx, st)
	if err != nil {
		return nil, err
	}
	j := &job{State: st, used: used, folder: filepath.Join(s.project.Root, filepath.FromSlash(path.Dir(st.File)))}
	if j.module, err = s.module(j.folder); err != nil {
		return nil, err
	}
	source, outputs, err := s.program(ctx, st, j.module, types)
	if err != nil {
		return nil, err
	}
	j.outputs = outputs
	if j.binary, err = build(ctx, st, j.module, source); err != nil {
		return nil, err
	}
	if j.dir, err = s.project.scratch(); err != nil {
		return nil, err
	}
	j.spec = step.Specification{Inputs: inputs, Outputs: map[string]string{}, Displays: filepath.Join(j.dir, "displays"), Result: filepath.Join(j.dir, "result.json"),
		Mark: "\x00" + rand.Text() + "\x00"}
	for i, a := range st.Assets {
		j.spec.Outputs[a.Key] = filepath.Join(j.dir, fmt.Sprintf("output%d.parquet", i))
	}
	return j, nil
}

// module is the module of a folder, with the files that are laid over the tree.
func (s *Snapshot) module(folder string) (*gomod.Module, error) {
	m, err := gomod.Find(folder)
	if err != nil {
		return nil, err
	}
	if w, ok := s.tree.(workTree); ok && len(w.laid) > 0 {
		m.Laid = map[string][]byte{}
		for file, text := range w.laid {
			m.Laid[filepath.Join(s.project.Root, filepath.FromSlash(file))] = text
		}
	}
	return m, nil
}

func isCommit(t sources) bool { _, ok := t.(commit); return ok }

// inputs are the stored values that the step reads, by the names that its program gives them.
func (s *Snapshot) inputs(ctx context.Context, st *State) (map[string]step.Input, map[string]golang.Type, []store.Input, error) {
	inputs, types := map[string]step.Input{}, map[string]golang.Type{}
	var used []store.Input
	for _, in := range st.Inputs {
		var record *store.Record
		if in.At != "" {
			r, err := s.past(ctx, in)
			if err != nil {
				return nil, nil, nil, err
			}
			record = r
		} else {
			up, _ := s.catalog.graph.Get(in.Key)
			record = s.states[up].Record(in.Key)
		}
		file, err := s.project.Store.Object(record.Object)
		if err != nil {
			return nil, nil, nil, err
		}
		name := in.Key + at(in.At)
		inputs[name] = step.Input{File: file, Content: record.Content}
		if types[name], err = s.project.Type(record); err != nil {
			return nil, nil, nil, err
		}
		used = append(used, store.Input{Asset: record.Asset, Key: record.Key, Content: record.Content})
	}
	return inputs, types, used, nil
}

// Type is how Go source names a stored value: as its definition did, else as its Parquet schema says.
func (p *Project) Type(r *store.Record) (golang.Type, error) {
	if r.GoType != nil {
		return golang.Type{Type: r.GoType.Type, Decls: r.GoType.Decls, Imports: r.GoType.Imports}, nil
	}
	file, err := p.Store.Object(r.Object)
	if err != nil {
		return golang.Type{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return golang.Type{}, err
	}
	defer f.Close()
	decls, text, imports, err := table.GoType(f, r.Size, goName(path.Base(r.Asset)))
	return golang.Type{Type: text, Decls: decls, Imports: imports}, err
}

// goName writes an asset's name as a Go type's: train_set is TrainSet.
func goName(name string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		first, size := utf8.DecodeRuneInString(part)
		b.WriteString(string(unicode.ToUpper(first)) + part[size:])
	}
	if first, _ := utf8.DecodeRuneInString(b.String()); !unicode.IsUpper(first) { // it begins with a digit, or a letter that has no case
		return "T" + b.String()
	}
	return b.String()
}

// program generates the step's source, and says of what Go types its outputs are.
func (s *Snapshot) program(ctx context.Context, st *State, module *gomod.Module, types map[string]golang.Type) (string, map[string]golang.Type, error) {
	exports := func(packages ...string) (map[string]string, error) { return module.Exports(ctx, packages...) }
	if f := s.catalog.functions[st.Place()]; f != nil {
		p, err := f.Program(exports, module.Path, s.packagePath(module, f.Folder))
		if err != nil {
			return "", nil, buildMistake(st, err)
		}
		return p.Source, p.Outputs, nil
	}
	n := s.catalog.notebooks[st.File]
	slice, err := n.Slice(st.Assets[0].Name)
	if err != nil {
		return "", nil, err
	}
	p, err := slice.Program(exports, types)
	if err != nil {
		return "", nil, buildMistake(st, err)
	}
	return p.Source, p.Outputs, nil
}

// packagePath is the import path of a folder of the module.
func (s *Snapshot) packagePath(module *gomod.Module, folder string) string {
	rel, err := filepath.Rel(module.Root, filepath.Join(s.project.Root, filepath.FromSlash(folder)))
	if err != nil || rel == "." {
		return module.Path
	}
	return path.Join(module.Path, filepath.ToSlash(rel))
}

// buildMistake says what of a go command's complaint the user can mend.
func buildMistake(st *State, err error) error {
	var b *gomod.BuildError
	if !errors.As(err, &b) {
		return err
	}
	hint := "correct the code; a cell shows the same message when it runs"
	text := strings.TrimSpace(b.Output)
	if st.Func != "" {
		hint = "correct the code; `go vet` shows the same message"
	}
	if title, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(title, "# ") {
		text = rest // the package's name, which the lines below show
	}
	if last := strings.LastIndex(text, "\n"); strings.Contains(text, "cannot find module providing package ") {
		text = text[last+1:] // what stands above only says that it is looked for
		name, _, _ := strings.Cut(text[strings.Index(text, "package ")+len("package "):], ":")
		return fault.New(fault.Input, "`go get "+name+"` in the module's folder adds the module to its go.mod", "asset %s (%s): %s", st.Assets[0].Key, st.Place(), text)
	}
	switch {
	case strings.Contains(text, "no required module provides package"):
		hint = "run the `go get` that the message names in the module's folder"
	case strings.Contains(text, ": reading http"), strings.Contains(text, "module lookup disabled"), strings.Contains(text, "missing go.sum entry"):
		hint = "`go mod download` brings the modules that go.mod names into the module cache, which is where steps find them; a vendor folder alone is not enough"
	case strings.Contains(text, "C compiler"), strings.Contains(text, "\"gcc\""):
		hint = "install gcc or clang; `cellar doctor` checks it"
	case strings.Contains(text, "no space left"):
		return fault.New(fault.Storage, "free some room; `go env GOCACHE GOTMPDIR` shows where Go writes", "asset %s: %s", st.Assets[0].Key, text)
	}
	return fault.New(fault.Input, hint, "asset %s (%s): %s", st.Assets[0].Key, st.Place(), text)
}

// build compiles a step's program; equal sources in an unchanged module are built once.
func build(ctx context.Context, st *State, module *gomod.Module, source string) (string, error) {
	cache, err := gomod.Cache()
	if err != nil {
		return "", err
	}
	// Of the key only what the compiler reads: what a step reads when it runs needs no other program.
	parts := []string{source}
	for _, l := range st.lines {
		if kind, _, _ := strings.Cut(l, " "); kind == "local" || kind == "module" || kind == "go" {
			parts = append(parts, l)
		}
	}
	digest, err := module.Digest(parts...)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(cache, "steps", digest)
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	temporary := fmt.Sprintf("%s.%d", binary, os.Getpid())
	defer os.Remove(temporary)
	if err := module.Build(ctx, "zz_cellar_step_"+digest[:8], map[string]string{"main.go": source}, temporary); err != nil {
		return "", buildMistake(st, err)
	}
	err = syncFile(temporary) // an empty one, after a loss of power, would be run each time
	if err == nil {
		err = os.Rename(temporary, binary)
	}
	if err != nil {
		return "", fault.New(fault.Storage, "set CELLAR_CACHE to a folder that can be written", "build of asset %s: %w", st.Assets[0].Key, err)
	}
	return binary, nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return atomicfile.Sync(f)
}

// passed are the variables that every step sees; others are named by the option env or secrets.
var passed = []string{"PATH", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "GOMAXPROCS", "GOMEMLIMIT"}

// run runs a step's program.
func (s *Snapshot) run(ctx context.Context, j *job) error {
	if err := j.spec.Write(filepath.Join(j.dir, "step.json")); err != nil {
		return fault.New(fault.Storage, "free some room", "asset %s: %w", j.Assets[0].Key, err)
	}
	command := exec.CommandContext(ctx, j.binary)
	command.Dir = j.folder
	command.Env = []string{step.Environment + "=" + filepath.Join(j.dir, "step.json")}
	for _, name := range append(append(slices.Clone(passed), j.Env...), j.Secrets...) {
		if value, ok := os.LookupEnv(name); ok {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	stop(command)
	letGo, err := hold(command)
	if err != nil {
		return fault.New(fault.Environment, "close some files, or raise `ulimit -n`", "asset %s: %w", j.Assets[0].Key, err)
	}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	j.started = time.Now()
	ran := command.Run()
	j.finished = time.Now()
	letGo()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	hide := newMask(j.Secrets)
	j.stdout, j.stderr = strings.Split(hide.text(stdout.String()), j.spec.Mark), strings.Split(hide.text(stderr.String()), j.spec.Mark)
	if err := s.failure(j.State, ran, j.spec.Result, strings.Join(j.stderr, "")); err != nil {
		return err
	}
	j.cpu = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	if j.result, err = step.ReadResult(j.spec.Result); err != nil {
		return err
	}
	return s.unseen(j.State, j.folder, j.result.Opened)
}

// keep takes what a step made into the store.
func (s *Snapshot) keep(ctx context.Context, j *job) ([]*store.Record, error) {
	shown, err := s.shown(j.spec.Displays, j.stdout, j.stderr, newMask(j.Secrets))
	if err != nil {
		return nil, err
	}
	var records []*store.Record
	for i, a := range j.Assets {
		object, size, err := s.project.Store.Import(j.spec.Outputs[a.Key])
		if err != nil {
			return nil, err
		}
		clean, err := s.Clean(ctx, a.Key, j.keys[i])
		if err != nil {
			return nil, err
		}
		info := j.result.Outputs[a.Key]
		r := store.Record{
			Asset: a.Key, Kind: info.Kind, Key: j.keys[i], Object: object, Content: info.Content, Size: size, Rows: info.Rows,
			Code: j.Code, Inputs: j.used, Displays: shown, Commit: s.Commit, Dirty: !clean, Writer: writer(), Host: host(), Worktree: s.worktree(),
			Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Started: j.started, Finished: j.finished, CPU: j.cpu,
			Defined: store.Place{File: j.File, Cell: j.Cell, Line: j.Line},
			Meta:    map[string]string{"key": strings.Join(j.lines, "\n")},
		}
		if s.project.run != "" {
			r.Meta[metaRun] = s.project.run
		}
		if far := s.outside(j.folder, j.result.Opened); far != "" {
			r.Meta["outside"] = far
		}
		for _, c := range info.Columns {
			r.Columns = append(r.Columns, store.Column{Name: c.Name, Type: c.Type, Hash: c.Hash})
		}
		if t, ok := j.outputs[a.Name]; ok {
			r.GoType = &store.GoType{Type: t.Type, Decls: t.Decls, Imports: t.Imports}
		}
		if r.ID, err = s.project.Store.Put(ctx, r); err != nil {
			return nil, err
		}
		kept, err := s.project.Store.Record(r.ID)
		if err != nil {
			return nil, err
		}
		records = append(records, kept)
	}
	return records, nil
}

// failure makes an error of a step that did not end well.
func (s *Snapshot) failure(st *State, ran error, resultFile, stderr string) error {
	if ran == nil {
		return nil
	}
	asset, hide := st.Assets[0].Key, newMask(st.Secrets)
	result, err := step.ReadResult(resultFile)
	if err != nil || result.Failure == nil { // os.Exit, a fatal error of the runtime, a signal
		kind, hint := fault.Failed, ""
		if strings.Contains(stderr, "no space left on device") || strings.Contains(stderr, "file too large") {
			kind, hint = fault.Storage, s.room()
		}
		return fault.New(kind, hint, "asset %s (%s): the step ended with %v\n%s", asset, st.Place(), ran, tail(stderr, 40))
	}
	f := result.Failure
	message := hide.text(f.Message)
	switch f.Kind {
	case "panic":
		return fault.New(fault.Failed, "", "asset %s (%s): %s\n%s", asset, st.Place(), message, strings.TrimSpace(f.Trace))
	case "value":
		return fault.New(fault.Input, f.Hint, "asset %s (%s): %s", f.Asset, st.Place(), message)
	case "storage":
		return fault.New(fault.Storage, s.room(), "asset %s (%s): %s", asset, st.Place(), message)
	}
	return fault.New(fault.Input, f.Hint, "asset %s (%s): %s", asset, st.Place(), message)
}

// room is the advice for a disk that is full.
func (s *Snapshot) room() string {
	return fmt.Sprintf("free some room on the disk of %s, `cellar store prune --budget 1GB`, or set CELLAR_STORE to another disk", s.project.Store.Dir())
}

func host() string { h, _ := os.Hostname(); return h }

func writer() string {
	if u := os.Getenv("USER"); u != "" {
		return u + "@" + host()
	}
	return host()
}
