package session

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	soakCells = flag.Int("soak", 30, "how many cells TestSoak plays")
	soakOut   = flag.String("soakout", "", "folder for the table and the plot of TestSoak")
)

// endless are cells that only an interrupt ends, with what they need.
var endless = []string{
	"for {}", "select {}", "time.Sleep(time.Hour)", "<-make(chan int)", "f := func(n int) {}; for i := 0; ; i++ { f(i) }",
	"mutex := new(sync.Mutex); mutex.Lock(); mutex.Lock()", "r, w, _ := os.Pipe(); r.Read(make([]byte, 1)); w.Close()",
	"numbers := rand.Perm(5_000_000); for { sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] }); rand.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] }) }",
}

// TestSoak plays a long random session: cells that declare, declare again and use, cells that panic and cells that are interrupted, while
// goroutines of the session write lines and displays and call the host, and the host completes and lists variables. What the cells
// print is compared with the model, and no line of the goroutines may be lost. More: go test -run Soak -soak 500 -soakout build -timeout 30m.
func TestSoak(t *testing.T) {
	var calls atomic.Int32
	s := start(t, Options{Handle: func(context.Context, string, []byte) ([]byte, error) { calls.Add(1); return []byte{1}, nil }})
	m := newModel(*seed + 1000)
	r := rand.New(rand.NewPCG(*seed, 11))
	lines := 0
	sink := func(out *strings.Builder) func(Event) {
		var mu sync.Mutex
		return func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == Stdout {
				out.WriteString(e.Text)
			}
		}
	}
	var rest string // of a line that a cell's end cut
	own := func(output string) string {
		var kept []string
		all := strings.SplitAfter(rest+output, "\n")
		rest = all[len(all)-1]
		for _, line := range all[:len(all)-1] {
			var n int
			if _, err := fmt.Sscanf(line, "background %d\n", &n); err != nil {
				kept = append(kept, line)
			} else if n != lines {
				t.Fatalf("line %d of the goroutine came after %d", n, lines)
			} else {
				lines++
			}
		}
		return strings.Join(kept, "")
	}
	run := func(id, source string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var out strings.Builder
		_, err := s.Run(ctx, Cell{ID: id, Source: source}, sink(&out))
		return own(out.String()), err
	}
	if _, err := run("0", `import ("fmt"; "math/rand"; "os"; "sort"; "sync"; "time"; "github.com/cellar-go/cellar/display"; "github.com/cellar-go/cellar/kernel/session/live")
go func() { for i := 0; ; i++ { fmt.Printf("background %d\n", i); time.Sleep(2 * time.Millisecond) } }()
go func() { for i := 0; ; i++ { display.Markdown(fmt.Sprint(i)); live.Call("comm", nil); time.Sleep(5 * time.Millisecond) } }()
`+modelUses); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				s.Complete("fmt.Pri", 7)
				s.Variables()
			}
		}
	})
	defer others.Wait()
	defer close(stop)

	var page strings.Builder
	var took, memory []float64
	for n := 1; n <= *soakCells; n++ {
		id := fmt.Sprint(n)
		v, any := pick(m, m.vars)
		value := r.IntN(1000)
		start := time.Now()
		switch kind := r.IntN(10); {
		case kind == 0 && any:
			*m.vars[v] = value
			source := fmt.Sprintf("%s = %d\nvar none map[int]int\nnone[1] = 2", v, value)
			fmt.Fprintf(&page, "-- cell %s --\n%s\n", id, source)
			var panicked *PanicError
			if got, err := run(id, source); !errors.As(err, &panicked) || got != "" {
				t.Fatalf("%sgot %q, %v", page.String(), got, err)
			}
		case kind == 1 && any:
			*m.vars[v] = value
			source := fmt.Sprintf("%s = %d\nfmt.Println(\"begun\")\n{ %s }\n%s = -1", v, value, endless[r.IntN(len(endless))], v)
			fmt.Fprintf(&page, "-- cell %s --\n%s\n", id, source)
			begun := make(chan struct{})
			var asked time.Time
			var out strings.Builder
			collect := sink(&out)
			go func() {
				<-begun
				time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
				asked = time.Now()
				s.Interrupt()
			}()
			once := sync.OnceFunc(func() { close(begun) })
			_, err := s.Run(t.Context(), Cell{ID: id, Source: source}, func(e Event) {
				collect(e)
				if e.Kind == Stdout && strings.Contains(e.Text, "begun\n") {
					once()
				}
			})
			start = asked
			if got := own(out.String()); !errors.Is(err, ErrInterrupted) || got != "begun\n" {
				t.Fatalf("%sgot %q, %v", page.String(), got, err)
			}
		default:
			id, source, want := m.cell(n)
			fmt.Fprintf(&page, "-- cell %s --\n%s\n", id, source)
			if got, err := run(id, source); err != nil || got != want {
				t.Fatalf("%sgot\n%s%v\nwant\n%s", page.String(), got, err, want)
			}
		}
		took = append(took, float64(time.Since(start).Microseconds())/1000)
		s.mu.Lock()
		memory = append(memory, float64(resident(s.process.cmd.Process.Pid))/1e6)
		s.mu.Unlock()
	}
	if lines == 0 || calls.Load() == 0 {
		t.Errorf("%d lines and %d calls in the background", lines, calls.Load())
	}
	if *soakOut != "" {
		if err := report(*soakOut, took, memory); err != nil {
			t.Fatal(err)
		}
	}
}

// report writes the time and the memory of each cell as a table and as a plot.
func report(dir string, took, memory []float64) error {
	var table strings.Builder
	fmt.Fprintln(&table, "cells      median ms  90th ms  worker MB")
	const group = 50
	for from := 0; from < len(took); from += group {
		to := min(from+group, len(took))
		sorted := slices.Sorted(slices.Values(took[from:to]))
		fmt.Fprintf(&table, "%3d–%-3d  %10.0f %8.0f %10.0f\n", from+1, to, sorted[len(sorted)/2], sorted[len(sorted)*9/10], memory[to-1])
	}
	fmt.Fprintf(&table, "memory a cell: %.2f MB\n", (memory[len(memory)-1]-memory[0])/float64(len(memory)))
	fmt.Print(table.String())
	const width, height = 800, 240
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", width, 2*height)
	for i, line := range []struct {
		name   string
		values []float64
	}{{"ms a cell", took}, {"MB of the worker", memory}} {
		top, highest := i*height, slices.Max(line.values)
		var points strings.Builder
		for n, v := range line.values {
			fmt.Fprintf(&points, "%.1f,%.1f ", 10+float64(n)*(width-20)/float64(len(line.values)), float64(top+height-10)-v/highest*(height-40))
		}
		fmt.Fprintf(&svg, `<text x="10" y="%d">%s, at most %.0f, over %d cells</text><polyline fill="none" stroke="#2a6f97" points="%s"/>`+"\n", top+16, line.name, highest, len(line.values), points.String())
	}
	svg.WriteString("</svg>\n")
	return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "soak.txt"), []byte(table.String()), 0o644), os.WriteFile(filepath.Join(dir, "soak.svg"), []byte(svg.String()), 0o644))
}
