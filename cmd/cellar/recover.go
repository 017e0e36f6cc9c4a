package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/journal"
)

func newRecover() *cobra.Command {
	return &cobra.Command{
		Use:   "recover OUTPUT",
		Short: "Write the executed notebook of a run that was killed, as far as it had come",
		Long: `Write the executed notebook of a run that ended without a word (killed, out of memory, power loss) as far as its journal goes, and
remove the journal. The next run of the same output does this by itself; with --resume it then goes on from there.`,
		Example: "  cellar recover runs/out.ipynb",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			err := papermill.Recover(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return fault.New(fault.Input, "a run that ended by itself, well or badly, has written its output and leaves no journal", "recover %s: there is no journal of a run beside it", args[0])
			}
			if errors.Is(err, journal.ErrLocked) {
				return fault.New(fault.Usage, "let it end; only what a dead run has left is recovered", "recover %s: %w", args[0], err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "written "+args[0])
			return nil
		},
	}
}
