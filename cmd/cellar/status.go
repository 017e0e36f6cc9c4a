package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/project"
)

type statusLine struct {
	Asset   string   `json:"asset"`
	Status  string   `json:"status"`
	Reasons []string `json:"reasons"`
	Defined string   `json:"defined"`
	Key     string   `json:"key,omitempty"`
}

func newStatus(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "status [SELECTION]",
		Short: "Say what is stale, and why",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, s, err := g.snapshot(c.Context())
			if err != nil {
				return err
			}
			states, err := selected(s, args)
			if err != nil {
				return err
			}
			lines := []statusLine{}
			count := map[project.Condition]int{}
			for _, st := range states {
				for _, a := range st.Assets {
					lines = append(lines, statusLine{a.Key, string(st.Condition), append([]string{}, st.Reasons...), st.Place(), st.Key(a.Key)})
					count[st.Condition]++
				}
			}
			if g.json {
				return ui.JSON(c.OutOrStdout(), lines)
			}
			warn(c, problems(s, states, args))
			var rows [][]string
			for _, l := range lines {
				rows = append(rows, []string{l.Asset, l.Status, strings.Join(l.Reasons, "; ")})
			}
			ui.Table(c.OutOrStdout(), []string{"ASSET", "STATUS", "WHY"}, rows)
			var summary []string
			for _, k := range []project.Condition{project.Fresh, project.Stale, project.Missing, project.Broken} {
				if count[k] > 0 {
					summary = append(summary, fmt.Sprintf("%d %s", count[k], k))
				}
			}
			if len(lines) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "\nNo assets. Write `//| asset: name` and an empty line at the top of a cell that makes a variable of that name.")
				return nil
			}
			fmt.Fprintln(c.OutOrStdout(), "\n"+strings.Join(summary, ", "))
			if count[project.Stale]+count[project.Missing] > 0 {
				fmt.Fprintln(c.OutOrStdout(), "cellar materialize stale  computes what is stale or missing")
			}
			return nil
		},
	}
}

// problems are what is wrong with the selected assets; without a selection, with anything.
func problems(s *project.Snapshot, states []*project.State, args []string) []error {
	if len(args) == 0 {
		return s.Problems
	}
	var all []error
	for _, st := range states {
		if st.Problem != nil {
			all = append(all, st.Problem)
		}
	}
	return all
}

// selected are the states of a selection, all without one.
func selected(s *project.Snapshot, args []string) ([]*project.State, error) {
	if len(args) == 0 {
		return s.States(), nil
	}
	picked, err := s.Select(strings.Join(args, " "))
	if err != nil {
		return nil, err
	}
	var states []*project.State
	for _, d := range picked {
		states = append(states, s.State(d))
	}
	return states, nil
}
