package kernel

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
)

// peer is a kernel that the benchmarks compare.
type peer struct {
	name         string
	argv         []string // the connection file comes last
	small, lines string   // cells
}

func cellar(t testing.TB) peer {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return peer{"cellar", []string{self, "kernel", "--connection-file"}, "%d + 1", "import \"fmt\"\nfor i := range 200_000 {\n\tfmt.Println(i)\n}"}
}

func peers(b *testing.B) []peer {
	return []peer{cellar(b), {"ipykernel", []string{python(b), "-m", "ipykernel_launcher", "-f"}, "%d + 1", "for i in range(200_000):\n    print(i)"}}
}

// launch starts a kernel and waits for its kernel_info.
func (p peer) launch(b testing.TB) (*jupyter.Client, func()) {
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
	client, err := jupyter.Dial(ctx, c)
	if err == nil {
		_, err = client.WaitReady(ctx)
	}
	if err != nil {
		cmd.Process.Kill()
		b.Fatal(err)
	}
	return client, func() {
		client.Request(jupyter.Control, "shutdown_request", map[string]bool{"restart": false})
		cmd.Wait()
		client.Close()
	}
}

// run runs a cell to its idle status.
func run(b *testing.B, c *jupyter.Client, code string) {
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
		}
		if m.Parent.ID != h.ID || m.Decode(&content) != nil {
			continue
		}
		if m.Header.Type == "error" {
			b.Fatal(content.Value)
		}
		if content.State == "idle" {
			return
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
			run(b, c, "0")
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
			run(b, c, "0")
			for b.Loop() {
				run(b, c, p.lines)
			}
		})
	}
}
