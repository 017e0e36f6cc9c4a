package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/project"
)

func newMaterialize(g *global) *cobra.Command {
	var plan project.Plan
	c := &cobra.Command{
		Use:   "materialize SELECTION",
		Short: "Compute assets that are not fresh",
		Long: `Compute assets that are not fresh. SELECTION is as Dagster's: features, +model (with what it needs), features+ (with what
needs it), 'group:core', 'flights/*', stale, and, or, not. A key is one word, spaces and all: 'my flights/features'; other names with
spaces are quoted twice: '"my flights/*"'.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, s, err := g.snapshot(c.Context())
			if err != nil {
				return err
			}
			selection := strings.Join(args, " ")
			picked, err := s.Select(selection)
			if err != nil {
				return err
			}
			if !g.json {
				plan.Progress = progress(c)
			}
			outcomes, err := s.Materialize(c.Context(), picked, plan)
			if len(outcomes) == 0 && err != nil {
				return err
			}
			if errPrint := report(c, g, s, outcomes, "changes"); errPrint != nil && err == nil {
				err = errPrint
			}
			if !g.json {
				warn(c, failures(outcomes, err))
			}
			if lacking := s.Lacking(selection); err == nil && len(lacking) > 0 {
				warn(c, lacking[1:])
				err = lacking[0]
			}
			return err
		},
	}
	c.Flags().BoolVar(&plan.Force, "force", false, "compute what is fresh again: a new observation")
	c.Flags().IntVarP(&plan.Jobs, "jobs", "j", min(4, runtime.NumCPU()), "steps at once")
	c.Flags().BoolVar(&plan.KeepOn, "keep-going", false, "after a failure go on with what does not depend on it")
	return c
}

// failures are the steps' errors besides the one that the command ends with.
func failures(outcomes []project.Outcome, last error) []error {
	var all []error
	for _, o := range outcomes {
		if o.Status == project.Failed && !errors.Is(o.Err, context.Canceled) && !errors.Is(last, o.Err) {
			all = append(all, o.Err)
		}
	}
	return all
}

// progress prints a line when a step begins, on a terminal over the last one, and one when it ends.
func progress(c *cobra.Command) func(project.Outcome) {
	live := ui.Terminal(os.Stderr)
	return func(o project.Outcome) {
		names := strings.Join(o.State.Keys(), ", ")
		switch {
		case o.Status == project.Running && live:
			fmt.Fprintf(c.ErrOrStderr(), "\r\033[K… %s", names)
		case o.Status == project.Running:
		case live:
			fmt.Fprintf(c.ErrOrStderr(), "\r\033[K%-8s %s  %s\n", o.Status, names, ui.Duration(o.Took))
		default:
			fmt.Fprintf(c.ErrOrStderr(), "%-8s %s  %s\n", o.Status, names, ui.Duration(o.Took))
		}
	}
}

type reportLine struct {
	Asset   string  `json:"asset"`
	Status  string  `json:"status"`
	Version string  `json:"version,omitempty"`
	Rows    int64   `json:"rows"`
	Commit  string  `json:"commit,omitempty"`
	Clean   bool    `json:"clean"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
	Why     string  `json:"why,omitempty"` // there is no version of it
}

// report prints what became of the selection, for which commit and what besides, and how to load it.
func report(c *cobra.Command, g *global, s *project.Snapshot, outcomes []project.Outcome, besides string) error {
	lines, rows, err := reportLines(c.Context(), s, outcomes, besides)
	if err != nil {
		return err
	}
	if g.json {
		return ui.JSON(c.OutOrStdout(), lines)
	}
	if len(rows) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "Nothing to do.")
		return nil
	}
	writeReport(c.OutOrStdout(), s, lines, rows, besides, "")
	return nil
}

// writeReport prints the table of what became of assets, why nothing is stored of some, and how to load one: at a commit, if it is another one's.
func writeReport(out io.Writer, s *project.Snapshot, lines []reportLine, rows [][]string, besides, commit string) {
	ui.Table(out, []string{"ASSET", "WAS", "VALUE", "VERSION", "COMMIT", "TIME"}, rows)
	why := []string{}
	for _, l := range lines {
		if l.Why != "" {
			why = append(why, fmt.Sprintf("%s: %s", l.Asset, l.Why))
		}
	}
	if len(why) > 0 {
		fmt.Fprintln(out, "\n"+strings.Join(why, "\n"))
	}
	if s != nil && s.Commit == "" {
		fmt.Fprintln(out, "\nThere is no commit that these versions could belong to: git init and git commit make one.")
	}
	at, atInGo := "", ""
	if commit != "" {
		at, atInGo = fmt.Sprintf(" --at %.7s", commit), fmt.Sprintf(", at(%.7q)", commit)
	}
	ofParameters := ""
	for _, l := range slices.Backward(lines) {
		if l.Version == "" {
			continue
		}
		if besides != byParameters || l.Clean {
			fmt.Fprintf(out, "\nLoad one:  cellar load %s%s    in a notebook:  load(%q%s)\n", graph.Typed(l.Asset), at, l.Asset, atInGo)
			return
		}
		ofParameters = cmp.Or(ofParameters, l.Asset)
	}
	if ofParameters != "" {
		fmt.Fprintf(out, "\nThese are the values for the parameters of this run. All versions:  cellar history %s\n", graph.Typed(ofParameters))
	}
}

// reportLines are what became of assets, for programs and for people. Without records there need be no snapshot.
func reportLines(ctx context.Context, s *project.Snapshot, outcomes []project.Outcome, besides string) (lines []reportLine, rows [][]string, err error) {
	lines = []reportLine{}
	for _, o := range outcomes {
		for i, a := range o.State.Assets {
			l := reportLine{Asset: a.Key, Status: string(o.Status), Seconds: o.Took.Seconds(), Why: o.Why}
			row := []string{a.Key, string(o.Status), "", "", "", ui.Duration(o.Took)}
			if o.Err != nil {
				l.Error = o.Err.Error()
			}
			if i < len(o.Records) && o.Records[i] != nil {
				r := o.Records[i]
				clean, err := s.Clean(context.WithoutCancel(ctx), a.Key, r.Key)
				if err != nil {
					return nil, nil, err
				}
				l.Version, l.Rows, l.Commit, l.Clean = string(r.Object), r.Rows, s.Commit, clean
				row[2], row[3], row[4] = size(r.Kind, r.Rows, len(r.Columns)), r.Object.Short(), commitText(s.Commit, clean, besides)
			}
			lines, rows = append(lines, l), append(rows, row)
		}
	}
	return lines, rows, nil
}

// size says how large a value is: 336,776 rows × 9.
func size(kind string, rows int64, columns int) string {
	if kind != "table" {
		return kind
	}
	return fmt.Sprintf("%s rows × %d", ui.Count(rows), columns)
}

// commitText is the commit that a version belongs to, and what it has besides if it is not clean.
func commitText(commit string, clean bool, besides string) string {
	switch {
	case commit == "":
		return "none"
	case clean:
		return commit[:7]
	}
	return commit[:7] + " + " + besides
}
