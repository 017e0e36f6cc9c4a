package session

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
func nested(n int) int { s := 0; for i := 0; i < n; i++ { for j := 0; j < n; j++ { s += i ^ j } }; return s }
func matrix(a, b, c []float64, n int) { for i := range n { for j := range n { s := 0.0; for k := range n { s += a[i*n+k] * b[k*n+j] }; c[i*n+j] = s } } }
type account struct{ sum int }
func (a *account) add(n int) { a.sum += n }
func methods(n int) int { a := &account{}; for i := 0; i < n; i++ { a.add(i) }; return a.sum }
func collatz(n int) int { steps := 0; for n != 1 { if n%2 == 0 { n /= 2 } else { n = 3*n + 1 }; steps++ }; return steps }
func measure(f func()) time.Duration { best := time.Hour; for range 7 { t := time.Now(); f(); best = min(best, time.Since(t)) }; return best }
func report() string {
	x, y := make([]float64, 4096), make([]float64, 4096)
	times := []time.Duration{
		measure(func() { sink += float64(fib(32)) }), measure(func() { sink += loop(50_000_000) }), measure(func() { for range 5000 { axpy(x, y) } }),
		measure(func() { sink += float64(nested(5000)) }), measure(func() { matrix(x, y, x, 60) }), measure(func() { sink += float64(methods(20_000_000)) }),
		measure(func() { for i := 1; i < 200_000; i++ { sink += float64(collatz(i)) } }),
	}
	text := ""
	for _, t := range times { text += fmt.Sprint(int64(t), " ") }
	return text
}
`

// BenchmarkNative compares a cell's code, with its checks for an interrupt and without, with a program that go build makes, in the same
// run. The ratios are metrics: 1 is equal.
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
	names := []string{"fib", "loop", "axpy", "nested", "matrix", "methods", "collatz"}
	numbers := func(text string) (list []float64) {
		for _, word := range strings.Fields(text) {
			n, err := strconv.ParseFloat(word, 64)
			if err != nil {
				b.Fatal(text)
			}
			list = append(list, n)
		}
		if len(list) != len(names) {
			b.Fatal(text)
		}
		return list
	}
	s := start(b, Options{})
	for b.Loop() {
		checked := numbers(play(b.Context(), s, Cell{Source: "import (\"fmt\"; \"time\")\n" + native + "fmt.Print(report());"}))
		unchecked := numbers(play(b.Context(), s, Cell{Source: "//| checks: off\nimport (\"fmt\"; \"time\")\n" + native + "fmt.Print(report());"}))
		out, err := exec.Command(filepath.Join(dir, "native")).Output()
		if err != nil {
			b.Fatal(err)
		}
		own := numbers(string(out))
		for i, name := range names {
			b.ReportMetric(checked[i]/own[i], name+"-ratio")
			b.ReportMetric(unchecked[i]/own[i], name+"-unchecked-ratio")
		}
	}
}
