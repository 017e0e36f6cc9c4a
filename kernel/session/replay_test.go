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
