package kernel

import (
	"os/exec"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/internal/testkit"
)

// A process that the kernel started counts, with its memory and what it computes; the worker is one.
func TestUsage(t *testing.T) {
	s := start(t, Options{})
	before, _ := s.request(jupyter.Control, "usage_request", nil)
	for _, field := range []string{"hostname", "pid", "cpu_count", "kernel_cpu", "kernel_memory", "host_virtual_memory"} {
		if before[field] == nil {
			t.Errorf("no %s in %v", field, before)
		}
	}
	child := exec.Command(testkit.Python(t), "-c", "x = bytearray(b'x') * (64 << 20)\nprint('ready', flush=True)\nwhile True: pass")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { child.Process.Kill(); child.Wait() }()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	s.request(jupyter.Control, "usage_request", nil)
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		after, _ := s.request(jupyter.Control, "usage_request", nil)
		if after["kernel_memory"].(float64) > before["kernel_memory"].(float64)+60<<20 && after["kernel_cpu"].(float64) > 5 {
			if percent, ok := after["host_cpu_percent"].(float64); ok && (percent < 0 || percent > 100) {
				t.Errorf("host_cpu_percent %v", percent)
			}
			return
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("the child does not count: %v, then %v", before, after)
		}
	}
}
