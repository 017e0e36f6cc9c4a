package kernel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/kernel/session"
)

func TestQuestions(t *testing.T) {
	for source, want := range map[string]string{
		"fmt.Println?":            "[{fmt.Println 0}] ",
		"?fmt.Println":            "[{fmt.Println 0}] ",
		"x := 1\nx??\ny := 2":     "[{x 1}] x := 1||y := 2",
		"?? x ":                   "[{x 1}] ",
		"a?\nb?":                  "[{a 0} {b 0}] |",
		"s := `\nwhat?\n`":        "[] s := `|what?|`",
		"// really?":              "[] // really?",
		"x := 1 // is it?\n!ls ?": "[] x := 1 // is it?|!ls ?",
		"%%bash\nls?":             "[] %%bash|ls?",
		"f(x)?":                   "[] f(x)?",
	} {
		rest, asked := questions(source)
		if got := fmt.Sprint(asked, " ", strings.ReplaceAll(rest, "\n", "|")); got != want {
			t.Errorf("%q: %s, want %s", source, got, want)
		}
	}
}

func TestQuestionsOpenThePager(t *testing.T) {
	s := start(t, Options{})
	reply, log := s.execute("12\nx?")
	s.expect(log, "execute_input 1 12\nx?\nexecute_result map[text/plain:12\n] map[]\nstatus idle")
	if got := fmt.Sprint(reply["payload"]); !strings.Contains(got, "source:page") || !strings.Contains(got, "text/plain:var x int\n\nValue: 3") {
		t.Error(got)
	}
	reply, log = s.execute("y?")
	s.expect(log, "execute_input 2 y?\nstream stdout y is not known here\n\nstatus idle")
	if fmt.Sprint(reply["payload"]) != "[]" || reply["status"] != "ok" {
		t.Error(reply)
	}
	if reply, _ := s.request(jupyter.Shell, "is_complete_request", map[string]string{"code": "x?"}); reply["status"] != "complete" {
		t.Errorf("is_complete: %v", reply)
	}
}

func TestSuggestCommands(t *testing.T) {
	suggest := suggestCommands([]session.Item{{Text: "%go"}}, func(session.Typed) []session.Item { return []session.Item{{Text: "other"}} })
	for line, want := range map[string]string{"%": "%go", "%g": "%go", "%go ge": "other", "//| a": "other"} {
		if got := suggest(session.Typed{Line: line}); got[0].Text != want {
			t.Errorf("%q: %v, want %s", line, got, want)
		}
	}
}
