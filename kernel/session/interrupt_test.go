package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestInterrupt stops cells that would run for ever, and finds the state as it was.
func TestInterrupt(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "import (\"time\"; \"sync\")\nx := 1\nvar wg sync.WaitGroup\nwg.Add(1)\nch := make(chan int)\nfeed := make(chan int)\ngo func() { for i := 0; ; i++ { feed <- i } }()\nfunc rec(n int) { for n == n { rec2(n) } }\nfunc rec2(n int) { if n > 0 { rec2(n - 1) } }"})
	for _, source := range []string{"x = 2; for {}", "for i := 0; i < 10; i-- { x = 3 }", "<-ch", "ch <- 1", "select {}", "for range ch {}", "time.Sleep(time.Hour)",
		"wg.Wait()", "rec(50)", "select { case v := <-ch: _ = v; case <-time.After(time.Hour): }", "again: x = 4; goto again", "v, ok := <-ch; _, _ = v, ok",
		"func() { defer func() { for i := range 3 { x = i } }(); for {} }()", "L: for { select { case <-feed: continue L } }"} {
		t.Run(source, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var asked time.Time
			time.AfterFunc(1500*time.Millisecond, func() { asked = time.Now(); s.Interrupt() })
			_, err := s.Run(ctx, Cell{Source: source}, func(Event) {})
			if !errors.Is(err, ErrInterrupted) {
				t.Fatalf("got %v", err)
			}
			if took := time.Since(asked); took > time.Second {
				t.Errorf("it took %v", took)
			}
			if got := play(ctx, s, Cell{Source: "x > 0 && <-feed >= 0 || true"}); got != "= true\n" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// TestSecondInterrupt ends a cell that no check reaches.
func TestSecondInterrupt(t *testing.T) {
	s := start(t, Options{Grace: 100 * time.Millisecond})
	play(t.Context(), s, Cell{Source: "import \"sync\"\nvar mu sync.Mutex\nmu.Lock()\nx := 1"})
	for i := range 2 {
		time.AfterFunc(time.Duration(i+3)*500*time.Millisecond, s.Interrupt)
	}
	_, err := s.Run(t.Context(), Cell{Source: "mu.Lock()"}, func(Event) {})
	var lost *WorkerLostError
	if !errors.As(err, &lost) || !strings.Contains(lost.Error(), "second interrupt") || !strings.Contains(lost.Error(), "x (cell[1])") {
		t.Fatalf("got %v", err)
	}
	if got := play(t.Context(), s, Cell{Source: "1 + 1"}); got != "= 2\n" {
		t.Errorf("afterwards: %s", got)
	}
}

// TestHandle lets a cell call the host, with a helper that brings a type.
func TestHandle(t *testing.T) {
	s := start(t, Options{
		Helpers: []string{"load"},
		Expand:  expandForTest,
		Handle: func(ctx context.Context, method string, arg []byte) ([]byte, error) {
			if method == "fail" {
				return nil, errors.New("no such thing")
			}
			return append([]byte(method+":"), arg...), nil
		},
	})
	for _, c := range [][2]string{
		{"rows := load(\"flights/rows\")\nrows", "= (text/html)\n= [{Name:load:flights/rows At:0001-01-01 00:00:00 +0000 UTC}]\n"},
		{"more := load(\"x\")\nmore = rows\nlen(more)", "= 1\n"},
		{"import \"github.com/cellar-go/cellar/kernel/session/live\"\n_, err := live.Call(\"fail\", nil)\nerr", "= no such thing\n"},
		{"func load(n int) int { return n }\nload(3)", "= 3\n"},
		{"load(4)", "= 4\n"},
	} {
		if got := play(t.Context(), s, Cell{Source: c[0]}); got != c[1] {
			t.Errorf("%s\ngot  %s\nwant %s", c[0], got, c[1])
		}
	}
}
