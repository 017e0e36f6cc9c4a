package session

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkWarmCell is the time from Enter to output of a small cell, with its parts.
func BenchmarkWarmCell(b *testing.B) {
	s := start(b, Options{})
	run := func(source string) Result {
		r, err := s.Run(b.Context(), Cell{Source: source}, func(Event) {})
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	run("import \"fmt\"\nx := 0")
	var sum Timings
	n := int(time.Now().Unix()) // no former session has had these cells: nothing is taken from what it kept
	for b.Loop() {
		r := run(fmt.Sprintf("x = %d\nfmt.Println(x)", n))
		sum.Check += r.Timings.Check
		sum.Compile += r.Timings.Compile
		sum.Link += r.Timings.Link
		sum.Load += r.Timings.Load
		n++
	}
	for unit, d := range map[string]time.Duration{"check": sum.Check, "compile": sum.Compile, "link": sum.Link, "load": sum.Load} {
		b.ReportMetric(float64(d.Microseconds())/1000/float64(b.N), unit+"-ms/op")
	}
}

const native = `var sink float64
func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }
func loop(n int) float64 { s := 0.0; for i := 0; i < n; i++ { s += float64(i) * 0.5 }; return s }
func axpy(x, y []float64) { for i := range x { y[i] += 2 * x[i] } }
func measure(f func()) time.Duration { best := time.Hour; for range 7 { t := time.Now(); f(); best = min(best, time.Since(t)) }; return best }
func report() string {
	x, y := make([]float64, 4096), make([]float64, 4096)
	return fmt.Sprint(int64(measure(func() { sink += float64(fib(32)) })), " ", int64(measure(func() { sink += loop(50_000_000) })), " ", int64(measure(func() { for range 5000 { axpy(x, y) } })))
}
`

// BenchmarkNative compares a cell's code with a program that go build makes, in the same run. The ratios are metrics: 1 is equal.
func BenchmarkNative(b *testing.B) {
	dir := b.TempDir()
	file := filepath.Join(dir, "main.go")
	program := "package main\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n\n" + native + "\nfunc main() { fmt.Println(report()) }\n"
	if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "native"), file).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	s := start(b, Options{})
	for b.Loop() {
		var cell [3]float64
		if got := play(b.Context(), s, Cell{Source: "import (\"fmt\"; \"time\")\n" + native + "fmt.Print(report());"}); len(strings.Fields(got)) != 3 {
			b.Fatal(got)
		} else {
			fmt.Sscan(got, &cell[0], &cell[1], &cell[2])
		}
		out, err := exec.Command(filepath.Join(dir, "native")).Output()
		if err != nil {
			b.Fatal(err)
		}
		var own [3]float64
		fmt.Sscan(string(out), &own[0], &own[1], &own[2])
		for i, name := range []string{"fib", "loop", "axpy"} {
			b.ReportMetric(cell[i]/own[i], name+"-ratio")
		}
	}
}
