package classic

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	gokernel "github.com/cellar-go/cellar/kernel"
	"github.com/cellar-go/cellar/papermill"
)

// TestMain lets the test program stand for papermill, and for cellar, which it starts as `cellar kernel` for Go notebooks.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_PAPERMILL") != "" {
		if i := slices.Index(os.Args, "--connection-file"); i > 0 {
			if err := gokernel.Serve(context.Background(), os.Args[i+1], gokernel.Options{}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
		secrets, err := papermill.Secrets(nil)
		if err != nil {
			panic(err)
		}
		p := Program{Name: "papermill", Version: "0.1.0-dev", In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Secrets: secrets}
		os.Exit(p.Run(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}
