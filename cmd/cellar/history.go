package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/internal/ui"
)

func newHistory(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "history ASSET",
		Short: "List the versions of an asset in the store, the newest first",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, s, err := g.snapshot(c.Context())
			if err != nil {
				return err
			}
			asset := args[0]
			if _, found, err := s.Graph().Find(asset); err == nil {
				asset = found
			}
			records, err := p.Store.History(asset)
			if err != nil {
				return err
			}
			if len(records) == 0 {
				_, _, err := s.Graph().Find(asset) // says what else was meant
				if err != nil {
					return err
				}
			}
			if g.json {
				if records == nil {
					records = []store.Record{}
				}
				return ui.JSON(c.OutOrStdout(), records)
			}
			current := ""
			if d, ok := s.Graph().Get(asset); ok {
				current = s.State(d).Key(asset)
			}
			var rows [][]string
			for _, r := range records {
				mark := ""
				if r.Key == current {
					mark = "now"
				}
				rows = append(rows, []string{r.Finished.Local().Format(time.DateTime), r.Object.Short(), size(r.Kind, r.Rows, len(r.Columns)), commitText(r.Commit, !r.Dirty, "changes"), ui.Duration(r.Finished.Sub(r.Started)), mark})
			}
			ui.Table(c.OutOrStdout(), []string{"COMPUTED", "VERSION", "VALUE", "COMMIT", "TIME", ""}, rows)
			return nil
		},
	}
}
