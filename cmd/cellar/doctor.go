package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel"
)

func newDoctor(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what is missing on this machine, and how to get it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			findings := kernel.Doctor(c.Context(), kernel.DoctorOptions{})
			missing := 0
			var rows [][]string
			for _, f := range findings {
				mark := "ok"
				if !f.OK {
					mark = "missing"
					if f.Optional {
						mark = "optional"
					} else {
						missing++
					}
				}
				rows = append(rows, []string{f.Name, mark, f.Found})
			}
			if g.json {
				if err := ui.JSON(c.OutOrStdout(), findings); err != nil {
					return err
				}
			} else {
				ui.Table(c.OutOrStdout(), []string{"NEEDED", "", "FOUND"}, rows)
				for _, f := range findings {
					if !f.OK {
						fmt.Fprintf(c.OutOrStdout(), "\n%s: %s\n  → %s\n", f.Name, f.Need, f.HowToGet)
					}
				}
			}
			if missing > 0 {
				return fault.New(fault.Environment, "", "%d of the things that cellar needs are missing", missing)
			}
			return nil
		},
	}
}
