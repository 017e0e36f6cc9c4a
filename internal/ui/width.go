package ui

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// Columns is how wide the terminal is that w writes to; 0 where w writes to none, or it is not known.
func Columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !Terminal(f) {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// Width is how many columns of a terminal a text takes.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// Shorten cuts a text to so many columns: it keeps at most front of them at the start, and the end, with … between.
func Shorten(s string, columns, front int) string {
	if Width(s) <= columns {
		return s
	}
	if columns < 1 {
		return ""
	}
	columns-- // of the …
	start := fitting(s, min(front, columns))
	end, left := len(s), columns-Width(start)
	runes := []rune(s[len(start):])
	for i := len(runes) - 1; i >= 0; i-- {
		if left -= columnsOf(runes[i]); left < 0 {
			break
		}
		end -= len(string(runes[i]))
	}
	// What combines with a letter that was cut off would combine with the ….
	return start + "…" + strings.TrimLeftFunc(s[end:], func(r rune) bool { return columnsOf(r) == 0 })
}

// fitting is how much of a text's start fits in so many columns.
func fitting(s string, columns int) string {
	for i, r := range s {
		if columns -= columnsOf(r); columns < 0 {
			return s[:i]
		}
	}
	return s
}

// shortest is how many columns of a name are kept before something else has to go.
const shortest = 12

// Line fits a line into so many columns: its name is cut in the middle, and only where that is not enough the line's end. 0 columns do not
// limit it. The last column stays free: some terminals begin the next line when it is written.
func Line(columns int, before, name, after string) string {
	if columns == 0 {
		return before + name + after
	}
	room := columns - 1
	if left := max(shortest, room-Width(before)-Width(after)); Width(name) > left {
		name = Shorten(name, left, left/2)
	}
	return fitting(before+name+after, room)
}

// Bar is a line that says how much is done of all, what is being done, and since when. Where it does not fit, the bar is drawn shorter or
// not at all before the name is cut.
func Bar(columns, done, all int, name, took string) string {
	before, after := fmt.Sprintf("%d/%d  ", done, all), "  "+took
	long := 20
	if columns > 0 {
		long = min(long, columns-1-Width(before+name+after)-1)
	}
	if long >= 5 {
		full := done * long / max(1, all)
		before = strings.Repeat("█", full) + strings.Repeat("░", long-full) + " " + before
	}
	return Line(columns, before, name, after)
}
