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
	for _, source := range []string{"x = 2; for {}", "for i := 0; i < 10; i-- { x = 3 }", "y := []int{1}; for i := 0; i < 10; i++ { y[i] = x; i = -1 }", "y := []int{1}; for i := 0; i >= 0; i++ { y = append(y[:0], y...); x = i | 1 }", "<-ch", "ch <- 1", "select {}", "for range ch {}", "time.Sleep(time.Hour)",
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
			if took := time.Since(asked); took > 20*time.Second { // what is not stopped goes on for a minute; others may use the machine
				t.Errorf("it took %v", took)
			}
			if got := play(ctx, s, Cell{Source: "x > 0 && <-feed >= 0 || true"}); got != "= true\n" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// TestInterruptedCopies stops loops that work on copies of the session's variables: they have been written back.
func TestInterruptedCopies(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "n, sum, before := 1, 0.0, 0"})
	for _, source := range []string{"for { n++ }", "for i := 0; i >= 0; i++ { n = i; sum += float64(i) }", "for { for i := range 1000 { n += i } }"} {
		time.AfterFunc(time.Second, s.Interrupt)
		if _, err := s.Run(t.Context(), Cell{Source: source}, func(Event) {}); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("%s: %v", source, err)
		}
		if got := play(t.Context(), s, Cell{Source: "more := n > 1_000_000; n = 1; more"}); got != "= true\n" {
			t.Errorf("%s: afterwards: %s", source, got)
		}
	}
}

// A value whose String method is stopped is none.
func TestInterruptedValue(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "x := 1\ntype endless struct{}\nfunc (endless) String() string { x++; for {} }"})
	for _, source := range []string{"endless{}", "[]any{endless{}, 1}"} {
		time.AfterFunc(time.Second, s.Interrupt)
		if r, err := s.Run(t.Context(), Cell{Source: source}, func(Event) {}); !errors.Is(err, ErrInterrupted) || r.Value != nil {
			t.Errorf("%s: %v, %v", source, r.Value, err)
		}
	}
	if got := play(t.Context(), s, Cell{Source: "x"}); got != "= 3\n" {
		t.Errorf("afterwards: %s", got)
	}
}

// TestInterruptInLibraries stops cells that no check of their own reaches, and finds the state as it was.
func TestInterruptInLibraries(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: `import ("bufio"; "context"; "encoding/json"; "fmt"; "io"; "math/rand"; "net"; "net/http"; "os"; "os/exec"; "regexp"; "sort"; "strings"; "sync"; "sync/atomic"; "time"; "github.com/cellar-go/cellar/display")
x := 1
var mu sync.Mutex
mu.Lock()
var rw sync.RWMutex
rw.Lock()
cond := sync.NewCond(&sync.Mutex{})
type guarded struct { sync.Mutex; n int }
g := &guarded{}
g.Lock()
l, _ := net.Listen("tcp", "127.0.0.1:0")
go func() { for { c, err := l.Accept(); if err != nil { return }; _ = c } }()
address := l.Addr().String()
r, w, _ := os.Pipe()
var once sync.Once
numbers := rand.Perm(30_000_000)
document := []byte("[" + strings.Repeat("[1, 2.5, {\"a\": null}],", 10_000_000) + "1]")`})
	for _, c := range []struct{ source, afterwards string }{
		{"x = 2; mu.Lock(); x = 3", "mu.Unlock(); mu.Lock(); x == 2"},
		{"rw.RLock(); x = 3", "rw.Unlock(); rw.Lock(); x == 2"},
		{"rw.Lock()", "rw.Unlock(); ok := rw.TryLock(); ok"},
		{"g.Lock(); defer g.Unlock()", "g.Unlock(); g.Lock(); true"},
		{"func() { cond.L.Lock(); defer cond.L.Unlock(); cond.Wait() }()", "free := cond.L.(*sync.Mutex).TryLock(); cond.L.Unlock(); free"},
		{"{ resp, err := http.Get(\"http://\" + address); _ = resp; _ = err; x = 3 }", "x == 2"},
		{"c, err := net.Dial(\"tcp\", address)\nc.Read(make([]byte, 1))\nx = 3", "x == 2 && err == nil"},
		{"var name string; _, err := fmt.Scan(&name)", "var again string; fmt.Scan(&again); x == 2 && again == \"42\""},
		{"exec.Command(\"sleep\", \"100\").Run()\nx = 3", "x == 2"},
		{"exec.Command(\"sh\", \"-c\", \"sleep 100; true\").Run()\nfor { x = 2 }", "x == 2"},
		{"once.Do(func() { io.ReadAll(r) }); x = 3", "w.Close(); x == 2"},
		{"ctx, stop := context.WithCancel(context.Background()); defer stop(); exec.CommandContext(ctx, \"sleep\", \"100\").Run()", "x == 2"},
		{"bufio.NewReader(os.NewFile(func() uintptr { r, _, _ := os.Pipe(); return r.Fd() }(), \"\")).ReadString('\\n'); x = 3", "x == 2"},
		{"sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] })", "x == 2"},
		{"for range 1000 { json.Unmarshal(document, new(any)) }", "x == 2"},
		{"//| checks: off\nfor { display.HTML(strings.Repeat(`x`, 100_000)) }", "x == 2"},
		{"regexp.MustCompile(`(x*)*(y|z)*w`).FindAll(document, -1)", "x == 2"},
		{"var n atomic.Int32\nfmt.Fprint(io.Discard, func() int { for n.Load() == 0 { time.Sleep(time.Millisecond) }; return 1 }())", "x == 2"},
	} {
		t.Run(c.source, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			var asked time.Time
			timer := time.AfterFunc(1500*time.Millisecond, func() { asked = time.Now(); s.Interrupt() })
			defer timer.Stop()
			_, err := s.Run(ctx, Cell{Source: c.source}, func(Event) {})
			if !errors.Is(err, ErrInterrupted) {
				t.Fatalf("got %v", err)
			}
			if took := time.Since(asked); took > 20*time.Second { // what is not stopped goes on for a minute; others may use the machine
				t.Errorf("it took %v", took)
			}
			if got := play(ctx, s, Cell{Source: c.afterwards}); got != "= true\n" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// TestLeftBehind lets what an interrupted cell waited for come back: the cell does not go on, and the notice has said so.
func TestLeftBehind(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "import (\"io\"; \"os\"; \"time\")\nr, w, _ := os.Pipe()\nx, closed := 1, false\nvar text []byte\nfunc wait() { text, _ = io.ReadAll(r); defer func() { closed = true }(); x = 2; for { x = 3 } }"})
	time.AfterFunc(1500*time.Millisecond, s.Interrupt)
	result, err := s.Run(t.Context(), Cell{Source: "wait()\nx = 4\nx"}, func(Event) {})
	if !errors.Is(err, ErrInterrupted) || len(result.Notices) != 1 || !strings.Contains(result.Notices[0], "io.ReadAll") && !strings.Contains(result.Notices[0], "called at cell[1]:5") {
		t.Fatalf("got %v %q", err, result.Notices)
	}
	if got := play(t.Context(), s, Cell{Source: "w.Write([]byte(`late`))\nw.Close()\ntime.Sleep(300 * time.Millisecond)\nsum := 0\nfor i := range 1000 { sum += i }\nprintln(0)\nx"}); got != "0\n= 1\n" {
		t.Errorf("afterwards: %s", got)
	}
	if got := play(t.Context(), s, Cell{Source: "fmt.Sprint(string(text), closed)"}); got != "= latetrue\n" {
		t.Errorf("what it assigns, and defers right behind: %s", got)
	}
}

// TestSecondInterrupt ends a cell that nothing else stops.
func TestSecondInterrupt(t *testing.T) {
	s := start(t, Options{Grace: 100 * time.Millisecond})
	play(t.Context(), s, Cell{Source: "x := 1"})
	for i := range 2 {
		time.AfterFunc(time.Duration(i+3)*500*time.Millisecond, s.Interrupt)
	}
	_, err := s.Run(t.Context(), Cell{Source: "//| checks: off\nfor {}"}, func(Event) {})
	var lost *WorkerLostError
	if !errors.As(err, &lost) || !strings.Contains(lost.Error(), "second interrupt") || !strings.Contains(lost.Error(), "x int (cell[1])") {
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

// TestSecondInterruptIsExplained: a cell that looks at no flag goes on, and the user is told what a second interrupt costs.
func TestSecondInterruptIsExplained(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "x := 1"})
	told := make(chan struct{})
	time.AfterFunc(time.Second, s.Interrupt)
	_, err := s.Run(t.Context(), Cell{Source: "//| checks: off\n\nfor n := 0; ; n++ { x = n }"}, func(e Event) {
		if strings.Contains(e.Text, "a second interrupt ends the session's process") {
			close(told)
			s.Interrupt()
		}
	})
	var lost *WorkerLostError
	if !errors.As(err, &lost) {
		t.Errorf("got %v", err)
	}
	select {
	case <-told:
	default:
		t.Error("nothing was said")
	}
}
