package kernel

import (
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/cellar-go/cellar/internal/atomicfile"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/kernel/commands"
)

//go:embed logo/*
var logos embed.FS

// InstallOptions say where a kernelspec goes; the zero value installs for the user.
type InstallOptions struct {
	// As is another Go kernel, gophernotes or gonb, whose name the kernelspec takes: that kernel's notebooks then run here as they are.
	As          string
	Force       bool   // replace a kernelspec that is not Cellar's
	Name        string // the kernelspec's name; default: cellar, or As
	DisplayName string // what front-ends show; default: Go (Cellar)
	Prefix      string // install under this prefix, in share/jupyter
	SysPrefix   bool   // install in the Python environment in use: VIRTUAL_ENV, CONDA_PREFIX, or the python3 that is found first
	Executable  string // the program that the kernelspec starts; default: this one
}

// Spec is a kernelspec, the file kernel.json; see "Kernel specs" in the specification of kernels.
type Spec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"`
	Env           map[string]string `json:"env"`
	Metadata      map[string]any    `json:"metadata"`
	Protocol      string            `json:"kernel_protocol_version"` // of messages
}

// stand is what a kernel is called in whose place ours is installed, and what its notebooks rely on.
type stand struct {
	display string
	env     map[string]string
}

var stands = map[string]stand{
	"gophernotes": {display: "Go (gophernotes) (Cellar)"},
	"gonb":        {display: "Go (gonb) (Cellar)", env: map[string]string{commands.AutoGetEnv: "1"}},
}

// Install writes the kernelspec and returns its folder. A kernelspec of that name is replaced if it is Cellar's; at no moment is it half
// written.
func Install(o InstallOptions) (string, error) {
	dir, err := o.folder()
	if err != nil {
		return "", err
	}
	if other, err := readSpec(dir); err == nil && !other.ours() && !o.Force {
		return "", fault.New(fault.Input, "choose another --name, or replace it with --force", "%s holds the kernelspec of another kernel, %q", dir, other.DisplayName)
	}
	as, env := stands[o.As], map[string]string{}
	if o.DisplayName == "" {
		o.DisplayName = as.display
	}
	maps.Copy(env, as.env)
	if o.Executable == "" {
		if o.Executable, err = os.Executable(); err != nil {
			return "", fault.New(fault.Environment, "", "find this program's own path: %w", err)
		}
		if strings.Contains(o.Executable, string(filepath.Separator)+"go-build") {
			return "", fault.New(fault.Usage, "run `go install ./cmd/cellar`, then `cellar install`", "this program was started by `go run`, and %s will be deleted when it ends", o.Executable)
		}
	}
	if o.DisplayName == "" {
		o.DisplayName = "Go (Cellar)"
	}
	spec, err := json.MarshalIndent(Spec{
		Argv:          []string{o.Executable, "kernel", "--connection-file", "{connection_file}"},
		DisplayName:   o.DisplayName,
		Language:      "go",
		InterruptMode: "message",
		Env:           env,
		Metadata:      map[string]any{"debugger": false, "supported_encryption": []string{"curve"}},
		Protocol:      jupyter.ProtocolVersion,
	}, "", " ")
	if err != nil {
		return "", err
	}
	files, err := fs.ReadDir(logos, "logo")
	if err != nil {
		return "", err
	}
	for _, f := range files {
		b, err := logos.ReadFile("logo/" + f.Name())
		if err != nil {
			return "", err
		}
		if err := atomicfile.Write(filepath.Join(dir, f.Name()), b, 0o644); err != nil {
			return "", o.unwritable(err)
		}
	}
	// Last, for a folder is a kernelspec when it has this file.
	if err := atomicfile.Write(filepath.Join(dir, "kernel.json"), append(spec, '\n'), 0o644); err != nil {
		return "", o.unwritable(err)
	}
	return dir, nil
}

// Uninstall removes the kernelspec that Install writes with the same options, and returns its folder.
func Uninstall(o InstallOptions) (string, error) {
	dir, err := o.folder()
	if err != nil {
		return "", err
	}
	switch spec, err := readSpec(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return "", fault.New(fault.Input, "`jupyter kernelspec list` shows what is installed", "no kernelspec in %s", dir)
	case err != nil:
		return "", fault.New(fault.Storage, "", "read kernelspec: %w", err)
	case !spec.ours():
		return "", fault.New(fault.Input, "remove it with `jupyter kernelspec remove`", "the kernelspec in %s is not Cellar's", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", o.unwritable(err)
	}
	return dir, nil
}

func readSpec(dir string) (spec Spec, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "kernel.json"))
	if err == nil {
		_ = json.Unmarshal(b, &spec) // one that is broken is not ours
	}
	return spec, err
}

// ours reports whether Install has written the kernelspec.
func (s Spec) ours() bool {
	return s.Language == "go" && len(s.Argv) > 2 && s.Argv[1] == "kernel" && s.Argv[2] == "--connection-file"
}

var specName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// folder is where the kernelspec belongs.
func (o InstallOptions) folder() (string, error) {
	if _, known := stands[o.As]; o.As != "" && !known {
		return "", fault.New(fault.Usage, "`--as gophernotes` and `--as gonb` are possible; --name gives the kernelspec any name", "there is no kernel %q to stand for", o.As)
	}
	if o.Name == "" {
		o.Name = cmp.Or(o.As, "cellar")
	}
	if !specName.MatchString(o.Name) || strings.Trim(o.Name, ".") == "" {
		return "", fault.New(fault.Usage, "use letters, digits, `.`, `_` and `-`", "%q can't be the name of a kernelspec", o.Name)
	}
	switch {
	case o.Prefix != "" && o.SysPrefix:
		return "", fault.New(fault.Usage, "give one of them", "--prefix and --sys-prefix exclude each other")
	case o.Prefix != "":
		abs, err := filepath.Abs(o.Prefix)
		return filepath.Join(abs, "share", "jupyter", "kernels", o.Name), err
	case o.SysPrefix:
		prefix, err := sysPrefix()
		return filepath.Join(prefix, "share", "jupyter", "kernels", o.Name), err
	}
	dir, err := dataDir()
	return filepath.Join(dir, "kernels", o.Name), err
}

// dataDir is the user's folder for Jupyter's data, as jupyter_core finds it on Linux and macOS.
func dataDir() (string, error) {
	if d := os.Getenv("JUPYTER_DATA_DIR"); d != "" {
		return filepath.Abs(d)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fault.New(fault.Environment, "set HOME or JUPYTER_DATA_DIR, or use --prefix", "the user has no home folder: %w", err)
	}
	platform := truthy(os.Getenv("JUPYTER_PLATFORM_DIRS"))
	if runtime.GOOS == "darwin" {
		if platform {
			return filepath.Join(home, "Library", "Application Support", "jupyter"), nil
		}
		return filepath.Join(home, "Library", "Jupyter"), nil
	}
	if d := os.Getenv("XDG_DATA_HOME"); d != "" {
		return filepath.Join(d, "jupyter"), nil
	}
	return filepath.Join(home, ".local", "share", "jupyter"), nil
}

// truthy reads a variable as jupyter_core does.
func truthy(s string) bool {
	switch strings.ToLower(s) {
	case "", "no", "n", "false", "off", "0", "0.0":
		return false
	}
	return true
}

// sysPrefix is Python's sys.prefix.
func sysPrefix() (string, error) {
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if dir := os.Getenv(name); dir != "" {
			return dir, nil
		}
	}
	out, err := exec.Command("python3", "-c", "import sys; print(sys.prefix)").Output()
	if err != nil {
		return "", fault.New(fault.Environment, "activate a Python environment, or name a folder with --prefix", "no Python environment for --sys-prefix: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (o InstallOptions) unwritable(err error) error {
	hint := "install for the user (without --prefix), or in a Python environment with --sys-prefix"
	if o.Prefix == "" && !o.SysPrefix { // for the user it was
		hint = "set JUPYTER_DATA_DIR to a folder that can be written, or install elsewhere with --prefix or --sys-prefix"
	}
	return fault.New(fault.Storage, hint, "install kernelspec: %w", err)
}
