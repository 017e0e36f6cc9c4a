package kernels

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
)

// place isolates a test from the kernels of this machine.
func place(t *testing.T) (first, user, env string) {
	first, user, env = t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("JUPYTER_PATH", first)
	t.Setenv("JUPYTER_DATA_DIR", user)
	t.Setenv("VIRTUAL_ENV", env)
	t.Setenv("CONDA_PREFIX", "")
	t.Setenv("JUPYTER_PREFER_ENV_PATH", "")
	t.Setenv("IPYTHONDIR", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	return first, user, filepath.Join(env, "share", "jupyter")
}

func spec(language string) map[string]any {
	return map[string]any{"argv": []string{"run", "{connection_file}", "{resource_dir}/x"}, "language": language, "display_name": language}
}

func TestOrder(t *testing.T) {
	first, user, env := place(t)
	testkit.InstallKernel(t, first, "a", spec("first"))
	for _, name := range []string{"a", "b"} {
		testkit.InstallKernel(t, env, name, spec("env"))
	}
	for _, name := range []string{"a", "b", "C.d-1"} {
		testkit.InstallKernel(t, user, name, spec("user"))
	}
	if err := os.MkdirAll(filepath.Join(user, "kernels", "broken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(user, "kernels", "broken", "kernel.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	list := func() string {
		specs, err := Specs()
		if err != nil {
			t.Fatal(err)
		}
		var s []string
		for _, k := range specs {
			if !strings.HasPrefix(k.Dir, "/usr/") {
				s = append(s, k.Name+" "+k.Language)
			}
		}
		return strings.Join(s, ", ")
	}
	if got, want := list(), "a first, b env, c.d-1 user, cellar go"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	t.Setenv("JUPYTER_PREFER_ENV_PATH", "0")
	if got, want := list(), "a first, b user, c.d-1 user, cellar go"; got != want {
		t.Errorf("user first: got %s, want %s", got, want)
	}
}

func TestFind(t *testing.T) {
	_, user, _ := place(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	own := self + " kernel --connection-file {connection_file}"
	find := func(name, language, want string) {
		t.Helper()
		s, err := Find(name, language)
		if err != nil || strings.Join(s.Argv, " ") != want {
			t.Errorf("%s, %s: %v, %v", name, language, s.Argv, err)
		}
	}
	for _, name := range []string{"cellar", "gonb", "gophernotes", "lgo", "go"} {
		find(name, "", own)
	}
	find("something", "Go", own)
	find("", "go", own)
	testkit.InstallKernel(t, user, "zpy", spec("Python"))
	find("", "python", "run {connection_file} {resource_dir}/x")
	testkit.InstallKernel(t, user, "gonb", spec("go"))
	testkit.InstallKernel(t, user, "cellar", spec("go"))
	find("GoNB", "go", "run {connection_file} {resource_dir}/x")
	find("gophernotes", "go", "run {connection_file} {resource_dir}/x") // ours as it is installed

	_, err = Find("python3", "python")
	for _, want := range []string{"installed are ", "cellar (go), ", "gonb (go), ", "zpy (Python)", "pip install ipykernel"} { // and those of this machine
		if fault.ExitCode(err) != 4 || !strings.Contains(fault.Hint(err), want) {
			t.Errorf("%v\n%s", err, fault.Hint(err))
		}
	}
	if err := os.WriteFile(filepath.Join(user, "kernels", "zpy", "kernel.json"), []byte(`{"argv": [`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err = Find("zpy", "python"); fault.ExitCode(err) != 4 || !strings.Contains(err.Error(), "kernel zpy can't be used: "+filepath.Join(user, "kernels", "zpy", "kernel.json")+": unexpected end") {
		t.Error(err)
	}
}

// A notebook of kernel python runs under Jupyter's client where that is called python3.
func TestFindPython(t *testing.T) {
	_, user, _ := place(t)
	testkit.InstallKernel(t, user, "python3", spec("python"))
	if s, err := Find("python", "python"); err != nil || s.Name != "python3" {
		t.Errorf("%s, %v", s.Name, err)
	}
	testkit.InstallKernel(t, user, "python", spec("python"))
	if s, err := Find("python", "python"); err != nil || s.Name != "python" {
		t.Errorf("one that has the name: %s, %v", s.Name, err)
	}
}

func TestHowToInstall(t *testing.T) {
	for _, c := range []struct{ name, language, want string }{
		{"python3", "", "ipykernel install"}, {"my-env", "python", "ipykernel install"}, {"ir", "R", "IRkernel"}, {"rust", "rust", "evcxr_jupyter"}, {"rust", "", "evcxr_jupyter"}, {"xeus-python", "julia", "xeus-python"}, {"", "rust", "evcxr_jupyter"},
		{"julia-1.9", "python", "IJulia"}, {".net-csharp", "C#", "dotnet"}, {"scala", "scala", "almond"}, {"calysto_scheme", "scheme", "calysto_scheme"}, {"calysto_bash", "bash", "bash_kernel"},
		{"javascript", "javascript", "deno"}, {"unheard-of", "unheard-of", ""}, {"", "r", "IRkernel"},
	} {
		if got := howToInstall(c.name, c.language); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s (%s): %s", c.name, c.language, got)
		}
	}
}

func TestCommand(t *testing.T) {
	_, _, env := place(t)
	testkit.InstallKernel(t, env, "python3", map[string]any{"argv": []string{"python3", "-f", "{connection_file}", "{resource_dir}/l"}, "env": map[string]string{"A": "${B}:$C:${NONE}:x"}})
	s, err := Find("python3", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.command("/c.json"), " "); got != "python3 -f /c.json "+s.Dir+"/l" {
		t.Errorf("without an interpreter of its own: %s", got)
	}
	python := filepath.Join(filepath.Dir(filepath.Dir(env)), "bin", "python3")
	if err := os.MkdirAll(filepath.Dir(python), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(python, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := s.command("/c.json")[0]; got != python {
		t.Errorf("the environment's interpreter: %s", got)
	}
	given := []string{"B=b", "C=c"}
	if got := s.environment(given); !slices.Contains(got, "A=b:c:${NONE}:x") || len(given) != 2 {
		t.Errorf("%v", got)
	}
}
