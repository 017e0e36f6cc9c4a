package session

import (
	"sort"
	"strings"
)

// edits change a text in place: no line is added or removed, so that positions in compiled code stay the cell's own.
type edits []edit

type edit struct {
	from, to int
	text     string
}

func (e *edits) insert(at int, text string)        { *e = append(*e, edit{at, at, text}) }
func (e *edits) replace(from, to int, text string) { *e = append(*e, edit{from, to, text}) }

// render is the part of src between from and to with the edits within. Of edits at one place, the earlier noted comes first; an edit
// within one that replaces is dropped. Lines that a replacement takes away are kept as empty ones.
func (e edits) render(src string, from, to int) string {
	sorted := append(edits{}, e...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].from < sorted[j].from })
	var b strings.Builder
	at := from
	for _, x := range sorted {
		if x.from < at || x.to > to || x.from > to {
			continue
		}
		b.WriteString(src[at:x.from])
		b.WriteString(x.text)
		b.WriteString(strings.Repeat("\n", max(0, strings.Count(src[x.from:x.to], "\n")-strings.Count(x.text, "\n"))))
		at = x.to
	}
	b.WriteString(src[at:to])
	return b.String()
}
