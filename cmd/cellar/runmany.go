package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel/assets"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/batch"
	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
	"github.com/cellar-go/cellar/papermill/place"
	"github.com/cellar-go/cellar/papermill/template"
)

// manyFlags are the flags of a run of many notebooks.
type manyFlags struct {
	each      bool
	grid      []string
	dir       string
	jobs      int
	keepGoing bool
	preload   []string
}

// checkOne refuses flags that say nothing of a single run.
func (m manyFlags) checkOne() error {
	for flag, given := range map[string]bool{"out-dir": m.dir != "", "jobs": m.jobs != 1, "keep-going": m.keepGoing, "preload": len(m.preload) > 0} {
		if given {
			return fault.New(fault.Usage, "add --each, or --param-grid NAME=VALUE,VALUE", "--%s is for many runs", flag)
		}
	}
	return nil
}

func (m manyFlags) check(args []string) error {
	switch {
	case len(args) == 0:
		return fault.New(fault.Usage, "name one or more", "there is no notebook to run")
	case !m.each && len(args) > 1:
		return fault.New(fault.Usage, "with --param-grid, give the folder by --out-dir; with several notebooks add --each", "%s is one notebook too many", args[1])
	case m.jobs < 1:
		return fault.New(fault.Usage, "-j 1 runs one after the other", "-j %d: at least one runs at once", m.jobs)
	case m.dir == "":
		return fault.New(fault.Usage, "--out-dir runs", "there is no folder for the outputs")
	case m.dir == "-":
		return fault.New(fault.Usage, "--out-dir runs", "standard output takes one notebook only")
	}
	return nil
}

func runMany(c *cobra.Command, g *global, o papermill.Options, inputs []string, many manyFlags, flags *runFlags, mask papermill.Mask) error {
	if err := flags.checkMany(); err != nil {
		return err
	}
	var axes []batch.Axis
	for _, text := range many.grid {
		if shown := mask.Text(text); shown != text {
			return fault.New(fault.Usage, "give it to all runs by -p, or leave it in the environment", "--param-grid %s: it holds a secret, which the names of files and the summary would show", shown)
		}
		a, err := batch.ParseAxis(text)
		if err != nil {
			return err
		}
		axes = append(axes, a)
	}
	pm := template.Run()
	inputs, fetched, err := readAll(c.Context(), inputs, o.Parameters, pm, mask)
	if err != nil {
		return err
	}
	jobs, err := batch.Jobs(inputs, o.Parameters, axes, func(p parameters.List) (string, error) {
		dir, err := expand(many.dir, p, pm)
		return dir, cmp.Or(err, mask.Name("--out-dir", place.Shown(dir)))
	})
	if err != nil {
		return err
	}
	if err := checkInputs(inputs, jobs); err != nil {
		return err
	}
	for _, j := range jobs {
		if err := checkParameters(c.Context(), o, j, fetched[j.Input], flags); err != nil {
			return err
		}
	}
	if !place.Local(jobs[0].Output) {
		if err := place.Check(c.Context(), jobs[0].Output); err != nil {
			return err
		}
	} else {
		for _, j := range jobs {
			if err := atomicfile.MkdirAll(filepath.Dir(j.Output), 0o755); err != nil {
				return fault.New(fault.Storage, "name another folder by --out-dir", "folder of the outputs: %w", err)
			}
		}
	}
	o.Pool = kernels.NewPool(kernels.PoolOptions{Preload: many.preload, Vary: []string{assets.Run, assets.Own}})
	defer o.Pool.Close()
	show := newRunsProgress(c, jobs, g.json || !flags.shows("INFO"))
	runtime.GOMAXPROCS(min(max(1, many.jobs), runtime.GOMAXPROCS(0))) // see run
	defer whenSlowToStop(c.Context(), func(line string) {
		if !g.json && flags.shows("INFO") {
			show.shown.Note(line)
		}
	})()
	var mu sync.Mutex
	assetsOf := map[string]assetsOfRun{} // by the run's output
	reports, err := batch.Run(c.Context(), jobs, batch.Options{
		Jobs: many.jobs, KeepGoing: many.keepGoing, OnChange: show.change,
		Run: func(ctx context.Context, j batch.Job) (papermill.Result, error) {
			result, ran, err := runJob(ctx, g, o, j, fetched[j.Input], show, flags, mask)
			mu.Lock()
			defer mu.Unlock()
			assetsOf[j.Output] = ran
			return result, err
		},
	})
	show.shown.Close()
	if g.json {
		if e := ui.JSON(c.OutOrStdout(), jsonReports(reports, assetsOf, mask)); e != nil {
			return e
		}
		return err
	}
	header, table := []string{"notebook", "parameters", "status", "time", "failed at", "output"}, [][]string{}
	const last = 5
	anyAssets := slices.ContainsFunc(reports, func(r batch.Report) bool { return len(assetsOf[r.Output].lines) > 0 })
	if anyAssets {
		header = slices.Insert(header, last, "assets")
	}
	for _, r := range reports {
		took := "–"
		if r.Status != batch.Skipped {
			took = ui.Duration(r.Took)
		}
		output := "–"
		if written(r) {
			output = relative(place.Shown(r.Output))
		}
		row := []string{relative(place.Shown(r.Input)), batch.Values(r.Grid), string(r.Status), took, failedCell(r), output}
		if anyAssets {
			row = slices.Insert(row, last, assetsOf[r.Output].summary())
		}
		table = append(table, row)
	}
	header, table = ui.Fit(ui.Columns(c.OutOrStdout()), header, table, "notebook", "parameters", "output")
	ui.Table(c.OutOrStdout(), header, table)
	if flags.shows("WARNING") {
		warnings(c.ErrOrStderr(), reports)
		if len(many.preload) > 0 && o.Pool.Unused() {
			fmt.Fprintln(c.ErrOrStderr(), "--preload did nothing: it is for ipykernel, and no run was in one that could be forked")
		}
	}
	failures := map[string]error{}
	texts, which := saidOf(reports, func(r batch.Report) []string {
		if r.Err == nil || errors.Is(r.Err, context.Canceled) {
			return nil
		}
		failures[r.Err.Error()] = r.Err
		return []string{r.Err.Error()}
	})
	for _, text := range texts {
		fmt.Fprintln(c.ErrOrStderr())
		if len(axes) > 0 {
			fmt.Fprintln(c.ErrOrStderr(), which[text]+":")
		}
		ui.Fail(c.ErrOrStderr(), failures[text], false)
	}
	if err != nil {
		fmt.Fprintln(c.ErrOrStderr())
	}
	return err
}

// readAll reads all notebooks before hours of work, and says what their paths are with the fields filled in. Of those that are no files
// here it returns what a run needs to know, so that they are read once.
func readAll(ctx context.Context, names []string, given, pm parameters.List, mask papermill.Mask) (inputs []string, fetched map[string]papermill.Options, err error) {
	fetched = map[string]papermill.Options{}
	for _, name := range names {
		input, err := expand(name, given, pm)
		if err != nil {
			return nil, nil, err
		}
		if err := mask.Name("notebook", place.Shown(input)); err != nil {
			return nil, nil, err
		}
		one := papermill.Options{Input: input}
		if err := fetch(ctx, &one); err != nil {
			return nil, nil, err
		}
		if one.Notebook != nil {
			fetched[input] = one
		} else if _, err := nbformat.Read(input); err != nil {
			return nil, nil, err
		}
		inputs = append(inputs, input)
	}
	return inputs, fetched, nil
}

// checkInputs refuses jobs that would replace a notebook which another job runs.
func checkInputs(inputs []string, jobs []batch.Job) error {
	infos := map[string]os.FileInfo{}
	for _, input := range inputs {
		if info, err := os.Stat(input); err == nil {
			infos[input] = info
		}
	}
	for _, j := range jobs {
		old, err := os.Stat(j.Output)
		for _, input := range inputs {
			if info := infos[input]; place.Same(input, j.Output) || err == nil && info != nil && os.SameFile(info, old) {
				return fault.New(fault.Usage, "name another folder by --out-dir", "the output of %s would replace the notebook %s", place.Shown(j.Input), place.Shown(input))
			}
		}
	}
	return nil
}

// warnings prints what the runs warn of, once, and for which.
func warnings(w io.Writer, reports []batch.Report) {
	texts, which := saidOf(reports, func(r batch.Report) []string { return r.Result.Warnings })
	for _, text := range texts {
		fmt.Fprintf(w, "%s: %s\n", which[text], text)
	}
}

// saidOf is each text that is said of runs, once, and of which: the first, and how many more.
func saidOf(reports []batch.Report, said func(batch.Report) []string) (texts []string, which map[string]string) {
	runs := map[string][]string{} // by the text
	for _, r := range reports {
		for _, text := range said(r) {
			if runs[text] == nil {
				texts = append(texts, text)
			}
			runs[text] = append(runs[text], strings.TrimSpace(relative(place.Shown(r.Input))+" "+batch.Values(r.Grid)))
		}
	}
	which = map[string]string{}
	for _, text := range texts {
		which[text] = runs[text][0]
		if more := len(runs[text]) - 1; more > 0 {
			which[text] += fmt.Sprintf(" and %d more", more)
		}
	}
	return texts, which
}

// checkParameters finds out what is wrong with a job's parameters, before another one has run for hours.
func checkParameters(ctx context.Context, o papermill.Options, j batch.Job, fetched papermill.Options, flags *runFlags) error {
	_, err := papermill.Run(ctx, papermill.Options{Input: cmp.Or(fetched.Input, j.Input), Notebook: fetched.Notebook, PrepareOnly: true,
		Parameters: flags.withPaths(j.Parameters, j.Input, j.Output), Kernel: o.Kernel, Language: o.Language, Strict: o.Strict, Secrets: o.Secrets})
	return err
}

// runJob runs a notebook of many; what its cells print goes into its log, and then what became of its assets. A notebook that is no file
// here is in fetched.
func runJob(ctx context.Context, g *global, o papermill.Options, j batch.Job, fetched papermill.Options, show runsProgress, flags *runFlags, mask papermill.Mask) (_ papermill.Result, ran assetsOfRun, err error) {
	o.Input, o.Output, o.Parameters = j.Input, j.Output, flags.withPaths(j.Parameters, j.Input, j.Output)
	p, err := inProject(g, &o)
	if err != nil {
		return papermill.Result{}, ran, err
	}
	if fetched.Notebook != nil {
		o.Origin, o.Page, o.Input, o.Dir, o.Notebook = fetched.Origin, fetched.Page, fetched.Input, cmp.Or(o.Dir, fetched.Dir), fetched.Notebook
	}
	o.Env = append(o.Env, ownAssets(o))
	logFile := j.Log
	if !place.Local(j.Output) {
		o.Remote = j.Output
		if o.Output, err = p.ExecutedCopy(o.Remote); err != nil {
			return papermill.Result{}, ran, err
		}
		logFile = place.Beside(o.Output, ".log")
	}
	log, err := openLog(j.Log, logFile, o.Resume, mask)
	if err != nil {
		return papermill.Result{}, ran, err
	}
	defer func() { err = cmp.Or(err, log.close(ctx, err == nil, lastGrace, o.Hurry)) }()
	o.OnBegin = func([]papermill.Cell) { log.begin(ctx) }
	o.OnCell = func(cell papermill.Cell) {
		if cell.Type == "code" && cell.Status == papermill.Running {
			fmt.Fprintf(log, "==== %s\n", nameOf(cell))
		}
		log.Flush()
		show.cell(j, cell)
	}
	o.OnOutput = func(_ *nbformat.Cell, out nbformat.Output) { logText(log, log, out, false) }
	result, err := papermill.Run(ctx, o)
	err = kindOf(err, result)
	for _, w := range result.Warnings {
		fmt.Fprintln(log, w)
	}
	if flags.html != "" && result.Saved {
		err = cmp.Or(err, writePage(ctx, pageOf(besideOutput, j.Output), o))
	}
	if err == nil {
		if ran, err = ranAssets(ctx, p, o, result.Notebook); len(ran.lines) > 0 {
			fmt.Fprintln(log, "==== assets")
			ran.write(log)
		}
	}
	if err != nil && log.begun {
		fmt.Fprintln(log, err)
	}
	return result, ran, err
}

// written reports whether a run's notebook is where it should be.
func written(r batch.Report) bool {
	return r.Result.Delivered || r.Result.Saved && place.Local(r.Output)
}

// failedCell names the cell at which a run failed.
func failedCell(r batch.Report) string {
	var cell *papermill.CellError
	if errors.As(r.Err, &cell) {
		if cell.Number == 0 {
			return "injected parameters"
		}
		return fmt.Sprintf("cell %d", cell.Number)
	}
	return ""
}

func jsonReports(reports []batch.Report, assetsOf map[string]assetsOfRun, mask papermill.Mask) []map[string]any {
	all := []map[string]any{}
	for _, r := range reports {
		m := jsonReport(r, assetsOf[r.Output], mask)
		if _, missing := os.Stat(r.Log); r.Status != batch.Skipped && (missing == nil || !place.Local(r.Log)) {
			m["log"] = place.Shown(r.Log)
		}
		all = append(all, m)
	}
	return all
}

func jsonReport(r batch.Report, ran assetsOfRun, mask papermill.Mask) map[string]any {
	m := map[string]any{"notebook": place.Shown(r.Input), "parameters": mask.JSON(r.Parameters.JSON()), "status": r.Status}
	if m["assets"] = []reportLine{}; len(ran.lines) > 0 {
		m["assets"] = ran.lines
	}
	if written(r) {
		m["output"] = place.Shown(r.Output)
	}
	if r.Status != batch.Skipped {
		m["seconds"] = r.Took.Seconds()
	}
	if len(r.Result.Warnings) > 0 {
		m["warnings"] = r.Result.Warnings
	}
	if r.Err != nil {
		m["error"], m["hint"], m["exit_code"] = r.Err.Error(), fault.Hint(r.Err), fault.ExitCode(r.Err)
	}
	return m
}

// runsProgress says how far many runs are.
type runsProgress struct{ shown *ui.Progress }

func newRunsProgress(c *cobra.Command, jobs []batch.Job, quiet bool) runsProgress {
	if quiet {
		return runsProgress{ui.NewProgress(io.Discard, false, len(jobs))}
	}
	return runsProgress{ui.NewProgress(c.ErrOrStderr(), ui.Terminal(os.Stderr), len(jobs))}
}

func (p runsProgress) change(_ int, r batch.Report) {
	if r.Status == batch.Running {
		p.shown.Begin(r.Output, strings.TrimSpace(relative(place.Shown(r.Input))+" "+batch.Values(r.Grid)))
		return
	}
	p.shown.End(r.Output, string(r.Status), r.Status == batch.Failed, r.Took)
}

func (p runsProgress) cell(j batch.Job, cell papermill.Cell) {
	if cell.Type == "code" && cell.Status == papermill.Running {
		p.shown.Step(j.Output, nameOf(cell))
	}
}
