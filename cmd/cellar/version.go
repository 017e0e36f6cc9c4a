package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/ui"
)

// version is this program's; releases set it by -ldflags.
var version = "0.1.0-dev"

func newVersion(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if g.json {
				return ui.JSON(c.OutOrStdout(), map[string]string{"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			fmt.Fprintf(c.OutOrStdout(), "cellar %s (%s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
