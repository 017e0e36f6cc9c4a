package kernels

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
)

// Spec says how a kernel is started; see "Kernel specs" in the documentation of jupyter_client.
type Spec struct {
	Name          string                     `json:"-"`
	Dir           string                     `json:"-"` // where kernel.json is; empty for our own kernel
	Argv          []string                   `json:"argv"`
	DisplayName   string                     `json:"display_name"`
	Language      string                     `json:"language"`
	InterruptMode string                     `json:"interrupt_mode"` // signal (also when empty) or message
	Env           map[string]string          `json:"env"`
	Metadata      map[string]json.RawMessage `json:"metadata"`
}

// Specs lists the kernels that can be started here, by name: those installed for Jupyter, where the first of a name
// counts, and ours, which is in this program.
func Specs() ([]Spec, error) {
	own, err := ownKernel()
	if err != nil {
		return nil, err
	}
	specs := map[string]Spec{}
	for _, dir := range kernelDirs() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // most of the folders are not there
		}
		for _, e := range entries {
			name := strings.ToLower(e.Name())
			if _, taken := specs[name]; taken || !kernelName.MatchString(name) {
				continue
			}
			if spec, err := readSpec(filepath.Join(dir, e.Name())); err == nil {
				spec.Name = name
				specs[name] = spec
			}
		}
	}
	if _, installed := specs[own.Name]; !installed {
		specs[own.Name] = own
	}
	return slices.SortedFunc(maps.Values(specs), func(a, b Spec) int { return cmp.Compare(a.Name, b.Name) }), nil
}

var kernelName = regexp.MustCompile(`^[a-z0-9._-]+$`)

// Find finds the kernel of this name; without a name, the first of the language. A Go notebook whose kernel isn't installed
// (gophernotes, gonb) gets ours; to Jupyter's client the kernel python is python3.
func Find(name, language string) (Spec, error) {
	specs, err := Specs()
	if err != nil {
		return Spec{}, err
	}
	byName := func(name string) int {
		return slices.IndexFunc(specs, func(s Spec) bool { return s.Name == strings.ToLower(name) })
	}
	if i := byName(name); i >= 0 {
		return specs[i], nil
	}
	if i := byName("python3"); name == "python" && i >= 0 {
		return specs[i], nil
	}
	if strings.EqualFold(language, "go") || slices.Contains([]string{"go", "gophernotes", "gonb", "lgo"}, strings.ToLower(name)) {
		return specs[byName(ownName)], nil
	}
	if i := slices.IndexFunc(specs, func(s Spec) bool { return strings.EqualFold(s.Language, language) }); name == "" && language != "" && i >= 0 {
		return specs[i], nil
	}
	var installed []string
	for _, s := range specs {
		installed = append(installed, fmt.Sprintf("%s (%s)", s.Name, cmp.Or(s.Language, "language not said")))
	}
	hint := "installed are " + strings.Join(installed, ", ") + ": choose one with -k"
	if how := howToInstall(name, language); how != "" {
		hint += ", or install it: " + how
	}
	if err := brokenSpec(name); err != nil {
		return Spec{}, fault.New(fault.Environment, hint, "kernel %s can't be used: %w", name, err)
	}
	if name == "" && language != "" {
		return Spec{}, fault.New(fault.Environment, hint, "no kernel for %s is installed", language)
	}
	if name == "" {
		return Spec{}, fault.New(fault.Input, hint, "the notebook doesn't say which kernel runs it")
	}
	return Spec{}, fault.New(fault.Environment, hint, "kernel %s is not installed", name)
}

const ownName = "cellar"

// ownKernel is the Go kernel in this program. It needs no Jupyter.
func ownKernel() (Spec, error) {
	self, err := os.Executable()
	if err != nil {
		return Spec{}, fmt.Errorf("cellar: find this program: %w", err)
	}
	return Spec{
		Name: ownName, DisplayName: "Go (cellar)", Language: "go", InterruptMode: "message",
		Argv: []string{self, "kernel", "--connection-file", "{connection_file}"},
	}, nil
}

// howToInstall is the usual command for the kernels that people mostly mean.
func howToInstall(name, language string) string {
	// The name counts more than the language: -k julia-1.9 is asked for, whatever the notebook is in.
	kind := strings.ToLower(name)
	if i := strings.IndexAny(kind, "-_. 0123456789"); i > 0 {
		kind = kind[:i]
	}
	how := installers(kind)
	if how == "" {
		how = installers(strings.ToLower(language))
	}
	return how
}

// installers knows kernels by their usual names, without versions, and by their languages.
func installers(kind string) string {
	switch is := func(words ...string) bool { return slices.Contains(words, kind) }; {
	case is("python", "ipykernel"):
		return "python3 -m pip install ipykernel && python3 -m ipykernel install --user"
	case is("xpython", "xeus"):
		return "python3 -m pip install xeus-python"
	case is("ijavascript"):
		return "npm install -g ijavascript && ijsinstall"
	case is("ir", "r"):
		return `Rscript -e 'install.packages("IRkernel"); IRkernel::installspec()'`
	case is("julia"):
		return `julia -e 'using Pkg; Pkg.add("IJulia")'`
	case is("bash"):
		return "python3 -m pip install bash_kernel && python3 -m bash_kernel.install"
	case is("rust", "evcxr"):
		return "cargo install --locked evcxr_jupyter && evcxr_jupyter --install"
	case is("deno", "typescript", "javascript", "tslab", "jslab"):
		return "deno jupyter --install"
	case is("c#", "csharp", "f#", "fsharp", "powershell", "pwsh") || strings.HasPrefix(kind, ".net"):
		return "dotnet tool install -g Microsoft.dotnet-interactive && dotnet interactive jupyter install"
	case is("scala", "almond"):
		return "coursier launch almond -- --install"
	case is("scheme"):
		return "python3 -m pip install calysto_scheme && python3 -m calysto_scheme install --user"
	case is("octave"):
		return "python3 -m pip install octave_kernel && python3 -m octave_kernel install --user"
	}
	return ""
}

func readSpec(dir string) (Spec, error) {
	spec := Spec{Dir: dir}
	file := filepath.Join(dir, "kernel.json")
	data, err := os.ReadFile(file)
	if err != nil {
		return spec, err
	}
	if err = json.Unmarshal(data, &spec); err == nil && len(spec.Argv) == 0 {
		err = errors.New("argv is empty")
	}
	if err != nil {
		return spec, fmt.Errorf("%s: %w", file, err)
	}
	return spec, nil
}

// brokenSpec says why a kernel that is installed can't be used; nil where it is not installed.
func brokenSpec(name string) error {
	name = strings.ToLower(name)
	if !kernelName.MatchString(name) {
		return nil
	}
	for _, dir := range kernelDirs() {
		if _, err := readSpec(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// kernelDirs are the folders that jupyter_core.paths.jupyter_path("kernels") would give, in its order.
func kernelDirs() []string {
	var dirs []string
	add := func(bases ...string) {
		for _, base := range bases {
			if dir := filepath.Join(base, "kernels"); base != "" && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	add(filepath.SplitList(os.Getenv("JUPYTER_PATH"))...)
	var environment []string
	for _, prefix := range prefixes() {
		environment = append(environment, filepath.Join(prefix, "share", "jupyter"))
	}
	if preferEnvironment() {
		add(environment...)
		add(userData())
	} else {
		add(userData())
		add(environment...)
	}
	add("/usr/local/share/jupyter", "/usr/share/jupyter")
	if home, err := os.UserHomeDir(); err == nil {
		add(cmp.Or(os.Getenv("IPYTHONDIR"), filepath.Join(home, ".ipython")))
	}
	return dirs
}

// preferEnvironment follows jupyter_core: what is set by hand, else whether an environment is active.
func preferEnvironment() bool {
	switch strings.ToLower(os.Getenv("JUPYTER_PREFER_ENV_PATH")) {
	case "":
		return os.Getenv("VIRTUAL_ENV") != "" || os.Getenv("CONDA_PREFIX") != ""
	case "no", "n", "false", "off", "0", "0.0":
		return false
	}
	return true
}

// prefixes are the Python environments that Jupyter would look into if it ran here: active ones, and those of the programs on PATH.
func prefixes() []string {
	found := []string{os.Getenv("VIRTUAL_ENV"), os.Getenv("CONDA_PREFIX")}
	for _, program := range []string{"jupyter", "python3", "python"} {
		if path, err := exec.LookPath(program); err == nil {
			found = append(found, filepath.Dir(filepath.Dir(path)))
		}
	}
	return slices.DeleteFunc(found, func(p string) bool { return p == "" })
}

func userData() string {
	if dir := os.Getenv("JUPYTER_DATA_DIR"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Jupyter")
	}
	return filepath.Join(cmp.Or(os.Getenv("XDG_DATA_HOME"), filepath.Join(home, ".local", "share")), "jupyter")
}

var pythonCommand = regexp.MustCompile(`^python(3(\.\d+)?)?$`)

// command is the spec's argv for a connection file. A bare "python" is the one of the environment that the spec is installed in,
// because there jupyter_client would itself run.
func (s Spec) command(connectionFile string) []string {
	var argv []string
	for _, arg := range s.Argv {
		arg = strings.ReplaceAll(arg, "{connection_file}", connectionFile)
		argv = append(argv, strings.ReplaceAll(arg, "{resource_dir}", s.Dir))
	}
	if !pythonCommand.MatchString(argv[0]) {
		return argv
	}
	if prefix, ok := strings.CutSuffix(filepath.Dir(s.Dir), filepath.Join("share", "jupyter", "kernels")); ok {
		if python := filepath.Join(prefix, "bin", argv[0]); executable(python) {
			argv[0] = python
			return argv
		}
	}
	if _, err := exec.LookPath(argv[0]); err != nil {
		argv[0] = "python3"
	}
	return argv
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// environment is env with what the spec adds; ${NAME} in it stands for env's value, and is left alone where there is none.
func (s Spec) environment(env []string) []string {
	values := variables(env)
	env = slices.Clone(env)
	for _, key := range slices.Sorted(maps.Keys(s.Env)) {
		value := envName.ReplaceAllStringFunc(s.Env[key], func(ref string) string {
			if v, ok := values[strings.Trim(ref, "${}")]; ok {
				return v
			}
			return ref
		})
		env = append(env, key+"="+value)
	}
	return env
}

// variables are an environment by name; as everywhere, the last of a name counts.
func variables(env []string) map[string]string {
	values := map[string]string{}
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok {
			values[name] = value
		}
	}
	return values
}

var envName = regexp.MustCompile(`\$\{\w+\}|\$\w+`)
