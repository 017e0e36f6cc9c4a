package papermill

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	gokernel "github.com/cellar-go/cellar/kernel"
)

// TestMain lets the test program stand for a runner that can be killed, for odd kernels, and for cellar itself, which the runner starts as
// `cellar kernel` where no Jupyter is installed.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "run-alone" {
		runAlone(os.Args[2], os.Args[3])
	}
	if len(os.Args) == 3 && os.Args[1] == "odd-kernel" {
		oddKernel(os.Args[2])
	}
	if i := slices.Index(os.Args, "--connection-file"); i > 0 && len(os.Args) > i+1 && os.Args[1] == "kernel" {
		if err := gokernel.Serve(context.Background(), os.Args[i+1], gokernel.Options{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
