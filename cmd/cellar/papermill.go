package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/classic"
)

func newPapermill(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "papermill NOTEBOOK_PATH [OUTPUT_PATH]",
		Short: "Papermill's own command line, to the letter",
		Long: `The command line of Papermill 2.7.0: its flags, its output, its exit codes. Also what this program is when it is called papermill.
See docs/papermill.md; cellar run has the same flags and better manners.`,
		DisableFlagParsing: true, // Papermill's flags are not read as ours are
		RunE: func(c *cobra.Command, args []string) error {
			secrets, err := papermill.Secrets(nil)
			if err != nil {
				return err
			}
			name := "cellar papermill"
			if calledPapermill() {
				name = "papermill"
			}
			runtime.GOMAXPROCS(1) // see run
			p := classic.Program{Name: name, Version: version, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Secrets: secrets, Hurry: g.hurry}
			os.Exit(p.Run(c.Context(), args))
			return nil
		},
	}
}

// calledPapermill: this program has the name of the one it stands for.
func calledPapermill() bool {
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "papermill"
}

// arguments are the command line as cobra reads it.
func arguments() []string {
	args := os.Args[1:]
	switch {
	case calledPapermill():
		return append([]string{"papermill"}, args...)
	case len(args) > 0 && args[0] == "papermill":
		return args
	}
	return joinPairs(args)
}
