package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/internal/testkit"
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
	cmd := exec.CommandContext(ctx, testkit.Python(t), script, "-v")
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
	client, err := jupyter.Dial(ctx, c, jupyter.ClientOptions{})
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

// What a killed kernel leaves in the folder for temporary files is gone when the next one has started, and that one leaves nothing.
func TestKilledKernelIsSweptAway(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	folders := func() (all []string) {
		entries, err := os.ReadDir(temp)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "cellar-") {
				all = append(all, e.Name())
			}
		}
		return all
	}
	k := cellar(t)
	client, process, _ := k.start(t)
	run(t, client, "1 + 1")
	process.Kill()
	process.Wait()
	client.Close()
	killed := folders()
	if len(killed) == 0 {
		t.Fatal("a killed kernel leaves nothing: there is nothing to sweep")
	}
	client, _, end := k.start(t)
	run(t, client, "1 + 1")
	for _, name := range folders() {
		if slices.Contains(killed, name) {
			t.Errorf("%s of the killed kernel is still there", name)
		}
	}
	end()
	if left := folders(); len(left) > 0 {
		t.Errorf("a kernel that was shut down leaves %s", left)
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
