package commands

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/kernel/session"
)

var update = flag.Bool("update", false, "write what comes out into testdata")

// start is a session in a folder of its own, with commands.
func start(t *testing.T) (*Commands, string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := startIn(t, dir)
	if err := c.Session.(*session.Session).Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, dir
}

func startIn(t *testing.T, dir string) *Commands {
	t.Helper()
	c := &Commands{Version: "v0"}
	s, err := session.Start(t.Context(), session.Options{Dir: dir, Handle: c.Handle(nil)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c.Session = s
	return c
}

// play runs a cell and writes down all that comes of it. Answers are what the user types.
func play(ctx context.Context, c *Commands, cell session.Cell, answers ...string) string {
	var mu sync.Mutex
	var b strings.Builder
	io := IO{Show: func(e session.Event) {
		mu.Lock()
		defer mu.Unlock()
		b.WriteString(e.Text)
		if e.Kind == session.Display {
			fmt.Fprintf(&b, "%v\n", e.Bundle.Data["text/plain"])
		}
	}}
	if answers != nil {
		io.Ask = func(ctx context.Context, _ string, password bool) (string, error) {
			if len(answers) == 0 {
				<-ctx.Done()
				return "", errors.New("over")
			}
			a := answers[0]
			answers = answers[1:]
			return a, nil
		}
	}
	r, err := c.Run(ctx, cell, io)
	mu.Lock()
	defer mu.Unlock()
	if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
		b.WriteString("\n")
	}
	if r.Value != nil {
		fmt.Fprintf(&b, "= %v\n", r.Value.Data["text/plain"])
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
		if hint := fault.Hint(err); hint != "" {
			b.WriteString("hint: " + hint + "\n")
		}
	}
	return b.String()
}

var changing = regexp.MustCompile(`\d[\d.]*(e\+\d+)?( ?)(ns|µs|ms|s)\b|\d+ loops|tested\.go:\d+`)

// TestCells plays the files of testdata: cells with commands, and what comes of each. -update writes them anew. Times are #.
func TestCells(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, dir := start(t)
			var out strings.Builder
			head, rest, _ := strings.Cut(string(text), "-- cell --\n")
			out.WriteString(head)
			for n, part := range strings.Split(rest, "-- cell --\n") {
				source, _, _ := strings.Cut(part, "\n-- out --\n")
				got := play(t.Context(), c, session.Cell{Name: fmt.Sprintf("cell[%d]", n+1), ID: fmt.Sprint(n), Source: source})
				got = changing.ReplaceAllString(strings.ReplaceAll(got, dir, "DIR"), "#")
				fmt.Fprintf(&out, "-- cell --\n%s\n-- out --\n%s", source, got)
			}
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if out.String() != string(text) {
				t.Errorf("%s: got\n%s", file, out.String())
			}
		})
	}
}

// A session that could not be started is started by the next cell of Go, once what was wrong is put right; commands do that.
func TestStartAgain(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("modul m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(dir, "sub")
	c := startIn(t, dir)
	const refused = "module " // the go.mod's folder, and what is wrong there
	for _, x := range []struct{ source, want string }{
		{"6 * 7", "error: cellar: " + refused},
		{"6 * 7", "error: cellar: " + refused},
		{"!mkdir sub; pwd", dir + "\n"},
		{"%env FRUIT=quince pie", "FRUIT=quince pie\n"},
		{"%cd sub", sub + "\n"},
		{"%cd nowhere", "error: "},
		{"!echo $FRUIT; pwd", "quince pie\n" + sub + "\n"},
		{"%args -n 3", ""},
		{"!printf 'module m\\n\\ngo 1.26\\n' > ../go.mod", filepath.Join(dir, "go.mod") + " has changed.\n"},
		{"dir, _ := os.Getwd()\nfmt.Println(dir, os.Getenv(\"FRUIT\"), os.Args[1:])", sub + " quince pie [-n 3]\n"},
		{"!echo $FRUIT; pwd", "quince pie\n" + sub + "\n"},
	} {
		if got := play(t.Context(), c, session.Cell{Source: x.source}); !strings.HasSuffix(got, x.want) && !(strings.HasPrefix(x.want, "error") && strings.HasPrefix(got, x.want)) { // what is built for long is told
			t.Errorf("%s:\n%s\nwant\n%s", x.source, got, x.want)
		}
	}
}

// The session's folder is removed: the way to another one is told, and goes.
func TestFolderGone(t *testing.T) {
	c, dir := start(t)
	gone := "error: cellar: #: the session's folder is gone\nhint: `%cd` with the full path of another goes there\n"
	for _, x := range []struct{ source, want string }{
		{"%%bash\nmkdir sub", ""},
		{"%cd sub", filepath.Join(dir, "sub") + "\n"},
		{"!rmdir $PWD", ""},
		{"!pwd", gone},
		{"%%bash\npwd", gone},
		{"%cd", gone},
		{"%cd other", gone},
		{"6 * 7", "= 42\n"},
		{"%cd " + dir, dir + "\n"},
		{"!pwd", dir + "\n"},
	} {
		got := regexp.MustCompile(`cell(\[\d+\])?:1`).ReplaceAllString(play(t.Context(), c, session.Cell{Name: "cell", Source: x.source}), "#")
		if got != x.want {
			t.Errorf("%s:\n%s\nwant\n%s", x.source, got, x.want)
		}
	}
}

func TestWords(t *testing.T) {
	for line, want := range map[string]string{
		"":                        "[]",
		" a  b\tc ":               `["a" "b" "c"]`,
		`--text "hello world" ""`: `["--text" "hello world" ""]`,
		`"a\"b\n" c\d`:            `["a\"b\n" "c\\d"]`,
	} {
		if got := fmt.Sprintf("%q", words(line)); got != want {
			t.Errorf("%s: got %s", line, got)
		}
	}
}

// A command that runs long shows what it writes as it appears, and stops at an interrupt with all its children.
func TestInterrupt(t *testing.T) {
	c, _ := start(t)
	for name, source := range map[string]string{
		"before":    "!echo begun; sleep 100 | sleep 100\nx := 1",
		"between":   "x := 1\n!echo begun; sleep 100 | sleep 100\nx = 2",
		"stubborn":  "!trap '' INT; echo begun; while true; do sleep 1; done",
		"test":      "import (\"fmt\"; \"testing\")\nfunc TestLoop(t *testing.T) { t.Run(\"sub\", func(t *testing.T) { fmt.Println(\"begun\"); for {} }) }\n%test",
		"benchmark": "import \"fmt\"\n%timeit fmt.Println(\"begun\"); for {}",
	} {
		t.Run(name, func(t *testing.T) {
			begun := make(chan struct{})
			var once sync.Once
			done := make(chan error, 1)
			ctx, interrupt := context.WithCancelCause(t.Context())
			go func() {
				_, err := c.Run(ctx, session.Cell{Source: source}, IO{Show: func(e session.Event) {
					if strings.Contains(e.Text, "begun") {
						once.Do(func() { close(begun) })
					}
				}})
				done <- err
			}()
			select {
			case <-begun:
			case err := <-done:
				t.Fatal("ended by itself:", err)
			case <-time.After(time.Minute):
				t.Fatal("no output")
			}
			interrupt(session.ErrInterrupted)
			select {
			case err := <-done:
				if !errors.Is(err, session.ErrInterrupted) {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("it does not stop")
			}
			if got := play(t.Context(), c, session.Cell{Source: "1 + 1"}); got != "= 2\n" {
				t.Errorf("the session lives on: %s", got)
			}
		})
	}
}

// A flood of output is passed on whole, and a child in the background is not waited for.
func TestFlood(t *testing.T) {
	c, _ := start(t)
	size := 0
	var mu sync.Mutex
	_, err := c.Run(t.Context(), session.Cell{Source: "!sleep 100 & yes line | head -n 2000000"}, IO{Show: func(e session.Event) {
		mu.Lock()
		size += len(e.Text)
		mu.Unlock()
	}})
	if want := 2000000 * len("line\n"); err != nil || size != want {
		t.Errorf("%d bytes of %d, %v", size, want, err)
	}
}

func TestAnswers(t *testing.T) {
	c, _ := start(t)
	if got := play(t.Context(), c, session.Cell{Source: "%with_inputs\n!read a; read b; echo $b $a\n!cat; echo closed"}, "one", "two"); got != "two one\nclosed\n" {
		t.Errorf("got %s", got)
	}
	if got := play(t.Context(), c, session.Cell{Name: "cell[2]", Source: "%with_password\n!read a"}); !strings.Contains(got, "this front-end does not ask for input") {
		t.Errorf("got %s", got)
	}
}

// A page shows %whos as a table, in which nothing stands for what has no value.
func TestWhosTable(t *testing.T) {
	c, _ := start(t)
	var page string
	show := IO{Show: func(e session.Event) {
		if e.Kind == session.Display {
			page, _ = e.Bundle.Data["text/html"].(string)
		}
	}}
	for _, source := range []string{"x := 1\ntype pair[T any] struct{ a, b T }", "%whos"} {
		if _, err := c.Run(t.Context(), session.Cell{Source: source}, show); err != nil {
			t.Fatal(err)
		}
	}
	const left = ` style="text-align:left"`
	row := "<td" + left + ">x</td><td" + left + ">var</td><td" + left + "><code>int</code></td><td" + left + "><code>1</code></td>"
	if !strings.Contains(page, row) || strings.Contains(page, "<code></code>") {
		t.Errorf("got %s", page)
	}
}

// An error in what a command measures quotes the cell, not what was made of it.
func TestMeasuredLine(t *testing.T) {
	c, _ := start(t)
	for source, want := range map[string]string{
		"%timeit -r1 panic(1)":   "%timeit -r1 panic(1)",
		"%%timeit -r1\npanic(2)": "%%timeit -r1",
	} {
		_, err := c.Run(t.Context(), session.Cell{Source: source}, IO{Show: func(session.Event) {}})
		var panicked *session.PanicError
		if !errors.As(err, &panicked) || len(panicked.Frames) == 0 || panicked.Frames[len(panicked.Frames)-1].Text != want {
			t.Errorf("%s: %#v", source, err)
		}
	}
}
