package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
	"github.com/cellar-go/cellar/papermill/place"
	"github.com/cellar-go/cellar/papermill/template"
	"github.com/cellar-go/cellar/project"
)

// runFlags are the flags of a run that are no options of it.
type runFlags struct {
	parameters                            parameters.Flags
	injectInput, injectOutput, injectBoth bool

	engine, logLevel       string
	saveCells              bool
	autosave               int
	progressBar, logOutput bool
	stdout, stderr         string
	helpNotebook           bool
	hidden                 []string
	html, memory           string
}

var logLevels = []string{"NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}

func (r *runFlags) add(f *pflag.FlagSet, o *papermill.Options) {
	f.VarP(pairs{&r.parameters.Typed}, "parameters", "p", "NAME VALUE: a parameter, its type guessed")
	f.VarP(pairs{&r.parameters.Raw}, "parameters_raw", "r", "NAME VALUE: a parameter that is a string")
	f.StringArrayVarP(&r.parameters.YAML, "parameters_yaml", "y", nil, "parameters as YAML")
	f.StringArrayVarP(&r.parameters.Base64, "parameters_base64", "b", nil, "parameters as YAML in base64")
	f.StringArrayVarP(&r.parameters.Files, "parameters_file", "f", nil, "a YAML or JSON file of parameters; it may be where notebooks can be")
	f.BoolVar(&r.injectInput, "inject-input-path", false, "make NOTEBOOK the parameter PAPERMILL_INPUT_PATH")
	f.BoolVar(&r.injectOutput, "inject-output-path", false, "make OUTPUT the parameter PAPERMILL_OUTPUT_PATH")
	f.BoolVar(&r.injectBoth, "inject-paths", false, "both of these")
	f.StringVarP(&o.Kernel, "kernel", "k", "", "name of the kernel (default: the notebook's)")
	f.StringVarP(&o.Language, "language", "l", "", "language of the notebook (default: the notebook's)")
	f.StringVar(&o.Dir, "cwd", "", "working folder of the kernel (default: the notebook's)")
	toggle(f, &o.PrepareOnly, "prepare-only", "prepare-execute", false, "write the notebook with its parameters, run nothing")
	toggle(f, &o.ReportMode, "report-mode", "no-report-mode", false, "hide the sources in the output")
	toggle(f, &r.progressBar, "progress-bar", "no-progress-bar", ui.Terminal(os.Stderr), "show progress on one line")
	toggle(f, &r.logOutput, "log-output", "no-log-output", false, "print the cells' text as it comes")
	toggle(f, &r.saveCells, "request-save-on-cell-execute", "no-request-save-on-cell-execute", false,
		"write OUTPUT whenever a cell starts or ends; no-…: only at the end (default: now and then)")
	f.IntVar(&r.autosave, "autosave-cell-every", 0, "SECONDS: write OUTPUT that often while a cell runs, too (default: never)")
	f.StringVar(&r.stdout, "stdout-file", "", "FILE for what cells print to standard output")
	f.StringVar(&r.stderr, "stderr-file", "", "FILE for what cells print to standard error")
	f.StringVar(&r.engine, "engine", "", "only nbclient, for Papermill's callers")
	f.StringVar(&r.logLevel, "log-level", "INFO", "WARNING: no progress; ERROR: no warnings either")
	f.StringArrayVar(&r.hidden, "secret", nil, "NAME of an environment variable, or NAME=VALUE, whose value must not show (also $CELLAR_SECRETS: names with commas between)")
	f.StringVar(&r.memory, "memory", "", "of the kernel and what it starts, or it is killed: 4GB (default: all there is)")
	f.StringVar(&r.html, "html", "", "write the executed notebook as a page, too: to FILE (--html=FILE), or beside OUTPUT")
	f.Lookup("html").NoOptDefVal = besideOutput
	f.BoolVar(&r.helpNotebook, "help-notebook", false, "list the parameters that the notebook declares, run nothing")
	f.BoolVar(&o.Strict, "strict", false, "refuse parameters that the notebook does not declare, or declares with another type")
	f.BoolVar(&o.Resume, "resume", false, "go on from what OUTPUT holds of a former run: cells that succeeded and are the same run again only where the rest needs them (in Python and other languages than Go, all)")
	f.BoolVar(&o.AllowLostOutputs, "allow-lost-outputs", false, "only warn of outputs that the kernel has dropped, or may have (default: they fail their cell)")
	f.BoolVar(&o.Overwrite, "overwrite", false, "let OUTPUT replace a notebook that no run has written")
	o.StartTimeout, o.Heartbeat = time.Minute, time.Minute
	f.Var(duration{&o.StartTimeout}, "start-timeout", "for the kernel to answer: 90 (seconds), 2m")
	f.Var(duration{&o.StartTimeout}, "start_timeout", "")
	f.Lookup("start_timeout").Hidden = true // as Papermill also spells it
	f.Var(duration{&o.CellTimeout}, "execution-timeout", "for each cell (default none)")
	f.Var(duration{&o.Timeout}, "timeout", "for the notebook (default none)")
	f.Var(duration{&o.Heartbeat}, "heartbeat", "give a kernel up that is silent for longer; negative: never")
}

// complete makes the options of what the flags say.
func (r *runFlags) complete(ctx context.Context, f *pflag.FlagSet, o *papermill.Options) (err error) {
	r.parameters.Read = func(path string) ([]byte, error) {
		if place.Local(path) {
			return os.ReadFile(path)
		}
		return place.Read(ctx, path)
	}
	if r.engine != "" && r.engine != "nbclient" {
		return fault.New(fault.Usage, "choose what runs the notebook by --kernel; engines of Papermill's are Python classes", "there is no engine %s", r.engine)
	}
	if !slices.Contains(logLevels, r.logLevel) {
		return fault.New(fault.Usage, "one of "+strings.Join(logLevels, ", "), "--log-level %s: there is no such level", r.logLevel)
	}
	if o.Parameters, err = r.parameters.Parse(); err != nil {
		return err
	}
	if o.Memory, err = project.ParseBytes(r.memory); err != nil {
		return fault.New(fault.Usage, "write it like 500MB or 4GB", "--memory: %w", err)
	}
	given := f.Changed("request-save-on-cell-execute") || f.Changed("no-request-save-on-cell-execute")
	o.SaveEvery = time.Duration(r.autosave) * time.Second
	o.SaveCells = r.saveCells || r.autosave > 0 && !given
	if given && !r.saveCells {
		o.SaveEvery = -1
	}
	return nil
}

// withPaths are the parameters of a run with the paths that are asked for, as they were typed.
func (r *runFlags) withPaths(given parameters.List, input, output string) parameters.List {
	var in, out *string
	if r.injectInput || r.injectBoth {
		in = &input
	}
	if r.injectOutput || r.injectBoth {
		out = &output
	}
	return given.WithPaths(in, out)
}

// shows reports whether lines of a level are printed.
func (r *runFlags) shows(level string) bool {
	return slices.Index(logLevels, level) >= slices.Index(logLevels, r.logLevel)
}

// expand fills in a path's fields: parameters, and what pm says of the run. The path of a file that is there stands for itself.
func expand(path string, given parameters.List, pm parameters.List) (string, error) {
	if _, err := os.Stat(path); err == nil || !strings.ContainsAny(path, "{}") {
		return path, nil
	}
	fields := parameters.List{{Name: "pm", Value: template.Record(pm)}}
	for _, q := range given {
		fields.Put(q)
	}
	expanded, err := template.Format(path, fields)
	if place.Local(expanded) {
		expanded = filepath.Clean(expanded) // a value may be "..", whose folder needn't be there
	}
	var e *template.Error
	if errors.As(err, &e) {
		return "", fault.New(fault.Usage, "fields are parameters, {alpha}, or {pm.run_uuid}, {pm.current_datetime_utc:%Y-%m-%d}; write {{ and }} for braces", "path %s: %s", path, e.Message)
	}
	return expanded, err
}

// makeFolder makes the folders that a path names by its fields. undo removes those that were not there, if they are empty.
func makeFolder(path, expanded string) (undo func(), err error) {
	var made []string // the innermost first
	undo = func() {
		for _, dir := range made {
			os.Remove(dir)
		}
	}
	if path == expanded || !place.Local(expanded) {
		return undo, nil
	}
	dir := filepath.Dir(expanded)
	for outer := dir; ; outer = filepath.Dir(outer) {
		if _, err := os.Lstat(outer); err == nil || outer == filepath.Dir(outer) {
			break
		}
		made = append(made, outer)
	}
	if err := atomicfile.MkdirAll(dir, 0o755); err != nil {
		undo()
		return undo, fault.New(fault.Storage, "name another folder", "folder of the output: %w", err)
	}
	return undo, nil
}

// toggle adds a flag and the one that takes it back: the last on the line counts.
func toggle(f *pflag.FlagSet, into *bool, name, off string, otherwise bool, usage string) {
	f.BoolVar(into, name, otherwise, usage)
	f.Var(negation{into}, off, "")
	f.Lookup(off).NoOptDefVal = "true"
	f.Lookup(off).Hidden = true
}

// negation is a flag that sets another to false.
type negation struct{ of *bool }

func (n negation) String() string { return "" }
func (n negation) Type() string   { return "bool" }
func (n negation) Set(s string) error {
	on, err := strconv.ParseBool(s)
	*n.of = !on
	return err
}

// duration is a flag that takes a time, or as Papermill's do a number of seconds.
type duration struct{ into *time.Duration }

func (d duration) Type() string { return "duration" }

func (d duration) String() string {
	if d.into == nil || *d.into == 0 {
		return ""
	}
	return d.into.String()
}

func (d duration) Set(s string) (err error) {
	if seconds, e := strconv.Atoi(s); e == nil {
		*d.into = time.Duration(seconds) * time.Second
		return nil
	}
	if *d.into, err = time.ParseDuration(s); err != nil {
		return errors.New("it is no time: write 90 (seconds), 90s or 2m")
	}
	return nil
}

// streams are the files that get what cells print, as it comes.
type streams struct {
	files map[string]*os.File              // by the name of the stream
	texts map[string]*papermill.MaskWriter // which write to them: halves of a secret may be two outputs
	made  []string                         // those that were not there
	begun bool
	err   error
}

// openStreams makes the files, before hours of work; those that are there keep what they hold until the run begins.
func openStreams(paths map[string]string, mask papermill.Mask) (*streams, error) {
	s := &streams{files: map[string]*os.File{}, texts: map[string]*papermill.MaskWriter{}}
	for name, path := range paths {
		if path == "" {
			continue
		}
		_, missing := os.Lstat(path)
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			return nil, errors.Join(fault.New(fault.Storage, "name another file", "--%s-file: %w", name, err), s.close())
		}
		if missing != nil {
			s.made = append(s.made, path)
		}
		s.files[name], s.texts[name] = f, mask.Writer(f)
	}
	return s, nil
}

// begin empties the files.
func (s *streams) begin() {
	s.begun = true
	for _, f := range s.files {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() { // a pipe is empty
			s.err = cmp.Or(s.err, f.Truncate(0))
		}
	}
}

func (s *streams) output(_ *nbformat.Cell, out nbformat.Output) {
	if w := s.texts[out.Name]; out.Type == "stream" && w != nil {
		_, err := io.WriteString(w, out.Text)
		s.err = cmp.Or(s.err, err)
	}
}

// close says what went wrong on the way. Of a run that has not begun it leaves nothing.
func (s *streams) close() error {
	for name, f := range s.files {
		s.err = cmp.Or(s.err, s.texts[name].Flush(), f.Close())
	}
	for _, path := range s.made {
		if !s.begun {
			os.Remove(path)
		}
	}
	if s.err != nil {
		return fault.New(fault.Storage, "free space", "what the cells print: %w", s.err)
	}
	return nil
}

// named is a place, and what of the command line names it.
type named struct{ what, place string }

// distinct refuses two places that are the same file: the one would replace the other. NOTEBOOK and OUTPUT, which come first, a run looks at.
func distinct(all ...named) error {
	for i, a := range all {
		for _, b := range all[max(i+1, 2):] {
			if a.place != "" && b.place != "" && sameFile(a.place, b.place) {
				return fault.New(fault.Usage, "name another file", "%s %s is %s, too: the one would replace the other", b.what, place.Shown(b.place), a.what)
			}
		}
	}
	return nil
}

// sameFile reports whether writing to the one place replaces what the other holds; pipes and devices hold nothing.
func sameFile(a, b string) bool {
	if !place.Local(a) || !place.Local(b) {
		return place.Same(a, b)
	}
	one, missing := os.Stat(a)
	other, err := os.Stat(b)
	if missing == nil && err == nil {
		return one.Mode().IsRegular() && os.SameFile(one, other)
	}
	a, missing = filepath.Abs(a)
	b, err = filepath.Abs(b)
	return missing == nil && err == nil && a == b
}

// checkMany refuses flags that make no sense for many runs.
func (r *runFlags) checkMany() error {
	if r.html != "" && r.html != besideOutput {
		return fault.New(fault.Usage, "--html writes one beside each output", "--html=%s is for one run", r.html)
	}
	for flag, value := range map[string]string{"stdout-file": r.stdout, "stderr-file": r.stderr} {
		if value != "" {
			return fault.New(fault.Usage, "each run's log in --out-dir has what its cells print", "--%s is for one run", flag)
		}
	}
	return nil
}
