package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// What a run writes besides the notebook replaces no notebook, and nothing of its own.
func TestRunReplacesNothing(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", "fmt.Println(1)\n")
	p.Notebook("other.ipynb", "fmt.Println(2)\n")
	p.Notebook("in/n.ipynb", "fmt.Println(3)\n")
	if err := os.Link(p.Path("n.ipynb"), p.Path("linked.html")); err != nil {
		t.Fatal(err)
	}
	p.Commit("notebooks")
	for args, says := range map[string]string{
		"n.ipynb out.ipynb --html=n.ipynb":                                    "--html n.ipynb is NOTEBOOK, too",
		"n.ipynb out.ipynb --html=linked.html":                                "--html linked.html is NOTEBOOK, too",
		"n.ipynb out.html --html":                                             "--html out.html is OUTPUT, too",
		"n.ipynb out.ipynb --html=./out.ipynb":                                "--html ./out.ipynb is OUTPUT, too",
		"n.ipynb out.ipynb --stdout-file n.ipynb":                             "--stdout-file n.ipynb is NOTEBOOK, too",
		"n.ipynb out.ipynb --stdout-file x --stderr-file ./x":                 "--stderr-file ./x is --stdout-file, too",
		"n.ipynb /dev/stdout --html=x.html":                                   "/dev/stdout can't be read again",
		"--each n.ipynb --out-dir runs --html=page.html":                      "--html=page.html is for one run",
		"--each in/n.ipynb n.ipynb --out-dir . --overwrite":                   "would replace the notebook in/n.ipynb",
		"n.ipynb --out-dir runs --param-grid a=1,x -p b 2 --strict":           "b: not declared",
		"in_{token}.ipynb out.ipynb -p token hunter22 --secret T=hunter22":    "notebook in_***.ipynb: its name holds a secret",
		"--each n_{t}.ipynb --out-dir runs -p t hunter22 --secret T=hunter22": "notebook n_***.ipynb: its name holds a secret",
		"n.ipynb out.ipynb --secret T=hunter22 -y {a:hunter22,b:[":            "***",
	} {
		r := p.Try(append([]string{"run"}, strings.Fields(args)...)...)
		if changed := p.Git("status", "--porcelain"); r.Code != 2 && r.Code != 3 || !strings.Contains(r.Stderr, says) || strings.Contains(r.Stderr, "hunter22") || changed != "" {
			t.Errorf("%s: %d\n%s%s", args, r.Code, r.Stderr, changed)
		}
	}
	if r := p.Try("run", "n.ipynb", "out.ipynb", "--stdout-file", "/dev/null", "--stderr-file", "/dev/null", "--html"); r.Code != 0 {
		t.Errorf("%d\n%s", r.Code, r.Stderr)
	}
}

// A secret of which two halves are two outputs is whole in no file and in no log.
func TestRunSecretInHalves(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
s := os.Getenv("TOKEN")
fmt.Fprint(os.Stderr, s[:6])
time.Sleep(300 * time.Millisecond)
fmt.Println("between")
time.Sleep(300 * time.Millisecond)
fmt.Fprintln(os.Stderr, s[6:])
---
fmt.Print(s[:6])
---
fmt.Println(s[6:])
`)
	r := p.With("TOKEN=hunter2-secret-9").Try("run", "n.ipynb", "out.ipynb", "--secret", "TOKEN", "--log-output", "--stdout-file", "so", "--stderr-file", "se")
	for where, text := range map[string]string{"so": p.Read("so"), "se": p.Read("se"), "stdout": r.Stdout, "stderr": r.Stderr} {
		if strings.Contains(text, "hunter2-secret-9") || !strings.Contains(text, "***") {
			t.Errorf("%s:\n%s", where, text)
		}
	}
	if r := p.With("TOKEN=hunter2-secret-9").Try("run", "--each", "n.ipynb", "--out-dir", "runs", "--secret", "TOKEN"); r.Code != 0 || strings.Contains(p.Read("runs/n.log"), "hunter2-secret-9") {
		t.Errorf("%d\n%s%s", r.Code, r.Stderr, p.Read("runs/n.log"))
	}
}

// A log that nobody reads any more ends no run; a terminal that is closed ends it well.
func TestRunUnheard(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", "for i := range 2000 {\n\tfmt.Println(i)\n}\n---\nfmt.Println(\"last\")\n---\nif os.Getenv(\"WAIT\") != \"\" {\n\tfmt.Println(\"waits\")\n\ttime.Sleep(time.Hour)\n}\n")
	for _, command := range []string{"run", "papermill"} {
		c := p.Command(world.Binary, command, "n.ipynb", command+".ipynb", "--log-output")
		c.Stdin = nil
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c.Stdout, c.Stderr = write, write
		read.Close()
		err = c.Run()
		write.Close()
		if err != nil || !strings.Contains(p.Read(command+".ipynb"), "last") {
			t.Errorf("%s: %v", command, err)
		}
	}
	c := p.With("WAIT=1").Command(world.Binary, "run", "n.ipynb", "hung.ipynb", "--request-save-on-cell-execute")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if text, err := os.ReadFile(p.Path("hung.ipynb")); err == nil && strings.Contains(string(text), "waits") {
			break
		}
	}
	c.Process.Signal(syscall.SIGHUP)
	err := c.Wait()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 130 || !strings.Contains(p.Read("hung.ipynb"), `"status": "failed"`) {
		t.Errorf("%v", err)
	}
}

// A second command on the same outputs is refused, and leaves the log of the first.
func TestRunManyTwice(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", "fmt.Println(\"begun\")\n---\nfor {\n\tif _, err := os.Stat(\"go\"); err == nil {\n\t\tbreak\n\t}\n\ttime.Sleep(10 * time.Millisecond)\n}\nfmt.Println(\"ended\")\n")
	first := p.Command(world.Binary, "run", "--each", "n.ipynb", "--out-dir", "runs")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if text, err := os.ReadFile(p.Path("runs/n.log")); err == nil && strings.Contains(string(text), "begun") {
			break
		}
	}
	if r := p.Try("run", "--each", "n.ipynb", "--out-dir", "runs"); r.Code != 2 || !strings.Contains(r.Stderr, "another run is writing it") {
		t.Errorf("%d\n%s", r.Code, r.Stderr)
	}
	p.Write("go", "")
	if err := first.Wait(); err != nil {
		t.Error(err)
	}
	if log := p.Read("runs/n.log"); !strings.Contains(log, "begun") || !strings.Contains(log, "ended") || strings.Contains(log, "another run") || strings.Contains(log, "\x00") {
		t.Errorf("the log:\n%s", log)
	}
}

// Ctrl-C asks a cell to stop, which it may refuse for some seconds; who presses it again has the kernel killed. What was shown is saved.
func TestInterruptedTwice(t *testing.T) {
	testkit.UsePython(t)
	for command, code := range map[string]int{"run": 130, "papermill": 1} {
		dir := t.TempDir()
		nb := nbformat.New(nbformat.Kernel{Name: "python3", DisplayName: "Python", Language: "python"})
		nb.Insert(0, "code", "import time\nprint('begun')\nwhile True:\n  try: time.sleep(0.1)\n  except KeyboardInterrupt: pass")
		if err := nb.WriteFile(filepath.Join(dir, "in.ipynb")); err != nil {
			t.Fatal(err)
		}
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command(world.Binary, command, "in.ipynb", "out.ipynb", "--log-output")
		c.Dir, c.Stdout, c.Stderr = dir, write, write
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		write.Close()
		lines := bufio.NewScanner(read)
		for lines.Scan() && !strings.Contains(lines.Text(), "begun") {
		}
		c.Process.Signal(os.Interrupt)
		c.Process.Signal(os.Interrupt) // a terminal and who runs us may both tell: it is one
		if command == "papermill" {    // which says nothing
			time.Sleep(time.Second)
		}
		for command == "run" && lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C again") {
		}
		start := time.Now()
		c.Process.Signal(os.Interrupt)
		for lines.Scan() {
		}
		c.Wait()
		if took := time.Since(start); c.ProcessState.ExitCode() != code || took > 3*time.Second {
			t.Errorf("%s: exit code %d after %v", command, c.ProcessState.ExitCode(), took)
		}
		if out, err := os.ReadFile(filepath.Join(dir, "out.ipynb")); err != nil || !strings.Contains(string(out), "begun\\n") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}
