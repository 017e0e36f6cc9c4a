package session

import (
	"errors"
	"testing"
	"time"
)

// TestInterruptedWhere interrupts cells in their own code, in a library that computes and in one that waits: the error says at which line.
func TestInterruptedWhere(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: `import ("os"; "math/big"; "time")
r, w, _ := os.Pipe()
x := 1
func spin() {
	for {
		x++
	}
}
func product(n int64) {
	new(big.Int).MulRange(1, n)
}`})
	for source, want := range map[string]string{
		"x = 2\nspin()":                    "interrupted\n\tcell[1]:5 main.spin\n\tthis:2",
		"x = 2\nproduct(20_000_000)":       "interrupted\n\tcell[1]:10 main.product\n\tthis:2",
		"x = 2\n\nr.Read(make([]byte, 1))": "interrupted\n\tthis:3",
		"x = 2\ntime.Sleep(time.Hour)":     "interrupted\n\tthis:2",
	} {
		timer := time.AfterFunc(time.Second, s.Interrupt)
		_, err := s.Run(t.Context(), Cell{Source: source, Name: "this"}, func(Event) {})
		timer.Stop()
		if !errors.Is(err, ErrInterrupted) || err.Error() != want {
			t.Errorf("%s: got %v", source, err)
		}
		if got := play(t.Context(), s, Cell{Source: "x > 1"}); got != "= true\n" {
			t.Errorf("afterwards: %s", got)
		}
	}
}
