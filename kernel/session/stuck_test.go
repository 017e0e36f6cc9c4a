package session

import (
	"strings"
	"testing"
	"time"
)

// TestStuck tells of cells that nothing can wake, and only of them.
func TestStuck(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "import (\"sync\"; \"time\"; \"os\"; \"net\")\nc := make(chan int)\nvar mu sync.Mutex\nr, _, _ := os.Pipe()\nl, _ := net.Listen(\"tcp\", \"127.0.0.1:0\")"})
	for _, c := range []struct {
		source string
		stuck  bool
	}{
		{"\nselect {}", true},
		{"go func() { c <- <-c }()\n<-c", true},
		{"mu.Lock()\nmu.Lock()", true},
		{"var wg sync.WaitGroup; wg.Add(1)\nwg.Wait()", true},
		{"x := 0\n<-time.After(time.Hour)", false},
		{"go func() { time.Sleep(time.Hour); c <- 1 }()\n<-c", false},
		{"\nl.Accept()", false},
	} {
		timer := time.AfterFunc(4*time.Second, s.Interrupt)
		told := 0
		s.Run(t.Context(), Cell{Source: c.source, Name: "this"}, func(e Event) {
			if strings.HasPrefix(e.Text, "this:2: the cell waits, and so does every goroutine") {
				told++
				timer.Reset(0)
			}
		})
		if told > 1 || (told == 1) != c.stuck {
			t.Errorf("%s: told %d times", c.source, told)
		}
	}
}
