package commands

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/cellar-go/cellar/internal/fault"
)

// shellMeaning are the characters that make a line one for a shell.
const shellMeaning = "|&;<>`$()"

// goCommand is %go: the go command, in the session's module. One that changes go.mod says how, and counts for the cells after it.
func goCommand(x *call) error {
	if len(x.args) == 0 {
		return x.usage()
	}
	err := x.goTool(x.args)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fault.New(fault.Failed, "", "%s:%d: go %s: %s", x.cell.Name, x.magic.Line, x.args[0], exit.ProcessState)
	}
	return err
}

func (x *call) goTool(args []string) error {
	module, err := x.c.Session.Module(x.ctx)
	if err != nil {
		return err
	}
	around, err := x.c.Session.Surroundings(x.ctx)
	if err != nil {
		return err
	}
	dir := around.Dir
	within := dir == module.Root || strings.HasPrefix(dir, module.Root+string(filepath.Separator))
	elsewhere := []string{"get", "mod", "list", "doc", "work"} // what is asked there is asked of the module
	if module.Work != "" && !module.Own {
		elsewhere = elsewhere[:2]
	}
	if !within && slices.Contains(elsewhere, args[0]) && !slices.Equal(args[:min(2, len(args))], []string{"mod", "init"}) {
		dir = module.Root
	}
	args = slices.Concat(args[:1], x.c.buildFlags(args[0]), args[1:])
	argv := append([]string{"go"}, args...)
	if x.name == "%go" && strings.ContainsAny(x.rest, shellMeaning) {
		argv = shellOf("go " + x.rest)
	}
	err = x.program(program{argv: argv, dir: dir})
	if err == nil && args[0] == "mod" && len(args) > 1 && args[1] == "init" { // another module than the one that Stamp looked at
		return x.moduleChanged()
	}
	return err
}

// AutoGetEnv names the variable by which a kernelspec says that imports may add modules, as GoNB lets them.
const AutoGetEnv = "CELLAR_AUTOGET"

// AutoGet tells whether imports may add modules to go.mod, and whether anybody has said so.
func (c *Commands) AutoGet() (allowed, decided bool) {
	if c.autoget != nil {
		return *c.autoget, true
	}
	return true, os.Getenv(AutoGetEnv) == "1"
}

func autoget(on bool) func(*call) error {
	return func(x *call) error { x.c.autoget = &on; return nil }
}

// buildFlags are the flags of %goflags, for those go commands that have them.
func (c *Commands) buildFlags(verb string) []string {
	if slices.Contains([]string{"build", "run", "test", "vet", "install", "list"}, verb) {
		return c.goflags
	}
	return nil
}

// moduleChanged makes the session take the module as it is now.
func (x *call) moduleChanged() error {
	x.c.Session.Reread()
	module, err := x.c.Session.Module(x.ctx)
	if err == nil && module.Own {
		x.notice("%s has changed.", filepath.Join(module.Root, "go.mod"))
	}
	return err
}

// inModule is !*command. GoNB runs it where it builds, which nobody minds. Here that is the user's own module: a go command is the same as
// %go, and anything else runs in a folder of its own with copies of go.mod and go.sum.
func inModule(x *call) error {
	if x.rest == "" {
		return x.usage()
	}
	if fields := strings.Fields(x.rest); fields[0] == "go" && len(fields) > 1 && !strings.ContainsAny(x.rest, shellMeaning) {
		return told(x, x.goTool(words(x.rest)[1:]))
	}
	dir, err := x.c.folder(x)
	if err != nil {
		return err
	}
	ask := x.c.asks
	x.c.asks = closed
	return told(x, x.program(program{argv: shellOf(x.rest), dir: dir, ask: ask}))
}

// folder is a folder of the session's with copies of the module's files, whose paths lead where they led.
func (c *Commands) folder(x *call) (string, error) {
	module, err := c.Session.Module(x.ctx)
	if err != nil {
		return "", err
	}
	around, err := c.Session.Surroundings(x.ctx)
	if err != nil {
		return "", err
	}
	dir := ""
	for _, v := range around.Env {
		if value, ok := strings.CutPrefix(v, TempDir+"="); ok {
			dir = value
		}
	}
	if dir == "" {
		return around.Dir, nil
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(module.Root, name))
		if err != nil {
			continue
		}
		if f, err := modfile.Parse(name, text, nil); err == nil && name == "go.mod" {
			for _, r := range f.Replace {
				if r.New.Version == "" && !filepath.IsAbs(r.New.Path) {
					f.AddReplace(r.Old.Path, r.Old.Version, filepath.Join(module.Root, r.New.Path), "")
				}
			}
			if absolute, err := f.Format(); err == nil {
				text = absolute
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return "", fault.New(fault.Storage, "free some room, or set TMPDIR", "copy %s: %w", name, err)
		}
	}
	return dir, nil
}

// TempDir names the variable with the folder of !* commands, as GoNB calls it.
const TempDir = "GONB_TMP_DIR"

// goflags is %goflags: flags for the go commands of this session. Cells are compiled and linked in another way.
func goflags(x *call) error {
	if len(x.args) > 0 {
		x.c.goflags = slices.DeleteFunc(slices.Clone(x.args), func(s string) bool { return s == "" })
		if len(x.c.goflags) > 0 {
			x.notice("These flags count for %%go build, run, test and vet; cells are compiled without them.")
		}
	}
	x.print("%%goflags=%q", x.c.goflags)
	return nil
}
