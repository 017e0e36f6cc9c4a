package kernel

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/internal/testkit"
)

// peer is a kernel that the benchmarks compare.
type peer struct {
	name  string
	argv  []string // the connection file comes last
	small string   // a cell with a number that makes it new
	lines string   // prints 200,000 lines
	loop  string   // prints the nanoseconds that it takes to add 100 million numbers, and to find the 32nd Fibonacci number
}

const (
	goLines = "for i := range 200_000 {\n\tfmt.Println(i)\n}"
	goFib   = "func fib(n int) int {\n\tif n < 2 {\n\t\treturn n\n\t}\n\treturn fib(n-1) + fib(n-2)\n}\n"
	goLoop  = "start := time.Now()\nsum := 0.0\nfor i := 0; i < 100_000_000; i++ {\n\tsum += float64(i)\n}\nloop := time.Since(start)\nstart = time.Now()\nfib(32)\nfmt.Println(loop.Nanoseconds(), time.Since(start).Nanoseconds(), sum > 0)"
	imports = "import (\n\t\"fmt\"\n\t\"time\"\n)\n"
)

func cellar(t testing.TB) peer {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return peer{"cellar", []string{self, "kernel", "--connection-file"}, "%d + 1", imports + goLines, imports + goFib + goLoop}
}

// peers are this kernel, ipykernel, and those kernels for Go that are in the PATH.
func peers(b *testing.B) []peer {
	all := []peer{cellar(b), {"ipykernel", []string{testkit.Python(b), "-m", "ipykernel_launcher", "-f"}, "%d + 1", "for i in range(200_000):\n    print(i)",
		`import time
def fib(n): return n if n < 2 else fib(n-1) + fib(n-2)
start = time.perf_counter_ns()
total = 0.0
for i in range(100_000_000): total += i
loop = time.perf_counter_ns() - start
start = time.perf_counter_ns()
fib(32)
print(loop, time.perf_counter_ns() - start)`}}
	if gonb, err := exec.LookPath("gonb"); err == nil {
		all = append(all, peer{"gonb", []string{gonb, "--kernel"}, "%%%%\nfmt.Println(%d + 1)", imports + "%%\n" + goLines, imports + goFib + "%%\n" + goLoop})
	}
	if gophernotes, err := exec.LookPath("gophernotes"); err == nil {
		lines := strings.Replace(goLines, "i := range 200_000", "i := 0; i < 200000; i++", 1)
		all = append(all, peer{"gophernotes", []string{gophernotes}, "%d + 1", imports + lines, imports + goFib + strings.ReplaceAll(goLoop, "_", "")})
	}
	return all
}

// launch starts a kernel and waits for its kernel_info.
func (p peer) launch(b testing.TB) (*jupyter.Client, func()) {
	b.Helper()
	client, _, end := p.start(b)
	return client, end
}

// start is launch that also tells the process.
func (p peer) start(b testing.TB) (*jupyter.Client, *os.Process, func()) {
	b.Helper()
	c, err := jupyter.NewConnection()
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "connection.json")
	if err := c.Write(file); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(p.argv[0], append(p.argv[1:], file)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := jupyter.Dial(ctx, c, jupyter.ClientOptions{})
	if err == nil {
		_, err = client.WaitReady(ctx)
	}
	if err != nil {
		cmd.Process.Kill()
		b.Fatal(err)
	}
	return client, cmd.Process, func() {
		client.Request(jupyter.Control, "shutdown_request", map[string]bool{"restart": false})
		cmd.Wait()
		client.Close()
	}
}

// run runs a cell to its idle status, and gives what it printed.
func run(b testing.TB, c *jupyter.Client, code string) (output string) {
	b.Helper()
	h, err := c.Request(jupyter.Shell, "execute_request", map[string]any{"code": code, "silent": false, "store_history": false, "allow_stdin": false})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for {
		m, err := c.Receive(ctx, jupyter.IOPub)
		if err != nil {
			b.Fatal(err)
		}
		var content struct {
			State string `json:"execution_state"`
			Value string `json:"evalue"`
			Text  string `json:"text"`
		}
		if m.Parent.ID != h.ID || m.Decode(&content) != nil {
			continue
		}
		output += content.Text
		if m.Header.Type == "error" {
			b.Fatal(content.Value)
		}
		if content.State == "idle" {
			return output
		}
	}
}

// BenchmarkStart is from starting the process to its kernel_info_reply.
func BenchmarkStart(b *testing.B) {
	for _, p := range peers(b) {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				_, stop := p.launch(b)
				b.StopTimer()
				stop()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkSmallCell is from sending a warm kernel a small cell, each time another one, to its idle status.
func BenchmarkSmallCell(b *testing.B) {
	for _, p := range peers(b) {
		b.Run(p.name, func(b *testing.B) {
			c, stop := p.launch(b)
			defer stop()
			run(b, c, fmt.Sprintf(p.small, 0))
			n := int(time.Now().Unix()) // no former session has had these cells
			for b.Loop() {
				n++
				run(b, c, fmt.Sprintf(p.small, n))
			}
		})
	}
}

// BenchmarkLines is a cell that prints 200,000 lines.
func BenchmarkLines(b *testing.B) {
	for _, p := range peers(b) {
		b.Run(p.name, func(b *testing.B) {
			c, stop := p.launch(b)
			defer stop()
			run(b, c, fmt.Sprintf(p.small, 0))
			for b.Loop() {
				run(b, c, p.lines)
			}
		})
	}
}

// BenchmarkLoop is a loop and a recursion in a cell, each by the cell's own clock.
func BenchmarkLoop(b *testing.B) {
	for _, p := range peers(b) {
		b.Run(p.name, func(b *testing.B) {
			c, stop := p.launch(b)
			defer stop()
			for b.Loop() {
				var loop, fib float64
				if out := run(b, c, p.loop); out == "" {
					b.Fatal("it printed nothing")
				} else if _, err := fmt.Sscan(out, &loop, &fib); err != nil {
					b.Fatalf("%q: %v", out, err)
				}
				b.ReportMetric(loop/1e6, "loop-ms")
				b.ReportMetric(fib/1e6, "fib-ms")
			}
		})
	}
}
