package session

import (
	"strings"
	"testing"
)

// TestReplay runs the cells of a worker that ended again, with those that ran since: the newest text of each, and none twice.
func TestReplay(t *testing.T) {
	s := start(t, Options{})
	die := Cell{Source: "import \"syscall\"\nsyscall.Kill(syscall.Getpid(), syscall.SIGKILL)\nselect {}"}
	for _, c := range []Cell{
		{ID: "a", Source: "import \"fmt\"\nx := 1"},
		{ID: "b", Source: "y := 2"},
		{ID: "b", Source: "y := x + 2\nfmt.Println(\"y is\", y)"},
		{ID: "c", Source: "panic(\"c\")"},
		die,
		{ID: "d", Source: "z := 4"},
	} {
		play(t.Context(), s, c)
	}
	replay := func() (string, Result, error) {
		var out strings.Builder
		r, err := s.Replay(t.Context(), func(e Event) { out.WriteString(e.Text) })
		return out.String(), r, err
	}
	for range 2 { // what was replayed can be replayed
		out, r, err := replay()
		if err != nil || out != "y is 3\n" || len(r.Notices) != 2 || r.Notices[0] != "4 cells ran again" || !strings.Contains(r.Notices[1], "ended with an error when it was run again: panic: c") {
			t.Fatalf("got %q, %q, %v", out, r.Notices, err)
		}
		if got := play(t.Context(), s, Cell{ID: "e", Source: "x + y + z"}); got != "= 8\n" {
			t.Fatalf("afterwards: %s", got)
		}
		s.history = s.history[:len(s.history)-1] // this question is not to be asked again
	}
}

// A cell that reads its input is named when it asks again; where nobody can be asked it is stopped, and the others run.
func TestReplayOfInput(t *testing.T) {
	s := start(t, Options{})
	for _, c := range []string{"import \"fmt\"\nx := 1", "var n int\nfmt.Scan(&n)\nread := n", "y := x + 1"} {
		play(t.Context(), s, Cell{Source: c})
	}
	for _, test := range []struct {
		answer        func()
		notices, then string
	}{
		{func() { s.Answer("7") }, "3 cells ran again", "= 7 2\n"},
		{s.RefuseInput, "3 cells ran again|cell[2] reads standard input, which this front-end does not offer: it was stopped there, and the cells behind it ran", "= 0 2\n"},
	} {
		r, err := s.Replay(t.Context(), func(e Event) {
			if e.Kind == Input {
				if e.Text != "cell[2] reads its input again: " {
					t.Errorf("it asks %q", e.Text)
				}
				test.answer()
			}
		})
		if got := strings.Join(r.Notices, "|"); err != nil || got != test.notices {
			t.Errorf("got %q, %v", got, err)
		}
		s.mu.Lock()
		history := s.history
		s.mu.Unlock()
		if got := play(t.Context(), s, Cell{Source: "n, y"}); got != test.then {
			t.Errorf("afterwards: %s", got)
		}
		s.history = history // the question is not to be asked again
	}
}

// What a replay tells is said of one cell, and of none.
func TestReplayOfFewCells(t *testing.T) {
	dir := t.TempDir()
	module(t, dir, "package shape\n\nconst Sides = 3\n")
	s := start(t, Options{Dir: dir})
	replay := func(want string) {
		t.Helper()
		r, err := s.Replay(t.Context(), func(Event) {})
		if got := strings.Join(r.Notices, "|"); err != nil || got != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
	replay("no cell has run that could run again; the session begins anew in a fresh process")
	read := Cell{Source: "import \"example.com/user/shape\"\nshape.Sides", Passing: true}
	for _, want := range []string{"= 3\n", "= 4\n"} { // a fresh process for the new shape, in which no cell was missed
		if got := play(t.Context(), s, read); got != want {
			t.Errorf("got %s", got)
		}
		module(t, dir, "package shape\n\nconst Sides = 4\n")
	}
	play(t.Context(), s, Cell{Source: "import \"example.com/user/shape\"\nfunc sides() int { return shape.Sides }"})
	module(t, dir, "package shape\n\nconst Sides = 5 // a side more\n")
	if got := play(t.Context(), s, Cell{Source: "sides()"}); got != "= 5\nnotice: package example.com/user/shape was edited: the session was replayed into a fresh process, 1 cell ran again\n" {
		t.Errorf("got %s", got)
	}
	s.history = s.history[:1]
	replay("1 cell ran again")
}
