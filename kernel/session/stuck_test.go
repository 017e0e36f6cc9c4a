package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestStuck ends cells that nothing can wake, and only them. The session goes on.
func TestStuck(t *testing.T) {
	s := start(t, Options{Handle: func(context.Context, string, []byte) ([]byte, error) { time.Sleep(4 * time.Second); return nil, nil }})
	play(t.Context(), s, Cell{Source: "import (\"iter\"; \"sync\"; \"time\"; \"os\"; \"net\"; \"github.com/cellar-go/cellar/kernel/session/live\")\nc := make(chan int)\nvar mu sync.Mutex\nr, _, _ := os.Pipe()\nl, _ := net.Listen(\"tcp\", \"127.0.0.1:0\")"})
	for _, c := range []struct {
		source string
		stuck  bool
	}{
		{"\nselect {}", true},
		{"go func() { c <- <-c }()\n<-c", true},
		{"mu.Lock()\nmu.Lock()", true},
		{"var wg sync.WaitGroup; wg.Add(1)\nwg.Wait()", true},
		{"// in a library\nsync.OnceFunc(func() { select {} })()", true},
		{"next, _ := iter.Pull(func(yield func(int) bool) { yield(1) }); next()\nselect {}", true},
		{"x := 0\n<-time.After(time.Hour)", false},
		{"go func() { time.Sleep(time.Hour); c <- 1 }()\n<-c", false},
		{"\nl.Accept()", false},
		{"\nlive.Call(\"slow\", nil)", false},
	} {
		patience := 5 * time.Second
		if c.stuck {
			patience = time.Minute
		}
		timer := time.AfterFunc(patience, s.Interrupt)
		_, err := s.Run(t.Context(), Cell{Source: c.source, Name: "this"}, func(Event) {})
		timer.Stop()
		var ended *EndedError
		if stuck := errors.As(err, &ended) && strings.HasPrefix(err.Error(), "all goroutines are asleep - deadlock!\n\tthis:2"); stuck != c.stuck {
			t.Errorf("%s: %v", c.source, err)
		}
	}
	// A front-end may wake this one: the user is told.
	s = start(t, Options{})
	told := 0
	s.Run(t.Context(), Cell{Source: "import \"github.com/cellar-go/cellar/display/comm\"\nc := make(chan int); comm.Register(\"wake\", func(*comm.Comm, comm.Message) { close(c) }); <-c", Name: "this"}, func(e Event) {
		if strings.HasPrefix(e.Text, "this:2: the cell waits, and so does every goroutine") {
			told++
			go s.Interrupt()
		}
	})
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	if got := play(t.Context(), s, Cell{Source: "cap(c)"}); got != "= 0\n" {
		t.Errorf("afterwards: %s", got)
	}
}
