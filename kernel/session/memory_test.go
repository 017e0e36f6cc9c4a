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
	_, err = s.Run(t.Context(), Cell{Source: "import \"bytes\"\nlen(bytes.Repeat([]byte(\"x\"), 2<<30))"}, func(Event) {})
	var lost *WorkerLostError
	if !errors.As(err, &lost) || !strings.Contains(lost.Reason, "out of memory") || !strings.Contains(lost.Error(), "x int (cell[1])") {
		t.Fatalf("got %v", err)
	}
	if got := play(t.Context(), s, Cell{Source: "1 + 1"}); got != "= 2\n" {
		t.Errorf("afterwards: %s", got)
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
