package commands

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
)

// cd is %cd: the folder of the cells and commands after it.
func cd(x *call) error {
	switch len(x.args) {
	case 0:
		return pwd(x)
	case 1:
	default:
		return x.usage()
	}
	dir, err := x.path(x.args[0])
	if err != nil {
		return err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return x.mistake("`%cd` alone says where the session is", "there is no folder %s", dir)
	}
	dir = filepath.Clean(dir)
	if err := x.c.Session.Chdir(x.ctx, dir); err != nil {
		return x.mistake("", "%w", err)
	}
	if err := x.c.Session.Setenv(x.ctx, "GONB_DIR", dir); err != nil {
		return err
	}
	x.print("%s", dir)
	return nil
}

func pwd(x *call) error {
	around, err := x.c.Session.Surroundings(x.ctx)
	if err != nil {
		return err
	}
	if around.Dir == "" {
		return x.noFolder()
	}
	x.print("%s", around.Dir)
	return nil
}

// env is %env: variables of the cells and commands after it.
func env(x *call) error {
	name, value, set := strings.Cut(x.rest, "=")
	if !set || strings.ContainsAny(name, " \t") { // GoNB's %env NAME value
		name, value, set = strings.Cut(x.rest, " ")
		value = strings.TrimSpace(value)
	}
	if unquoted := words(value); len(unquoted) == 1 && strings.HasPrefix(value, `"`) {
		value = unquoted[0]
	}
	if set {
		if err := x.c.Session.Setenv(x.ctx, name, value); err != nil {
			return x.mistake("write "+x.command.usage, "%w", err)
		}
		x.print("%s=%s", name, value)
		return nil
	}
	around, err := x.c.Session.Surroundings(x.ctx)
	if err != nil {
		return err
	}
	all := slices.Clone(around.Env)
	slices.Sort(all)
	for _, v := range all {
		if key, value, _ := strings.Cut(v, "="); name == "" {
			x.print("%s", v)
		} else if key == name {
			x.print("%s", value)
			return nil
		}
	}
	if name != "" {
		return x.mistake("`%env` alone lists the variables", "no variable %s", name)
	}
	return nil
}

// go111module is gophernotes': modules are always on here.
func go111module(x *call) error {
	if len(x.args) == 1 && x.args[0] == "on" {
		return nil
	}
	return x.mistake("take the line out", "imports are always found by Go modules")
}

// resetModule begins the scratch module anew.
func (x *call) resetModule() error {
	module, err := x.c.Session.Module(x.ctx)
	if err != nil {
		return err
	}
	if module.Own {
		return x.mistake("edit it, or use `%go mod edit`", "%s is the project's own", filepath.Join(module.Root, "go.mod"))
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := os.Remove(filepath.Join(module.Root, name)); err != nil && !os.IsNotExist(err) {
			return fault.New(fault.Storage, "", "reset the scratch module: %w", err)
		}
	}
	return x.moduleChanged()
}
