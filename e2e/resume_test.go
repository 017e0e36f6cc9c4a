package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/testkit"
)

// A failed run goes on from the cell that failed. Of what is done, only what the rest needs runs again.
func TestResume(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
import ("fmt"; "os")

func ran(name string) { f, _ := os.OpenFile("trace", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); fmt.Fprint(f, name); f.Close() }
--- data
data := []int{1, 2, 3}
ran("d")
--- model
model := len("a costly computation")
ran("m")
fmt.Println("trained", model)
--- broken
var counts map[string]int
counts["x"] = len(data)
--- end
fmt.Println("end", len(data), counts)
`)
	p.Commit("Begin")
	if r := p.Try("run", "n.ipynb", "out.ipynb", "--resume"); r.Code != 1 || !strings.Contains(r.Stderr, "cell 4 (id broken") || p.Read("trace") != "dm" {
		t.Fatalf("%d\n%s\n%s", r.Code, r.Stderr, p.Read("trace"))
	}
	p.Write("n.ipynb", strings.Replace(p.Read("n.ipynb"), "var counts map[string]int", "counts := map[string]int{}", 1))
	r := p.Try("run", "n.ipynb", "out.ipynb", "--resume")
	if r.Code != 0 || p.Read("trace") != "dmd" || !strings.Contains(r.Stderr, "cell 2 (data) again") || strings.Contains(r.Stderr, "(model)") {
		t.Errorf("%d\n%s\n%s", r.Code, r.Stderr, p.Read("trace"))
	}
	if out := p.Read("out.ipynb"); !strings.Contains(out, "trained 20") || !strings.Contains(out, "end 3 map[x:3]") {
		t.Error(out)
	}
	if r := p.Try("run", "n.ipynb", "out.ipynb", "--resume"); r.Code != 0 || p.Read("trace") != "dmd" || !strings.Contains(r.Stderr, "nothing is left to run") {
		t.Errorf("%d\n%s\n%s", r.Code, r.Stderr, p.Read("trace"))
	}
}

// A run that is killed leaves a journal, from which its output is written.
func TestRecover(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
import ("fmt"; "os"; "time")
--- first
fmt.Println("first is through")
--- second
fmt.Println("second has begun")
os.WriteFile("reached", nil, 0o644)
time.Sleep(time.Minute)
`)
	for _, c := range []struct{ given, written string }{
		{"out.ipynb", "out.ipynb"},
		{"n.ipynb", ".git/cellar/runs/n.ipynb"}, // without OUTPUT
	} {
		args := []string{"run", "n.ipynb"}
		if c.given != "n.ipynb" {
			args = append(args, c.given)
		}
		os.Remove(p.Path("reached"))
		run := p.Command(p.Binary, args...)
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			if _, err := os.Stat(p.Path("reached")); err == nil {
				break
			}
			if time.Now().After(end) {
				t.Fatal("the second cell was not reached")
			}
		}
		if r := p.Try(args...); r.Code != 2 || !strings.Contains(r.Stderr, "another run is writing it") {
			t.Errorf("two runs of one output: %d\n%s", r.Code, r.Stderr)
		}
		run.Process.Kill()
		run.Wait()
		if out := p.Cellar("recover", c.given); out != "written "+c.written+"\n" {
			t.Error(out)
		}
		if out := p.Read(c.written); !strings.Contains(out, "first is through") || !strings.Contains(out, "second has begun") || !strings.Contains(out, `"status": "failed"`) {
			t.Error(out)
		}
		if left := kernelsOf(p); left != "" {
			t.Errorf("the kernel outlives its runner: %s", left)
		}
		if r := p.Try("recover", c.given); r.Code != 3 || !strings.Contains(r.Stderr, "there is no journal of a run beside it") {
			t.Errorf("%d\n%s", r.Code, r.Stderr)
		}
	}
}

// kernelsOf waits for the end of the kernels of a project's notebooks, and names those that do not end.
func kernelsOf(p *testkit.Project) (left string) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		left = ""
		environments, _ := filepath.Glob("/proc/[0-9]*/environ") // none where there is no such folder
		for _, file := range environments {
			text, _ := os.ReadFile(file)
			if strings.Contains("\x00"+string(text), "\x00CELLAR_NOTEBOOK="+p.Path("")) {
				left += filepath.Dir(file) + " "
			}
		}
		if left == "" {
			return ""
		}
	}
	return left
}

// Many runs: each notebook with each combination of values has its own output, log and page, and a row of the table.
func TestRunMany(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("a.ipynb", `
--- alpha parameters
alpha := 1.0
--- use
import "fmt"
fmt.Println("alpha is", alpha)
if alpha > 0.25 {
	panic("too large")
}
`)
	p.Notebook("b.ipynb", `
--- alpha parameters
alpha := 1.0
--- square
alpha * alpha
`)
	r := p.Try("run", "--each", "a.ipynb", "b.ipynb", "--out-dir", "runs", "--param-grid", "alpha=0.1,0.3", "-j", "2", "--keep-going", "--html")
	if r.Code != 1 || !strings.Contains(r.Stderr, "1 of 4 runs failed") || !strings.Contains(r.Stderr, "too large") {
		t.Fatalf("%d\n%s", r.Code, r.Stderr)
	}
	want := []string{"a.ipynb   alpha=0.1   done", "a.ipynb   alpha=0.3   failed", "b.ipynb   alpha=0.1   done", "b.ipynb   alpha=0.3   done"}
	lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
	if len(lines) != 5 {
		t.Fatal(r.Stdout)
	}
	for i, w := range want {
		if !strings.HasPrefix(lines[i+1], w) {
			t.Errorf("row %d is %q, not %q…", i+1, lines[i+1], w)
		}
	}
	if log := p.Read("runs/a-alpha=0.1.log"); !strings.Contains(log, "==== cell 2 (use)\nalpha is 0.1\n") {
		t.Error(log)
	}
	if page := p.Read("runs/b-alpha=0.3.html"); !strings.Contains(page, "0.09") {
		t.Error("the page does not show the value")
	}
	// Without --keep-going nothing is begun after a failure; what is done is not done again.
	var reports []struct{ Status, Output string }
	r = p.Try("run", "a.ipynb", "--out-dir", "runs", "--param-grid", "alpha=0.1,0.3,0.2", "--resume", "--json")
	if err := json.Unmarshal([]byte(r.Stdout), &reports); err != nil || r.Code != 1 || len(reports) != 3 || reports[0].Status != "done" || reports[1].Status != "failed" || reports[2].Status != "skipped" {
		t.Errorf("%d %v\n%s", r.Code, err, r.Stdout)
	}
	for args, want := range map[string]string{
		"--each a.ipynb":                                        "there is no folder for the outputs",
		"--each --out-dir runs":                                 "there is no notebook to run",
		"a.ipynb b.ipynb --param-grid x=1 --out-dir r":          "b.ipynb is one notebook too many",
		"a.ipynb --param-grid x --out-dir r":                    "--param-grid x: there is no NAME=VALUE,VALUE in it",
		"a.ipynb --param-grid x=1 --param-grid x=2 --out-dir r": "parameter x has two lists of values",
		"--each a.ipynb none.ipynb --out-dir r":                 "no notebook none.ipynb",
		"--each a.ipynb --out-dir r -j 0":                       "at least one runs at once",
		"a.ipynb --out-dir r":                                   "--out-dir is for many runs",
		"a.ipynb out.ipynb --strict -p alhpa 1":                 "did you mean alpha?",
		"a.ipynb out.ipynb --secret CELLAR_TEST_NOT_THERE":      "secret CELLAR_TEST_NOT_THERE: it is not set",
	} {
		if r := p.Try(append([]string{"run"}, strings.Fields(args)...)...); r.Code != 2 && r.Code != 3 || !strings.Contains(r.Stderr, want) {
			t.Errorf("run %s: %d\n%s", args, r.Code, r.Stderr)
		}
	}
}

// A secret is in the kernel's environment, and in nothing that is written or printed.
func TestRunWithSecret(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
import ("fmt"; "os")
--- use
fmt.Println("with", os.Getenv("TOKEN"), len(os.Getenv("TOKEN")))
panic(os.Getenv("TOKEN"))
`)
	r := p.Try("run", "n.ipynb", "out.ipynb", "--secret", "TOKEN=sw0rdf1sh", "--log-output", "--html")
	all := r.Stdout + r.Stderr + p.Read("out.ipynb") + p.Read("out.html")
	if r.Code != 1 || strings.Contains(all, "sw0rdf1sh") || strings.Count(all, "with *** 9") != 3 {
		t.Errorf("%d\n%s", r.Code, all)
	}
	var put strings.Builder
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			http.NotFound(w, r)
			return
		}
		io.Copy(&put, r.Body)
	}))
	defer server.Close()
	p.Notebook("p.ipynb", `
import ("fmt"; "os"; "strings"; "github.com/cellar-go/cellar/display")
--- parameters
token := ""
--- use
fmt.Println("with", token, len(token))
fmt.Fprintln(os.Stderr, "with", token, len(token))
display.Show(display.Bundle{Data: map[string]any{"text/plain": strings.Repeat("x", 5_000_000) + "with " + token + " 9"}})
`)
	p = p.With("TOKEN=sw0rdf1sh", "CELLAR_SECRETS=TOKEN")
	for _, c := range []struct {
		args  string
		files []string
		shown int // how often *** stands where cells have shown it
	}{
		{"run p.ipynb put.ipynb --stdout-file so --stderr-file se", []string{"put.ipynb", "so", "se"}, 5},
		{"run p.ipynb " + server.URL + "/put.ipynb --log-output", nil, 5},
		{"run --each p.ipynb --out-dir runs --json", []string{"runs/p.ipynb", "runs/p.log"}, 5},
		{"papermill p.ipynb classic.ipynb --log-output --stdout-file cso --stderr-file cse", []string{"classic.ipynb", "cso", "cse"}, 8},
		{"papermill p.ipynb " + server.URL + "/put.ipynb", nil, 3},
	} {
		put.Reset()
		r := p.Try(append(strings.Fields(c.args), "-p", "token", "sw0rdf1sh")...)
		all := r.Stdout + r.Stderr + put.String()
		for _, file := range c.files {
			all += p.Read(file)
		}
		if i := strings.Index(all, "sw0rdf1sh"); r.Code != 0 || i >= 0 || strings.Count(all, "with *** 9") != c.shown {
			t.Errorf("%s: %d, %d times\n%s", c.args, r.Code, strings.Count(all, "with *** 9"), strings.ReplaceAll(all, strings.Repeat("x", 1000), ""))
		}
	}
	r = p.Try("run", "p.ipynb", "--out-dir", "grid", "--param-grid", "token=sw0rdf1sh,other")
	for args, code := range map[string]int{"run p.ipynb out-{token}.ipynb": 2, "run p.ipynb {token}/out.ipynb": 2, "papermill p.ipynb out-{token}.ipynb": 1, "run --each p.ipynb --out-dir out-{token}": 2} {
		before := p.Run("find", ".", "-not", "-path", "./.git*").Stdout
		r := p.Try(append(strings.Fields(args), "-p", "token", "sw0rdf1sh")...)
		if after := p.Run("find", ".", "-not", "-path", "./.git*").Stdout; r.Code != code || strings.Contains(r.Stderr, "sw0rdf1sh") || !strings.Contains(r.Stderr, "its name holds a secret") || after != before {
			t.Errorf("%s: %d, %s\n%s", args, r.Code, r.Stderr, after)
		}
	}
	if _, err := os.Stat(p.Path("grid")); r.Code != 2 || err == nil || strings.Contains(r.Stderr, "sw0rdf1sh") || !strings.Contains(r.Stderr, "--param-grid token=***,other: it holds a secret") {
		t.Errorf("%d, %v\n%s", r.Code, err, r.Stderr)
	}
}
