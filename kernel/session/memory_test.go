package session

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestMemory stops cells that take too much, and keeps the state if it can.
func TestMemory(t *testing.T) {
	s := start(t, Options{Memory: 400 << 20})
	play(t.Context(), s, Cell{Source: "x := 1\nvar hog [][]byte\nfunc eat(size int) { b := make([]byte, size); for i := 0; i < len(b); i += 4096 { b[i] = 1 }; hog = append(hog, b) }"})
	_, err := s.Run(t.Context(), Cell{Source: "for { eat(1 << 20) }"}, func(Event) {})
	if err == nil || !strings.Contains(err.Error(), "MB is what it may") {
		t.Fatalf("got %v", err)
	}
	if got := play(t.Context(), s, Cell{Source: "hog = nil\nx"}); got != "= 1\n" {
		t.Errorf("afterwards: %s", got)
	}
	_, err = s.Run(t.Context(), Cell{Source: "import \"bytes\"\nrepeat := bytes.Repeat\nlen(repeat([]byte(\"x\"), 2<<30))"}, func(Event) {})
	var lost *WorkerLostError
	if !errors.As(err, &lost) || !strings.Contains(lost.Reason, "out of memory") || !strings.Contains(lost.Error(), "x int (cell[1])") {
		t.Fatalf("got %v", err)
	}
	if got := play(t.Context(), s, Cell{Source: "1 + 1"}); got != "= 2\n" {
		t.Errorf("afterwards: %s", got)
	}
}

// TestRoom asks for more memory at once than there may be: the cell panics before the runtime would end the process, with the state kept.
func TestRoom(t *testing.T) {
	s := start(t, Options{Memory: 400 << 20})
	play(t.Context(), s, Cell{Source: `import ("bytes"; "slices"; "strings")
x, n, huge := 1, 3, 1 << 40
var small uint8 = 3
type length int
type big struct{ a [1000]int }
func alloc[T any](n int) []T { return make([]T, n) }
func off(n int) []big {
	return make([]big, n)
}`})
	for _, source := range []string{"make([]int, huge)", "make([]int, 1e10)", "make([]big, 100_000)", "off(100_000)", "make(chan int, huge)", "make([]byte, 0, huge)",
		"append([]byte{1}, make([]byte, length(huge))...)", "alloc[byte](huge)", "bytes.Repeat([]byte(`ab`), huge)", "strings.Repeat(`ab`, huge)", "slices.Grow([]int{1}, huge)",
		"new(bytes.Buffer).Grow(huge)"} {
		_, err := s.Run(t.Context(), Cell{Source: source}, func(Event) {})
		var p *PanicError
		if !errors.As(err, &p) || !strings.Contains(p.Value, "out of memory: the cell asks for") || !strings.Contains(p.Value, "419 MB is what it may") {
			t.Errorf("%s: got %v", source, err)
		}
	}
	for source, want := range map[string]string{
		"make([]int, -x)":               "error: panic: runtime error: makeslice: len out of range\n",
		"len(make([]int, x, 10))":       "= 1\n",
		"len(make([]int, 1<<n))":        "= 8\n",
		"len(make([]int, small))":       "= 3\n",
		"len(make([]struct{}, huge))":   "= 1099511627776\n",
		"len(make(map[int]int, 100))":   "= 0\n",
		"cap(make(chan int, 1e3))":      "= 1000\n",
		"len(make([]byte, 100<<20))":    "= 104857600\n",
		"len(strings.Repeat(``, huge))": "= 0\n",
		"x":                             "= 1\n",
	} {
		if got := play(t.Context(), s, Cell{Source: source}); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s", source, got)
		}
	}
}

// TestGoroutineBomb stops a cell that starts goroutines without end.
func TestGoroutineBomb(t *testing.T) {
	s := start(t, Options{Memory: 8 << 30})
	play(t.Context(), s, Cell{Source: "x := 1\nc := make(chan int)"})
	for _, body := range []string{"select {}", "<-c", "for { select { case <-c: } }"} {
		time.AfterFunc(300*time.Millisecond, s.Interrupt)
		start := time.Now()
		s.Run(t.Context(), Cell{Source: "for { go func() { " + body + " }() }"}, func(Event) {})
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("%s: it took %v", body, took)
		}
	}
	if got := play(t.Context(), s, Cell{Source: "x"}); got != "= 1\n" {
		t.Errorf("afterwards: %s", got)
	}
}
