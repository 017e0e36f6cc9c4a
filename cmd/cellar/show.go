package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/project"
)

func newShow(g *global) *cobra.Command {
	var at string
	c := &cobra.Command{
		Use:   "show ASSET",
		Short: "Show an asset: where it is defined, from what, its type and versions",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := g.open()
			if err != nil {
				return err
			}
			var s *project.Snapshot
			if at == "" {
				s, err = p.Snapshot(c.Context())
			} else {
				s, err = p.At(c.Context(), at)
			}
			if err != nil {
				return err
			}
			d, asset, err := s.Graph().Find(args[0])
			if err != nil {
				return err
			}
			st := s.State(d)
			r := st.Record(asset)
			if g.json {
				return ui.JSON(c.OutOrStdout(), map[string]any{"asset": asset, "status": st.Condition, "reasons": st.Reasons, "definition": d, "key": st.Key(asset), "record": r})
			}
			var down []string
			for _, other := range s.Graph().Downstream(d) {
				down = append(down, other.Keys()...)
			}
			var up []string
			for _, in := range d.Inputs {
				up = append(up, in.Key)
			}
			line := func(name, value string) {
				if value != "" {
					fmt.Fprintf(c.OutOrStdout(), "%-11s %s\n", name, value)
				}
			}
			line("asset", asset)
			line("status", strings.TrimSuffix(string(st.Condition)+": "+strings.Join(st.Reasons, "; "), ": "))
			line("defined in", d.Place())
			line("from", strings.Join(up, ", "))
			line("used by", strings.Join(down, ", "))
			line("group", d.Group)
			line("tags", strings.Join(d.Tags, ", "))
			if r == nil {
				return nil
			}
			showRecord(c, p, line, s, r)
			return nil
		},
	}
	c.Flags().StringVar(&at, "at", "", "a revision: a commit, branch, tag, main~3")
	return c
}

func showRecord(c *cobra.Command, p *project.Project, line func(name, value string), s *project.Snapshot, r *store.Record) {
	line("value", size(r.Kind, r.Rows, len(r.Columns))+", "+ui.Bytes(r.Size))
	if r.GoType != nil {
		line("Go type", r.GoType.Type)
	}
	line("version", string(r.Object))
	line("content", r.Content)
	line("key", r.Key)
	line("computed", r.Finished.Local().Format(time.DateTime)+" by "+r.Writer+" in "+ui.Duration(r.Finished.Sub(r.Started))+" ("+ui.Duration(r.CPU)+" CPU), "+r.Go+" "+r.Platform)
	line("commit", commitText(r.Commit, !r.Dirty, "changes"))
	if file, err := p.Store.Object(r.Object); err == nil {
		line("file", file)
	}
	fmt.Fprintln(c.OutOrStdout())
	var rows [][]string
	for _, column := range r.Columns {
		rows = append(rows, []string{column.Name, column.Type})
	}
	ui.Table(c.OutOrStdout(), []string{"COLUMN", "TYPE"}, rows)
}
