package assets

import (
	"context"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
	"github.com/cellar-go/cellar/internal/options"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel"
	"github.com/cellar-go/cellar/kernel/session"
	"github.com/cellar-go/cellar/project"
)

// Attach gives a kernel its assets.
func Attach(o *kernel.Options) {
	a := &assets{notebook: kernel.Notebook(), commit: kernel.NotebookCommit(), run: os.Getenv(Run), types: map[string]string{}}
	if a.notebook == "" && a.run != "" {
		a.own = strings.Split(os.Getenv(Own), "\n")
	}
	o.Intercept = a.intercept
	o.Session.Helpers = append(o.Session.Helpers, "load", "materialize", "assets")
	o.Session.Imports = append(o.Session.Imports, gomod.Path+"/kernel/cellarstored/parquet")
	o.Session.Expand = a.expand
	o.Session.Handle = a.handle
	o.Session.Suggest = a.suggest
}

const stored = gomod.Path + "/kernel/cellarstored"

// Run is the variable by which `cellar run` tells the kernel that it runs the notebook from the top, and in which run: what is stale
// upstream, outside the notebook, is then materialized and not refused.
const Run = "CELLAR_RUN"

// Own is the variable with the keys that the assets of the notebook would have, one a line, if it is no file of the project.
const Own = "CELLAR_OWN"

// assets is one kernel's part in its project.
type assets struct {
	notebook string   // absolute path; "" if the front-end does not say
	commit   string   // whose text of the notebook runs, as if it were saved; "" if it is the file's
	run      string   // of the runner, from the top; "" in a session
	own      []string // see Own
	known    names    // of assets, for completion

	mu    sync.Mutex
	ran   []golang.Source   // cells run in this session, the last text of each, in the order of their first run
	types map[string]string // types that cells declared → their declaration
	here  map[string]bool   // those that the running cell declares itself
	show  func(session.Event)
	cell  []string // the assets of the cell that runs

	unsaved []int  // cells that were run with another text than the saved one
	said    string // which of them the user was told of
}

// project opens the notebook's project; it is nil where no notebook is known.
func (a *assets) project() (*project.Project, error) {
	dir := "."
	if a.notebook != "" {
		dir = filepath.Dir(a.notebook)
	}
	return project.Open(dir, project.Options{Run: a.run})
}

// intercept runs an asset cell as a step, or loads what is stored, and leaves to the session the loading into its variables.
func (a *assets) intercept(ctx context.Context, r kernel.CellRequest) (kernel.Intercepted, error) {
	a.mu.Lock()
	a.show, a.cell = r.Show, nil
	a.mu.Unlock()
	plain := kernel.Intercepted{Source: r.Source}
	if r.Silent {
		return plain, nil
	}
	set, err := options.Parse(r.Source)
	if err != nil {
		return plain, fault.New(fault.Input, "put the option line right", "%s: %w", r.Name, err)
	}
	a.remember(r)
	if len(set.All("asset")) == 0 {
		a.declare(r.Source)
		return plain, nil
	}
	if a.notebook == "" {
		a.declare(r.Source)
		why := "This front-end does not say which notebook this is"
		if a.run != "" {
			why = "The notebook is no file of a project"
		}
		r.Show(notice(why + ": the cell runs in the session, and nothing is recorded."))
		return plain, nil
	}
	p, err := a.project()
	if err != nil {
		return plain, err
	}
	overlay, id, err := a.overlay(p, r)
	if err != nil {
		return plain, err
	}
	s, err := p.Snapshot(ctx, overlay)
	if err != nil {
		return plain, err
	}
	var d *graph.Definition
	for _, other := range s.Graph().Definitions() {
		if other.File == overlay.File && other.Cell == id {
			d = other
		}
	}
	switch {
	case d == nil:
		return plain, fault.New(fault.Input, "save the notebook and run the cell again", "%s: the cell is not found in %s", r.Name, overlay.File)
	case d.Problem != nil:
		return plain, d.Problem
	case d.Live:
		a.declare(r.Source)
		r.Show(notice(fmt.Sprintf("%s is live: it runs in the session and is not kept; assets that read it use the stored value.", strings.Join(d.Keys(), ", "))))
		return plain, nil
	}
	a.tell(r)
	a.mu.Lock()
	a.cell = d.Keys()
	a.mu.Unlock()
	picked := []*graph.Definition{d}
	if a.run != "" { // nobody is there to be asked
		picked = s.Graph().Needs(d)
	}
	if _, err := s.Materialize(ctx, picked, a.plan()); err != nil {
		return plain, err
	}
	records := s.State(d).Records
	if err := a.replay(p, r, records); err != nil {
		return plain, err
	}
	rest, err := golang.WithoutStatements(r.Name, r.Source)
	if err != nil {
		return plain, err
	}
	a.declare(rest)
	for _, asset := range d.Assets {
		rest += fmt.Sprintf("\n%s := load(%q)", asset.Name, asset.Key)
	}
	return kernel.Intercepted{Source: rest}, nil
}

// replay shows what the step showed, and one quiet line for each asset that is the same at every run.
func (a *assets) replay(p *project.Project, r kernel.CellRequest, records []*store.Record) error {
	shown, err := p.Displays(records[0])
	if err != nil {
		return err
	}
	for _, s := range shown {
		switch s.Stream {
		case "stdout":
			r.Show(session.Event{Kind: session.Stdout, Text: s.Text})
		case "stderr":
			r.Show(session.Event{Kind: session.Stderr, Text: s.Text})
		default:
			r.Show(session.Event{Kind: session.Display, Bundle: s.Bundle})
		}
	}
	var lines []string
	for _, record := range records {
		lines = append(lines, Line(record))
	}
	r.Show(notice(strings.Join(lines, "\n")))
	return nil
}

// Line is the quiet line of an asset cell: flights/features · 336,776 rows × 9 · b3:3f2a1c9.
func Line(r *store.Record) string {
	value := r.Kind
	if r.Kind == "table" {
		value = fmt.Sprintf("%s rows × %d", ui.Count(r.Rows), len(r.Columns))
	}
	return fmt.Sprintf("%s · %s · %s", r.Asset, value, r.Object.Short())
}

func notice(text string) session.Event {
	return session.Event{Kind: session.Display, Bundle: display.Bundle{Data: map[string]any{
		"text/plain": text,
		"text/html":  "<small>" + strings.ReplaceAll(html.EscapeString(text), "\n", "<br>") + "</small>",
	}}}
}
