package session

import (
	"fmt"
	"testing"
	"time"
)

// TestAskWhileRunning asks of the session while cells run and redefine each other.
func TestAskWhileRunning(t *testing.T) {
	s := start(t, Options{})
	stop := make(chan bool)
	done := make(chan bool)
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				s.Complete("pt.", 3)
				s.Complete("for i := range pt.", 18)
				s.Inspect("pt", 1, 1)
				s.Variables()
				time.Sleep(time.Millisecond)
			}
		}
	}()
	for i := range 6 {
		if got := play(t.Context(), s, Cell{ID: "a", Source: fmt.Sprintf("type point struct{ x [%d]int }\nfunc (p point) n() int { return len(p.x) }\npt := point{}\npt.n()", i+1)}); got != fmt.Sprintf("= %d\n", i+1) {
			t.Errorf("got %s", got)
		}
	}
	close(stop)
	<-done
}
