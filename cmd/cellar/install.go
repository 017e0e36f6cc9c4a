package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel"
)

func newInstall(g *global) *cobra.Command {
	var o kernel.InstallOptions
	var remove bool
	c := &cobra.Command{
		Use:   "install",
		Short: "Install the Go kernel for Jupyter",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			do, did := kernel.Install, "Installed"
			if remove {
				do, did = kernel.Uninstall, "Removed"
			}
			dir, err := do(o)
			if err != nil {
				return err
			}
			if g.json {
				return ui.JSON(c.OutOrStdout(), map[string]string{"path": dir})
			}
			fmt.Fprintf(c.OutOrStdout(), "%s the kernelspec %s\n", did, dir)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.As, "as", "", "stand for another Go kernel, gophernotes or gonb: its notebooks run unchanged")
	f.BoolVar(&o.Force, "force", false, "replace the kernelspec of another kernel")
	f.StringVar(&o.Name, "name", "", "name of the kernelspec (default cellar)")
	f.StringVar(&o.DisplayName, "display-name", "", "what front-ends show (default Go (Cellar))")
	f.BoolVar(&o.SysPrefix, "sys-prefix", false, "install in the active Python environment")
	f.StringVar(&o.Prefix, "prefix", "", "install under PREFIX/share/jupyter")
	f.BoolVar(&remove, "remove", false, "remove it again")
	f.Bool("user", true, "install for the user (the default)")
	c.MarkFlagsMutuallyExclusive("sys-prefix", "prefix", "user")
	return c
}
