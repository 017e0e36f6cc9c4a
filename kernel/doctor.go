package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/kernel/session"
)

const neededGo = "go1.26"

// Finding is one thing that the kernel needs, and whether it is there.
type Finding struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Optional bool   `json:"optional,omitempty"` // cellar works without it
	Found    string `json:"found"`              // version and path, or what is wrong
	Need     string `json:"need"`
	HowToGet string `json:"howToGet,omitempty"` // only if not OK
}

// DoctorOptions are the options of Doctor; the zero value works.
type DoctorOptions struct {
	// Canary runs something in a live session and says what failed. Default: a session in an empty folder computes 1 + 1.
	Canary func(context.Context) error
}

// Doctor looks for all that the kernel needs on this machine. It changes nothing.
func Doctor(ctx context.Context, o DoctorOptions) []Finding {
	if o.Canary == nil {
		o.Canary = canary
	}
	env, goFinding := checkGo(ctx)
	findings := []Finding{checkSystem(), goFinding}
	if goFinding.OK {
		findings = append(findings, checkFlags(env), checkCompiler(ctx, env))
	}
	findings = append(findings, checkGit(ctx), checkJupyter(), checkSpec())
	sound := true
	for _, f := range findings {
		sound = sound && (f.OK || f.Optional)
	}
	if sound {
		findings = append(findings, checkCanary(ctx, o.Canary))
	}
	return findings
}

func checkSystem() Finding {
	f := Finding{Name: "system", Found: runtime.GOOS + "/" + runtime.GOARCH, Need: "Linux, macOS or FreeBSD: the live session loads cells as plugins"}
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd":
		f.OK = true
	default:
		f.HowToGet = "use WSL or a container with Linux"
	}
	return f
}

// goEnv is what `go env` says that matters here.
type goEnv struct {
	GOVERSION, GOROOT, GOFLAGS, CGO_ENABLED, CC string
}

func checkGo(ctx context.Context) (goEnv, Finding) {
	var env goEnv
	f := Finding{Name: "go", Need: "Go " + strings.TrimPrefix(neededGo, "go") + " or later", HowToGet: "download it from https://go.dev/dl/ (" + packageAdvice("golang-go", "go") + " may be older)"}
	path, err := exec.LookPath("go")
	if err != nil {
		f.Found = "no go on the PATH"
		return env, f
	}
	out, err := ask(ctx, "go", "env", "-json", "GOVERSION", "GOROOT", "GOFLAGS", "CGO_ENABLED", "CC")
	if err == nil {
		err = json.Unmarshal([]byte(out), &env)
	}
	if err != nil {
		f.Found = fmt.Sprintf("%s does not answer: %v", path, err)
		return env, f
	}
	f.Found = env.GOVERSION + " at " + path
	goVersion, _, _ := strings.Cut(env.GOVERSION, " ") // "go1.27 X:experiment"
	if !version.IsValid(goVersion) {
		goVersion = neededGo // a development version
	}
	if f.OK = version.Compare(goVersion, neededGo) >= 0; f.OK {
		f.HowToGet = ""
	}
	return env, f
}

// checkFlags finds build flags that would make a cell's plugin differ from the process that loads it.
func checkFlags(env goEnv) Finding {
	f := Finding{Name: "GOFLAGS", OK: true, Found: env.GOFLAGS, Need: "no flags that change how programs are linked"}
	if f.Found == "" {
		f.Found = "none"
	}
	for _, flag := range strings.Fields(env.GOFLAGS) {
		name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		switch name {
		case "race", "msan", "asan", "cover", "buildmode", "toolexec", "compiler", "ldflags", "gcflags", "linkshared", "overlay", "modfile":
			f.OK = false
			f.HowToGet = "remove " + flag + " from GOFLAGS: `go env -w GOFLAGS=` or unset the variable"
		}
	}
	return f
}

func checkCompiler(ctx context.Context, env goEnv) Finding {
	f := Finding{Name: "C compiler", Need: "gcc or clang, and cgo enabled: cells are linked with it", HowToGet: packageAdvice("gcc", "gcc")}
	if runtime.GOOS == "darwin" {
		f.HowToGet = "run `xcode-select --install`"
	}
	if runtime.GOOS == "linux" && linuxFamily() == "alpine" {
		f.HowToGet = "run `apk add gcc musl-dev`"
	}
	words := strings.Fields(env.CC)
	if len(words) == 0 {
		words = []string{"gcc"}
	}
	path, err := exec.LookPath(words[0])
	switch {
	case err != nil:
		f.Found = "no " + words[0] + " on the PATH"
	case env.CGO_ENABLED != "1":
		f.Found = path + ", but CGO_ENABLED=" + env.CGO_ENABLED
		f.HowToGet = "set CGO_ENABLED=1 (`go env -w CGO_ENABLED=1`)"
	default:
		out, err := ask(ctx, words[0], "--version")
		if err != nil {
			f.Found = fmt.Sprintf("%s does not answer: %v", path, err)
			break
		}
		f.OK, f.Found, f.HowToGet = true, firstLine(out)+" at "+path, ""
	}
	return f
}

func checkGit(ctx context.Context) Finding {
	f := Finding{Name: "git", Need: "git: values are versions of its commits", HowToGet: packageAdvice("git", "git")}
	path, err := exec.LookPath("git")
	if err != nil {
		f.Found = "no git on the PATH"
		return f
	}
	out, err := ask(ctx, "git", "--version")
	if err != nil {
		f.Found = fmt.Sprintf("%s does not answer: %v", path, err)
		return f
	}
	f.OK, f.Found, f.HowToGet = true, firstLine(out)+" at "+path, ""
	return f
}

func checkJupyter() Finding {
	f := Finding{Name: "jupyter", Optional: true, Need: "JupyterLab or another front-end, to work in notebooks; `cellar run` needs none", HowToGet: "run `pip install jupyterlab`"}
	path, err := exec.LookPath("jupyter")
	if err != nil {
		f.Found = "no jupyter on the PATH"
		return f
	}
	f.OK, f.Found, f.HowToGet = true, path, ""
	return f
}

// checkSpec looks where jupyter_core does, and reads what it finds.
func checkSpec() Finding {
	f := Finding{Name: "kernelspec", Optional: true, Found: "not installed", Need: "the kernelspec `cellar`, by which Jupyter finds the kernel", HowToGet: "run `cellar install`"}
	for _, dir := range jupyterPath() {
		file := filepath.Join(dir, "kernels", "cellar", "kernel.json")
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var spec Spec
		f.Found = file
		switch err := json.Unmarshal(b, &spec); {
		case err != nil:
			f.Found += " is not valid JSON"
		case len(spec.Argv) == 0:
			f.Found += " names no program"
		default:
			program, err := exec.LookPath(spec.Argv[0])
			if err != nil {
				f.Found += " starts " + spec.Argv[0] + ", which is not there"
				f.HowToGet = "run `cellar install` again"
				break
			}
			f.OK, f.Found, f.HowToGet = true, file+", starts "+program, ""
		}
		return f
	}
	return f
}

// jupyterPath is where Jupyter looks for its data, first come first served.
func jupyterPath() []string {
	dirs := filepath.SplitList(os.Getenv("JUPYTER_PATH"))
	if d, err := dataDir(); err == nil {
		dirs = append(dirs, d)
	}
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if prefix := os.Getenv(name); prefix != "" {
			dirs = append(dirs, filepath.Join(prefix, "share", "jupyter"))
		}
	}
	if program, err := exec.LookPath("jupyter"); err == nil { // of an environment that is not activated
		dirs = append(dirs, filepath.Join(filepath.Dir(filepath.Dir(program)), "share", "jupyter"))
	}
	return append(dirs, "/usr/local/share/jupyter", "/usr/share/jupyter")
}

func checkCanary(ctx context.Context, canary func(context.Context) error) Finding {
	f := Finding{Name: "live session", Need: "a cell that compiles, loads and runs"}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	start := time.Now()
	if err := canary(ctx); err != nil {
		f.Found, f.HowToGet = err.Error(), fault.Hint(err)
		return f
	}
	f.OK, f.Found = true, fmt.Sprintf("a first cell took %.1f s", time.Since(start).Seconds())
	return f
}

func canary(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "cellar-doctor-")
	if err != nil {
		return fault.New(fault.Storage, "make room in the temporary folder, or set TMPDIR", "doctor: %w", err)
	}
	defer os.RemoveAll(dir)
	s, err := session.Start(ctx, session.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	result, err := s.Run(ctx, session.Cell{Source: "1 + 1"}, func(session.Event) {})
	if err != nil {
		return err
	}
	if got := plainText(result.Value); got != "2" {
		return fmt.Errorf("1 + 1 gave %q", got)
	}
	return nil
}

func ask(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = os.TempDir() // a go.mod here must not switch the toolchain
	out, err := cmd.Output()
	return string(out), err
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return first
}

// packageAdvice says how this system gets a package; names differ between Debian and the others.
func packageAdvice(debian, other string) string {
	if runtime.GOOS == "darwin" {
		return "run `brew install " + other + "`"
	}
	switch linuxFamily() {
	case "debian":
		return "run `apt-get install " + debian + "`"
	case "fedora":
		return "run `dnf install " + other + "`"
	case "alpine":
		return "run `apk add " + other + "`"
	case "arch":
		return "run `pacman -S " + other + "`"
	}
	return "install " + other + " with the system's package manager"
}

// linuxFamily is the distribution whose package manager this system has.
func linuxFamily() string {
	b, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	ids := ""
	for _, line := range strings.Split(string(b), "\n") {
		if key, value, _ := strings.Cut(line, "="); key == "ID" || key == "ID_LIKE" {
			ids += " " + strings.Trim(value, `"`)
		}
	}
	for _, id := range strings.Fields(ids) {
		switch id {
		case "debian", "ubuntu":
			return "debian"
		case "fedora", "rhel", "centos":
			return "fedora"
		case "alpine", "arch":
			return id
		}
	}
	return ""
}
