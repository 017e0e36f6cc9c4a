package main

import (
	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/kernel"
	"github.com/cellar-go/cellar/kernel/assets"
)

func newKernel() *cobra.Command {
	var connection string
	c := &cobra.Command{
		Use:   "kernel --connection-file FILE",
		Short: "Be a Jupyter kernel; Jupyter and `cellar run` start it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o := kernel.Options{Version: version}
			assets.Attach(&o)
			return kernel.Serve(c.Context(), connection, o)
		},
	}
	c.Flags().StringVarP(&connection, "connection-file", "f", "", "the connection file")
	c.MarkFlagRequired("connection-file")
	return c
}
