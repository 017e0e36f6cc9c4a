package kernel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// findings are the doctor's, by name.
func findings(t *testing.T, canary error) map[string]Finding {
	t.Helper()
	by := map[string]Finding{}
	for _, f := range Doctor(t.Context(), DoctorOptions{Canary: func(context.Context) error { return canary }}) {
		if f.Name == "" || f.Found == "" || f.Need == "" || f.OK != (f.HowToGet == "") && f.Name != "live session" {
			t.Errorf("finding %+v", f)
		}
		by[f.Name] = f
	}
	return by
}

// program puts a shell script on the PATH.
func program(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorHere(t *testing.T) {
	dir := home(t)
	by := findings(t, nil)
	for _, name := range []string{"system", "go", "GOFLAGS", "C compiler", "git", "live session"} {
		if !by[name].OK {
			t.Errorf("%+v", by[name])
		}
	}
	if f := by["kernelspec"]; f.OK || !f.Optional {
		t.Errorf("%+v", f)
	}
	self, _ := os.Executable()
	if _, err := Install(InstallOptions{Executable: self}); err != nil {
		t.Fatal(err)
	}
	if f := findings(t, nil)["kernelspec"]; !f.OK || !strings.Contains(f.Found, self) {
		t.Errorf("%+v", f)
	}
	for says, spec := range map[string]string{"which is not there": `{"argv":["` + dir + `/gone"]}`, "not valid JSON": "{", "names no program": "{}"} {
		t.Setenv("JUPYTER_PATH", filepath.Join(dir, "first"))
		os.MkdirAll(filepath.Join(dir, "first", "kernels", "cellar"), 0o755)
		os.WriteFile(filepath.Join(dir, "first", "kernels", "cellar", "kernel.json"), []byte(spec), 0o644)
		if f := findings(t, nil)["kernelspec"]; f.OK || !strings.Contains(f.Found, says) {
			t.Errorf("%+v", f)
		}
	}
	if f := findings(t, errors.New("no luck"))["live session"]; f.OK || f.Found != "no luck" {
		t.Errorf("%+v", f)
	}
}

func TestDoctorOnAPoorMachine(t *testing.T) {
	home(t)
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	by := findings(t, nil)
	for _, name := range []string{"go", "git", "jupyter"} {
		if by[name].OK || !strings.Contains(by[name].Found, "no "+name) {
			t.Errorf("%+v", by[name])
		}
	}
	if _, ran := by["live session"]; ran {
		t.Error("the canary ran without Go")
	}
	goEnv := func(version, flags, cgo string) string {
		return `echo '{"GOVERSION":"` + version + `","GOFLAGS":"` + flags + `","CGO_ENABLED":"` + cgo + `","CC":"gcc"}'`
	}
	program(t, bin, "git", "exit 1")
	program(t, bin, "go", goEnv("go1.25.3", "", "1"))
	by = findings(t, nil)
	if by["go"].OK || !strings.Contains(by["go"].Found, "go1.25.3") || by["git"].OK {
		t.Errorf("%+v %+v", by["go"], by["git"])
	}
	program(t, bin, "go", goEnv("go1.27.0 X:nodwarf5", "-mod=mod -race", "0"))
	by = findings(t, nil)
	if !by["go"].OK || by["GOFLAGS"].OK || !strings.Contains(by["GOFLAGS"].HowToGet, "-race") || by["C compiler"].OK {
		t.Errorf("%+v", by)
	}
	program(t, bin, "gcc", "echo gcc 15")
	if f := findings(t, nil)["C compiler"]; f.OK || !strings.Contains(f.HowToGet, "CGO_ENABLED") {
		t.Errorf("%+v", f)
	}
	program(t, bin, "go", goEnv("devel go1.28-abc", "", "1"))
	if f := findings(t, nil)["C compiler"]; !f.OK || !strings.Contains(f.Found, "gcc 15") {
		t.Errorf("%+v", f)
	}
	program(t, bin, "go", "echo nonsense")
	if f := findings(t, nil)["go"]; f.OK {
		t.Errorf("%+v", f)
	}
}
