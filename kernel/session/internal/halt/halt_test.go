//go:build linux && amd64

package halt

import (
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/goid"
)

func isPanic(value any) bool {
	err, ok := value.(runtime.Error)
	return ok && err.Error() == "runtime error: floating point error"
}

// TestGoroutine halts calls into libraries that would take long, with the garbage collector at work, and finds what they have deferred done.
func TestGoroutine(t *testing.T) {
	if preemptOffset() == 0 { // go test leaves the debug information out of what it runs, but not of what it keeps
		if slices.Contains(os.Args, "-test.paniconexit0=false") {
			t.Fatal("the program does not know where the runtime's g has its fields")
		}
		program := filepath.Join(t.TempDir(), "halt.test")
		if out, err := exec.Command("go", "test", "-c", "-o", program, ".").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if out, err := exec.Command(program, "-test.paniconexit0=false", "-test.run", "^TestGoroutine$").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.GC()
			}
		}
	}()
	numbers := make([]int, 3_000_000)
	document := []byte("[" + strings.Repeat(`{"a": [1, 2.5, "x"], "b": {"c": null}},`, 100_000) + "1]")
	for name, long := range map[string]func(){
		"sort": func() {
			for i := range numbers {
				numbers[i] = i * 7919 % 1_000_003
			}
			sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] })
		},
		"slices": func() {
			for i := range numbers {
				numbers[i] = i * 7919 % 1_000_003
			}
			slices.SortFunc(numbers, func(a, b int) int { return a - b })
		},
		"regexp": func() { regexp.MustCompile("(a*)*(b|c)*d").FindAll(bytes.Repeat([]byte("aaab"), 10_000), -1) },
		"json":   func() { var v any; json.Unmarshal(document, &v) },
		"big":    func() { new(big.Int).MulRange(1, 300_000) },
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 20 {
				Begin()
				over, deferred := make(chan struct{}), false
				var value any
				var g uintptr
				running := make(chan struct{})
				go func() {
					defer close(over)
					defer func() { value = recover(); End() }()
					g = goid.Current()
					close(running)
					for {
						func() { defer func() { deferred = true }(); long() }()
					}
				}()
				<-running
				time.Sleep(20 * time.Millisecond)
				start := time.Now()
				if i%5 == 0 { // spared at first
					Hold(g)
					time.AfterFunc(200*time.Millisecond, func() {
						select {
						case <-over:
							t.Error("it was halted while it was held")
						default:
						}
						Hold(0)
					})
				}
				Goroutine(g, over)
				select {
				case <-over:
				case <-time.After(10 * time.Second):
					t.Fatal("it was not halted")
				}
				if !deferred || !isPanic(value) {
					t.Errorf("deferred %v, recovered %v", deferred, value)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
			}
		})
	}
}
