package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/batch"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/place"
	"github.com/cellar-go/cellar/project"
)

// reportNotebook prints the table of the notebook's assets, for which commit, and how to load them: with the
// parameters of this run, whose values are versions of their own.
func reportNotebook(c *cobra.Command, g *global, p *project.Project, o papermill.Options, executed *nbformat.Notebook) error {
	s, outcomes, err := notebookOutcomes(c.Context(), p, o, executed)
	if err != nil || len(outcomes) == 0 {
		return err
	}
	return report(c, g, s, outcomes, besidesOf(o))
}

// besidesOf is what tells the values of a run from those of a commit.
func besidesOf(o papermill.Options) string {
	if len(o.Parameters) > 0 {
		return "parameters"
	}
	return "changes"
}

// jsonRun is what became of a run and of its notebook's assets.
func jsonRun(ctx context.Context, p *project.Project, o papermill.Options, r batch.Report) (map[string]any, error) {
	mask, err := papermill.NewMask(o.Secrets)
	if err != nil {
		return nil, err
	}
	m := jsonReport(r, mask)
	m["assets"] = []reportLine{}
	if r.Err != nil || o.PrepareOnly {
		return m, nil
	}
	s, outcomes, err := notebookOutcomes(ctx, p, o, r.Result.Notebook)
	if err != nil || len(outcomes) == 0 {
		return m, err
	}
	m["assets"], _, err = reportLines(ctx, s, outcomes, besidesOf(o))
	return m, err
}

// notebookOutcomes are what a run did with the assets of its notebook.
func notebookOutcomes(ctx context.Context, p *project.Project, o papermill.Options, executed *nbformat.Notebook) (*project.Snapshot, []project.Outcome, error) {
	e := project.Executed{File: o.Input, Notebook: executed, Output: o.Output, Began: started}
	if o.Origin != "" {
		e.File, e.Elsewhere = place.File(o.Origin), true
	}
	return p.Ran(ctx, e)
}

// started is when this process began, to tell what it computed from what it found.
var started = time.Now()
