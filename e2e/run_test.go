package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A run of the notebook materializes its assets; the next one loads them. The source stays as it was.
func TestRun(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Notebook("ask.ipynb", `
import "fmt"
--- load
features := load("shop/features")
dear := 0
for _, f := range features {
	if f.Dear { // a column, known to the compiler
		dear++
	}
}
fmt.Println(dear, "of", len(features), "are dear")
`)
	p.Commit("Ask")
	before := p.Read("shop.ipynb")
	out := p.Cellar("run", "shop.ipynb")
	for _, want := range []string{"shop/orders    computed  6 rows × 4", "shop/metrics   computed  value", p.Git("rev-parse", "HEAD")[:7], "cellar load shop/"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
	p.Expect("after the run")
	p.Clean()
	if p.Read("shop.ipynb") != before {
		t.Error("the run changes its source")
	}
	if executed := p.Read(".git/cellar/runs/shop.ipynb"); !strings.Contains(executed, "shop/features · 6 rows × 2") {
		t.Error("the executed copy does not show what the cells made")
	}

	again := p.Cellar("run", "shop.ipynb")
	if strings.Contains(again, "computed") || strings.Count(again, "loaded") != len(all) {
		t.Errorf("the second run:\n%s", again)
	}
	p.All(p.Materialize("*"), "loaded") // a run and a step make the same versions

	p.Cellar("run", "ask.ipynb", "../asked.ipynb")
	if executed := p.Read("../asked.ipynb"); !strings.Contains(executed, "3 of 6 are dear") {
		t.Errorf("the second notebook shows\n%s", executed)
	}
	p.Clean()
}

// A parameter makes another version; the default one stays.
func TestRunWithParameters(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
--- limit parameters
limit := 3
--- best
//| asset: best

best := []int{}
for i := range 10 {
	if i > limit {
		best = append(best, i)
	}
}
`)
	p.Commit("Begin")
	p.Cellar("run", "n.ipynb")
	if got := p.Load("best"); got != `{"value":[4,5,6,7,8,9]}` {
		t.Errorf("best: %s", got)
	}
	p.Cellar("run", "n.ipynb", "../out.ipynb", "-p", "limit", "7")
	if got := p.Read("../out.ipynb"); !strings.Contains(got, "limit = 7") && !strings.Contains(got, "limit := 7") {
		t.Error("the parameter is not in the executed notebook")
	}
	if got := p.Load("best"); got != `{"value":[4,5,6,7,8,9]}` {
		t.Errorf("after a run with another limit best is %s", got)
	}
	if n := strings.Count(p.Cellar("history", "best", "--json"), `"key": "k1:`); n < 2 {
		t.Errorf("%d versions of best, want 2", n)
	}
	p.Clean()
}

// A failing cell ends the run with exit code 1 and is shown in the executed notebook; what was made before it is kept.
func TestRunThatFails(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
--- first
//| asset: first

first := 1
--- broken
numbers := []int{}
numbers[first] = 2
--- never
//| asset: never

never := 1
`)
	p.Commit("Begin")
	r := p.Try("run", "n.ipynb", "../out.ipynb")
	if r.Code != 1 || !strings.Contains(r.Stderr, "index out of range") || !strings.Contains(r.Stderr, "broken") {
		t.Errorf("exit code %d\n%s", r.Code, r.Stderr)
	}
	if got := p.Read("../out.ipynb"); !strings.Contains(got, "index out of range") {
		t.Error("the executed notebook does not show the error")
	}
	p.Expect("after the failed run", "n/first fresh", "n/never missing")
}

// tools is a PATH that holds these programs only.
func tools(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		file, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(file, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return "PATH=" + dir
}

// Steps are plain Go programs: they need no C compiler. The live session does, and says so.
func TestWithoutGcc(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", small)
	p.Commit("Begin")
	without := p.With(tools(t, "go", "git"))
	works(t, without)
	r := without.Try("run", "n.ipynb")
	if r.Code != 4 || !strings.Contains(r.Stderr, "no C compiler") || !strings.Contains(r.Stderr, "install gcc") {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r := without.Try("doctor"); r.Code != 4 || !strings.Contains(r.Stdout, "gcc") {
		t.Errorf("doctor: exit code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// The git program is not needed to compute, nor to know commits and their notes.
func TestWithoutGit(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", small)
	head := p.Commit("Begin")
	works(t, p.With(tools(t, "go")))
	if a := p.List()["n/letters"]; a.Commit != head || !a.Clean {
		t.Errorf("%v", a)
	}
	if notes := p.Git("log", "-1", "--notes=cellar"); !strings.Contains(notes, "n/letters") {
		t.Errorf("no note was written:\n%s", notes)
	}
	p.Expect("with git again")
}
