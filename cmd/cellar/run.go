package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/project"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel/assets"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

func newRun(g *global) *cobra.Command {
	var flags papermill.Flags
	o := papermill.Options{Version: version}
	var progressBar, logOutput bool
	c := &cobra.Command{
		Use:   "run NOTEBOOK [OUTPUT]",
		Short: "Run a notebook from top to bottom, with parameters, in its kernel",
		Long: `Run a notebook from top to bottom in a new kernel of its own, with parameters. Asset cells that are up to date are loaded, not
computed. OUTPUT is where the executed notebook goes; without it, it is kept beside the store. A source is never overwritten.`,
		Example: "  cellar run notebooks/flights.ipynb\n  cellar run in.ipynb out.ipynb -p alpha 0.1 -f params.yaml",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if o.Parameters, err = flags.Parse(); err != nil {
				return err
			}
			return run(c, g, o, args, progressBar, logOutput)
		},
	}
	f := c.Flags()
	f.VarP(pairs{&flags.Typed}, "parameters", "p", "NAME VALUE: a parameter, its type guessed")
	f.VarP(pairs{&flags.Raw}, "parameters_raw", "r", "NAME VALUE: a parameter that is a string")
	f.StringArrayVarP(&flags.YAML, "parameters_yaml", "y", nil, "parameters as YAML")
	f.StringArrayVarP(&flags.Base64, "parameters_base64", "b", nil, "parameters as YAML in base64")
	f.StringArrayVarP(&flags.Files, "parameters_file", "f", nil, "a YAML or JSON file of parameters")
	f.StringVarP(&o.Kernel, "kernel", "k", "", "name of the kernel (default: the notebook's)")
	f.StringVarP(&o.Language, "language", "l", "", "language of the notebook (default: the notebook's)")
	f.StringVar(&o.Dir, "cwd", "", "working folder of the kernel (default: the notebook's)")
	f.BoolVar(&o.PrepareOnly, "prepare-only", false, "write the notebook with its parameters, run nothing")
	f.BoolVar(&o.ReportMode, "report-mode", false, "hide the sources in the output")
	f.BoolVar(&o.Overwrite, "overwrite", false, "let OUTPUT replace a notebook that no run has written")
	f.DurationVar(&o.StartTimeout, "start-timeout", time.Minute, "for the kernel to answer")
	f.DurationVar(&o.CellTimeout, "execution-timeout", 0, "for each cell (default none)")
	f.DurationVar(&o.Timeout, "timeout", 0, "for the notebook (default none)")
	f.BoolVar(&progressBar, "progress-bar", ui.Terminal(os.Stderr), "show progress on one line")
	f.BoolVar(&logOutput, "log-output", false, "print the cells' text as it comes")
	return c
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
		default:
			out = append(out, a)
		}
	}
	return out
}

func run(c *cobra.Command, g *global, o papermill.Options, args []string, progressBar, logOutput bool) error {
	o.Input = args[0]
	p, err := project.Open(filepath.Dir(o.Input), project.Options{Store: g.store})
	if err != nil {
		return err
	}
	if len(args) > 1 {
		o.Output = args[1]
	} else if o.Output, err = p.ExecutedCopy(o.Input); err != nil {
		return err
	}
	o.Env = append(os.Environ(), "CELLAR_STORE="+p.Store.Dir(), assets.Run+"=1")
	show := newCellProgress(c, progressBar && !logOutput)
	o.OnCell = show.cell
	if logOutput {
		o.OnOutput = func(_ *nbformat.Cell, out nbformat.Output) { logText(c, out) }
	}
	result, err := papermill.Run(c.Context(), o)
	show.end()
	if result.Notebook != nil && !g.json {
		for _, w := range result.Warnings {
			fmt.Fprintln(c.ErrOrStderr(), w)
		}
		fmt.Fprintf(c.ErrOrStderr(), "%s · %s · %s\n\n", filepath.Base(o.Input), ui.Duration(result.Ended.Sub(result.Started)), relative(o.Output))
	}
	if err != nil || o.PrepareOnly {
		return kindOf(err)
	}
	return reportNotebook(c, g, p, o, result.Notebook)
}

// kindOf gives the failure of a cell the exit code of what our kernel says is wrong with the machine or the disk.
func kindOf(err error) error {
	var cell *papermill.CellError
	var m *fault.Mistake
	if errors.As(err, &cell) && errors.As(err, &m) {
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

// reportNotebook prints the table of the notebook's assets, for which commit, and how to load them: with the
// parameters of this run, whose values are versions of their own.
func reportNotebook(c *cobra.Command, g *global, p *project.Project, o papermill.Options, executed *nbformat.Notebook) error {
	rel, err := p.Rel(o.Input)
	if err != nil {
		return nil // outside the project: it has no assets
	}
	// What ran is the source with the injected parameters.
	s, err := p.Snapshot(c.Context(), project.Overlay{File: rel, Cells: project.Cells(executed)})
	if err != nil {
		return err
	}
	var outcomes []project.Outcome
	for _, st := range s.States() {
		if st.File != rel {
			continue
		}
		status := project.Status(st.Condition)
		if st.Condition == project.Fresh {
			status = project.Loaded
			for _, r := range st.Records {
				if r.Started.After(started) {
					status = project.Computed
				}
			}
		}
		out := project.Outcome{State: st, Status: status, Records: st.Records}
		if r := st.Records[0]; r != nil {
			out.Took = r.Finished.Sub(r.Started)
		}
		outcomes = append(outcomes, out)
	}
	if len(outcomes) == 0 && !g.json {
		return nil
	}
	besides := "changes"
	if len(o.Parameters) > 0 {
		besides = "parameters"
	}
	return report(c, g, s, outcomes, besides)
}

// started is when this process began, to tell what it computed from what it found.
var started = time.Now()

func logText(c *cobra.Command, out nbformat.Output) {
	switch {
	case out.Type == "stream" && out.Name == "stderr":
		fmt.Fprint(c.ErrOrStderr(), out.Text)
	case out.Type == "stream":
		fmt.Fprint(c.OutOrStdout(), out.Text)
	case out.Type == "error":
		text := strings.Join(out.Traceback, "\n")
		if !ui.Terminal(os.Stderr) {
			text = ui.Plain(text)
		}
		fmt.Fprintln(c.ErrOrStderr(), text)
	default:
		var text any // a string, or a list of its lines
		if json.Unmarshal(out.Data["text/plain"], &text) == nil {
			if lines, ok := text.([]any); ok {
				fmt.Fprintln(c.OutOrStdout(), fmt.Sprint(lines...))
			} else {
				fmt.Fprintln(c.OutOrStdout(), text)
			}
		}
	}
}

// cellProgress shows which cell runs.
type cellProgress struct {
	c    *cobra.Command
	live bool
	open bool
}

func newCellProgress(c *cobra.Command, live bool) *cellProgress {
	return &cellProgress{c: c, live: live}
}

func (p *cellProgress) cell(cell papermill.Cell) {
	if cell.Type != "code" {
		return
	}
	name := fmt.Sprintf("cell %d", cell.Number)
	switch {
	case cell.Number == 0:
		name = "injected parameters"
	case cell.ID != "":
		name += " (" + cell.ID + ")"
	}
	switch {
	case cell.Status == papermill.Running && p.live:
		fmt.Fprintf(p.c.ErrOrStderr(), "\r\033[K… %s", name)
		p.open = true
	case cell.Status == papermill.Running:
	case p.live:
		p.end()
		if cell.Status == papermill.Failed {
			fmt.Fprintf(p.c.ErrOrStderr(), "failed %s\n", name)
		}
	default:
		fmt.Fprintf(p.c.ErrOrStderr(), "%-9s %s  %s\n", cell.Status, name, ui.Duration(cell.Ended.Sub(cell.Started)))
	}
}

func (p *cellProgress) end() {
	if p.open {
		fmt.Fprint(p.c.ErrOrStderr(), "\r\033[K")
		p.open = false
	}
}
