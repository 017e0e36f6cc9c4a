package commands

import (
	"fmt"
	"html"
	"strings"
	"text/tabwriter"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/kernel/session"
)

// who is %who: the names that cells have declared.
func who(x *call) error {
	var names []string
	for _, d := range x.c.Session.Declarations() {
		if d.Kind != "import" && x.wanted(d) {
			names = append(names, d.Name)
		}
	}
	if len(names) == 0 {
		x.print("Nothing is declared.")
		return nil
	}
	x.print("%s", strings.Join(names, "\t"))
	return nil
}

// whos is %whos and GoNB's %list: the same with types and values.
func whos(x *call) error {
	values := map[string]string{}
	for _, v := range x.c.Session.Variables() {
		values[v.Name] = v.Value
	}
	type row struct{ name, kind, about, value string }
	var rows []row
	for _, kind := range []string{"import", "const", "type", "var", "func"} {
		for _, d := range x.c.Session.Declarations() {
			if d.Kind == kind && x.wanted(d) {
				rows = append(rows, row{d.Name, d.Kind, d.Type, values[d.Name]})
			}
		}
	}
	if len(rows) == 0 {
		x.print("Nothing is declared.")
		return nil
	}
	var text, table strings.Builder
	w := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	fmt.Fprint(w, "name\tkind\ttype\tvalue\n")
	cells := func(tag string, texts ...string) { // to the left: JupyterLab has them to the right
		table.WriteString("<tr>")
		for _, text := range texts {
			fmt.Fprintf(&table, `<%s style="text-align:left">%s</%[1]s>`, tag, text)
		}
		table.WriteString("</tr>")
	}
	code := func(text string) string {
		if text == "" {
			return ""
		}
		return "<code>" + html.EscapeString(short(text)) + "</code>"
	}
	table.WriteString("<table><thead>")
	cells("th", "name", "kind", "type", "value")
	table.WriteString("</thead><tbody>")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.name, r.kind, short(r.about), short(r.value))
		cells("td", html.EscapeString(r.name), r.kind, code(r.about), code(r.value))
	}
	w.Flush()
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	table.WriteString("</tbody></table>")
	x.io.Show(session.Event{Kind: session.Display, Bundle: display.Bundle{Data: map[string]any{
		"text/plain": strings.Join(lines, "\n"), "text/html": table.String()}}})
	return nil
}

// wanted filters by the names of kinds and types that the command was given.
func (x *call) wanted(d session.Declaration) bool {
	for _, a := range x.args {
		if a != d.Kind && a != d.Type && a != d.Name {
			return false
		}
	}
	return true
}

func short(s string) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if runes := []rune(s); len(runes) > 100 {
		return string(runes[:100]) + "…"
	}
	return s
}

// remove is %rm: names that later cells can't use any more.
func remove(x *call) error {
	if len(x.args) == 0 {
		return x.usage()
	}
	unknown, notices := x.c.Session.Forget(x.args...)
	gone := map[string]bool{}
	for _, name := range unknown {
		gone[name] = true
		x.notice("%s is not declared.", name)
	}
	for _, name := range x.args {
		if !gone[name] {
			x.print("removed %s", name)
		}
	}
	for _, n := range notices {
		x.notice("%s", n)
	}
	return nil
}

// replay is %replay: the session's cells run again.
func replay(x *call) error {
	if len(x.parsed.Items) > 0 || len(x.parsed.Magics) > 1 {
		return x.mistake("put it into a cell of its own", "%%replay runs the cells of the session: nothing else can stand with it")
	}
	result, err := x.c.Session.Replay(x.ctx, x.io.Show)
	x.result(result)
	return err
}

// reset is %reset: a fresh worker with nothing declared.
func reset(x *call) error {
	switch {
	case len(x.args) == 1 && x.args[0] == "go.mod":
		return x.resetModule()
	case len(x.args) > 0 && x.args[0] != "-f":
		return x.usage()
	}
	if err := x.c.Session.Reset(x.ctx); err != nil {
		return err
	}
	x.print("The session is empty: nothing is declared.")
	return nil
}
