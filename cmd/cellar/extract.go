package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/project"
)

func newExtract(g *global) *cobra.Command {
	var cell, to string
	var yes, dry bool
	c := &cobra.Command{
		Use:   "extract NOTEBOOK [--cell CELL --to FOLDER]",
		Short: "Write an asset cell as a plain function, proved to give the same value",
		Long: `Write an asset cell as a plain Go function with a test, and replace the cell by a load. Before anything is written the
function runs on the cell's stored inputs, and its value is compared with the cell's. Without --cell, say of each cell what it would
become and what stands in the way, as far as reading it tells; --dry-run tells the rest.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := g.open()
			if err != nil {
				return err
			}
			if cell == "" {
				return candidates(c, g, p, args[0])
			}
			if to == "" {
				return fault.New(fault.Usage, "for example --to pipeline", "--to is missing: the folder of the package that the function goes to")
			}
			if !yes && !dry && (g.json || !ui.Terminal(os.Stdin)) {
				return fault.New(fault.Usage, "--yes writes without asking, --dry-run only shows", "there is nobody to ask whether to write")
			}
			e, err := p.Extract(c.Context(), args[0], cell, to)
			if err != nil {
				return err
			}
			defer e.Close()
			out := c.OutOrStdout()
			if g.json {
				out = io.Discard
			}
			explain(out, e)
			write := !dry && (yes || confirm(c))
			if write {
				if err := e.Write(c.Context()); err != nil {
					return err
				}
				fmt.Fprintln(out, "Written.")
			} else {
				fmt.Fprintln(out, "Nothing is written.")
			}
			if g.json {
				return ui.JSON(c.OutOrStdout(), map[string]any{"assets": e.Function.Assets, "function": e.Function.Name, "file": e.Function.File, "diff": e.Diff, "notes": e.Notes, "written": write})
			}
			return nil
		},
	}
	c.Flags().StringVar(&cell, "cell", "", "the cell: its id, or the asset's name or key")
	c.Flags().StringVar(&to, "to", "", "the folder of the package")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "write without asking")
	c.Flags().BoolVar(&dry, "dry-run", false, "show the change and its proof, write nothing")
	return c
}

// explain prints the change, the proof and what else is to know.
func explain(out io.Writer, e *project.Extraction) {
	fmt.Fprintln(out, e.Diff)
	for _, r := range e.Records {
		fmt.Fprintf(out, "Proved: cell and function give the same value from the same stored inputs: %s · %s · %s\n", r.Asset, size(r.Kind, r.Rows, len(r.Columns)), r.Content)
	}
	for _, n := range e.Notes {
		fmt.Fprintln(out, "Note: "+n)
	}
}

func confirm(c *cobra.Command) bool {
	fmt.Fprint(c.OutOrStdout(), "Write these changes? [y/N] ")
	answer, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

func candidates(c *cobra.Command, g *global, p *project.Project, notebook string) error {
	all, err := p.Candidates(c.Context(), notebook)
	if err != nil {
		return err
	}
	type candidate struct {
		Cell     string   `json:"cell"`
		Number   int      `json:"number"`
		Assets   []string `json:"assets,omitempty"`
		Becomes  string   `json:"becomes,omitempty"`
		Obstacle string   `json:"obstacle,omitempty"`
		Hint     string   `json:"hint,omitempty"`
	}
	lines := []candidate{}
	var rows [][]string
	for _, o := range all {
		l := candidate{Cell: o.ID, Number: o.Number, Assets: o.Assets, Becomes: o.Becomes, Hint: fault.Hint(o.Obstacle)}
		if o.Obstacle != nil {
			l.Obstacle = strings.TrimPrefix(o.Obstacle.Error(), "cellar: ")
		}
		lines = append(lines, l)
		rows = append(rows, []string{fmt.Sprint(o.Number), o.ID, strings.Join(o.Assets, ", "), o.Becomes})
	}
	if g.json {
		return ui.JSON(c.OutOrStdout(), lines)
	}
	ui.Table(c.OutOrStdout(), []string{"CELL", "ID", "ASSET", "BECOMES"}, rows)
	for _, l := range lines {
		if l.Obstacle != "" {
			fmt.Fprintf(c.OutOrStdout(), "\n%s\n  → %s\n", l.Obstacle, l.Hint)
		}
	}
	return nil
}
