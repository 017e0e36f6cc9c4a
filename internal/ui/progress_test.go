package ui

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// screen is what a terminal shows after a text of lines and of the escapes that Progress uses.
func screen(t *testing.T, text string) string {
	t.Helper()
	var shown []string // and the line of the cursor, which is empty
	for text != "" {
		if m := regexp.MustCompile(`^\r\x1b\[(\d+)A\x1b\[J`).FindStringSubmatch(text); m != nil {
			var up int
			fmt.Sscan(m[1], &up)
			if up > len(shown) {
				t.Fatalf("erases %d lines of %q", up, shown)
			}
			shown, text = shown[:len(shown)-up], text[len(m[0]):]
			continue
		}
		var line string
		line, text, _ = strings.Cut(text, "\n")
		shown = append(shown, line)
	}
	return regexp.MustCompile(`\d\.\d\d s`).ReplaceAllString(strings.Join(shown, "\n"), "TIME")
}

func TestProgress(t *testing.T) {
	type event struct {
		do   func(p *Progress)
		want string // on a terminal
	}
	events := []event{
		{func(p *Progress) { p.Begin("1", "one") }, "…      one  TIME  \n0 of 3 ended"},
		{func(p *Progress) { p.Begin("2", "two") }, "…      one  TIME  \n…      two  TIME  \n0 of 3 ended"},
		{func(p *Progress) { p.Step("2", "cell 4") }, "…      one  TIME  \n…      two  TIME  cell 4\n0 of 3 ended"},
		{func(p *Progress) { p.Step("3", "not begun") }, "…      one  TIME  \n…      two  TIME  cell 4\n0 of 3 ended"},
		{func(p *Progress) { p.End("1", "failed", true, 0) }, "failed one  TIME\n…      two  TIME  cell 4\n1 of 3 ended, 1 failed"},
		{func(p *Progress) { p.End("3", "done", false, 0) }, "failed one  TIME\n…      two  TIME  cell 4\n1 of 3 ended, 1 failed"},
		{func(p *Progress) { p.End("2", "done", false, 0) }, "failed one  TIME\ndone   two  TIME\n2 of 3 ended, 1 failed"},
		{func(p *Progress) { p.Close() }, "failed one  TIME\ndone   two  TIME"},
	}
	wrap := strings.NewReplacer("\033[?7l", "", "\033[?7h", "")
	var live, file bytes.Buffer
	onTerminal, inFile := NewProgress(&live, true, 3), NewProgress(&file, false, 3)
	for i, e := range events {
		e.do(onTerminal)
		e.do(inFile)
		if got := screen(t, wrap.Replace(live.String())); got != e.want {
			t.Errorf("after %d:\n%s\nwant\n%s", i, got, e.want)
		}
	}
	if want := "failed one  0.00 s\ndone   two  0.00 s\n"; file.String() != want {
		t.Errorf("in a file:\n%s\nwant\n%s", &file, want)
	}
	if on, off := strings.Count(live.String(), "\033[?7h"), strings.Count(live.String(), "\033[?7l"); on != off || !strings.HasSuffix(live.String(), "J") {
		t.Errorf("wrapping is off %d times and on %d times: %q", off, on, &live)
	}
	// Steps of tasks that run at the same time don't get into each other.
	p := NewProgress(&live, true, 2)
	p.Begin("a", "a")
	done := make(chan bool)
	go func() { p.Step("a", "x"); close(done) }()
	p.Begin("b", "b")
	<-done
	p.End("a", "done", false, time.Second)
	p.End("b", "done", false, time.Second)
	p.Close()
	if got := screen(t, wrap.Replace(live.String())); !strings.HasSuffix(got, "done   a  1.0 s\ndone   b  1.0 s") {
		t.Errorf("at the same time:\n%s", got)
	}
}

// TestProgressNarrow: what a task is doing stays in the line of a narrow terminal, and nothing is written over its last column.
func TestProgressNarrow(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, true, 2)
	defer p.Close()
	columns := 50
	p.width = func() int { return columns }
	p.Begin("1", "reports/a long name of a notebook.ipynb alpha=1")
	p.Step("1", "cell 4 (load)")
	wrap := strings.NewReplacer("\033[?7l", "", "\033[?7h", "")
	if got, want := screen(t, wrap.Replace(b.String())), "…      reports/a…b alpha=1  TIME  cell 4 (load)\n0 of 2 ended"; got != want {
		t.Errorf("in 50 columns:\n%s\nwant\n%s", got, want)
	}
	columns = 20 // it may change at any time
	p.Step("1", "cell 5 (save)")
	for _, line := range strings.Split(screen(t, wrap.Replace(b.String())), "\n") {
		if Width(line) >= columns {
			t.Errorf("%q is wider than the terminal", line)
		}
	}
}
