package session

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
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

// TestEndOfInput ends the input of cells: what they read ends there, and later cells ask again.
func TestEndOfInput(t *testing.T) {
	s := start(t, Options{Handle: Answering(func(context.Context, Question) (string, error) { return "", io.EOF }, nil)})
	for _, x := range []struct {
		source  string
		answers []string // "" ends
		want    string
	}{
		{"all, err := io.ReadAll(os.Stdin)\nfmt.Printf(\"%q %v\", all, err)", []string{"one", "two", ""}, `"one\ntwo\n" <nil>`},
		{"sum := 0\nfor sc := bufio.NewScanner(os.Stdin); sc.Scan(); { sum += len(sc.Text()) }\nfmt.Print(sum)", []string{"abc", ""}, "3"},
		{"var n int\n_, err = fmt.Scan(&n)\nfmt.Print(n, err)", []string{"7"}, "7 <nil>"},
		{"_, err = fmt.Scan(&n)\nfmt.Print(err)", []string{""}, "EOF"},
		{"_, err = display.Ask(\"name? \")\nfmt.Print(err == io.EOF)", nil, "true"},
	} {
		var mu sync.Mutex
		var shown strings.Builder
		asked := 0
		_, err := s.Run(t.Context(), Cell{Source: x.source}, func(e Event) {
			mu.Lock()
			shown.WriteString(e.Text)
			mu.Unlock()
			if e.Kind != Input {
				return
			}
			switch asked++; { // one question at a time
			case asked > len(x.answers):
				s.RefuseInput()
			case x.answers[asked-1] == "":
				if err := s.EndInput(); err != nil {
					t.Error(err)
				}
			default:
				s.Answer(x.answers[asked-1])
			}
		})
		if err != nil || shown.String() != x.want || asked != len(x.answers) {
			t.Errorf("%s:\n%s, %v, asked %d times; want\n%s, %d times", x.source, shown.String(), err, asked, x.want, len(x.answers))
		}
	}
}
