//go:build linux && amd64

package halt

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/goid"
)

// TestGoroutine halts calls into libraries that would take long, with the garbage collector at work, and finds what they have deferred done.
func TestGoroutine(t *testing.T) {
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
			for range 20 {
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
				Goroutine(g, over)
				select {
				case <-over:
				case <-time.After(10 * time.Second):
					debug.SetTraceback("all")
					panic("it was not halted")
				}
				if !deferred || !IsHalt(value) {
					t.Errorf("deferred %v, recovered %v", deferred, value)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
			}
		})
	}
}
