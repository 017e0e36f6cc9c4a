// Command cellar turns the cells of notebooks into assets of a production graph. Each command is a file of this folder: it parses flags,
// calls one function of a package, prints.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/project"
)

// global holds the flags that all commands have.
type global struct {
	json  bool
	store string
	hurry <-chan struct{} // closed by the second interrupt
}

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	if len(os.Args) > 1 && !slices.Contains([]string{"kernel", "run", "papermill"}, os.Args[1]) && !calledPapermill() {
		debug.SetGCPercent(400) // other commands live too short to tidy up
	} else {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // nobody may read the log any more: the notebook is still wanted
	}
	g := &global{hurry: secondOf(ends)}
	root := newRoot(g)
	root.SetArgs(arguments())
	err := root.ExecuteContext(ctx)
	stop()
	os.Exit(ui.Fail(os.Stderr, err, g.json))
}

// secondOf is closed when one of the signals comes again. Who runs us may pass on a signal that we have got from the terminal, too, so what
// comes within a moment is one.
func secondOf(signals []os.Signal) <-chan struct{} {
	const moment = 500 * time.Millisecond
	came, second := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(came, signals...)
	go func() {
		<-came
		for first := time.Now(); time.Since(first) < moment; {
			<-came
		}
		close(second)
	}()
	return second
}

func newRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:   "cellar",
		Short: "The cells of notebooks as assets of a production graph",
		Long: `Cellar makes the cells of Jupyter notebooks assets of a graph: every value a Parquet file, every version found again by git commit.

Exit codes: 0 success, 1 a cell or step failed, 2 wrong usage, 3 wrong input (notebook, definition, unknown asset),
4 something is missing on the machine (cellar doctor), or credentials are, 5 disk, store or server, 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := "`cellar --help` lists the commands"
			c.SuggestionsMinimumDistance = 2
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				hint = "did you mean " + strings.Join(near, " or ") + "?"
			}
			return fault.New(fault.Usage, hint, "no command %s", args[0])
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.PersistentFlags().BoolVar(&g.json, "json", false, "print JSON")
	root.PersistentFlags().StringVar(&g.store, "store", "", "folder of the store (default $CELLAR_STORE, else cellar in the git folder)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	root.AddCommand(newStatus(g), newList(g), newShow(g), newMaterialize(g), newLoad(g), newHistory(g), newStore(g), newRun(g), newRecover(g), newPapermill(g), newExtract(g),
		newKernel(), newInstall(g), newDoctor(g), newVersion(g))
	for _, c := range root.Commands() {
		checkArguments(c)
	}
	return root
}

// checkArguments makes a wrong number of arguments a usage mistake, like a wrong flag.
func checkArguments(c *cobra.Command) {
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage(c, err)
		}
		return nil
	}
}

func usage(c *cobra.Command, err error) error {
	var m *fault.Mistake
	if errors.As(err, &m) {
		return err
	}
	text := strings.TrimSuffix(err.Error(), ".")
	if n := (*strconv.NumError)(nil); errors.As(err, &n) {
		what := "it is no whole number"
		if errors.Is(n, strconv.ErrRange) {
			what = "it is too large"
		}
		text = strings.Replace(text, n.Error(), what, 1)
	}
	return fault.New(fault.Usage, "usage: "+c.UseLine()+"\n`"+c.CommandPath()+" --help` says more", "%s", text)
}

// open finds the project of the working folder.
func (g *global) open() (*project.Project, error) {
	return project.Open(".", project.Options{Store: g.store})
}

// snapshot reads the work tree.
func (g *global) snapshot(ctx context.Context) (*project.Project, *project.Snapshot, error) {
	p, err := g.open()
	if err != nil {
		return nil, nil, err
	}
	s, err := p.Snapshot(ctx)
	return p, s, err
}

// warn prints what is wrong in files that the command does not need.
func warn(c *cobra.Command, problems []error) {
	for _, err := range problems {
		ui.Fail(c.ErrOrStderr(), err, false)
	}
}
