// Package ui is how every command speaks: tables, JSON, progress and errors, decided once.
//
// It knows writers and plain data, and nothing of assets or notebooks. Start reading at Table and Fail.
package ui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/cellar-go/cellar/internal/fault"
)

// Table prints rows under a header, columns aligned; numbers, which begin with a digit and hold digits, commas and units only, to the
// right. Nothing but the header is printed for no rows.
func Table(w io.Writer, header []string, rows [][]string) {
	widths := widthsOf(header, rows)
	right := make([]bool, len(header))
	for i := range header {
		right[i] = len(rows) > 0
		for _, r := range rows {
			right[i] = right[i] && (r[i] == "" || r[i] == "–" || number(r[i]))
		}
	}
	line := func(cells []string) {
		var b strings.Builder
		for i, c := range cells {
			if i > 0 {
				b.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-Width(c))
			if right[i] {
				b.WriteString(pad + c)
			} else {
				b.WriteString(c + pad)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	line(header)
	for _, r := range rows {
		line(r)
	}
}

func widthsOf(header []string, rows [][]string) []int {
	widths := make([]int, len(header))
	for _, r := range append([][]string{header}, rows...) {
		for i, c := range r {
			widths[i] = max(widths[i], Width(c))
		}
	}
	return widths
}

// Fit makes a table as narrow as so many columns of a terminal, for one whose lines wrap can't be read. Where it is too wide it leaves out
// what is empty in all rows, then cuts the columns named, the widest first, to … and their ends, which tell paths apart, and where that
// is not enough leaves out the last column. 0 columns do not limit it.
func Fit(columns int, header []string, rows [][]string, cut ...string) ([]string, [][]string) {
	widths := widthsOf(header, rows)
	excess := 2*(len(header)-1) - columns
	for _, w := range widths {
		excess += w
	}
	if columns == 0 || excess <= 0 {
		return header, rows
	}
	without := func(i int) ([]string, [][]string) {
		var fewer [][]string
		for _, r := range rows {
			fewer = append(fewer, slices.Delete(slices.Clone(r), i, i+1))
		}
		return Fit(columns, slices.Delete(slices.Clone(header), i, i+1), fewer, cut...)
	}
	for i := range header {
		if len(rows) > 0 && !slices.ContainsFunc(rows, func(r []string) bool { return r[i] != "" }) {
			return without(i)
		}
	}
	for ; excess > 0; excess-- {
		widest := -1
		for i, h := range header {
			if widths[i] > max(shortest, Width(h)) && slices.Contains(cut, h) && (widest < 0 || widths[i] >= widths[widest]) {
				widest = i
			}
		}
		if widest < 0 && len(header) > 1 {
			return without(len(header) - 1)
		} else if widest < 0 {
			break
		}
		widths[widest]--
	}
	var shorter [][]string
	for _, r := range rows {
		r = slices.Clone(r)
		for i := range r {
			r[i] = Shorten(r[i], widths[i], 0)
		}
		shorter = append(shorter, r)
	}
	return header, shorter
}

func number(s string) bool {
	digits := strings.TrimLeft(s, "-+0123456789")
	return len(digits) < len(s) && strings.Trim(digits, "-.,0123456789 smhµnkKMGTiB%") == "" && s[0] != '-' || s == "-"
}

// JSON prints a value, indented, and nothing else.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Fail prints an error for a person, the hint below it, and gives the exit code. With asJSON both go to one object.
func Fail(w io.Writer, err error, asJSON bool) int {
	code := fault.ExitCode(err)
	if err == nil {
		return code
	}
	text := err.Error()
	if !strings.HasPrefix(text, "cellar: ") {
		text = "cellar: " + text
	}
	hint := fault.Hint(err)
	if code == int(fault.Interrupted) {
		text, hint = "cellar: interrupted", cmp.Or(hint, "what was finished is kept; the same command goes on from there")
	}
	if asJSON {
		JSON(w, map[string]any{"error": text, "hint": hint, "exit_code": code})
		return code
	}
	fmt.Fprintln(w, text)
	if hint != "" {
		for i, line := range strings.Split(hint, "\n") {
			mark := "  → "
			if i > 0 {
				mark = "    "
			}
			fmt.Fprintln(w, mark+line)
		}
	}
	return code
}

// Terminal reports whether a stream is one, where lines may be redrawn.
func Terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) && os.Getenv("CI") == "" }

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Plain is a text without the colours of a terminal.
func Plain(s string) string { return colour.ReplaceAllString(s, "") }

// Count writes a number with commas: 336,776.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Bytes writes a size: 1.2 MB.
func Bytes(n int64) string {
	f := float64(n)
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if f < 1000 {
			if unit == "B" {
				return fmt.Sprintf("%d B", n)
			}
			return fmt.Sprintf("%.1f %s", f, unit)
		}
		f /= 1000
	}
	return fmt.Sprintf("%.1f TB", f)
}

// Duration writes a time as people read it: 0.12 s, 3.4 s, 2m10s.
func Duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
