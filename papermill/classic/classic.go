package classic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
	"github.com/cellar-go/cellar/papermill/place"
	"github.com/cellar-go/cellar/papermill/template"
)

// papermillVersion is the Papermill whose ways this is.
const papermillVersion = "2.7.0"

// Program is where the command line runs.
type Program struct {
	Name         string // as it was called, for its usage
	Version      string // of cellar
	In, Out, Err *os.File
	Secrets      []papermill.Secret // what the log, the errors and the notebooks must not show
	Hurry        <-chan struct{}    // see papermill.Options

	tie *tie
}

// exit ends the program with a code; all has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// deadKernel is Papermill's exit code for it.
const deadKernel = 138

// Run runs a command line and returns the exit code.
func (p *Program) Run(ctx context.Context, args []string) int {
	copyTo := os.Getenv(copyVariable)
	os.Unsetenv(copyVariable) // a notebook may run others
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.tie = newTie(cancel)
	defer p.tie.release()
	p.Err = p.tie.output(p.Err)
	mask, err := papermill.NewMask(p.Secrets)
	var asked call
	if err == nil {
		asked, err = readCall()
	}
	if err == nil {
		err = p.run(ctx, args, mask, copyTo, asked)
	}
	err = pythonError(err)
	var done exit
	var click *clickError
	var e *exception
	switch {
	case err == nil:
		return 0
	case errors.As(err, &done):
		return int(done)
	case errors.As(err, &click):
		if click.usage {
			fmt.Fprintf(p.Err, "%s\nTry '%s --help' for help.\n\n", p.usage(), p.Name)
		}
		fmt.Fprintf(p.Err, "Error: %s\n", mask.Text(click.message))
		return click.code
	}
	errors.As(err, &e)
	if e.cause != nil {
		fmt.Fprintln(p.Err, "cellar: "+mask.Text(plainMessage(e.cause)))
	}
	if hint := fault.Hint(e.cause); hint != "" {
		fmt.Fprintln(p.Err, "  → "+strings.ReplaceAll(mask.Text(hint), "\n", "\n    "))
	}
	fmt.Fprintln(p.Err, mask.Text(err.Error()))
	return e.code
}

func plainMessage(err error) string { return strings.TrimPrefix(err.Error(), "cellar: ") }

// inputPiped: a notebook comes through a pipe.
func (p *Program) inputPiped() bool {
	info, err := p.In.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

func (p *Program) executable() string {
	path, err := os.Executable()
	if err != nil {
		return p.Name
	}
	return path
}

func (p *Program) run(ctx context.Context, args []string, mask papermill.Mask, copyTo string, asked call) error {
	s := &settings{}
	line, err := parse(p.options(s), args)
	if err != nil {
		return err
	}
	if err := line.process(); err != nil {
		return err
	}
	paths, piped := line.arguments, p.inputPiped()
	switch {
	case len(paths) == 0 && !piped:
		return usageError("Missing argument 'NOTEBOOK_PATH'.")
	case len(paths) > 3:
		return usageError("Got unexpected extra arguments (%s)", strings.Join(paths[2:], " "))
	case len(paths) > 2:
		return usageError("Got unexpected extra argument (%s)", paths[2])
	}
	paths = append(paths, "", "")
	r := run{Program: p, settings: s, input: paths[0], output: paths[1], copy: copyTo, call: asked, warned: map[string]bool{}}
	notebook := r.input
	if !s.helpNotebook && !piped && term.IsTerminal(int(p.Out.Fd())) && r.output == "" {
		return usageError("Missing argument 'OUTPUT_PATH'")
	}
	if piped && r.input != "" && r.output == "" {
		r.input, r.output = stream, r.input
	}
	if r.input == "" {
		r.input = stream
	}
	if r.output == "" {
		r.output = stream
	}
	showBar := false
	switch {
	case r.output == stream:
		s.saveCells = false
		if s.logLevel == "INFO" {
			s.logLevel = "ERROR"
		}
	case s.progressBar == nil:
		showBar = !s.logOutput
	}
	if s.progressBar != nil {
		showBar = *s.progressBar
	}
	r.log = newLog(p.Err, s.logLevel, mask)
	if err := r.readParameters(ctx); err != nil {
		return err
	}
	if s.helpNotebook {
		return r.describe(ctx, notebook)
	}
	return r.execute(ctx, showBar)
}

// stream stands for standard input or output.
const stream = "-"

// run is one command line at work.
type run struct {
	*Program
	*settings
	input, output string
	copy          string // see copyVariable
	call          call
	log           *log
	parameters    parameters.List
	warned        map[string]bool
}

// readParameters puts the parameters together; the paths come first, as they were typed.
func (r *run) readParameters(ctx context.Context) error {
	r.flags.Read = func(path string) ([]byte, error) {
		r.warnExtension(path, ".json", ".yaml", ".yml")
		return r.readText(ctx, path)
	}
	given, err := r.flags.Parse()
	if err != nil {
		return err
	}
	var input, output *string
	if r.injectInput || r.injectBoth {
		input = &r.input
	}
	if r.injectOutput || r.injectBoth {
		output = &r.output
	}
	r.parameters = given.WithPaths(input, output)
	return nil
}

// fields are what a path's template can name.
func (r *run) fields() parameters.List {
	fields := parameters.List{{Name: "pm", Value: template.Run()}}
	for _, q := range r.parameters {
		fields.Put(q)
	}
	return fields
}

// readText reads what a path names, as Papermill does: if it can't be opened, the path may itself be the text.
func (r *run) readText(ctx context.Context, path string) ([]byte, error) {
	switch {
	case strings.HasPrefix(path, stream):
		return io.ReadAll(r.In)
	case remote(path):
		text, err := place.Read(ctx, path)
		return text, remoteError(path, err)
	}
	text, err := os.ReadFile(path)
	if err != nil && validJSON(path) {
		return []byte(path), nil
	}
	return text, err
}

// read reads a notebook.
func (r *run) read(ctx context.Context, path string) (*nbformat.Notebook, error) {
	r.warnExtension(path, notebookExtensions...)
	text, err := r.readText(ctx, path)
	if err != nil {
		return nil, err
	}
	nb, err := nbformat.Parse(text, shownPath(path))
	if err != nil && !validJSON(string(text)) {
		message := []rune("Notebook does not appear to be JSON: " + template.Quote(string(text)))
		if len(message) > 80 {
			message = append(message[:77], []rune("...")...)
		}
		return nil, raise("nbformat.reader.NotJSONError", "%s", string(message)).because(err)
	}
	return nb, err
}

var notebookExtensions = []string{".ipynb", ".json"}

// warnExtension is Papermill's warning of paths that don't look like what they should be.
func (r *run) warnExtension(path string, extensions ...string) {
	base := path[strings.LastIndex(path, "/")+1:]
	name, _, _ := strings.Cut(base, "?")
	text := ""
	switch {
	case !strings.Contains(name, "."):
		text = "the file is not specified with any extension : " + base
	case !slices.ContainsFunc(extensions, func(e string) bool { return strings.HasSuffix(name, e) }):
		text = fmt.Sprintf("The specified file (%s) does not end in one of ['%s']", path, strings.Join(extensions, "', '"))
	}
	if text != "" && !r.warned[text] && !r.call.Managed {
		r.warned[text] = true
		fmt.Fprintln(r.Err, "UserWarning: "+r.log.mask.Text(text))
	}
}

// execute is Papermill's execute_notebook.
func (r *run) execute(ctx context.Context, showBar bool) error {
	if err := r.fillPaths(); err != nil {
		return err
	}
	r.log.print("INFO", "Input Notebook:  %s", shownPath(r.input))
	r.log.print("INFO", "Output Notebook: %s", shownPath(r.output))
	if r.cwd != nil {
		r.log.print("INFO", "Working directory: %s", *r.cwd)
	}
	nb, err := r.read(ctx, r.input)
	if err != nil {
		return err
	}
	if err := r.check(nb); err != nil {
		return err
	}
	o := papermill.Options{
		Hurry: r.Hurry, Managed: r.call.Managed, AllowErrors: r.call.AllowErrors, Injected: r.call.Source, Comment: r.call.Comment,
		Notebook: nb, Output: r.output, Overwrite: true, Classic: true, Version: papermillVersion + "+cellar." + r.Version,
		Parameters: r.parameters, Secrets: r.Secrets, PrepareOnly: r.prepareOnly, ReportMode: r.reportMode,
		Kernel: value(r.kernel), Language: value(r.language), Dir: ".", Env: environment(),
		StartTimeout: max(time.Duration(r.startTimeout)*time.Second, 1), CellTimeout: time.Duration(max(r.executionTime, 0)) * time.Second,
		SaveCells: r.saveCells, SaveEvery: time.Duration(r.autosave) * time.Second,
	}
	if r.cwd != nil {
		o.Dir = *r.cwd
	}
	if !r.saveCells {
		o.SaveEvery = -1
	}
	switch {
	case strings.HasPrefix(r.output, stream):
		o.To = r.Out
	case remote(r.output):
		o.Remote, o.Output = r.output, r.copy
	}
	if err := r.checkOutput(ctx); err != nil {
		return err
	}
	if r.prepareOnly {
		_, err := papermill.Run(ctx, o)
		return err
	}
	return r.runCells(ctx, o, nb, showBar)
}

// fillPaths fills in what the paths name.
func (r *run) fillPaths() (err error) {
	if r.call.Managed {
		return nil
	}
	fields := r.fields()
	if r.input, err = template.Format(r.input, fields); err == nil {
		r.output, err = template.Format(r.output, fields)
	}
	return err
}

// environment is the kernel's: as Papermill has it, debugpy is told not to complain of frozen modules.
func environment() []string {
	env := os.Environ()
	if _, set := os.LookupEnv("PYDEVD_DISABLE_FILE_VALIDATION"); !set {
		env = append(env, "PYDEVD_DISABLE_FILE_VALIDATION=1")
	}
	return env
}

// runCells runs a notebook that is ready.
func (r *run) runCells(ctx context.Context, o papermill.Options, nb *nbformat.Notebook, showBar bool) (err error) {
	kernel, language := kernelName(nb, r.kernel), cmp.Or(value(r.language), nb.Language())
	if _, err := kernels.Find(kernel, strings.ToLower(language)); err != nil {
		r.log.print("WARNING", "No such kernel named %s", kernel)
		return raise("jupyter_client.kernelspec.NoSuchKernel", "No such kernel named %s", kernel).because(err)
	}
	shown := outputs{log: r.log, logged: r.logOutput}
	if shown.stdout, err = newStreamFile(r.stdoutFile, r.Out, r.tie); err != nil {
		return err
	}
	if shown.stderr, err = newStreamFile(r.stderrFile, r.Out, r.tie); err != nil {
		return err
	}
	var progress *bar
	started := false
	o.OnStart = func(is papermill.Result) {
		started = true
		r.log.print("INFO", "Executing notebook with kernel: %s", kernel)
		if showBar {
			progress = newBar(r.Err, len(is.Cells))
		}
	}
	o.OnOutput = shown.output
	o.OnCell = func(c papermill.Cell) {
		shown.cell(c)
		if c.Status == papermill.Running {
			progress.describe(r.log.mask.Text(c.Source()))
		} else {
			progress.step()
		}
	}
	told := newEvents(r.call, r.tie, r.log.mask)
	told.listen(&o, r.call)
	began := time.Now()
	result, err := papermill.Run(ctx, o)
	told.ended(result.Notebook)
	progress.close()
	for _, w := range result.Warnings {
		r.log.print("WARNING", "%s", w)
	}
	if err != nil && !started {
		return r.startError(ctx, kernel, err, time.Since(began) >= o.StartTimeout)
	}
	if err := r.runError(result, err); err != nil {
		return err
	}
	return errors.Join(shown.stdout.close(), shown.stderr.close())
}

// startError is what Papermill says of a kernel that did not start.
func (r *run) startError(ctx context.Context, kernel string, err error, late bool) error {
	var m *fault.Mistake
	if ctx.Err() != nil {
		return r.aborted()
	}
	if osError(err) != nil || !errors.As(err, &m) || m.Kind != fault.Environment {
		return err
	}
	what := "Kernel died before replying to kernel_info"
	if late {
		what = fmt.Sprintf("Kernel didn't respond in %d seconds", r.startTimeout)
	}
	r.log.print("ERROR", "Error occurred while starting new kernel client for kernel %s: %s", kernel, what)
	return raise("RuntimeError", "%s", what).because(err)
}

// aborted says what click says of an interrupt.
func (r *run) aborted() error {
	fmt.Fprintln(r.Err, "\nAborted!")
	return exit(1)
}

// runError is what Papermill says of a run that failed.
func (r *run) runError(result papermill.Result, err error) error {
	var cell *papermill.CellError
	if err == nil || !errors.As(err, &cell) {
		if errors.Is(err, context.Canceled) {
			return r.aborted()
		}
		return err
	}
	executed := result.Notebook.Cell(cell.ID)
	cause := cell.Unwrap()
	switch {
	case cause == nil:
		number := "None"
		if n := executed.ExecutionCount(); n > 0 {
			number = fmt.Sprint(n)
		}
		return raise("papermill.exceptions.PapermillExecutionError", "\n%s\nException encountered at \"In [%s]\":\n%s\n",
			strings.Repeat("-", 75), number, colour.ReplaceAllString(strings.Join(cell.Traceback, "\n"), ""))
	case errors.Is(cause, kernels.ErrDied):
		r.log.print("ERROR", "Kernel died while waiting for execute reply.")
		e := raise("nbclient.exceptions.DeadKernelError", "Kernel died").because(err)
		e.code = deadKernel
		return e
	case errors.Is(cause, context.Canceled):
		return r.aborted()
	case cell.EName == "TimeoutError":
		r.log.print("ERROR", "Timeout waiting for execute reply (%ds).", r.executionTime)
		return raise("nbclient.exceptions.CellTimeoutError", timeoutMessage, r.executionTime, preview(executed.Source())).because(err)
	}
	return err
}

const timeoutMessage = `A cell timed out while it was being executed, after %d seconds.
The message was: Cell execution timed out.
Here is a preview of the cell contents:
-------------------
%s
-------------------
`

// preview is the source of a cell, of a long one its ends.
func preview(source string) string {
	lines := strings.Split(strings.TrimSpace(source), "\n")
	if len(lines) < 11 {
		return source
	}
	list := func(lines []string) string {
		var all []string
		for _, l := range lines {
			all = append(all, template.Quote(l))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	return list(lines[:5]) + "\n...\n" + list(lines[len(lines)-5:])
}

var colour = regexp.MustCompile("\x1b\\[(K|.*?m)")

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
