package assets

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"html"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gomod"
	"github.com/cellar-go/cellar/internal/options"
	"github.com/cellar-go/cellar/internal/project"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel"
	"github.com/cellar-go/cellar/kernel/session"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// Attach gives a kernel its assets.
func Attach(o *kernel.Options) {
	a := &assets{notebook: kernel.Notebook(), types: map[string]string{}}
	o.Intercept = a.intercept
	o.Session.Helpers = append(o.Session.Helpers, "load", "materialize", "assets")
	o.Session.Imports = append(o.Session.Imports, gomod.Path+"/kernel/cellarstored/parquet")
	o.Session.Expand = a.expand
	o.Session.Handle = a.handle
}

const stored = gomod.Path + "/kernel/cellarstored"

// assets is one kernel's part in its project.
type assets struct {
	notebook string // absolute path; "" if the front-end does not say

	mu    sync.Mutex
	ran   []golang.Source   // cells run in this session, the last text of each, in the order of their first run
	types map[string]string // types that cells declared → their declaration
	here  map[string]bool   // those that the running cell declares itself
	show  func(session.Event)
}

// project opens the notebook's project; it is nil where no notebook is known.
func (a *assets) project() (*project.Project, error) {
	dir := "."
	if a.notebook != "" {
		dir = filepath.Dir(a.notebook)
	}
	return project.Open(dir, project.Options{})
}

// intercept runs an asset cell as a step, or loads what is stored, and leaves to the session the loading into its variables.
func (a *assets) intercept(ctx context.Context, r kernel.CellRequest) (kernel.Intercepted, error) {
	a.mu.Lock()
	a.show = r.Show
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
		r.Show(notice("This front-end does not say which notebook this is: the cell runs in the session, and nothing is recorded."))
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
	outcomes, err := s.Materialize(ctx, []*graph.Definition{d}, project.Plan{})
	if err != nil {
		return plain, err
	}
	records := outcomes[0].Records
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

// remember keeps the text of a cell that runs.
func (a *assets) remember(r kernel.CellRequest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.ran {
		if r.CellID != "" && a.ran[i].ID == r.CellID {
			a.ran[i].Text = r.Source
			return
		}
	}
	a.ran = append(a.ran, golang.Source{ID: r.CellID, Text: r.Source})
}

// declare notes the types that a cell declares, so that a loaded value uses them.
func (a *assets) declare(source string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.here = map[string]bool{}
	for name, text := range golang.Types(source) {
		a.types[name], a.here[name] = text, true
	}
}

// overlay is the saved notebook with the cells run in this session, and the id of the cell of the request in it. A cell that is not
// saved yet, such as one with injected parameters, stands behind the one that was run before it.
func (a *assets) overlay(p *project.Project, r kernel.CellRequest) (project.Overlay, string, error) {
	rel, err := p.Rel(a.notebook)
	if err != nil {
		return project.Overlay{}, "", err
	}
	o := project.Overlay{File: rel}
	nb, err := nbformat.Read(a.notebook)
	switch {
	case errors.Is(err, fs.ErrNotExist): // never saved
	case err != nil:
		return o, "", err
	default:
		o.Cells = project.Cells(nb)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	id := r.CellID
	place := func(c golang.Source) int {
		for i := range o.Cells {
			if c.ID != "" && o.Cells[i].ID == c.ID || c.ID == "" && o.Cells[i].Text == c.Text {
				return i
			}
		}
		return -1
	}
	last := -1
	for i, c := range a.ran {
		at := place(c)
		if at < 0 {
			at = last + 1
			c.Number = at + 1
			if last >= 0 {
				c.Number = o.Cells[last].Number
				if has(o.Cells[last].Tags, "parameters") {
					c.Tags = []string{"injected-parameters"}
				}
			}
			if c.ID == "" {
				c.ID = fmt.Sprintf("unsaved-%d", i+1)
			}
			o.Cells = append(o.Cells[:at], append([]golang.Source{c}, o.Cells[at:]...)...)
		} else {
			o.Cells[at].Text = c.Text
		}
		if r.CellID == "" && c.Text == r.Source {
			id = o.Cells[at].ID
		}
		last = at
	}
	return o, id, nil
}

func has(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// expand makes load("x") a typed value, and the other helpers calls to the kernel.
func (a *assets) expand(name string, call *ast.CallExpr, args []any) (session.Expansion, bool, error) {
	switch name {
	case "load":
		return a.load(call, args)
	case "materialize":
		selection, ok := one(args)
		if !ok {
			return session.Expansion{}, false, fault.New(fault.Input, `for example materialize("+model")`, "materialize takes one selection in quotes")
		}
		return session.Expansion{Expr: fmt.Sprintf("cellarstored.Ask(%q, %q)", "materialize", selection), Imports: []string{stored}}, true, nil
	case "assets":
		selection, _ := one(args)
		return session.Expansion{Expr: fmt.Sprintf("cellarstored.Ask(%q, %q)", "assets", selection), Imports: []string{stored}}, true, nil
	}
	return session.Expansion{}, false, nil
}

func one(args []any) (string, bool) {
	if len(args) != 1 {
		return "", false
	}
	s, ok := args[0].(string)
	return s, ok
}

func (a *assets) load(call *ast.CallExpr, args []any) (x session.Expansion, ok bool, err error) {
	usage := fault.New(fault.Input, `for example load("flights/features") or load("features", at("main~3"))`, "load takes an asset's name in quotes")
	if len(args) == 0 {
		return x, false, usage
	}
	asset, isText := args[0].(string)
	if !isText {
		return x, false, usage
	}
	revision := ""
	for _, e := range call.Args[1:] {
		c, isCall := e.(*ast.CallExpr)
		if !isCall || len(c.Args) != 1 {
			return x, false, usage
		}
		f, _ := c.Fun.(*ast.Ident)
		text, isText := c.Args[0].(*ast.BasicLit)
		if f == nil || f.Name != "at" || !isText {
			return x, false, usage
		}
		revision = strings.Trim(text.Value, "`\"")
	}
	p, err := a.project()
	if err != nil {
		return x, false, err
	}
	s, err := a.snapshot(context.Background(), p, revision)
	if err != nil {
		return x, false, err
	}
	record, err := s.Load(a.key(s, p, asset), revision)
	if err != nil {
		return x, false, err
	}
	t, err := p.Type(record)
	if err != nil {
		return x, false, err
	}
	if revision != "" {
		t = golang.Suffix(t, "_at_"+record.Commit[:min(7, len(record.Commit))])
	}
	file, err := p.Store.Object(record.Object)
	if err != nil {
		return x, false, err
	}
	if x.Decls, err = a.declarations(record.Asset, t); err != nil {
		return x, false, err
	}
	x.Expr = fmt.Sprintf("cellarstored.Load[%s](%q, %q)", t.Type, file, record.Asset)
	x.Imports = append([]string{stored}, t.Imports...)
	return x, true, nil
}

// declarations are the types of a loaded value that the session has not yet. One that it has in another form is an error that shows both.
func (a *assets) declarations(asset string, t golang.Type) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var missing []string // not in this cell
	for name, text := range golang.Types(t.Decls) {
		own, declared := a.types[name]
		switch {
		case !declared, golang.Same(own, text) && !a.here[name]: // to say it again changes nothing, and a worker that died has forgotten it
			missing = append(missing, text)
		case !golang.Same(own, text):
			return "", fault.New(fault.Input, "rename yours, or make it the same", "the value of %s has a type %s that is not the one declared here:\n\n%s\n\nand here:\n\n%s", asset, name, text, own)
		}
	}
	for name, text := range golang.Types(t.Decls) {
		a.types[name] = cmp.Or(a.types[name], text)
	}
	return strings.Join(missing, "\n"), nil
}

// snapshot is the project with this session's cells, or at a revision.
func (a *assets) snapshot(ctx context.Context, p *project.Project, revision string) (*project.Snapshot, error) {
	if revision != "" {
		return p.At(ctx, revision)
	}
	if a.notebook == "" {
		return p.Snapshot(ctx)
	}
	overlay, _, err := a.overlay(p, kernel.CellRequest{})
	if err != nil {
		return nil, err
	}
	return p.Snapshot(ctx, overlay)
}

// key completes a name: this notebook's asset comes first.
func (a *assets) key(s *project.Snapshot, p *project.Project, name string) string {
	if a.notebook == "" {
		return name
	}
	if rel, err := p.Rel(a.notebook); err == nil {
		if n, ok := s.Notebook(rel); ok {
			if key := n.Key(name); key != name {
				if _, known := s.Graph().Get(key); known {
					return key
				}
			}
		}
	}
	return name
}

// handle answers the calls of cells while they run.
func (a *assets) handle(ctx context.Context, method string, argument []byte) ([]byte, error) {
	p, err := a.project()
	if err != nil {
		return nil, withHint(err)
	}
	s, err := a.snapshot(ctx, p, "")
	if err != nil {
		return nil, withHint(err)
	}
	var b display.Bundle
	switch method {
	case "materialize":
		b, err = a.materialize(ctx, s, string(argument))
	case "assets":
		b, err = a.list(s, string(argument))
	default:
		err = fmt.Errorf("cellar: no call %q", method)
	}
	if err != nil {
		return nil, withHint(err)
	}
	return json.Marshal(b)
}

// withHint puts the hint into the message: through a cell's panic nothing else gets.
func withHint(err error) error {
	if hint := fault.Hint(err); hint != "" {
		return fmt.Errorf("%w\n→ %s", err, hint)
	}
	return err
}

func (a *assets) materialize(ctx context.Context, s *project.Snapshot, selection string) (display.Bundle, error) {
	picked, err := s.Select(selection)
	if err != nil {
		return display.Bundle{}, err
	}
	a.mu.Lock()
	show := a.show
	a.mu.Unlock()
	outcomes, err := s.Materialize(ctx, picked, project.Plan{Jobs: 2, Progress: func(o project.Outcome) {
		if show != nil && o.Status != project.Running {
			show(session.Event{Kind: session.Stderr, Text: fmt.Sprintf("%-8s %s  %s\n", o.Status, strings.Join(o.State.Keys(), ", "), ui.Duration(o.Took.Round(10*time.Millisecond)))})
		}
	}})
	if err != nil {
		return display.Bundle{}, err
	}
	var lines []string
	for _, o := range outcomes {
		for _, r := range o.Records {
			lines = append(lines, Line(r))
		}
	}
	return notice(strings.Join(lines, "\n")).Bundle, nil
}

func (a *assets) list(s *project.Snapshot, selection string) (display.Bundle, error) {
	var rows [][]string
	states := s.States()
	if selection != "" {
		picked, err := s.Select(selection)
		if err != nil {
			return display.Bundle{}, err
		}
		states = nil
		for _, d := range picked {
			states = append(states, s.State(d))
		}
	}
	for _, st := range states {
		var from []string
		for _, in := range st.Inputs {
			from = append(from, in.Key)
		}
		for _, asset := range st.Assets {
			value := ""
			if r := st.Record(asset.Key); r != nil {
				value = strings.TrimPrefix(Line(r), r.Asset+" · ")
			}
			rows = append(rows, []string{asset.Key, string(st.Condition), strings.Join(st.Reasons, "; "), value, strings.Join(from, ", ")})
		}
	}
	header := []string{"ASSET", "STATUS", "WHY", "VALUE", "FROM"}
	var text, table strings.Builder
	ui.Table(&text, header, rows)
	table.WriteString("<table><thead><tr>")
	for _, h := range header {
		table.WriteString("<th style=\"text-align:left\">" + h + "</th>")
	}
	table.WriteString("</tr></thead><tbody>")
	for _, row := range rows {
		table.WriteString("<tr>")
		for _, cell := range row {
			table.WriteString("<td style=\"text-align:left\">" + html.EscapeString(cell) + "</td>")
		}
		table.WriteString("</tr>")
	}
	table.WriteString("</tbody></table>")
	return display.Bundle{Data: map[string]any{"text/plain": text.String(), "text/html": table.String()}}, nil
}
