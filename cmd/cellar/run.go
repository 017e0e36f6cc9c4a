package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel/assets"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/batch"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/page"
	"github.com/cellar-go/cellar/papermill/place"
	"github.com/cellar-go/cellar/papermill/template"
	"github.com/cellar-go/cellar/project"
)

func newRun(g *global) *cobra.Command {
	o := papermill.Options{Version: version}
	var flags runFlags
	var many manyFlags
	c := &cobra.Command{
		Use:   "run NOTEBOOK [OUTPUT] | run --each NOTEBOOK... --out-dir FOLDER",
		Short: "Run a notebook from top to bottom, with parameters, in its kernel",
		Long: `Run a notebook from top to bottom in a new kernel of its own, with parameters. Asset cells that are up to date are loaded, not
computed. OUTPUT is where the executed notebook goes; without it, it is kept beside the store. A source is never overwritten.

With --each, all arguments are notebooks, and with --param-grid one notebook runs with each combination of values: each run has its own
kernel, its own output and log in the folder --out-dir, and -j of them run at once.`,
		Example: "  cellar run notebooks/flights.ipynb\n  cellar run in.ipynb out.ipynb -p alpha 0.1 -f params.yaml\n  cellar run in.ipynb out.ipynb --resume\n" +
			"  cellar run --each a.ipynb b.ipynb --out-dir runs --param-grid alpha=0.1,0.2 -j 4",
		Args: func(c *cobra.Command, args []string) error {
			if many.each || len(many.grid) > 0 {
				return many.check(args)
			}
			if err := many.checkOne(); err != nil {
				return err
			}
			switch len(args) {
			case 0:
				return fault.New(fault.Usage, "name one: cellar run NOTEBOOK [OUTPUT]; `cellar run --help` says more", "there is no notebook to run")
			case 1, 2:
				return nil
			}
			return fault.New(fault.Usage, "run several notebooks by --each NOTEBOOK... --out-dir FOLDER", "%s is one argument too many, after NOTEBOOK and OUTPUT", args[2])
		},
		RunE: func(c *cobra.Command, args []string) (err error) {
			if o.Secrets, err = papermill.Secrets(flags.hidden); err != nil {
				return err
			}
			mask, err := papermill.NewMask(o.Secrets)
			if err != nil {
				return err
			}
			defer func() { err = mask.Fault(err) }()
			if flags.helpNotebook {
				return describeNotebook(c, g, args[0], o, &flags)
			}
			if err := flags.complete(c.Context(), c.Flags(), &o); err != nil {
				return err
			}
			if many.each || len(many.grid) > 0 {
				return runMany(c, g, o, args, many, &flags, mask)
			}
			return run(c, g, o, args, &flags, mask)
		},
	}
	o.Hurry = g.hurry
	f := c.Flags()
	flags.add(f, &o)
	f.BoolVar(&many.each, "each", false, "run each of the notebooks")
	f.StringArrayVar(&many.grid, "param-grid", nil, "NAME=VALUE,VALUE…: run with each of the values, whatever -p or -f say of NAME; several of these: with each combination")
	f.StringVar(&many.dir, "out-dir", "", "folder for the outputs and logs of --each and --param-grid; it may be where notebooks can be written")
	f.IntVarP(&many.jobs, "jobs", "j", 1, "runs at once, of --each and --param-grid")
	f.StringSliceVar(&many.preload, "preload", nil, "Python modules that are imported once for all runs of --each and --param-grid: numpy,pandas")
	f.BoolVar(&many.keepGoing, "keep-going", false, "after a failed run go on with the others")
	return c
}

// describeNotebook lists the parameters that a notebook declares.
func describeNotebook(c *cobra.Command, g *global, notebook string, o papermill.Options, flags *runFlags) error {
	err := flags.complete(c.Context(), c.Flags(), &o)
	if err != nil {
		return err
	}
	if o.Input, err = expand(notebook, o.Parameters, template.Run()); err != nil {
		return err
	}
	if err := fetch(c.Context(), &o); err != nil {
		return err
	}
	nb := o.Notebook
	if nb == nil {
		if nb, err = nbformat.Read(o.Input); err != nil {
			return err
		}
	}
	declared := papermill.Inspect(nb, o.Kernel, o.Language)
	if g.json {
		list := []map[string]string{}
		for _, d := range declared {
			list = append(list, map[string]string{"name": d.Name, "inferred_type_name": d.Type, "default": d.Default, "help": d.Help})
		}
		return ui.JSON(c.OutOrStdout(), list)
	}
	rows := [][]string{}
	for _, d := range declared {
		kind := d.Type
		if kind == "None" { // so Papermill's functions say that it is not known
			kind = ""
		}
		rows = append(rows, []string{d.Name, kind, d.Default, d.Help})
	}
	if len(rows) == 0 {
		fmt.Fprintf(c.OutOrStdout(), "%s declares no parameters: what a cell tagged parameters assigns would be listed\n", place.Shown(o.Input))
		return nil
	}
	ui.Table(c.OutOrStdout(), []string{"parameter", "type", "default", "help"}, rows)
	return nil
}

// pairs is a flag that takes a name and a value: pflag gives one word, the second is joined to it by joinPairs before parsing.
type pairs struct{ into *[][2]string }

func (p pairs) String() string { return "" }
func (p pairs) Type() string   { return "NAME VALUE" }
func (p pairs) Set(s string) error {
	name, value, ok := strings.Cut(s, "\x00")
	if !ok {
		return errors.New("it takes a name and a value: -p alpha 0.1")
	}
	*p.into = append(*p.into, [2]string{name, value})
	return nil
}

// joinPairs makes `-p alpha 0.1` one argument, which is what the flags above read.
func joinPairs(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--":
			return append(out, args[i:]...)
		case (a == "-p" || a == "-r" || a == "--parameters" || a == "--parameters_raw") && i+2 < len(args):
			out = append(out, a, args[i+1]+"\x00"+args[i+2])
			i += 2
		case (strings.HasPrefix(a, "--parameters=") || strings.HasPrefix(a, "--parameters_raw=")) && i+1 < len(args):
			out = append(out, a+"\x00"+args[i+1])
			i++
		case len(a) > 2 && (strings.HasPrefix(a, "-p") || strings.HasPrefix(a, "-r")) && i+1 < len(args): // -pNAME VALUE
			out = append(out, a[:2], a[2:]+"\x00"+args[i+1])
			i++
		default:
			out = append(out, a)
		}
	}
	return out
}

// inProject completes the options of a run by what its notebook's project says.
func inProject(g *global, o *papermill.Options) (*project.Project, error) {
	if _, err := os.Stat(o.Input); err != nil && place.Local(o.Input) { // before its folder is taken for a project
		_, err := nbformat.ReadFile(o.Input)
		return nil, err
	}
	run := rand.Text()
	p, err := project.Open(place.Folder(o.Input), project.Options{Store: g.store, Run: run})
	if err != nil {
		return nil, err
	}
	o.Env = append(os.Environ(), "CELLAR_STORE="+p.Store.Dir(), assets.Run+"="+run)
	o.Needed = project.Needed
	return p, nil
}

func run(c *cobra.Command, g *global, o papermill.Options, args []string, flags *runFlags, mask papermill.Mask) (err error) {
	pm := template.Run()
	given := args[0]
	typed := strings.Join(args[1:], "") // the output, if it is given
	var result papermill.Result
	undo := func() {}
	defer func() {
		if !result.Saved {
			undo()
		}
	}()
	if o.Input, err = expand(given, flags.withPaths(o.Parameters, given, typed), pm); err != nil {
		return err
	}
	if err := mask.Name("notebook", place.Shown(o.Input)); err != nil { // before a message says it
		return err
	}
	p, err := inProject(g, &o)
	if err != nil {
		return err
	}
	if typed == "" {
		if o.Output, err = p.ExecutedCopy(o.Input); err == nil {
			o.Parameters = flags.withPaths(o.Parameters, given, o.Output)
		}
	} else {
		o.Parameters = flags.withPaths(o.Parameters, given, typed)
		if o.Output, err = expand(typed, o.Parameters, pm); err == nil {
			undo, err = makeFolder(typed, o.Output)
		}
		if err == nil && !place.Local(o.Output) { // a run and its journal need a file
			o.Remote, o.Output = o.Output, ""
			if o.Remote != "-" || flags.html != "" { // many runs may write to their standard output at once
				o.Output, err = p.ExecutedCopy(o.Remote)
			}
		}
	}
	if err != nil {
		return err
	}
	if err := fetch(c.Context(), &o); err != nil {
		return err
	}
	o.Env = append(o.Env, ownAssets(o))
	toStdout := o.Remote == "-" || isStdout(o.Output)
	if toStdout && g.json {
		return fault.New(fault.Usage, "name a file for the notebook", "standard output can't take the notebook and JSON about the run")
	}
	html := pageOf(flags.html, cmp.Or(strings.TrimPrefix(o.Remote, "-"), o.Output))
	if html != "" {
		if info, err := os.Stat(o.Output); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			return fault.New(fault.Usage, "name a file for the notebook", "--html: %s can't be read again for the page", o.Output)
		}
		if err := place.Check(c.Context(), html); err != nil {
			return err
		}
	}
	err = distinct(named{"NOTEBOOK", cmp.Or(o.Origin, o.Input)}, named{"OUTPUT", cmp.Or(o.Remote, o.Output)},
		named{"--html", html}, named{"--stdout-file", flags.stdout}, named{"--stderr-file", flags.stderr})
	if err != nil {
		return err
	}
	prints, err := openStreams(map[string]string{"stdout": flags.stdout, "stderr": flags.stderr}, mask)
	if err != nil {
		return err
	}
	var logged io.Writer = c.OutOrStdout()
	if toStdout || g.json { // it has something else to say
		logged = c.ErrOrStderr()
	}
	text, failures := mask.Writer(logged), mask.Writer(c.ErrOrStderr()) // halves of a secret may be two outputs
	show := newCellProgress(c, flags.progressBar && !flags.logOutput && flags.shows("INFO"), o.Output)
	defer show.close()
	if flags.shows("INFO") {
		o.OnCell = show.cell
	}
	o.OnBegin = func(cells []papermill.Cell) {
		prints.begin()
		show.begin(cells)
	}
	warned := 0
	warn := func(r papermill.Result) {
		for _, w := range r.Warnings[warned:] {
			if warned++; !g.json && flags.shows("WARNING") {
				fmt.Fprintln(c.ErrOrStderr(), w)
			}
		}
	}
	o.OnStart = warn
	o.OnOutput = func(cell *nbformat.Cell, out nbformat.Output) {
		prints.output(cell, out)
		if flags.logOutput {
			logText(text, failures, out, ui.Terminal(os.Stderr))
		}
	}
	defer whenSlowToStop(c.Context(), func(line string) {
		if !g.json && flags.shows("INFO") {
			show.note(line)
		}
	})()
	all := runtime.GOMAXPROCS(1) // a runner waits; more processors would wake each other for every message
	result, err = papermill.Run(c.Context(), o)
	runtime.GOMAXPROCS(all)
	show.close()
	text.Flush()
	failures.Flush()
	err = cmp.Or(err, prints.close())
	paged := false
	if html != "" && result.Saved {
		unwritten := writePage(c.Context(), html, o)
		err, paged = cmp.Or(err, unwritten), unwritten == nil
	}
	if result.Notebook != nil && !g.json {
		warn(result)
		if flags.shows("INFO") && result.Saved && (o.Output != "" || result.Delivered) {
			output := relative(o.Output)
			if result.Delivered {
				output = place.Shown(o.Remote)
			}
			if paged {
				output += " · " + relative(place.Shown(html))
			}
			fmt.Fprintf(c.ErrOrStderr(), "%s · %s · %s\n\n", filepath.Base(o.Input), ui.Duration(result.Ended.Sub(result.Started)), output)
		}
	}
	err = kindOf(err, result)
	if g.json {
		r := batch.Report{Job: batch.Job{Input: given, Parameters: o.Parameters, Output: cmp.Or(o.Remote, o.Output)}, Status: batch.Done, Result: result, Err: err, Took: result.Ended.Sub(result.Started)}
		if err != nil {
			r.Status = batch.Failed
		}
		var ran assetsOfRun
		var failed error
		if err == nil {
			ran, failed = ranAssets(c.Context(), p, o, result.Notebook)
		}
		return cmp.Or(err, failed, ui.JSON(c.OutOrStdout(), jsonReport(r, ran, mask)))
	}
	if err != nil || o.PrepareOnly || toStdout {
		return err
	}
	ran, err := ranAssets(c.Context(), p, o, result.Notebook)
	if len(ran.lines) > 0 {
		ran.write(c.OutOrStdout())
	}
	return err
}

// whenSlowToStop says what takes time after an interrupt, if anything does; the caller calls the returned function when all has stopped.
func whenSlowToStop(ctx context.Context, say func(line string)) (stopped func()) {
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(time.Second):
			say("stopping: what runs has a few seconds to end, what is delivered half a minute; Ctrl-C again ends it at once")
		case <-over:
		}
	})
	return func() {
		stop()
		close(over)
	}
}

// isStdout reports whether a path is our standard output by another name, such as /dev/stdout.
func isStdout(path string) bool {
	info, err := os.Stat(path)
	out, failed := os.Stdout.Stat()
	return err == nil && failed == nil && os.SameFile(info, out)
}

// fetch reads a notebook that is no file here.
func fetch(ctx context.Context, o *papermill.Options) error {
	name := o.Input
	if place.Local(name) {
		return nil
	}
	text, page, err := place.ReadPage(ctx, name)
	if err != nil && ctx.Err() != nil {
		return fault.New(fault.Interrupted, "nothing had run yet", "%w", err)
	}
	if err != nil {
		return err
	}
	o.Page = page
	o.Origin, o.Input, o.Dir = name, place.Shown(name), cmp.Or(o.Dir, place.Folder(name))
	o.Notebook, err = nbformat.Parse(text, o.Input)
	return err
}

// ownAssets is the variable that tells the kernel which assets a notebook would have that is no file of the project.
func ownAssets(o papermill.Options) string {
	var keys []string
	if o.Origin != "" && o.Page.File == "" {
		for _, d := range project.Definitions(place.File(o.Origin), o.Notebook) {
			keys = append(keys, d.Keys()...)
		}
	}
	return assets.Own + "=" + strings.Join(keys, "\n")
}

// besideOutput is --html without a file.
const besideOutput = "beside OUTPUT"

// pageOf is the file that --html names; "" without.
func pageOf(html, output string) string {
	if html == besideOutput {
		return place.Beside(output, ".html")
	}
	return html
}

// lastGrace is how long an interrupted run's page or log may take to be delivered.
const lastGrace = 10 * time.Second

// writePage writes the executed notebook as a page, also when the run failed: that is when it is read.
func writePage(ctx context.Context, file string, o papermill.Options) error {
	nb, err := nbformat.Read(o.Output)
	if err != nil {
		return err
	}
	last, end := papermill.Outlive(ctx, lastGrace, o.Hurry)
	defer end()
	err = place.Write(last, file, func(w io.Writer) error {
		return page.Write(w, nb, page.Options{HideSources: o.ReportMode, Files: os.DirFS(place.Folder(o.Input))})
	})
	if !place.Local(file) && o.Remote != "-" { // which there is no going on from
		err = papermill.ByResume(err)
	}
	return err
}

// kindOf gives the failure of a Go notebook's cell the exit code of what our kernel says is wrong with the machine or the disk.
func kindOf(err error, r papermill.Result) error {
	var cell *papermill.CellError
	var m *fault.Mistake
	if r.Kernel.Language == "go" && errors.As(err, &cell) && errors.As(err, &m) {
		for _, k := range []fault.Kind{fault.Environment, fault.Storage} {
			if cell.EName == k.String() {
				m.Kind = k
			}
		}
	}
	return err
}

// relative is a path as it is shortest to type here.
func relative(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(rel, "..") {
			return rel
		}
	}
	return path
}

// logText prints what an output says as text.
func logText(stdout, stderr io.Writer, out nbformat.Output, colours bool) {
	switch {
	case out.Type == "stream" && out.Name == "stderr":
		fmt.Fprint(stderr, out.Text)
	case out.Type == "stream":
		fmt.Fprint(stdout, out.Text)
	case out.Type == "error":
		text := strings.Join(out.Traceback, "\n")
		if !colours {
			text = ui.Plain(text)
		}
		fmt.Fprintln(stderr, text)
	default:
		var text any // a string, or a list of its lines
		if json.Unmarshal(out.Data["text/plain"], &text) == nil {
			if lines, ok := text.([]any); ok {
				fmt.Fprintln(stdout, fmt.Sprint(lines...))
			} else {
				fmt.Fprintln(stdout, text)
			}
		}
	}
}
