package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// Papermill's flags mean in `cellar run` what they mean there.
func TestRunFlags(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("alpha: 2\nname: web\n")) }))
	defer server.Close()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
import ("fmt"; "os")
--- parameters
alpha, name := 1, "x"
--- shows
fmt.Println("alpha", alpha, name)
fmt.Fprintln(os.Stderr, "to stderr")
--- says
fmt.Println(PAPERMILL_INPUT_PATH, PAPERMILL_OUTPUT_PATH)
`)
	const output = "runs/{alpha:03d}/{pm.run_uuid}-{pm[current_datetime_utc]:%Y}.ipynb"
	r := p.Try("run", "{base}.ipynb", output, "-rbase", "n", "-f", server.URL+"/p.yaml", "-palpha", "7", "--inject-paths", "--stdout-file", "out.txt", "--stderr-file=err.txt",
		"--engine", "nbclient", "--start-timeout", "60", "--start_timeout=60", "--execution-timeout", "60s", "--autosave-cell-every", "1", "--no-request-save-on-cell-execute",
		"--request-save-on-cell-execute", "--report-mode", "--no-report-mode", "--progress-bar", "--no-progress-bar", "--prepare-only", "--prepare-execute", "--log-level", "ERROR")
	if r.Code != 0 || r.Stderr != "" {
		t.Fatalf("%d\n%s", r.Code, r.Stderr)
	}
	if got, want := p.Read("out.txt"), "alpha 7 web\n{base}.ipynb "+output+"\n"; got != want || p.Read("err.txt") != "to stderr\n" {
		t.Errorf("the files have %q and %q", got, p.Read("err.txt"))
	}
	made, _ := filepath.Glob(p.Path("runs/007/*.ipynb"))
	if len(made) != 1 || !regexp.MustCompile(`/[0-9a-f-]{36}-20\d\d\.ipynb$`).MatchString(made[0]) {
		t.Errorf("the output is in %q", made)
	}
	p.Write("a{b}.ipynb", p.Read("n.ipynb")) // a file of this name stands for itself
	if r := p.Try("run", "a{b}.ipynb", "--prepare-only"); r.Code != 0 {
		t.Errorf("%d\n%s", r.Code, r.Stderr)
	}
	for _, c := range []struct{ args, says string }{
		{"n.ipynb o{beta}.ipynb", "Missing parameter 'beta'"}, {"n.ipynb --engine other", "there is no engine other"}, {"n.ipynb --log-level loud", "there is no such level"},
		{"n.ipynb --start-timeout soon", "it is no time"}, {"n.ipynb -p alpha", "a name and a value"}, {"--each n.ipynb --out-dir runs --stdout-file x", "--stdout-file is for one run"},
	} {
		if r := p.Try(append([]string{"run"}, strings.Fields(c.args)...)...); r.Code != 2 || !strings.Contains(r.Stderr, c.says) {
			t.Errorf("%s: %d\n%s", c.args, r.Code, r.Stderr)
		}
	}
	if r := p.Try("run", "n.ipynb", "--stdout-file", "none/x"); r.Code != 5 || !strings.Contains(r.Stderr, "no such file") {
		t.Errorf("%d\n%s", r.Code, r.Stderr)
	}
}

// A run that can't begin leaves files and folders as they were; one that can writes to whatever its output is, and says in JSON what became of it.
func TestRunOutputs(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
import ("fmt"; "os")
--- parameters
alpha := 1
--- says
fmt.Println("alpha", alpha)
--- ends
if alpha > 1 { os.Exit(3) }
`)
	p.Write("kept.txt", "kept")
	r := p.Try("run", "n.ipynb", "new/{alpha}/o.ipynb", "-p", "alpha", "1", "--stdout-file", "kept.txt", "--stderr-file", "made.txt", "--strict", "-p", "zz", "1")
	if r.Code != 3 || p.Read("kept.txt") != "kept" {
		t.Errorf("%d, %q\n%s", r.Code, p.Read("kept.txt"), r.Stderr)
	}
	for _, name := range []string{"new", "made.txt"} {
		if _, err := os.Lstat(p.Path(name)); err == nil {
			t.Errorf("%s was made for nothing", name)
		}
	}
	for _, output := range []string{"-", "/dev/stdout"} {
		r := p.Try("run", "n.ipynb", output, "--log-output")
		nb, err := nbformat.Parse([]byte(r.Stdout), "stdout")
		if err != nil || r.Code != 0 || !nb.Executed() {
			t.Errorf("%s: %d, %v\n%s", output, r.Code, err, r.Stderr)
		}
	}
	if r := p.Try("run", "n.ipynb", "/dev/full"); r.Code != 5 || !strings.Contains(r.Stderr, "no space left") {
		t.Errorf("%d\n%s", r.Code, r.Stderr)
	}
	if r := p.Try("run", "n.ipynb", "a/{x}/o.ipynb", "-p", "x", ".."); r.Code != 0 {
		t.Errorf("%d\n%s", r.Code, r.Stderr)
	} else if _, err := os.Stat(p.Path("o.ipynb")); err != nil {
		t.Error(err)
	}
	for alpha, code := range map[string]int{"1": 0, "2": 1} {
		r := p.Try("run", "n.ipynb", "json.ipynb", "-p", "alpha", alpha, "--json", "--log-output")
		var got struct {
			Notebook, Output, Status, Error string
			Assets                          []any
			Parameters                      map[string]int
		}
		if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil || r.Code != code || got.Notebook != "n.ipynb" || got.Output != "json.ipynb" ||
			got.Status != map[int]string{0: "done", 1: "failed"}[code] || (got.Error != "") != (code != 0) || got.Parameters["alpha"] != code+1 || got.Assets == nil {
			t.Errorf("%d, %v\n%s", r.Code, err, r.Stdout)
		}
	}
	if r := p.Try("run", "n.ipynb", "-", "--json"); r.Code != 2 || !strings.Contains(r.Stderr, "standard output can't take") {
		t.Errorf("%d\n%s", r.Code, r.Stderr)
	}
}
