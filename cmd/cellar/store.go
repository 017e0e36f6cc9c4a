package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/project"
)

func newStore(g *global) *cobra.Command {
	c := &cobra.Command{
		Use:   "store",
		Short: "Show where the store is and how large; prune and check it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := g.open()
			if err != nil {
				return err
			}
			u, err := p.Store.Usage()
			if err != nil {
				return err
			}
			if g.json {
				return ui.JSON(c.OutOrStdout(), map[string]any{"path": p.Store.Dir(), "bytes": u.Bytes, "objects": u.Objects, "records": u.Records, "budget": p.Store.Budget(), "assets": u.Assets})
			}
			fmt.Fprintf(c.OutOrStdout(), "%s\n%s in %s objects, %s records", p.Store.Dir(), ui.Bytes(u.Bytes), ui.Count(u.Objects), ui.Count(int64(u.Records)))
			if b := p.Store.Budget(); b > 0 {
				fmt.Fprintf(c.OutOrStdout(), ", budget %s", ui.Bytes(b))
			}
			fmt.Fprint(c.OutOrStdout(), "\n\n")
			var rows [][]string
			for _, a := range u.Assets {
				rows = append(rows, []string{a.Asset, ui.Bytes(a.Bytes), ui.Count(int64(a.Records)), ui.Count(int64(a.Dirty))})
			}
			ui.Table(c.OutOrStdout(), []string{"ASSET", "SIZE", "VERSIONS", "DIRTY"}, rows)
			return nil
		},
	}
	var budget string
	prune := &cobra.Command{
		Use:   "prune",
		Short: "Remove old dirty versions until the store fits its budget; what a commit notes and what is fresh now stays",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := g.open()
			if err != nil {
				return err
			}
			done, err := p.Prune(c.Context(), budget)
			if err != nil {
				return err
			}
			if g.json {
				return ui.JSON(c.OutOrStdout(), done)
			}
			printPruned(c, done)
			return nil
		},
	}
	prune.Flags().StringVar(&budget, "budget", "", "such as 20GB (default $CELLAR_BUDGET)")
	check := &cobra.Command{
		Use:   "check",
		Short: "Compare every object and record with its hash",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := g.open()
			if err != nil {
				return err
			}
			problems, err := p.Store.Fsck(c.Context())
			if err != nil {
				return err
			}
			return checked(c, g, p, problems)
		},
	}
	c.AddCommand(prune, check)
	return c
}

func checked(c *cobra.Command, g *global, p *project.Project, problems []store.Problem) error {
	if g.json {
		if problems == nil {
			problems = []store.Problem{}
		}
		if err := ui.JSON(c.OutOrStdout(), problems); err != nil {
			return err
		}
	} else {
		for _, problem := range problems {
			fmt.Fprintln(c.OutOrStdout(), problem)
		}
	}
	if len(problems) > 0 {
		return fault.New(fault.Storage, "`cellar materialize --force ASSET` computes a damaged version again", "store %s: %d damaged", p.Store.Dir(), len(problems))
	}
	if !g.json {
		fmt.Fprintf(c.OutOrStdout(), "%s is sound\n", p.Store.Dir())
	}
	return nil
}

func printPruned(c *cobra.Command, done store.Pruned) {
	fmt.Fprintf(c.OutOrStdout(), "Removed %s versions and %s objects, %s.\n", ui.Count(int64(done.Records)), ui.Count(int64(done.Objects)), ui.Bytes(done.Bytes))
	if done.Over > 0 {
		fmt.Fprintf(c.OutOrStdout(), "Still %s over the budget: what is left is clean, fresh, or was just used.\n", ui.Bytes(done.Over))
	}
}
