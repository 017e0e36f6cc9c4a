package papermill

import (
	"os"
	"testing"
)

// TestMain lets the test program stand for a runner that can be killed, and for kernels.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "run-alone" {
		runAlone(os.Args[2], os.Args[3])
	}
	if len(os.Args) == 3 && os.Args[1] == "odd-kernel" {
		oddKernel(os.Args[2])
	}
	os.Exit(m.Run())
}
