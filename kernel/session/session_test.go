package session

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what comes out into testdata")

func start(t testing.TB, o Options) *Session {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// play runs a cell and writes down all that comes of it.
func play(ctx context.Context, s *Session, cell Cell) string {
	var mu sync.Mutex
	var b strings.Builder
	sink := func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		switch e.Kind {
		case Stdout, Stderr:
			b.WriteString(e.Text)
		case Display:
			if e.Bundle.ID == startDisplay { // on a busy machine any start may take long
				return
			}
			for _, k := range sortedKeys(e.Bundle.Data) {
				b.WriteString("display " + k + ": " + strings.TrimSpace(toString(e.Bundle.Data[k])) + "\n")
			}
		case Input:
			s.Answer("42 answer")
		}
	}
	r, err := s.Run(ctx, cell, sink)
	mu.Lock()
	defer mu.Unlock()
	if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
		b.WriteString("\n")
	}
	if r.Value != nil {
		for _, k := range sortedKeys(r.Value.Data) {
			if k == "text/plain" {
				b.WriteString("= " + toString(r.Value.Data[k]) + "\n")
			} else {
				b.WriteString("= (" + k + ")\n")
			}
		}
	}
	for _, n := range r.Notices {
		b.WriteString("notice: " + n + "\n")
	}
	var lost *WorkerLostError
	if errors.As(err, &lost) {
		lost.Trace = ""
	}
	if err != nil {
		b.WriteString("error: " + err.Error() + "\n")
	}
	return strings.ReplaceAll(b.String(), runtime.GOROOT()+"/", "$GOROOT/")
}

func toString(v any) string { s, _ := v.(string); return s }

// TestSessions plays the files of testdata: cells and what comes of each, with comments between. They are the specification; -update writes them anew.
//
//	-- cell [ID] --
//	x := 41
//	x + 1
//	-- out --
//	= 42
//
// What is different where cells are plugins stands behind, under out of plugins. Names under remove are taken away, as by %rm.
func TestSessions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { specify(t, start(t, Options{}), file) })
	}
}

// Where cells can't be linked in memory they are plugins, and little else is different: a type that gets methods is another one.
func TestSessionsOfPlugins(t *testing.T) {
	for _, name := range []string{"basics", "callers", "methods", "redefine", "removed", "traps"} {
		t.Run(name, func(t *testing.T) { specify(t, asPlugins(t), filepath.Join("testdata", name+".txt")) })
	}
}

// specify plays a file in a session.
func specify(t *testing.T, s *Session, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var cell, want, other []string
	plugins := len(s.tools.builtins) == 0
	var id string
	removes := false
	var in *[]string
	flush := func() {
		if cell == nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		got, head := "", "cell"
		if removes {
			head = "remove"
			_, notices := s.Forget(strings.Fields(strings.Join(cell, " "))...)
			for _, n := range notices {
				got += "notice: " + n + "\n"
			}
		} else {
			got = play(ctx, s, Cell{ID: id, Source: strings.Join(cell, "\n")})
		}
		mine := &want
		if plugins && other != nil {
			mine = &other
		}
		expected := strings.TrimSpace(strings.Join(*mine, "\n"))
		if strings.TrimSpace(got) != expected && !*update {
			t.Errorf("%s: cell\n%s\ngot\n%s\nwant\n%s", file, strings.Join(cell, "\n"), got, expected)
		}
		out.WriteString("-- " + head + strings.TrimSuffix(" "+id, " ") + " --\n" + strings.TrimRight(strings.Join(cell, "\n"), "\n") + "\n")
		*mine = strings.Split(got, "\n")
		section := func(name string, lines []string) {
			text := strings.TrimSpace(strings.Join(lines, "\n"))
			out.WriteString(strings.TrimSuffix("-- "+name+" --\n"+text, "\n") + "\n")
		}
		section("out", want)
		if other != nil {
			section("out of plugins", other)
		}
		out.WriteString("\n")
		cell, want, other, in = nil, nil, nil, nil
	}
	for _, line := range strings.Split(string(text), "\n") {
		name, isHead := strings.CutPrefix(line, "-- ")
		name, closed := strings.CutSuffix(name, " --")
		switch {
		case isHead && closed && name == "out":
			in = &want
		case isHead && closed && name == "out of plugins":
			other = []string{}
			in = &other
		case isHead && closed && (strings.HasPrefix(name, "cell") || name == "remove"):
			flush()
			removes = name == "remove"
			id = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(name, "remove"), "cell"))
			cell = []string{}
			in = &cell
		case in == nil || in != &cell && strings.HasPrefix(line, "# "):
			flush()
			out.WriteString(line + "\n")
		default:
			*in = append(*in, line)
		}
	}
	flush()
	if *update {
		if err := os.WriteFile(file, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
