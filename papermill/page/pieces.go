package page

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// What a table takes on paper, by style.css, in em of its type. The letters are those of a wide font.
const (
	paperWidth   = 445 // pt
	manyColumns  = 14  // from where the type is smaller
	letter, bold = .64, .7
	longestWord  = 24 // of letters; a longer one is broken
	longestTable = 1 << 22
)

// withPieces adds, behind each table of a piece of HTML that is too wide for paper, its columns again as several tables, one below the
// other, each with the columns that name the rows. Those are what is printed; the screen has the table as it is, and scrolls.
func withPieces(source string) string {
	if len(source) > longestTable || !strings.Contains(source, "<table") {
		return source
	}
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(source))
	var t *table
	at, written := 0, 0
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		raw := string(z.Raw())
		at += len(raw)
		var name string
		if kind != html.TextToken && kind != html.CommentToken {
			tag, _ := z.TagName()
			name = string(tag)
		}
		switch {
		case name == "table" && kind == html.StartTagToken: // also in another, whose rows are not simple
			t = &table{start: raw}
		case t == nil:
		case name == "table":
			if pieces := t.pieces(); pieces != nil {
				b.WriteString(source[written:at])
				written = at
				t.write(&b, pieces)
			}
			t = nil
		default:
			t.add(kind, name, raw, z)
		}
	}
	return b.String() + source[written:]
}

// table is a table whose rows have as many cells each.
type table struct {
	start string // its tag
	parts []part
	cell  *cell // that is open
	inRow bool
	head  bool
	other bool // it is not such a table
}

// part is a row, or a tag between rows.
type part struct {
	tag   string
	cells []*cell
	head  bool
}

type cell struct {
	content strings.Builder // with its start tag
	text    strings.Builder
	name    string // th or td
}

// What a cell may hold to be in the page twice: nothing that has a state, loads or runs.
var inline = words("a abbr b br code div em i p pre small span strong sub sup u")

func (t *table) add(kind html.TokenType, name, raw string, z *html.Tokenizer) {
	if t.other {
		return
	}
	start := kind == html.StartTagToken || kind == html.SelfClosingTagToken
	switch {
	case kind == html.CommentToken || kind == html.DoctypeToken:
	case kind == html.TextToken && t.cell != nil:
		t.cell.content.WriteString(raw)
		t.cell.text.WriteString(html.UnescapeString(raw))
	case kind == html.TextToken:
		t.other = t.other || strings.TrimSpace(raw) != ""
	case name == "td" || name == "th":
		if t.cell = nil; !start {
			return
		}
		if !t.inRow {
			t.other = true
			return
		}
		for more := true; more; {
			var key, value []byte
			key, value, more = z.TagAttr()
			if span := string(key); (span == "colspan" || span == "rowspan") && string(value) != "1" {
				t.other = true
			}
		}
		t.cell = &cell{name: name}
		t.cell.content.WriteString(raw)
		row := &t.parts[len(t.parts)-1]
		row.cells = append(row.cells, t.cell)
	case name == "tr":
		if t.cell, t.inRow = nil, start; start {
			t.parts = append(t.parts, part{tag: raw, head: t.head})
		}
	case name == "thead" || name == "tbody" || name == "tfoot":
		t.cell, t.inRow, t.head = nil, false, start && name == "thead"
		t.parts = append(t.parts, part{tag: raw})
	case t.cell != nil && inline[name]:
		t.cell.content.WriteString(raw)
		if name == "br" || name == "div" || name == "p" {
			t.cell.text.WriteByte(' ')
		}
	default:
		t.other = true
	}
}

// pieces are the columns of each piece; nil where the table fits on paper, or is not a simple one.
func (t *table) pieces() [][]int {
	var widths []float64 // in em
	lead, rows := -1, 0
	for _, p := range t.parts {
		switch {
		case len(p.cells) == 0:
			continue
		case rows == 0:
			widths = make([]float64, len(p.cells))
		case len(p.cells) != len(widths):
			return nil
		}
		rows++
		names := 0 // cells that name the row
		for i, c := range p.cells {
			widths[i] = max(widths[i], c.width())
			if c.name == "th" && names == i {
				names++
			}
		}
		if !p.head && (lead < 0 || names < lead) {
			lead = names
		}
	}
	sum := func(columns []float64, padding, size float64) (pt float64) {
		for _, w := range columns {
			pt += (w + padding) * size
		}
		return pt
	}
	const padding, size = .8, 7
	lead = max(lead, 1)
	switch {
	case t.other || len(widths) <= lead+1 || sum(widths[:lead], padding, size) > paperWidth/2:
		return nil
	case len(widths) < manyColumns && sum(widths, .9, 8) <= paperWidth, len(widths) >= manyColumns && sum(widths, .6, 6) <= paperWidth:
		return nil
	}
	var pieces [][]int
	left := 0.
	for i := lead; i < len(widths); i++ {
		need := sum(widths[i:i+1], padding, size)
		if left -= need; pieces == nil || left < 0 {
			var names []int
			for j := range lead {
				names = append(names, j)
			}
			pieces = append(pieces, names)
			left = paperWidth - sum(widths[:lead], padding, size) - need
		}
		last := &pieces[len(pieces)-1]
		*last = append(*last, i)
	}
	return pieces
}

// width is what a cell needs, in em: its longest word, and a little more where it has several.
func (c *cell) width() float64 {
	letters := min(utf8.RuneCountInString(strings.TrimSpace(c.text.String())), longestWord/2)
	for _, word := range strings.Fields(c.text.String()) {
		letters = max(letters, min(utf8.RuneCountInString(word), longestWord))
	}
	if c.name == "th" {
		return float64(letters) * bold
	}
	return float64(letters) * letter
}

// write writes the pieces. Short ones stay together.
func (t *table) write(b *strings.Builder, pieces [][]int) {
	class := ""
	if len(t.parts) < shortSource {
		class = ` class="short"`
	}
	b.WriteString(`<div class="pieces">`)
	for _, columns := range pieces {
		b.WriteString("<div" + class + ">" + t.start)
		for _, p := range t.parts {
			b.WriteString(p.tag)
			if len(p.cells) == 0 {
				continue
			}
			for _, i := range columns {
				c := p.cells[i]
				b.WriteString(c.content.String() + "</" + c.name + ">")
			}
			b.WriteString("</tr>")
		}
		b.WriteString("</table></div>")
	}
	b.WriteString("</div>")
}
