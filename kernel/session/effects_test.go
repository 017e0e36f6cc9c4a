package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What is done to the worker between cells counts for the cells after it, for a worker that takes its place, and in a replay.
func TestSurroundings(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	dir := t.TempDir()
	ctx := t.Context()
	run := func(want string, source string) {
		t.Helper()
		if got := strings.TrimSpace(play(ctx, s, Cell{Source: source})); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", source, got, want)
		}
	}
	run("ok", "import (\"os\"; \"fmt\"; \"flag\")\nfmt.Println(\"ok\")")
	for _, err := range []error{s.Chdir(ctx, dir), s.Setenv(ctx, "COLOUR", "blue"), s.SetArgs(ctx, []string{"-n=3"}, false)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	state := "wd, _ := os.Getwd(); fmt.Println(wd == \"" + dir + "\", os.Getenv(\"COLOUR\"), os.Args[1:])"
	run("true blue [-n=3]", state)
	if got := play(ctx, s, Cell{Source: "import \"syscall\"\nsyscall.Exit(3)"}); !strings.Contains(got, "ended") {
		t.Errorf("got %s", got)
	}
	run("true blue [-n=3]", state)
	if err := s.Chdir(ctx, dir+"/none"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a folder that is not there: %v", err)
	}
	if err := s.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	run("true blue [-n=3]", "import (\"os\"; \"fmt\")\n"+state)
	around, err := s.Surroundings(ctx)
	if err != nil || around.Dir != dir || !slices.Contains(around.Env, "COLOUR=blue") {
		t.Errorf("%v, %v", around.Dir, err)
	}
}

// A cell that declares flags can be run again, and its flags have their defaults each time that arguments are parsed.
func TestFlags(t *testing.T) {
	s := start(t, Options{})
	ctx := t.Context()
	for _, args := range [][]string{{"-n=3", "rest"}, {}} {
		play(ctx, s, Cell{Source: "import (\"flag\"; \"fmt\")\nvar n = flag.Int(\"n\", 7, \"a number\")"})
		if err := s.SetArgs(ctx, args, true); err != nil {
			t.Fatal(err)
		}
		want := "7 []"
		if len(args) > 0 {
			want = "3 [rest]"
		}
		if got := play(ctx, s, Cell{Source: "fmt.Println(*n, flag.Args())"}); strings.TrimSpace(got) != want {
			t.Errorf("%v: got %s", args, got)
		}
	}
	if err := s.SetArgs(ctx, []string{"-m"}, true); err == nil || !strings.Contains(err.Error(), "flag provided but not defined: -m") {
		t.Errorf("an unknown flag: %v", err)
	}
	if got := play(ctx, s, Cell{Source: "flag.Parse()"}); !strings.Contains(got, "error: panic: flag provided but not defined: -m") {
		t.Errorf("the process lives on: %s", got)
	}
}

func TestForget(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Name: "cell[1]", Source: "import \"fmt\"\nconst c = 1\ntype T struct{ n int }\nvar v = T{1}\nfunc f(x int) string { return fmt.Sprint(x) }"})
	var got []string
	for _, d := range s.Declarations() {
		got = append(got, fmt.Sprint(d))
	}
	want := []string{"{T type struct{n int} cell[1]}", "{c const untyped int cell[1]}", "{f func func(x int) string cell[1]}", "{fmt import fmt }", "{v var T cell[1]}"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if unknown, _ := s.Forget("f", "nothing"); !slices.Equal(unknown, []string{"nothing"}) {
		t.Errorf("unknown: %v", unknown)
	}
	if got := play(t.Context(), s, Cell{Name: "cell[2]", Source: "f(1)"}); !strings.Contains(got, "undefined: f") {
		t.Errorf("got %s", got)
	}
}

// A cell calls the kernel between its statements, with all output before it shown, and a passing cell leaves no trace.
func TestCalls(t *testing.T) {
	var mu sync.Mutex
	var order []string
	note := func(s string) { mu.Lock(); defer mu.Unlock(); order = append(order, s) }
	s := start(t, Options{Handle: func(ctx context.Context, method string, arg []byte) ([]byte, error) {
		note(method + " " + string(arg))
		if string(arg) == "bad" {
			return nil, fmt.Errorf("no")
		}
		return nil, nil
	}})
	source := "import \"fmt\"\nfmt.Println(1)\n\nx := 2\nfmt.Println(x)\n\nx"
	cell := Cell{Source: source, Calls: []Call{{3, "do", "first"}, {6, "do", "second"}}, Passing: true}
	if _, err := s.Run(t.Context(), cell, func(e Event) { note(strings.TrimSpace(e.Text)) }); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ", "); got != "1, do first, 2, do second" {
		t.Errorf("got %s", got)
	}
	if names := s.Declarations(); len(names) > 0 {
		t.Errorf("a passing cell declared %v", names)
	}
	if got := play(t.Context(), s, Cell{Source: "y := 1\n\ny++", Calls: []Call{{2, "do", "bad"}}}); !strings.Contains(got, "no") {
		t.Errorf("got %s", got)
	}
	if got := play(t.Context(), s, Cell{Source: "y"}); got != "= 1\n" {
		t.Errorf("statements behind a call that failed do not run: %s", got)
	}
}
