package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
)

// TestMain lets the test program be the kernel that the kernelspec of the tests starts.
func TestMain(m *testing.M) {
	if i := slices.Index(os.Args, "--connection-file"); i > 0 && len(os.Args) > i+1 && os.Args[1] == "kernel" {
		if err := Serve(context.Background(), os.Args[i+1], Options{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// python is the interpreter with the pinned packages of python/requirements-test.lock.
func python(t testing.TB) string {
	t.Helper()
	p := os.Getenv("CELLAR_TEST_PYTHON")
	if p == "" {
		p, _ = filepath.Abs("../build/venv/bin/python")
	}
	if _, err := os.Stat(p); err != nil {
		t.Fatal("no Python with the test packages: run `make tools`, or set CELLAR_TEST_PYTHON")
	}
	return p
}

// installed installs the test program as the kernel `cellar` where only this test's Jupyter looks, and returns the environment.
func installed(t *testing.T) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := Install(InstallOptions{Prefix: dir, Executable: self}); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"config", "data", "runtime", "ipython"} {
		os.Mkdir(filepath.Join(dir, sub), 0o700)
	}
	cache, err := os.UserCacheDir() // the session's cache stays: it saves a minute
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "JUPYTER_PATH="+filepath.Join(dir, "share", "jupyter"), "JUPYTER_DATA_DIR="+filepath.Join(dir, "data"),
		"JUPYTER_CONFIG_DIR="+filepath.Join(dir, "config"), "JUPYTER_RUNTIME_DIR="+filepath.Join(dir, "runtime"), "IPYTHONDIR="+filepath.Join(dir, "ipython"),
		"XDG_CACHE_HOME="+cache)
}

func runPython(t *testing.T, script string) {
	t.Helper()
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python(t), script, "-v")
	cmd.Env, cmd.Dir = installed(t), t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func TestProtocolSuite(t *testing.T) { runPython(t, "testdata/test_protocol.py") }

func TestClients(t *testing.T) { runPython(t, "testdata/test_clients.py") }

// Jupyter killed leaves no kernel behind.
func TestKernelEndsWithItsParent(t *testing.T) {
	k := cellar(t)
	c, err := jupyter.NewConnection()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "connection.json")
	if err := c.Write(file); err != nil {
		t.Fatal(err)
	}
	parent := exec.Command("sh", "-c", `"$0" "$@" & wait`, k.argv[0], k.argv[1], k.argv[2], file)
	parent.Env = append(os.Environ(), "JPY_PARENT_PID=1")
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	client, err := jupyter.Dial(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	parent.Process.Kill()
	parent.Wait()
	for err == nil {
		_, err = client.Receive(ctx, jupyter.IOPub)
	}
	if !errors.Is(err, jupyter.ErrClosed) {
		t.Errorf("the kernel goes on: %v", err)
	}
}

func TestServeRefusesABrokenConnectionFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "connection.json")
	if err := os.WriteFile(file, []byte(`{"ip": "127.`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), file, Options{}); fault.ExitCode(err) != int(fault.Input) {
		t.Error(err)
	}
}
