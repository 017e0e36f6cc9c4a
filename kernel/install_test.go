package kernel

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
)

// home gives the test a home folder of its own, without any Jupyter or Python environment.
func home(t *testing.T) string {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	for _, name := range []string{"JUPYTER_DATA_DIR", "JUPYTER_PATH", "JUPYTER_PLATFORM_DIRS", "XDG_DATA_HOME", "VIRTUAL_ENV", "CONDA_PREFIX"} {
		t.Setenv(name, "")
	}
	return dir
}

func TestInstall(t *testing.T) {
	dir := home(t)
	data := filepath.Join(dir, ".local", "share", "jupyter")
	if runtime.GOOS == "darwin" {
		data = filepath.Join(dir, "Library", "Jupyter")
	}
	for name, test := range map[string]struct {
		o    InstallOptions
		env  [2]string
		want string
	}{
		"user":        {want: data + "/kernels/cellar"},
		"name":        {o: InstallOptions{Name: "go-1.26"}, want: data + "/kernels/go-1.26"},
		"prefix":      {o: InstallOptions{Prefix: dir + "/p"}, want: dir + "/p/share/jupyter/kernels/cellar"},
		"data dir":    {env: [2]string{"JUPYTER_DATA_DIR", dir + "/d"}, want: dir + "/d/kernels/cellar"},
		"venv":        {o: InstallOptions{SysPrefix: true}, env: [2]string{"VIRTUAL_ENV", dir + "/v"}, want: dir + "/v/share/jupyter/kernels/cellar"},
		"conda":       {o: InstallOptions{SysPrefix: true}, env: [2]string{"CONDA_PREFIX", dir + "/c"}, want: dir + "/c/share/jupyter/kernels/cellar"},
		"no platform": {env: [2]string{"JUPYTER_PLATFORM_DIRS", "0"}, want: data + "/kernels/cellar"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.env[0] != "" {
				t.Setenv(test.env[0], test.env[1])
			}
			test.o.Executable = "/bin/cellar"
			for range 2 { // once more replaces it
				got, err := Install(test.o)
				if err != nil || got != test.want {
					t.Fatalf("%s, %v; want %s", got, err, test.want)
				}
			}
			b, err := os.ReadFile(filepath.Join(test.want, "kernel.json"))
			if err != nil {
				t.Fatal(err)
			}
			var spec Spec
			if err := json.Unmarshal(b, &spec); err != nil {
				t.Fatal(err)
			}
			if strings.Join(spec.Argv, " ") != "/bin/cellar kernel --connection-file {connection_file}" || spec.InterruptMode != "message" || spec.Language != "go" || spec.DisplayName != "Go (Cellar)" {
				t.Errorf("%s", b)
			}
			files, _ := os.ReadDir(test.want)
			if len(files) != 4 {
				t.Errorf("files %v", files)
			}
			for name, size := range map[string]int{"logo-32x32.png": 32, "logo-64x64.png": 64} {
				b, _ := os.ReadFile(filepath.Join(test.want, name))
				if m, err := png.Decode(bytes.NewReader(b)); err != nil || m.Bounds().Dx() != size {
					t.Errorf("%s: %v", name, err)
				}
			}
			if got, err := Uninstall(test.o); err != nil || got != test.want {
				t.Errorf("uninstall: %s, %v", got, err)
			}
			if _, err := os.Stat(test.want); err == nil {
				t.Error("it is still there")
			}
		})
	}
}

// Installed as another kernel, ours has its name; that kernel's own spec is only replaced by force.
func TestInstallAs(t *testing.T) {
	dir := home(t)
	o := InstallOptions{As: "gonb", Prefix: dir, Executable: "/bin/cellar"}
	folder, err := Install(o)
	if err != nil || folder != filepath.Join(dir, "share/jupyter/kernels/gonb") {
		t.Fatal(folder, err)
	}
	spec, err := readSpec(folder)
	if err != nil || spec.DisplayName != "Go (gonb) (Cellar)" || spec.Language != "go" || spec.Env["CELLAR_AUTOGET"] != "1" {
		t.Errorf("%+v, %v", spec, err)
	}
	theirs := []byte(`{"argv": ["gophernotes", "{connection_file}"], "display_name": "Go", "language": "go"}`)
	o.As = "gophernotes"
	folder = filepath.Join(dir, "share/jupyter/kernels/gophernotes")
	os.MkdirAll(folder, 0o755)
	os.WriteFile(filepath.Join(folder, "kernel.json"), theirs, 0o644)
	if _, err := Install(o); err == nil || !strings.Contains(err.Error(), `another kernel, "Go"`) || !strings.Contains(fault.Hint(err), "--force") {
		t.Errorf("without force: %v", err)
	}
	if b, _ := os.ReadFile(filepath.Join(folder, "kernel.json")); !bytes.Equal(b, theirs) {
		t.Errorf("it was changed: %s", b)
	}
	if _, err := Uninstall(o); err == nil {
		t.Error("it was removed")
	}
	o.Force = true
	if _, err := Install(o); err != nil {
		t.Error(err)
	}
	if _, err := Uninstall(o); err != nil {
		t.Error(err)
	}
}

func TestInstallMistakes(t *testing.T) {
	dir := home(t)
	file := filepath.Join(dir, "file")
	os.WriteFile(file, nil, 0o600)
	foreign := filepath.Join(dir, "p", "share", "jupyter", "kernels", "python3")
	os.MkdirAll(foreign, 0o700)
	os.WriteFile(filepath.Join(foreign, "kernel.json"), []byte(`{"argv":["python"],"language":"python"}`), 0o600)
	install := func(o InstallOptions) error { o.Executable = "/bin/cellar"; _, err := Install(o); return err }
	uninstall := func(o InstallOptions) error { _, err := Uninstall(o); return err }
	for name, test := range map[string]struct {
		err  error
		kind fault.Kind
		says string
	}{
		"not a folder":   {install(InstallOptions{Prefix: file}), fault.Storage, file},
		"bad name":       {install(InstallOptions{Name: "../x"}), fault.Usage, "../x"},
		"dots":           {install(InstallOptions{Name: ".."}), fault.Usage, ".."},
		"unknown kernel": {install(InstallOptions{As: "evcxr", Prefix: dir}), fault.Usage, "evcxr"},
		"two places":     {install(InstallOptions{Prefix: dir, SysPrefix: true}), fault.Usage, "--sys-prefix"},
		"not installed":  {uninstall(InstallOptions{Prefix: dir}), fault.Input, dir},
		"not ours":       {uninstall(InstallOptions{Prefix: dir + "/p", Name: "python3"}), fault.Input, "not Cellar's"},
	} {
		var mistake *fault.Mistake
		if !errors.As(test.err, &mistake) || mistake.Kind != test.kind || mistake.Hint == "" || !strings.Contains(test.err.Error(), test.says) {
			t.Errorf("%s: %v", name, test.err)
		}
	}
	t.Setenv("JUPYTER_DATA_DIR", file)
	if hint := fault.Hint(install(InstallOptions{})); !strings.Contains(hint, "set JUPYTER_DATA_DIR") || strings.Contains(hint, "without --prefix") {
		t.Errorf("for the user: way out: %s", hint)
	}
	if _, err := Install(InstallOptions{}); err == nil || !strings.Contains(err.Error(), "go run") {
		t.Errorf("a program of the build cache was installed: %v", err)
	}
}
