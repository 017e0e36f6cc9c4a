package session

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// interrupt runs a cell that writes "begun" when it may be interrupted, and does that.
func interrupt(t *testing.T, s *Session, source string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	once := sync.OnceFunc(s.Interrupt)
	result, err := s.Run(ctx, Cell{Source: source}, func(e Event) {
		if strings.Contains(e.Text, "begun") {
			once()
		}
	})
	if !errors.Is(err, ErrInterrupted) || len(result.Notices) != 0 {
		t.Fatalf("%s\ngot %v %q", source, err, result.Notices)
	}
}

const polling = `import ("fmt"; "os"; "os/signal"; "runtime"; "runtime/debug"; "sync"; "sync/atomic"; "time"; "unsafe")
var over atomic.Bool
var others, waited sync.WaitGroup
turns, stopped, wrong := make([]int, 2), 0, 0
for i := range turns { others.Go(func() { for !over.Load() { turns[i]++ } }) }
others.Go(func() { for !over.Load() { runtime.GC(); time.Sleep(time.Millisecond) } })
signals := make(chan os.Signal, 1000)
signal.Notify(signals)
type node struct { next *node; n int }
func (n *node) last() int { for n.next != nil { n = n.next }; return n.n }
func fails(f func()) (err any) { defer func() { err = recover() }(); f(); return nil }
func nilDereference() any { var n *node; return fails(func() { n.n++ }) }
func nilInLoop() any { return fails(func() { for i := 0; ; i++ { var n *node; if i > 10 { n.last() } } }) }
func badAddress() any { defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)); at := uintptr(0xdead0000); return fails(func() { (*(**node)(unsafe.Pointer(&at))).n++ }) }
func faults() string { return fmt.Sprint(nilDereference(), "; ", nilInLoop(), "; ", badAddress()) }
var mu sync.Mutex
square, pair := make(map[int]int), [2]int{}
func squares() bool { for i, n := range square { if n%100 != i*i%100 { return false } }; return true }
func locked() { mu.Lock(); defer mu.Unlock(); for i := 0; ; i++ { square[i%100] = i*i; pair[0]++; pair[1]++ } }
func results() (a, b int, text string) {
	defer func() {
		for i := range 1000 { pair[0] += i%2; pair[1] += i%2 }
		if a != b { wrong++ }
		text = fmt.Sprint(recover())
		if text == "interrupted" { stopped++ }
		for range 10 { a++ }
	}()
	for { a++; b++ }
}
func deep(n int) (sum int) { defer func() { if sum > n { wrong++ } }(); for range n { sum++ }; return deep(n+1) + 1 }
`

const wantFaults = "runtime error: invalid memory address or nil pointer dereference"

// TestPolls interrupts tight loops, many times: what has been deferred runs and finds what the loop has done, the goroutines beside them go
// on, and faults of the user's own stay what they are.
func TestPolls(t *testing.T) {
	for name, c := range map[string]struct {
		start  func(*testing.T) *Session
		rounds int
	}{
		"linked":  {func(t *testing.T) *Session { return start(t, Options{}) }, 14},
		"plugins": {asPlugins, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.start(t)
			if !s.process.polls {
				t.Skip("loops look at a flag here")
			}
			play(t.Context(), s, Cell{Source: polling})
			faults := func() {
				t.Helper()
				if got := play(t.Context(), s, Cell{Source: "fmt.Print(faults());"}); strings.Count(got, wantFaults) != 3 {
					t.Errorf("faults of the user's own: %s", got)
				}
			}
			faults()
			rounds := 0
			for range c.rounds {
				for _, loop := range []string{
					"for {}",
					"locked()",
					"_, _, text := results()\nfor {}",
					"deep(0)",
					"for n := 0; ; { for n = range 1000 { pair[0]++; pair[1]++ } }",
					"again: goto again",
					"c := make(chan int)\nwaited.Go(func() { <-c })\nfunc() { defer close(c); fmt.Println(\"begun\"); for {} }()",
				} {
					if !strings.Contains(loop, "begun") {
						loop = "fmt.Println(\"begun\")\n" + loop
					}
					interrupt(t, s, loop)
					rounds++
				}
			}
			faults()
			want := "true true true 0 true true\n"
			got := play(t.Context(), s, Cell{Source: `before := turns[0] + turns[1]
time.Sleep(20 * time.Millisecond)
waited.Wait()
fmt.Println(turns[0] + turns[1] > before, mu.TryLock(), pair[0] == pair[1], wrong, stopped > 0, squares())`})
			if got != want {
				t.Errorf("after %d rounds: got %swant %s", rounds, got, want)
			}
			if got := play(t.Context(), s, Cell{Source: "over.Store(true)\nothers.Wait()\nlen(signals) < cap(signals)"}); !strings.HasPrefix(got, "= ") {
				t.Errorf("in the end: %s", got)
			}
		})
	}
}

// TestPollsOfOthers: where goroutines that an interrupt is not for loop beside the one that it is for, they lose nothing.
func TestPollsOfOthers(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: `import "fmt"
sums := make(chan [2]int, 4)
for range 2 { go func() { a, b := 0, 0; for i := range 1_000_000_000 { a += i; b ^= i }; sums <- [2]int{a, b} }() }`})
	for range 20 {
		interrupt(t, s, "fmt.Println(\"begun\")\nfor {}")
	}
	if got := play(t.Context(), s, Cell{Source: "fmt.Println(<-sums == <-sums, 1)"}); got != "true 1\n" {
		t.Errorf("got %s", got)
	}
}
