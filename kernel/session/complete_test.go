package session

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// TestTyping plays the files of testdata/typing: cells that run, then what is offered or told where a | stands in a cell that is being typed.
// Of many items the first are enough. -update writes them anew.
//
//	-- cell --
//	pt := point{1, 2}
//	-- complete --
//	pt.|
//	-- want --
//	X field int
//	-- inspect 1 --
//	pt|
//	-- want --
//	var pt point
func TestTyping(t *testing.T) {
	files, err := filepath.Glob("testdata/typing/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := start(t, Options{Dir: "testdata/typing/module", Helpers: []string{"load"}, Suggest: func(at Typed) []Item {
				switch {
				case at.Call == "load":
					return []Item{{Text: "flights/raw", Kind: "asset", Type: "table"}, {Text: "flights/model", Kind: "asset", Type: "value"}}
				case strings.HasPrefix(at.Line, "%"):
					return []Item{{Text: "%go", Kind: "command"}, {Text: "%env", Kind: "command"}}
				case strings.HasPrefix(at.Line, "//|"):
					return []Item{{Text: "asset:", Kind: "option"}}
				}
				return nil
			}})
			s.browser.paths(time.Minute)
			var out strings.Builder
			comments, sections := cutSections(string(text))
			out.WriteString(comments)
			for i := 0; i < len(sections); i++ {
				kind, body := sections[i].head, sections[i].body
				out.WriteString("-- " + kind + " --\n" + body)
				switch kind {
				case "cell":
					if got := play(t.Context(), s, Cell{Source: body}); strings.Contains(got, "error: ") {
						t.Fatal(got)
					}
				case "complete", "inspect", "inspect 1":
					at := strings.LastIndexByte(body, '|')
					src := strings.TrimSuffix(body[:at]+body[at+1:], "\n")
					var got string
					if kind == "complete" {
						got = offered(s, src, at)
					} else {
						got = told(s, src, at, strings.Count(kind, "1"))
					}
					want := ""
					if i+1 < len(sections) && sections[i+1].head == "want" {
						i++
						want = sections[i].body
					}
					if strings.TrimSpace(got) != strings.TrimSpace(want) && !*update {
						t.Errorf("%s: %s\n%s\ngot\n%s\nwant\n%s", file, kind, body, got, want)
					}
					out.WriteString("-- want --\n" + got + "\n")
				default:
					t.Fatalf("%s: section %s", file, kind)
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type section struct{ head, body string }

// cutSections cuts a txtar text.
func cutSections(text string) (comment string, all []section) {
	for line := range strings.SplitAfterSeq(text, "\n") {
		head, isHead := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "-- ")
		head, closed := strings.CutSuffix(head, " --")
		switch {
		case isHead && closed:
			all = append(all, section{head: head})
		case len(all) == 0:
			comment += line
		default:
			all[len(all)-1].body += line
		}
	}
	return comment, all
}

func offered(s *Session, src string, at int) string {
	var b strings.Builder
	c := s.Complete(src, at)
	for i, it := range c.Items {
		if i == 8 {
			b.WriteString("…\n")
			break
		}
		fmt.Fprintln(&b, strings.TrimSpace(it.Text+" "+it.Kind+" "+strings.Join(strings.Fields(it.Type), " ")))
	}
	if c.Start < 0 || c.Start > c.End || c.End > len(src) {
		fmt.Fprintln(&b, "replaces", c.Start, c.End)
	}
	return b.String()
}

func told(s *Session, src string, at, level int) string {
	i, ok := s.Inspect(src, at, level)
	if !ok {
		return "nothing\n"
	}
	var b strings.Builder
	fmt.Fprintln(&b, i.Signature)
	if i.Value != "" {
		fmt.Fprintln(&b, "= "+i.Value)
	}
	doc, _, _ := strings.Cut(i.Doc, "\n")
	for _, text := range []string{doc, strings.Join(i.Methods, "\n"), i.Source} {
		if text != "" {
			fmt.Fprintln(&b, text)
		}
	}
	return b.String()
}

// While a cell runs, and before the session is warm, completion answers.
func TestCompleteWhileACellRuns(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "import \"time\"\nx := 41"})
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	running, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx, Cell{Source: "println(\"on\")\nfor { time.Sleep(time.Millisecond) }"}, func(Event) {
			select {
			case running <- struct{}{}:
			default:
			}
		})
	}()
	<-running
	if got := offered(s, "time.Dura", 9); !strings.HasPrefix(got, "Duration type int64") {
		t.Errorf("got %s", got)
	}
	if got := told(s, "x", 1, 0); got != "var x int\n" {
		t.Errorf("got %s", got)
	}
	stop()
	<-done

	cold, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cold.Close()
	cold.Complete("x := 1\nx", 8)
	cold.Inspect("x := 1\nx", 8, 1)
}

func TestVariables(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "x := 41"})
	if v := s.Variables(); len(v) != 1 || v[0] != (Variable{"x", "int", "41"}) {
		t.Errorf("got %+v", v)
	}
}

func BenchmarkComplete(b *testing.B) {
	s := start(b, Options{})
	if got := play(b.Context(), s, Cell{Source: "import (\"fmt\"; \"strings\"; \"net/http\")\ntype point struct{ X, Y int }\npts := []point{{1, 2}}\n_ = http.StatusOK"}); strings.Contains(got, "error") {
		b.Fatal(got)
	}
	for _, src := range []string{"pts[0].", "fmt.Spr", "http.", "p", "for i, q := range pts {\n\tfmt.Println(strings.Repeat(\"x\", q."} {
		b.Run(src[:min(8, len(src))], func(b *testing.B) {
			for b.Loop() {
				if len(s.Complete(src, len(src)).Items) == 0 {
					b.Fatal("nothing")
				}
			}
		})
	}
}

// At no place of any cell of the notebooks does completion or inspection panic, or wait.
func TestTypingEveryNotebook(t *testing.T) {
	s := start(t, Options{})
	var files []string
	for _, pattern := range []string{"../../notebooks/*.ipynb", "../../examples/*/*.ipynb", "../testdata/corpus/*.ipynb"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatal("no notebooks")
	}
	step, n, empty := 23, 0, 0
	if os.Getenv("CELLAR_TEST_EVERY") != "" {
		step = 1
	}
	var slowest time.Duration
	var sum time.Duration
	for _, file := range files {
		nb, err := nbformat.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range nb.Cells() {
			if c.Type() != "code" {
				continue
			}
			src := c.Source()
			for at := n % step; at <= len(src); at += step {
				n++
				begin := time.Now()
				got := s.Complete(src[:at], at)
				took := time.Since(begin)
				sum += took
				if slowest = max(slowest, took); slowest == took {
					t.Logf("%v at %q", took, src[max(0, at-40):at])
				}
				if got.Start < 0 || got.Start > got.End || got.End > at {
					t.Errorf("%d to %d in %q", got.Start, got.End, src[:at])
				}
				if len(got.Items) == 0 {
					empty++
				}
				s.Complete(src, at)
				s.Inspect(src, at, 1)
			}
		}
	}
	t.Logf("%d places, %d without an item, %v each, %v at most", n, empty, sum/time.Duration(n), slowest)
}

func FuzzComplete(f *testing.F) {
	s := start(f, Options{})
	f.Add("x := [1,\ny.", 10)
	f.Add("import \"fm", 10)
	f.Add("type T struct { a T }\nT{", 23)
	f.Add("func f[T any](x T) { f[", 22)
	f.Fuzz(func(t *testing.T, src string, at int) {
		c := s.Complete(src, at)
		if c.Start < 0 || c.Start > c.End || c.End > len(src) {
			t.Errorf("%d to %d", c.Start, c.End)
		}
		s.Inspect(src, at, 1)
	})
}
