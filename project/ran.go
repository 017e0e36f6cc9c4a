package project

import (
	"context"
	"os"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// What a run can do with an asset besides.
const (
	NotStored Status = "not stored" // its cell ran, or not, and no record is of the version that this makes
	InSession Status = "live"       // it ran in the session, as it was asked to
)

// metaRun is which run has computed a version, in a record's meta. Another run that waited for it meanwhile has loaded it.
const metaRun = "run"

// Executed is a notebook that has run.
type Executed struct {
	File      string // its path; of one from elsewhere what it is called
	Elsewhere bool   // it was not read from a file here: it is no part of the project, and has no assets in its graph
	Commit    string // whose text of the file it is, if it is not the file's own
	Notebook  *nbformat.Notebook
	Output    string // where its outputs are, if Notebook has none

	outputs *nbformat.Notebook // Output, once it was asked for
}

// Ran says what the project's run did with the assets of its notebook. Those of a notebook from elsewhere are known by their cells only.
func (p *Project) Ran(ctx context.Context, e Executed) (*Snapshot, []Outcome, error) {
	var outcomes []Outcome
	if e.Elsewhere {
		for _, d := range Definitions(e.File, e.Notebook) {
			o := Outcome{State: &State{Definition: d}, Status: NotStored, Why: "the notebook is no file of the project: its cells ran as plain cells"}
			if raised := e.raised(o.State); raised != "" {
				o.Status, o.Why = Failed, raised
			}
			outcomes = append(outcomes, o)
		}
		return nil, outcomes, nil
	}
	if !mayDefine(e.Notebook) {
		return nil, nil, nil
	}
	rel, err := p.Rel(e.File)
	if err != nil {
		return nil, nil, nil // outside the project: it has no assets
	}
	// What ran is the source with the injected parameters.
	s, err := p.Snapshot(ctx, Overlay{File: rel, Cells: Cells(e.Notebook)})
	if err != nil {
		return nil, nil, err
	}
	if e.Commit != "" { // of which the values are, or which they have changes to
		s.Commit, s.Branch = e.Commit, ""
	}
	for _, st := range s.States() {
		if st.File == rel {
			outcomes = append(outcomes, e.outcome(st, p.run))
		}
	}
	return s, outcomes, nil
}

// Definitions are what a notebook defines by itself, under the path of a file.
func Definitions(file string, n *nbformat.Notebook) []*graph.Definition {
	if !mayDefine(n) {
		return nil
	}
	return golang.Read(file, Cells(n)).Definitions()
}

// mayDefine: no asset of another language is in a cell.
func mayDefine(n *nbformat.Notebook) bool {
	l := n.Language()
	return l == "go" || l == ""
}

// outcome is what became of one definition. Only what is fresh has records: what is in the store of other versions is not what the run made.
func (e *Executed) outcome(st *State, run string) Outcome {
	o := Outcome{State: st, Status: NotStored, Why: strings.Join(st.Reasons, "; ")}
	fresh, raised := st.Condition == Fresh && !st.Live, ""
	if !fresh {
		raised = e.raised(st)
	}
	switch {
	case st.Live:
		o.Status = InSession
		if raised != "" {
			o.Status, o.Why = Failed, raised
		}
	case fresh:
		o.Status, o.Records, o.Why = Loaded, st.Records, ""
		for _, r := range st.Records {
			if run != "" && r.Meta[metaRun] == run {
				o.Status = Computed
			}
		}
		o.Took = st.Records[0].Finished.Sub(st.Records[0].Started)
	case raised != "":
		o.Status, o.Why = Failed, raised
	case !e.ran(st):
		o.Why = "its cell did not run"
	case st.Condition == Broken:
	case o.Why == "":
		o.Why = "this store has no record of it"
	}
	return o
}

func cellOf(n *nbformat.Notebook, st *State) *nbformat.Cell {
	if all := n.Cells(); st.Number > 0 && st.Number <= len(all) {
		return all[st.Number-1]
	}
	return nil
}

func (e *Executed) ran(st *State) bool {
	c := cellOf(e.Notebook, st)
	return c != nil && c.ExecutionCount() > 0
}

// raised is the error with which the cell ended, in one line; "" if there is none.
func (e *Executed) raised(st *State) string {
	if e.outputs == nil {
		e.outputs = e.Notebook
		if info, err := os.Stat(e.Output); err == nil && info.Mode().IsRegular() {
			if n, err := nbformat.Read(e.Output); err == nil {
				e.outputs = n
			}
		}
	}
	c := cellOf(e.outputs, st)
	if c == nil {
		return ""
	}
	for out := range c.EachOutput("error") {
		first, _, _ := strings.Cut(strings.TrimPrefix(out.EValue, "cellar: "), "\n")
		if out.EName == "" || strings.HasPrefix(first, out.EName+":") {
			return "its cell raised " + first
		}
		return "its cell raised " + out.EName + ": " + first
	}
	return ""
}
