package page

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// frame is a table as pandas writes it.
func frame(rows, columns int, value string) string {
	var b strings.Builder
	b.WriteString("<table class=\"dataframe\">\n<thead>\n<tr>\n<th></th>\n")
	for j := range columns {
		fmt.Fprintf(&b, "<th>c%d</th>\n", j)
	}
	b.WriteString("</tr>\n</thead>\n<tbody>\n")
	for i := range rows {
		fmt.Fprintf(&b, "<tr>\n<th>row%d</th>\n", i)
		for j := range columns {
			fmt.Fprintf(&b, "<td>%s%d</td>\n", value, j)
		}
		b.WriteString("</tr>\n")
	}
	return b.String() + "</tbody>\n</table>\n"
}

// texts are those of each row's cells, table by table.
func texts(t *testing.T, source string) (tables [][]string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Data {
		case "table":
			tables = append(tables, nil)
		case "tr":
			var cells []string
			for c := range n.ChildNodes() {
				if c.Type == html.ElementNode {
					var text string
					for d := range c.Descendants() {
						if d.Type == html.TextNode {
							text += strings.TrimSpace(d.Data)
						}
					}
					cells = append(cells, text)
				}
			}
			last := &tables[len(tables)-1]
			*last = append(*last, strings.Join(cells, " "))
		}
	}
	return tables
}

func TestPieces(t *testing.T) {
	source := "before " + frame(2, 15, "1234567") + " after"
	got := withPieces(source)
	table, rest, ok := strings.Cut(got, `<div class="pieces">`)
	if !ok || !strings.HasPrefix(source, strings.TrimSuffix(table, "\n")) || !strings.HasSuffix(rest, "</div>\n after") {
		t.Fatalf("the table is another one, or alone:\n%s", got)
	}
	want := [][]string{
		{" c0 c1 c2 c3 c4 c5 c6 c7 c8 c9",
			"row0 12345670 12345671 12345672 12345673 12345674 12345675 12345676 12345677 12345678 12345679",
			"row1 12345670 12345671 12345672 12345673 12345674 12345675 12345676 12345677 12345678 12345679"},
		{" c10 c11 c12 c13 c14", "row0 123456710 123456711 123456712 123456713 123456714", "row1 123456710 123456711 123456712 123456713 123456714"},
	}
	if got := texts(t, rest); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("pieces:\n%q\nwant\n%q", got, want)
	}
	// Tags that may be missing, and a table without names of its rows, whose first column is then taken for them.
	plain := "<table><tr>" + strings.Repeat("<td>123456789<b>0</b>", 20) + "<tr>" + strings.Repeat("<td>1", 20) + "</table>"
	_, rest, _ = strings.Cut(withPieces(plain), `<div class="pieces">`)
	columns := 0
	for _, piece := range texts(t, rest) {
		if len(piece) != 2 || !strings.HasPrefix(piece[0], "1234567890 1234567890") || !strings.HasPrefix(piece[1], "1 1") {
			t.Errorf("a piece of %q", piece)
		}
		columns += strings.Count(piece[0], " ")
	}
	if columns != 19 {
		t.Errorf("%d columns of 19", columns)
	}
}

// TestNoPieces: what fits is as it was, and so is what may not be twice in a page, or has cells that reach over several columns or rows.
func TestNoPieces(t *testing.T) {
	wide := frame(2, 40, "1234567")
	for name, source := range map[string]string{
		"no table":        "<p>text</p>",
		"narrow":          frame(100, 5, "1234567"),
		"many, but short": frame(2, 20, ""),
		"a script":        strings.Replace(wide, "<td>", "<td><script>run()</script>", 1),
		"a picture":       strings.Replace(wide, "<td>", "<td><img src=x>", 1),
		"a field":         strings.Replace(wide, "<td>", "<td><input>", 1),
		"colspan":         strings.Replace(wide, "<td>", `<td colspan="2">`, 1),
		"rowspan":         strings.Replace(wide, "<td>", `<td rowspan=2>`, 1),
		"uneven":          strings.Replace(wide, "<td>", "<td></td><td>", 1),
		"not closed":      strings.Replace(wide, "</table>", "", 1),
		"sentences":       frame(3, 6, strings.Repeat("some words ", 30)),
		"one column":      frame(3, 1, strings.Repeat("x", 300)),
		"of tables":       "<table><tr><td>" + frame(2, 3, "1") + "<td>" + frame(2, 3, "1") + "</table>",
		"in a comment":    "<!-- " + wide + " -->",
		"in a script":     "<script>s = `" + wide + "`</script>",
	} {
		if got := withPieces(source); got != source {
			t.Errorf("%s: is now\n%s", name, got)
		}
	}
	for name, source := range map[string]string{
		"colspan of 1": strings.Replace(wide, "<td>", `<td colspan="1">`, 1), "in a table": "<table><tr><td>" + wide + "</table>", "all the same": wide,
	} {
		if withPieces(source) == source {
			t.Errorf("%s: no pieces", name)
		}
	}
}

func FuzzPieces(f *testing.F) {
	f.Add(frame(2, 20, "1234567"))
	f.Add("<table><tr><td>" + frame(2, 20, "1234567") + "</table>")
	f.Add("</table><table><td>x<tr></tr><thead><table>")
	f.Fuzz(func(t *testing.T, source string) {
		got := withPieces(source)
		// Without the pieces it is the source.
		for {
			at := strings.Index(got, `</table><div class="pieces">`)
			if strings.Contains(source, "pieces") || at < 0 {
				break
			}
			at += len("</table>")
			end := strings.Index(got[at:], "</table></div></div>")
			if end < 0 {
				t.Fatal("pieces without an end")
			}
			got = got[:at] + got[at+end+len("</table></div></div>"):]
		}
		if got != source && !strings.Contains(source, "pieces") {
			t.Errorf("got %q\nof %q", got, source)
		}
	})
}

// TestPiecesOfALongCell: highlighted code in a table, as Pygments writes it, is one cell of many tags. What that takes grows as the cell does.
func TestPiecesOfALongCell(t *testing.T) {
	source := "<table><tr><td><pre>" + strings.Repeat("<span>xx</span> ", 20_000) + "</pre></td></tr></table>"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if got := withPieces(source); got != source {
		t.Error("one column is cut into pieces")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 100*uint64(len(source)) {
		t.Errorf("%d MB were allocated for %d KB", took>>20, len(source)>>10)
	}
}
