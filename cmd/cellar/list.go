package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/internal/ui"
)

type listLine struct {
	Asset   string   `json:"asset"`
	Status  string   `json:"status"`
	Kind    string   `json:"kind,omitempty"`
	Version string   `json:"version,omitempty"`
	Rows    int64    `json:"rows"`
	Columns int      `json:"columns"`
	Commit  string   `json:"commit,omitempty"`
	Clean   bool     `json:"clean"`
	Group   string   `json:"group,omitempty"`
	Inputs  []string `json:"inputs"`
	Defined string   `json:"defined"`
	File    string   `json:"file,omitempty"` // the Parquet file
}

func newList(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "list [SELECTION]",
		Short: "List the assets with their versions",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, s, err := g.snapshot(c.Context())
			if err != nil {
				return err
			}
			states, err := selected(s, args)
			if err != nil {
				return err
			}
			lines := []listLine{}
			for _, st := range states {
				inputs := []string{}
				for _, in := range st.Inputs {
					inputs = append(inputs, in.Key)
				}
				for _, a := range st.Assets {
					l := listLine{Asset: a.Key, Status: string(st.Condition), Group: st.Group, Inputs: inputs, Defined: st.Place()}
					if r := st.Record(a.Key); r != nil {
						l.Kind, l.Version, l.Rows, l.Columns = r.Kind, string(r.Object), r.Rows, len(r.Columns)
						l.Commit, l.Clean = r.Commit, !r.Dirty
						if r.Key == st.Key(a.Key) {
							l.Commit = s.Commit
							if l.Clean, err = s.Clean(c.Context(), a.Key, r.Key); err != nil {
								return err
							}
						}
						if l.File, err = p.Store.Object(r.Object); err != nil {
							l.File = ""
						}
					}
					lines = append(lines, l)
				}
			}
			if g.json {
				return ui.JSON(c.OutOrStdout(), lines)
			}
			warn(c, problems(s, states, args))
			var rows [][]string
			for _, l := range lines {
				row := []string{l.Asset, l.Status, "", "", "", strings.Join(l.Inputs, ", ")}
				if l.Version != "" {
					row[2], row[3], row[4] = size(l.Kind, l.Rows, l.Columns), store.Hash(l.Version).Short(), commitText(l.Commit, l.Clean, "changes")
				}
				rows = append(rows, row)
			}
			ui.Table(c.OutOrStdout(), []string{"ASSET", "STATUS", "VALUE", "VERSION", "COMMIT", "FROM"}, rows)
			return nil
		},
	}
}
