package display

import (
	"fmt"
	"html"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	tableRows    = 100 // rows of a table that are shown; their number is always told
	tableColumns = 100
	cellRunes    = 200 // of a table's cell
	textRows     = 20  // the same of a table in text
	textRunes    = 40
)

// table is a value laid out in rows, of which it holds the first.
type table struct {
	columns []column
	rows    [][]string
	labels  []string // of the rows
	corner  string   // the type of the labels, of a map
	total   int      // rows in all
	wide    int      // columns in all
	note    string
	always  bool // there is no shorter text than the table's
}

type column struct {
	name, kind string
	right      bool // numbers stand under each other
}

// tableOf lays out slices and arrays of structs, of slices, of maps from strings; maps; and matrices. It reports whether v is one.
func tableOf(v any) (*table, bool) {
	r := reflect.ValueOf(v)
	if m, ok := matrixOf(v); ok {
		return matrixTable(m), true
	}
	if !r.IsValid() || says(r.Type()) {
		return nil, false
	}
	if r.Kind() == reflect.Pointer && !r.IsNil() {
		r = r.Elem()
	}
	switch r.Kind() {
	case reflect.Slice, reflect.Array:
		n := min(r.Len(), tableRows)
		rows, labels := make([]reflect.Value, n), make([]string, n)
		for i := range n {
			rows[i], labels[i] = r.Index(i), fmt.Sprint(i)
		}
		t := &table{labels: labels, total: r.Len()}
		return t, t.lay(r.Type().Elem(), rows)
	case reflect.Map:
		if r.Len() == 0 {
			return nil, false
		}
		t := &table{corner: typeName(r.Type().Key()), total: r.Len()}
		if r.Len() > mostOrdered {
			t.note = "in no order"
		}
		var rows []reflect.Value
		for _, key := range keys(r, tableRows) {
			t.labels = append(t.labels, valueText(key, cellRunes))
			rows = append(rows, r.MapIndex(key))
		}
		if !t.lay(r.Type().Elem(), rows) {
			t.columns = []column{{"value", typeName(r.Type().Elem()), isNumber(r.Type().Elem())}}
			t.fill(rows, func(row reflect.Value, _ int) reflect.Value { return row })
		}
		return t, true
	}
	return nil, false
}

// lay finds the columns of rows and fills them in; false if rows of such a type have none.
func (t *table) lay(element reflect.Type, rows []reflect.Value) bool {
	if (says(element) || says(reflect.PointerTo(element))) && !hasFields(element) {
		return false
	}
	if element.Kind() == reflect.Pointer {
		element = element.Elem()
	}
	switch element.Kind() {
	case reflect.Struct:
		if element.NumField() == 0 || isStd(element) {
			return false
		}
		for i := range element.NumField() {
			f := element.Field(i)
			t.columns = append(t.columns, column{f.Name, typeName(f.Type), isNumber(f.Type)})
		}
		t.fill(rows, field)
	case reflect.Slice, reflect.Array:
		kind, right := typeName(element.Elem()), isNumber(element.Elem())
		if element.Elem().Kind() == reflect.Uint8 && element.Kind() == reflect.Slice { // texts, mostly
			return false
		}
		width := 0
		for _, row := range rows {
			if row = target(row); row.IsValid() {
				width = max(width, row.Len())
			}
		}
		if width == 0 {
			return false
		}
		for i := range width {
			t.columns = append(t.columns, column{fmt.Sprint(i), kind, right})
		}
		t.fill(rows, func(row reflect.Value, i int) reflect.Value {
			if i >= row.Len() {
				return missing
			}
			return row.Index(i)
		})
	case reflect.Map:
		if element.Key().Kind() != reflect.String {
			return false
		}
		var names []string
		for _, row := range rows {
			if row = target(row); row.IsValid() {
				for r := row.MapRange(); r.Next(); {
					names = append(names, r.Key().String())
				}
			}
		}
		if slices.Sort(names); len(names) == 0 {
			return false
		}
		names = slices.Compact(names)
		for _, name := range names {
			t.columns = append(t.columns, column{name, typeName(element.Elem()), isNumber(element.Elem())})
		}
		t.fill(rows, func(row reflect.Value, i int) reflect.Value {
			if v := row.MapIndex(reflect.ValueOf(names[i]).Convert(element.Key())); v.IsValid() {
				return v
			}
			return missing
		})
	default:
		return false
	}
	return true
}

// hasFields reports whether the columns of a struct tell more than what its methods say of it: it has fields for all to see, and is no error.
func hasFields(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	failure := reflect.TypeFor[error]()
	return t.Kind() == reflect.Struct && !t.Implements(failure) && !reflect.PointerTo(t).Implements(failure) &&
		slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.IsExported() && !f.Anonymous })
}

// missing is shown as an empty cell.
var missing = reflect.ValueOf("")

// fill writes the cells of each row; a row that is nil has none.
func (t *table) fill(rows []reflect.Value, at func(row reflect.Value, i int) reflect.Value) {
	t.wide = len(t.columns)
	t.columns = t.columns[:min(t.wide, tableColumns)]
	for _, row := range rows {
		if row = target(row); !row.IsValid() {
			t.rows = append(t.rows, nil)
			continue
		}
		if row.Kind() == reflect.Struct {
			row = open(row)
		}
		cells := make([]string, len(t.columns))
		for i := range cells {
			v := at(row, i)
			if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 && v.Len() <= 4*cellRunes && readable(v.Bytes()) { // the head has the type
				v = reflect.ValueOf(string(v.Bytes()))
			}
			for v.Kind() == reflect.Pointer && !v.IsNil() && !says(v.Type()) && isPlain(v.Elem().Kind()) {
				v = v.Elem()
			}
			cells[i] = clipped(valueText(v, 4*cellRunes), cellRunes)
		}
		t.rows = append(t.rows, cells)
	}
}

// target is what a row holds or points to; the zero Value if that is nothing.
func target(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer && hasColumns(v.Type().Elem().Kind())) {
		v = v.Elem()
	}
	return v
}

func hasColumns(k reflect.Kind) bool {
	return k == reflect.Struct || k == reflect.Slice || k == reflect.Array || k == reflect.Map
}

func isPlain(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.String
}

func isNumber(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Complex128 && !says(t)
}

func matrixTable(m matrix) *table {
	t := &table{total: m.rows, wide: m.columns, always: true}
	for j := range min(m.columns, tableColumns) {
		t.columns = append(t.columns, column{fmt.Sprint(j), m.kind, true})
	}
	for i := range min(m.rows, tableRows) {
		cells := make([]string, len(t.columns))
		for j := range cells {
			cells[j] = fmt.Sprint(m.at(i, j))
		}
		t.rows, t.labels = append(t.rows, cells), append(t.labels, fmt.Sprint(i))
	}
	return t
}

// size tells how many rows and columns there are, and how many of them are shown.
func (t *table) size(rows, columns int) string {
	s := fmt.Sprintf("%s × %s", counted(t.total, "row"), counted(t.wide, "column"))
	var limits []string
	if rows < t.total {
		limits = append(limits, counted(rows, "row"))
	}
	if columns < t.wide {
		limits = append(limits, counted(columns, "column"))
	}
	if len(limits) > 0 {
		s += ", the first " + strings.Join(limits, " and ") + " shown"
	}
	if t.note != "" {
		s += ", " + t.note
	}
	return s
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// html is the table in HTML that scrolls in both directions under its head. It has no colours but those of the page.
func (t *table) html() string {
	var b strings.Builder
	b.WriteString(`<div style="max-height:30em;overflow:auto"><table><thead style="position:sticky;top:0;background:var(--jp-layout-color0,var(--vscode-editor-background,Canvas))"><tr><th>`)
	if t.corner != "" {
		fmt.Fprintf(&b, `<small style="opacity:.7">%s</small>`, html.EscapeString(t.corner))
	}
	b.WriteString("</th>")
	for _, c := range t.columns {
		fmt.Fprintf(&b, `<th style="%s">%s<br><small style="opacity:.7;font-weight:normal">%s</small></th>`, c.align(), html.EscapeString(c.name), html.EscapeString(c.kind))
	}
	b.WriteString("</tr></thead><tbody>\n")
	for i, row := range t.rows {
		fmt.Fprintf(&b, "<tr><th>%s</th>", html.EscapeString(t.labels[i]))
		if row == nil {
			fmt.Fprintf(&b, `<td colspan="%d" style="opacity:.5;text-align:left">nil</td>`, max(len(t.columns), 1))
		}
		for j, cell := range row {
			if cell == "<nil>" {
				fmt.Fprintf(&b, `<td style="opacity:.5;%s">nil</td>`, t.columns[j].align())
				continue
			}
			fmt.Fprintf(&b, `<td style="%s">%s</td>`, t.columns[j].align(), html.EscapeString(cell))
		}
		b.WriteString("</tr>\n")
	}
	fmt.Fprintf(&b, "</tbody></table></div><small>%s</small>", t.size(len(t.rows), len(t.columns)))
	return b.String()
}

func (c column) align() string {
	if c.right {
		return "text-align:right"
	}
	return "text-align:left"
}

// text is the table for those who see text only.
func (t *table) text() string {
	rows := t.rows[:min(len(t.rows), textRows)]
	grid := [][]string{{""}, {t.corner}}
	right := []bool{false}
	for _, c := range t.columns {
		grid[0], grid[1] = append(grid[0], c.name), append(grid[1], c.kind)
		right = append(right, c.right)
	}
	for i, row := range rows {
		if row == nil {
			row = []string{"<nil>"}
		}
		grid = append(grid, append([]string{t.labels[i]}, row...))
	}
	columns := 0
	width := make([]int, len(right))
	for i, room := 0, textWidth; i < len(width); i++ {
		for _, row := range grid {
			if i < len(row) {
				row[i] = clipped(strings.NewReplacer("\n", "⏎", "\t", " ", "\r", "").Replace(row[i]), textRunes)
				width[i] = max(width[i], utf8.RuneCountInString(row[i]))
			}
		}
		if room -= width[i] + 2; room < 0 && i > 1 {
			break
		}
		columns = i
	}
	var b strings.Builder
	for _, row := range grid {
		line := ""
		for i, cell := range row[:min(len(row), columns+1)] {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if right[i] {
				line += pad + cell + "  "
			} else {
				line += cell + pad + "  "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String() + t.size(len(rows), columns)
}

// textWidth is how wide a table in text may be.
const textWidth = 160

// clipped cuts a text that is longer than n characters.
func clipped(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n]) + "…"
}
