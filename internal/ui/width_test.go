package ui

import (
	"strings"
	"testing"
)

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "übung": 5, "日本語": 6, "Ａ": 2, "u\u0308": 1, "░█…": 3, "🙂": 2} {
		if got := Width(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		text           string
		columns, front int
		want           string
	}{
		{"short", 5, 2, "short"},
		{"runs/long.ipynb", 11, 0, "…long.ipynb"},
		{"runs/long.ipynb", 11, 3, "run…g.ipynb"},
		{"日本語日本語", 7, 3, "日…本語"},
		{"日本語日本語", 6, 0, "…本語"},
		{"xxxxu\u0308ab", 3, 0, "…ab"},
		{"long", 1, 3, "…"},
		{"long", 0, 0, ""},
	} {
		got := Shorten(test.text, test.columns, test.front)
		if got != test.want {
			t.Errorf("%q in %d columns: %q, want %q", test.text, test.columns, got, test.want)
		}
		if Width(got) > test.columns {
			t.Errorf("%q takes %d columns of %d", got, Width(got), test.columns)
		}
	}
}

// TestBar: the last column stays free, the bar is the first to go, and the name the second.
func TestBar(t *testing.T) {
	const took = "3.0 s, about 4.0 s left"
	for _, test := range []struct {
		columns int
		name    string
		want    string
	}{
		{0, "cell 4 (load)", "██████████░░░░░░░░░░ 2/4  cell 4 (load)  3.0 s, about 4.0 s left"},
		{80, "cell 4 (load)", "██████████░░░░░░░░░░ 2/4  cell 4 (load)  3.0 s, about 4.0 s left"},
		{54, "cell 4 (load)", "████░░░░░ 2/4  cell 4 (load)  3.0 s, about 4.0 s left"},
		{44, "cell 4 (load)", "2/4  cell 4 (load)  3.0 s, about 4.0 s left"},
		{50, "cell 4 (ladevorgang-der-zahlen)", "2/4  cell 4 (l…r-zahlen)  3.0 s, about 4.0 s left"},
		{50, "cell 4 (日本語日本語日本語)", "2/4  cell 4 (…語日本語)  3.0 s, about 4.0 s left"},
		{30, "cell 4 (ladevorgang)", "2/4  cell 4…gang)  3.0 s, abo"},
		{3, "cell 4 (load)", "2/"},
	} {
		got := Bar(test.columns, 2, 4, test.name, took)
		if got != test.want {
			t.Errorf("%s in %d columns:\n got %s\nwant %s", test.name, test.columns, got, test.want)
		}
		if test.columns > 0 && Width(got) >= test.columns {
			t.Errorf("%q takes %d columns of %d", got, Width(got), test.columns)
		}
	}
}

func TestFit(t *testing.T) {
	header := []string{"notebook", "parameters", "status", "failed at", "output"}
	rows := [][]string{
		{"reports/sales of the north.ipynb", "a=1", "done", "", "runs/sales of the north-a=1.ipynb"},
		{"k.ipynb", "a=2", "failed", "", "–"},
	}
	table := func(columns int, rows [][]string) string {
		var b strings.Builder
		h, r := Fit(columns, header, rows, "notebook", "parameters", "output")
		Table(&b, h, r)
		return b.String()
	}
	plain := "notebook                          parameters  status  failed at  output\n" +
		"reports/sales of the north.ipynb  a=1         done               runs/sales of the north-a=1.ipynb\n" +
		"k.ipynb                           a=2         failed             –\n"
	for columns, want := range map[int]string{
		0:  plain,
		98: plain,
		97: "notebook                          parameters  status  output\n" +
			"reports/sales of the north.ipynb  a=1         done    runs/sales of the north-a=1.ipynb\n" +
			"k.ipynb                           a=2         failed  –\n",
		80: "notebook                       parameters  status  output\n" +
			"…rts/sales of the north.ipynb  a=1         done    …sales of the north-a=1.ipynb\n" +
			"k.ipynb                        a=2         failed  –\n",
		60: "notebook             parameters  status  output\n" +
			"…of the north.ipynb  a=1         done    …he north-a=1.ipynb\n" +
			"k.ipynb              a=2         failed  –\n",
		40: "notebook              parameters  status\n" +
			"… of the north.ipynb  a=1         done\n" +
			"k.ipynb               a=2         failed\n",
	} {
		if got := table(columns, rows); got != want {
			t.Errorf("in %d columns:\n%s\nwant\n%s", columns, got, want)
		}
	}
	if got, want := table(20, nil), "notebook  parameters\n"; got != want {
		t.Errorf("without rows: %q, want %q", got, want)
	}
	if rows[0][0] != "reports/sales of the north.ipynb" || len(header) != 5 {
		t.Error("the table that was given is another one now")
	}
}
