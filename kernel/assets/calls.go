package assets

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"html"
	"slices"
	"strings"
	"time"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel/session"
	"github.com/cellar-go/cellar/project"
)

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
	if revision == "" {
		if err := a.notStored(asset); err != nil {
			return x, false, err
		}
	}
	p, err := a.project()
	if err != nil {
		return x, false, err
	}
	s, err := a.snapshot(context.Background(), p, revision)
	if err != nil {
		return x, false, err
	}
	key := a.key(s, p, asset)
	record, err := s.Load(key, revision)
	if errors.Is(err, fault.ErrNotFound) && a.run != "" && revision == "" {
		if d, known := s.Graph().Get(key); known {
			if _, err := s.Materialize(context.Background(), s.Graph().Needs(d), a.plan()); err != nil {
				return x, false, err
			}
			record, err = s.Load(key, "")
		}
	}
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

// notStored refuses an asset of the notebook itself that is no file of the project: what the project has under that name is another
// notebook's.
func (a *assets) notStored(name string) error {
	for _, key := range a.own {
		if key != "" && (graph.Fold(key) == graph.Fold(name) || strings.HasSuffix(graph.Fold(key), "/"+graph.Fold(name))) {
			return fault.New(fault.Input, "use the variable that its cell makes, or run a file of the project",
				"asset %s is one of this notebook, which is no file of a project: nothing of it is stored", key)
		}
	}
	return nil
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
		if err = a.notStored(strings.Trim(string(argument), "+")); err == nil {
			b, err = a.materialize(ctx, s, string(argument))
		}
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
	outcomes, err := s.Materialize(ctx, picked, a.plan())
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

// plan shows in the cell's output what is computed besides.
func (a *assets) plan() project.Plan {
	a.mu.Lock()
	show := a.show
	a.mu.Unlock()
	return project.Plan{Jobs: 2, Progress: func(o project.Outcome) {
		if show != nil && o.Status == project.Computed && a.besides(o) {
			show(session.Event{Kind: session.Stderr, Text: fmt.Sprintf("%-8s %s  %s\n", o.Status, strings.Join(o.State.Keys(), ", "), ui.Duration(o.Took.Round(10*time.Millisecond)))})
		}
	}}
}

// besides reports whether an outcome is not that of the cell that runs.
func (a *assets) besides(o project.Outcome) bool { return !slices.Equal(o.State.Keys(), a.cell) }

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
