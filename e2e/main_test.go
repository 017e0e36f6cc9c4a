package e2e

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

var update = flag.Bool("update", false, "write the golden files anew")

var world *testkit.World

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if world, err = testkit.Build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	world.Remove()
	os.Exit(code)
}
