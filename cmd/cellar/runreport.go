package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/place"
	"github.com/cellar-go/cellar/project"
)

// assetsOfRun are what a run did with the assets of its notebook. The zero value is that of a run that has none, or has failed.
type assetsOfRun struct {
	snapshot *project.Snapshot
	lines    []reportLine
	rows     [][]string
	besides  string
	commit   string // of a notebook that is that of a commit
	unknown  string // the notebook, if git does not know it
}

// ranAssets says what a run that went well did with the assets of its notebook: for which commit, with the parameters of the run, whose
// values are versions of their own.
func ranAssets(ctx context.Context, p *project.Project, o papermill.Options, executed *nbformat.Notebook) (a assetsOfRun, err error) {
	if o.PrepareOnly {
		return a, nil
	}
	e := project.Executed{File: o.Input, Notebook: executed, Output: o.Output}
	switch {
	case o.Page.File != "":
		e.File, e.Commit = o.Page.File, o.Page.Commit
	case o.Origin != "":
		e.File, e.Elsewhere = place.File(o.Origin), true
	}
	s, outcomes, err := p.Ran(ctx, e)
	if err != nil || len(outcomes) == 0 {
		return a, err
	}
	a.besides = "changes" // what tells the values from those of the commit
	if len(o.Parameters) > 0 {
		a.besides = byParameters
	}
	if o.Origin == "" {
		if untracked, err := p.Untracked(o.Input); err != nil {
			return a, err
		} else if untracked {
			a.unknown = relative(o.Input)
		}
	}
	a.snapshot, a.commit = s, o.Page.Commit
	a.lines, a.rows, err = reportLines(ctx, s, outcomes, a.besides)
	return a, err
}

func (a assetsOfRun) write(w io.Writer) {
	writeReport(w, a.snapshot, a.lines, a.rows, a.besides, a.commit)
	if a.unknown != "" && len(a.lines) > 0 {
		fmt.Fprintf(w, "Git does not know the notebook yet, and other commands only see what it knows:  git add %s\n", a.unknown)
	}
}

// byParameters: values that are not the commit's are the run's own, which nothing loads by name.
const byParameters = "parameters"

// summary counts them: 2 loaded, 1 not stored.
func (a assetsOfRun) summary() string {
	counts, statuses := map[string]int{}, []string{}
	for _, l := range a.lines {
		if counts[l.Status]++; counts[l.Status] == 1 {
			statuses = append(statuses, l.Status)
		}
	}
	slices.Sort(statuses)
	for i, s := range statuses {
		statuses[i] = fmt.Sprintf("%d %s", counts[s], s)
	}
	return strings.Join(statuses, ", ")
}
