package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/batch"
	"github.com/cellar-go/cellar/papermill/nbformat"
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
	rel, err := p.Rel(o.Input)
	if err != nil {
		return nil, nil, nil // outside the project: it has no assets
	}
	if l := executed.Language(); l != "go" && l != "" {
		return nil, nil, nil // no asset of another language is in a cell
	}
	// What ran is the source with the injected parameters.
	s, err := p.Snapshot(ctx, project.Overlay{File: rel, Cells: project.Cells(executed)})
	if err != nil {
		return nil, nil, err
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
	return s, outcomes, nil
}

// started is when this process began, to tell what it computed from what it found.
var started = time.Now()
