package papermill

import (
	"context"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/testkit"
)

// BenchmarkCells is our own CPU time for each trivial Python cell, without the kernel's; on one processor, as cellar run has it.
func BenchmarkCells(b *testing.B) {
	testkit.UsePython(b)
	const cells = 1000
	sources := make([]string, cells)
	for i := range sources {
		sources[i] = "print(1)"
	}
	in := pythonNotebook(b, sources...)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	start := ownCPU(b)
	for b.Loop() {
		if _, err := Run(context.Background(), Options{Input: in, Output: filepath.Join(b.TempDir(), "out.ipynb")}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((ownCPU(b)-start).Microseconds())/float64(b.N*cells), "own-µs/cell")
}

func ownCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
