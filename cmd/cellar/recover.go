package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/place"
	"github.com/cellar-go/cellar/project"
)

func newRecover(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "recover OUTPUT",
		Short: "Write the executed notebook of a run that was killed, as far as it had come",
		Long: `Write the executed notebook of a run that ended without a word (killed, out of memory, power loss) as far as its journal goes, and
remove the journal. The next run of the same output does this by itself; with --resume it then goes on from there. OUTPUT is what the run
was given: where that is elsewhere, or where the run had none and OUTPUT is its notebook, the copy beside the store is recovered.`,
		Example: "  cellar recover runs/out.ipynb",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			output := args[0]
			err := papermill.Recover(output)
			if errors.Is(err, fs.ErrNotExist) {
				if file, found := copyOf(g, output); found {
					output, err = relative(file), papermill.Recover(file)
				}
			}
			if errors.Is(err, fs.ErrNotExist) {
				return fault.New(fault.Input, "a run that ended by itself, well or badly, has written its output and leaves no journal", "recover %s: there is no journal of a run beside it", args[0])
			}
			if errors.Is(err, journal.ErrLocked) {
				return fault.New(fault.Usage, "let it end; only what a dead run has left is recovered", "recover %s: %w", args[0], err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "written "+output)
			return nil
		},
	}
}

// copyOf is what a run beside the store works on when its output is elsewhere or not named, if it has left a journal.
func copyOf(g *global, name string) (file string, found bool) {
	p, err := project.Open(place.Folder(name), project.Options{Store: g.store})
	if err != nil {
		return "", false
	}
	if file, err = p.ExecutedCopy(name); err != nil {
		return "", false
	}
	_, err = os.Stat(journal.Path(file))
	return file, err == nil
}
