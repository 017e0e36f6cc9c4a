package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/kernel"
	"github.com/cellar-go/cellar/kernel/assets"
	"github.com/cellar-go/cellar/project"
)

func newKernel() *cobra.Command {
	var connection string
	c := &cobra.Command{
		Use:   "kernel --connection-file FILE",
		Short: "Be a Jupyter kernel; Jupyter and `cellar run` start it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			memory, err := project.ParseBytes(os.Getenv("CELLAR_MEMORY"))
			if err != nil {
				return fault.New(fault.Usage, "for example CELLAR_MEMORY=4GB", "CELLAR_MEMORY: %w", err)
			}
			o := kernel.Options{Version: version}
			o.Session.Memory = memory
			assets.Attach(&o)
			return kernel.Serve(c.Context(), connection, o)
		},
	}
	c.Flags().StringVarP(&connection, "connection-file", "f", "", "the connection file")
	c.MarkFlagRequired("connection-file")
	return c
}
