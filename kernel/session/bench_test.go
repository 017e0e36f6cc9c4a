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

// native is measured in runs of about a millisecond: on a machine that others use too, some of many are not disturbed.
const native = `var sink float64
//go:noinline
func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }
//go:noinline
func loop(n int) float64 { s := 0.0; for i := 0; i < n; i++ { s += float64(i) * 0.5 }; return s }
//go:noinline
func axpy(x, y []float64) { for i := range x { y[i] += 2 * x[i] } }
//go:noinline
func indexed(x, y []float64, n int) { for i := 0; i < n; i++ { y[i] += 2 * x[i] } }
//go:noinline
func nested(n int) int { s := 0; for i := 0; i < n; i++ { for j := 0; j < n; j++ { s += i ^ j } }; return s }
//go:noinline
func matrix(a, b, c []float64, n int) { for i := range n { for j := range n { s := 0.0; for k := range n { s += a[i*n+k] * b[k*n+j] }; c[i*n+j] = s } } }
type account struct{ sum int }
func (a *account) add(n int) { a.sum += n }
//go:noinline
func methods(n int) int { a := &account{}; for i := 0; i < n; i++ { a.add(i) }; return a.sum }
type point struct{ x, y float64 }
func (p point) norm() float64 { return p.x*p.x + p.y*p.y }
type body struct{ point; mass float64 }
//go:noinline
func promoted(n int) float64 { b := body{point{1, 2}, 3}; s := 0.0; for i := 0; i < n; i++ { b.x = float64(i); s += b.norm() }; return s }
//go:noinline
func collatz(n int) int { steps := 0; for n != 1 { if n%2 == 0 { n /= 2 } else { n = 3*n + 1 }; steps++ }; return steps }
func measure(f func()) time.Duration { best := time.Hour; for range 300 { t := time.Now(); f(); best = min(best, time.Since(t)) }; return best }
func report() string {
	x, y := make([]float64, 4096), make([]float64, 4096)
	times := []time.Duration{
		measure(func() { sink += float64(fib(22)) }), measure(func() { sink += loop(500_000) }), measure(func() { for range 100 { axpy(x, y) } }), measure(func() { for range 100 { indexed(x, y, len(x)) } }),
		measure(func() { sink += float64(nested(700)) }), measure(func() { matrix(x, y, x, 60) }), measure(func() { sink += float64(methods(500_000)) }),
		measure(func() { sink += promoted(500_000) }),
		measure(func() { for i := 1; i < 3000; i++ { sink += float64(collatz(i)) } }),
	}
	text := ""
	for _, t := range times { text += fmt.Sprint(int64(t), " ") }
	return text
}
`

// BenchmarkNative compares a cell's code, with its checks for an interrupt and without, with a program that go build makes, in the same
// run. The ratios are metrics: 1 is equal. Where in a line of the processor's cache a loop begins can double its time, and is luck: each is
// measured at two places, and the better one counts.
func BenchmarkNative(b *testing.B) {
	places := []string{"", "//go:noinline\nfunc pad() {}\nfunc init() { pad() }\n"}
	dir := b.TempDir()
	for i, pad := range places {
		file := filepath.Join(dir, "main.go")
		program := "package main\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n\n" + pad + native + "\nfunc main() { fmt.Println(report()) }\n"
		if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
			b.Fatal(err)
		}
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, fmt.Sprint(i)), file).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	names := []string{"fib", "loop", "axpy", "indexed", "nested", "matrix", "methods", "promoted", "collatz"}
	better := func(best map[string]float64, text string) {
		words := strings.Fields(text)
		if len(words) != len(names) {
			b.Fatal(text)
		}
		for i, word := range words {
			n, err := strconv.ParseFloat(word, 64)
			if err != nil {
				b.Fatal(text)
			}
			if was := best[names[i]]; was == 0 || n < was {
				best[names[i]] = n
			}
		}
	}
	s := start(b, Options{})
	for b.Loop() {
		own, checked, unchecked := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for i, pad := range places {
			cell := "import (\"fmt\"; \"time\")\n" + pad + native + "fmt.Print(report());"
			better(checked, play(b.Context(), s, Cell{Source: cell}))
			better(unchecked, play(b.Context(), s, Cell{Source: "//| checks: off\n" + cell}))
			out, err := exec.Command(filepath.Join(dir, fmt.Sprint(i))).Output()
			if err != nil {
				b.Fatal(err)
			}
			better(own, string(out))
		}
		// The loop again, among a cell's statements over variables of the session.
		statements := strings.Repeat("start = time.Now()\nfor i := 0; i < 500_000; i++ { s += float64(i) * 0.5 }\nbest = min(best, time.Since(start))\n", 100)
		var loop float64
		text := play(b.Context(), s, Cell{Source: "s, best, start := 0.0, time.Hour, time.Now()\n" + statements + "fmt.Print(int64(best));"})
		if _, err := fmt.Sscan(text, &loop); err != nil {
			b.Fatal(text)
		}
		b.ReportMetric(loop/own["loop"], "statements-ratio")
		for _, name := range names {
			b.ReportMetric(checked[name]/own[name], name+"-ratio")
			b.ReportMetric(unchecked[name]/own[name], name+"-unchecked-ratio")
		}
	}
}
