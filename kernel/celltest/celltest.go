// Package celltest runs the tests and benchmarks of a session inside its worker, as go test runs those of a package.
//
// The command %test and %timeit are cells that call it. It knows the testing package and what an interrupt is; which functions there are
// is for the caller to say. Start reading at Run.
package celltest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/kernel/session/live"
)

// Tests and Benchmarks are functions of cells, with their names.
type (
	Tests      = []testing.InternalTest
	Benchmarks = []testing.InternalBenchmark
)

// Run runs tests and benchmarks under the flags of a test binary: -test.v, -test.run=R, -test.bench=R. It panics when one fails.
func Run(args []string, tests Tests, benchmarks Benchmarks) {
	set := testFlags()
	set.VisitAll(func(f *flag.Flag) { f.Value.Set(f.DefValue) })
	if err := set.Parse(args); err != nil {
		panic(fmt.Sprintf("%%test: %v", err))
	}
	if set.NArg() > 0 {
		panic(fmt.Sprintf("%%test: %q is no flag; -run=NAME chooses the tests", set.Arg(0)))
	}
	for i, t := range tests {
		tests[i].F = func(tt *testing.T) { defer Tested(tt)(); t.F(tt) }
	}
	for i, b := range benchmarks {
		benchmarks[i].F = func(bb *testing.B) { defer Tested(bb)(); b.F(bb) }
	}
	stdout := os.Stdout
	code := testing.MainStart(deps{}, tests, benchmarks, nil, nil).Run()
	os.Stdout = stdout
	stopped()
	if code != 0 {
		panic("tests failed")
	}
}

// Time measures what the body does in its b.Loop, and prints the time and the memory of one iteration.
func Time(runs int, body func(b *testing.B)) {
	var lowest, highest testing.BenchmarkResult
	begin, done := time.Now(), 0
	for ; done < runs && (done == 0 || time.Since(begin) < 5*time.Second); done++ {
		var said said
		r := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			defer Tested(&tester{b, &said})()
			body(b)
		})
		stopped()
		if said != "" {
			panic(string(said))
		}
		if done == 0 || perOp(r) < perOp(lowest) {
			lowest = r
		}
		if done == 0 || perOp(r) > perOp(highest) {
			highest = r
		}
	}
	fmt.Printf("%s a loop, %d B and %d allocations; %d loops", duration(perOp(lowest)), lowest.AllocedBytesPerOp(), lowest.AllocsPerOp(), lowest.N)
	if done > 1 {
		fmt.Printf(", the lowest of %d runs (highest %s)", done, duration(perOp(highest)))
	}
	fmt.Println()
}

type said string

// tester keeps what a benchmark says of its failure: testing.Benchmark does not.
type tester struct {
	*testing.B
	said *said
}

func (t *tester) Errorf(format string, args ...any) {
	*t.said = said(strings.TrimPrefix(fmt.Sprintf(format, args...), "panic: "))
}

func perOp(r testing.BenchmarkResult) float64 { return float64(r.T) / float64(max(1, r.N)) }

// duration has three digits that count.
func duration(ns float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= unit.size {
			return fmt.Sprintf("%.3g %s", ns/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.3g ns", ns)
}

// stopped goes on with an interrupt that a test's goroutine has met.
func stopped() {
	if live.Stopping() {
		panic(live.Interrupted{})
	}
}

var flags *flag.FlagSet

// testFlags are the flags of package testing, in a set of their own: the cells' own flags stay theirs.
func testFlags() *flag.FlagSet {
	if flags == nil {
		own := flag.CommandLine
		flag.CommandLine = flag.NewFlagSet("%test", flag.ContinueOnError)
		testing.Init()
		flags, flag.CommandLine = flag.CommandLine, own
		flags.SetOutput(io.Discard)
	}
	if !flag.Parsed() { // testing would do it with the worker's arguments
		flag.CommandLine.Parse(nil)
	}
	return flags
}

// deps is what go test would put between testing and the rest; fuzzing and profiles are not for cells.
type deps struct{}

type corpusEntry = struct {
	Parent     string
	Path       string
	Data       []byte
	Values     []any
	Generation int
	IsSeed     bool
}

var errNone = errors.New("cells have no fuzzing and no profiles: use `go test`")

func (deps) MatchString(pattern, s string) (bool, error) { return regexp.MatchString(pattern, s) }
func (deps) ImportPath() string                          { return "main" }
func (deps) ModulePath() string                          { return "" }
func (deps) SetPanicOnExit0(bool)                        {}
func (deps) StartCPUProfile(io.Writer) error             { return errNone }
func (deps) StopCPUProfile()                             {}
func (deps) StartTestLog(io.Writer)                      {}
func (deps) StopTestLog() error                          { return errNone }
func (deps) WriteProfileTo(string, io.Writer, int) error { return errNone }
func (deps) CoordinateFuzzing(time.Duration, int64, time.Duration, int64, int, []corpusEntry, []reflect.Type, string, string) error {
	return errNone
}
func (deps) RunFuzzWorker(func(corpusEntry) error) error              { return errNone }
func (deps) ReadCorpus(string, []reflect.Type) ([]corpusEntry, error) { return nil, errNone }
func (deps) CheckCorpus([]any, []reflect.Type) error                  { return nil }
func (deps) ResetCoverage()                                           {}
func (deps) SnapshotCoverage()                                        {}
func (deps) InitRuntimeCoverage() (mode string, tearDown func(string, string) (string, error), snapshot func() float64) {
	runtime.GC() // benchmarks begin with little garbage of the cells before
	return "", nil, nil
}
