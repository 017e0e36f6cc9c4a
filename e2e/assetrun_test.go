package e2e

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

const twoAssets = `
--- base
//| asset: base

base := []int{1, 2, 3}
--- sum
//| asset: sum

sum := 0
for _, n := range base {
	sum += n
}
--- show
fmt.Println("sum is", sum)
`

// became is what --json says of an asset after a run.
type became struct {
	Asset, Status, Version, Why, Commit string

	Clean bool
}

// A run says what became of the assets of its notebook, also of those that nothing is stored of.
func TestRunReports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, cells string
		want        []string // of expectRun
	}{
		{name: "raises", cells: `
--- tagged
//| asset: bad

var none []int
bad := none[3]
--- fine
//| asset: fine

fine := 1
`, want: []string{"n/bad|failed|index out of range", "n/fine|computed|"}},
		{name: "live", cells: "--- now\n//| asset: now\n//| live: true\n\nnow := 1\n", want: []string{"n/now|live|not kept"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := world.Repo(t)
			p.Notebook("n.ipynb", c.cells)
			p.Write("n.ipynb", strings.Replace(p.Read("n.ipynb"), "\"id\": \"tagged\",\n   \"metadata\": {}", "\"id\": \"tagged\",\n   \"metadata\": {\"tags\": [\"raises-exception\"]}", 1))
			p.Commit("Begin")
			expectRun(t, p, c.want, "run", "n.ipynb", "../out.ipynb")
		})
	}
}

// What is stored of another version is not what the run made.
func TestRunReportsNoOtherVersion(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", "--- tagged\n//| asset: a\n\na := []int{1}[0]\n")
	p.Write("n.ipynb", strings.Replace(p.Read("n.ipynb"), `"metadata": {}`, `"metadata": {"tags": ["raises-exception"]}`, 1))
	p.Commit("Begin")
	p.Materialize("*")
	p.Edit("n.ipynb", "[0]", "[1:][0]")
	expectRun(t, p, []string{"n/a|failed|index out of range"}, "run", "n.ipynb", "../out.ipynb")
}

// A run that goes on from another in another store keeps what the cells showed, and has no records.
func TestRunReportsWithoutStore(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", twoAssets)
	p.Commit("Begin")
	p.Cellar("run", "n.ipynb", "../out.ipynb")
	if err := os.RemoveAll(p.Path(".git/cellar")); err != nil {
		t.Fatal(err)
	}
	expectRun(t, p, []string{"n/base|not stored|no record", "n/sum|not stored|"}, "run", "n.ipynb", "../out.ipynb", "--resume")
}

// A notebook that is not read from a file here is not in the project: its asset cells run as plain cells, and the report says so.
func TestRunReportsFromElsewhere(t *testing.T) {
	t.Parallel()
	p := world.Repo(t).With("NETRC=" + os.DevNull)
	p.Notebook("n.ipynb", twoAssets)
	p.Commit("Begin")
	server := httptest.NewServer(&webFiles{texts: map[string]string{"/n.ipynb": p.Read("n.ipynb")}})
	defer server.Close()
	want := []string{"n/base|not stored|no file of the project", "n/sum|not stored|no file of the project"}
	named := p.With("CELLAR_NOTEBOOK="+p.Path("n.ipynb"), "JPY_SESSION_NAME="+p.Path("n.ipynb")) // as in a cell of it
	for _, materialized := range []bool{false, true} {                                           // what the project's own notebook has in the store does not matter
		if materialized {
			p.Materialize("*")
		}
		expectRun(t, named, want, "run", server.URL+"/n.ipynb", "../out.ipynb", "--overwrite")
		if out := p.Read("../out.ipynb"); !strings.Contains(out, "sum is 6") || !strings.Contains(out, "no file of a project") {
			t.Errorf("%s", out)
		}
	}
	// Nor is it taken for the value of the page.
	for _, cell := range []string{`load("sum")`, `load("page/sum")`, `materialize("+sum")`} {
		p.Notebook("../page.ipynb", "--- first\nimport \"fmt\"\nfmt.Println("+cell+")\n"+twoAssets)
		server.Config.Handler.(*webFiles).texts["/page.ipynb"] = p.Read("../page.ipynb")
		if r := p.Try("run", server.URL+"/page.ipynb", "../out.ipynb", "--overwrite"); r.Code != 3 && r.Code != 1 || !strings.Contains(r.Stderr, "asset page/sum is one of this notebook") {
			t.Errorf("%s: %d\n%s%s", cell, r.Code, r.Stdout, r.Stderr)
		}
	}
	p.Notebook("../page.ipynb", "fmt.Println(\"the project's is\", load(\"n/sum\"))\n")
	server.Config.Handler.(*webFiles).texts["/page.ipynb"] = p.Read("../page.ipynb")
	if p.Cellar("run", server.URL+"/page.ipynb", "../out.ipynb", "--overwrite"); !strings.Contains(p.Read("../out.ipynb"), "the project's is 6") {
		t.Error(p.Read("../out.ipynb"))
	}
	for _, args := range [][]string{nil, {"--json"}} {
		c := p.Command(world.Binary, append([]string{"run", "-", "../out.ipynb", "--overwrite"}, args...)...)
		c.Stdin = strings.NewReader(p.Read("n.ipynb"))
		var stderr strings.Builder
		c.Stderr = &stderr
		if out, err := c.Output(); err != nil || strings.Count(string(out), "not stored") != 2 {
			t.Errorf("standard input: %v\n%s%s", err, out, stderr.String())
		}
	}
	p.Expect("after the runs", "n/base fresh", "n/sum fresh")
}

// Of many runs each says in its log, in its row and in --json what became of its assets; what two need is computed by one of them.
func TestRunManyReports(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
--- alpha parameters
alpha := 1
--- base
//| asset: base

base := []int{1, 2, 3}
--- scaled
//| asset: scaled

scaled := len(base) * alpha
`)
	p.Notebook("plain.ipynb", "--- one\none := 1\n")
	p.Notebook("fails.ipynb", "--- a\n//| asset: a\n\na := []int{}[len(os.Args):]\n")
	p.Commit("Begin")
	all := []string{"run", "--each", "n.ipynb", "plain.ipynb", "fails.ipynb", "--out-dir", "../runs", "--param-grid", "alpha=1,2", "--keep-going", "-j", "2"}
	r := p.Try(all...)
	computed, loaded := strings.Count(r.Stdout, "2 computed "), strings.Count(r.Stdout, "1 computed, 1 loaded ")
	if header, _, _ := strings.Cut(r.Stdout, "\n"); r.Code == 0 || computed != 1 || loaded != 1 || !strings.Contains(header, "assets") {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if !strings.Contains(r.Stderr, "plain.ipynb alpha=1 and 1 more: plain.ipynb has no cell tagged") || strings.Count(r.Stderr, "no cell tagged") != 2 {
		t.Errorf("warnings:\n%s", r.Stderr)
	}
	logs := ""
	for _, alpha := range []string{"1", "2"} {
		log := p.Read("../runs/n-alpha=" + alpha + ".log")
		if !strings.Contains(log, "==== assets\nASSET") || !strings.Contains(log, "+ parameters") || !strings.Contains(log, "cellar load n/") {
			t.Errorf("the log says\n%s", log)
		}
		logs += log
		if log := p.Read("../runs/plain-alpha=" + alpha + ".log"); strings.Contains(log, "assets") {
			t.Errorf("the log of a notebook without assets says\n%s", log)
		}
	}
	if strings.Count(logs, " computed ") != 3 || strings.Count(logs, " loaded ") != 1 {
		t.Errorf("the logs say\n%s", logs)
	}
	var reports []struct {
		Assets   []became
		Warnings []string
	}
	r = p.Try(append(all, "--json")...)
	if err := json.Unmarshal([]byte(r.Stdout), &reports); err != nil || len(reports) != 6 {
		t.Fatalf("%v\n%s", err, r.Stdout)
	}
	for i, want := range []int{2, 2, 0, 0, 0, 0} {
		got := reports[i].Assets
		if warned := strings.Contains(strings.Join(reports[i].Warnings, "\n"), "no cell tagged"); warned != (i >= 2) {
			t.Errorf("run %d: warnings %q", i, reports[i].Warnings)
		}
		if len(got) != want || got == nil || slices.ContainsFunc(got, func(a became) bool { return a.Status != "loaded" || a.Version == "" }) {
			t.Errorf("run %d has %+v\n%s", i, got, r.Stdout)
		}
	}
}

// A notebook of a revision runs as if its file here held that text: its assets are found by what they are made of, whatever the file
// holds now, and are those of the revision where the rest is the same.
func TestRunRevision(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("nb/n.ipynb", twoAssets+"--- stored\nfmt.Println(\"stored is\", load(\"sum\"))\n")
	p.Write("nb/data.txt", "1")
	p.Notebook("nb/reads.ipynb", `
--- parameters
factor := 1
--- imports
import "os"
--- text
//| asset: text

bytes, err := os.ReadFile("data.txt")
if err != nil {
	panic(err)
}
text := string(bytes)
--- times
//| asset: times

times := factor * len(text)
--- show
fmt.Println("text is", text, times)
`)
	p.Commit("First")
	p.Materialize("*")
	p.Edit("nb/n.ipynb", "1, 2, 3", "1, 2, 4")
	p.Commit("Second")
	p.Edit("nb/n.ipynb", "1, 2, 4", "1, 2, 5")
	p.Commit("Third")
	p.Materialize("*")
	file := p.Read("nb/n.ipynb")

	named := p.With("CELLAR_NOTEBOOK="+p.Path("nb/reads.ipynb"), "JPY_SESSION_NAME="+p.Path("nb/n.ipynb")) // as in a cell of another
	run := func(says string, args ...string) map[string]became {
		t.Helper()
		var report struct{ Assets []became }
		named.JSON(&report, append([]string{"run", args[0], "../out.ipynb", "--overwrite"}, args[1:]...)...)
		if out := p.Read("../out.ipynb"); !strings.Contains(out, says) {
			t.Errorf("%v: there is no %q in\n%s", args, says, out)
		}
		all := map[string]became{}
		for _, a := range report.Assets {
			all[a.Asset] = a
		}
		return all
	}
	expect := func(name string, got map[string]became, want ...string) {
		t.Helper()
		for _, w := range want {
			key, rest, _ := strings.Cut(w, " ")
			a := got[key]
			if text := strings.TrimSpace(a.Status + " " + map[bool]string{true: "clean"}[a.Clean]); text != rest || a.Commit == "" {
				t.Errorf("%s: %s is %+v, want %s", name, key, a, rest)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	first := strings.TrimSpace(p.Git("rev-parse", "HEAD~2"))
	got := run("stored is 6", "git:HEAD~2:nb/n.ipynb")
	expect("up to date", got, "n/base loaded clean", "n/sum loaded clean")
	if got["n/sum"].Commit != first {
		t.Errorf("%+v is not of %s", got["n/sum"], first)
	}
	expect("not computed before", run("stored is 7", "git:HEAD~1:./nb/n.ipynb"), "n/base computed clean", "n/sum computed clean")
	expect("once it is", run("sum is 7", "git:HEAD~1:"+p.Path("nb/n.ipynb")), "n/base loaded clean", "n/sum loaded clean")
	if got := p.Cellar("load", "n/sum", "--at", "HEAD~1", "--json"); !strings.Contains(got, "7") {
		t.Errorf("at the revision it is %s", got)
	}
	if file != p.Read("nb/n.ipynb") {
		t.Error("the file is another")
	}
	p.Expect("afterwards", "n/base fresh", "n/sum fresh", "reads/text fresh", "reads/times fresh")

	// Parameters make a version of its own, and so does what it reads, which is what lies here.
	expect("parameters", run("text is 1 2", "git:HEAD~2:nb/reads.ipynb", "-p", "factor", "2"), "reads/text loaded clean", "reads/times computed")
	p.Write("nb/data.txt", "twelve")
	expect("data", run("text is twelve 6", "git:HEAD~2:nb/reads.ipynb"), "reads/text computed", "reads/times computed")

	// Without a file here it is the same, without its folder it is no page of the project.
	if err := os.RemoveAll(p.Path("nb/n.ipynb")); err != nil {
		t.Fatal(err)
	}
	expect("no file", run("stored is 6", "git:HEAD~2:nb/n.ipynb"), "n/base loaded clean", "n/sum loaded clean")
	if err := os.Rename(p.Path("nb"), p.Path("moved")); err != nil {
		t.Fatal(err)
	}
	r := p.Try("run", "git:HEAD~2:nb/n.ipynb", "../out.ipynb", "--overwrite")
	if r.Code == 0 || !strings.Contains(r.Stderr, "asset n/sum is one of this notebook") {
		t.Errorf("without the folder: %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// expectRun runs twice, for people and for programs, and compares what became of the assets: name|status|part of why.
func expectRun(t *testing.T, p *testkit.Project, want []string, args ...string) {
	t.Helper()
	r := p.Try(args...)
	if r.Code != 0 || strings.Contains(r.Stdout, "broken") {
		t.Errorf("%v: exit code %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	for _, w := range want {
		f := strings.Split(w, "|")
		if !slices.ContainsFunc(strings.Split(r.Stdout, "\n"), func(l string) bool {
			return strings.HasPrefix(l, f[0]+" ") && strings.Contains(l, " "+f[1]) && (f[1] == "computed" || !strings.Contains(l, "b3:"))
		}) || f[2] != "" && !strings.Contains(r.Stdout, f[2]) {
			t.Errorf("%v: the table lacks %q:\n%s", args, w, r.Stdout)
		}
	}
	var report struct {
		Assets []became
	}
	p.JSON(&report, args...)
	var got []string
	for _, a := range report.Assets {
		if a.Status == "loaded" { // of the first run
			a.Status = "computed"
		}
		got = append(got, a.Asset)
		if !slices.ContainsFunc(want, func(w string) bool {
			f := strings.Split(w, "|")
			return f[0] == a.Asset && f[1] == a.Status && strings.Contains(a.Why, f[2]) && (a.Version != "") == (a.Status == "computed")
		}) {
			t.Errorf("%v: %+v, want %q", args, a, want)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v: assets %v, want %v", args, got, want)
	}
}

// Notebooks have any name: what a shell takes for one word is one key, in every command and in cells.
func TestOddNames(t *testing.T) {
	t.Parallel()
	for _, stem := range []string{"a b", "Café #1", "a.b&c", "1+1", "Untitled (copy)", "x and y", "what?", "it's 5:00"} {
		t.Run(stem, func(t *testing.T) {
			t.Parallel()
			p := world.Repo(t)
			p.Notebook(stem+".ipynb", twoAssets)
			p.Notebook("other.ipynb", "--- twice\n//| asset: twice\n\ntwice := 2 * load(\""+stem+"/sum\")\n--- ask\nmaterialize(\"+"+stem+"/sum\")\nfmt.Println(\"it is\", load(\""+stem+"/sum\"))\n")
			p.Commit("Begin")
			key := stem + "/sum"
			if status := p.Status(); !strings.Contains(status, stem+"/base missing") || !strings.Contains(status, key+" missing") {
				t.Errorf("cellar status says\n%s", status)
			}
			if r := p.Try("materialize", key); r.Code != 3 || !strings.Contains(r.Stderr, "materialize("+quoted("+"+key)+")") {
				t.Errorf("without upstream: %d\n%s%s", r.Code, r.Stdout, r.Stderr)
			}
			out := p.Cellar("run", "other.ipynb", "../other.ipynb")
			if !strings.Contains(out, "other/twice") || !strings.Contains(p.Read("../other.ipynb"), "it is 6") {
				t.Errorf("other.ipynb:\n%s", out)
			}
			out = p.Cellar("run", stem+".ipynb", "../out.ipynb")
			if strings.Count(out, "loaded") != 2 || !strings.Contains(p.Read("../out.ipynb"), key+" · value") {
				t.Errorf("%s", out)
			}
			if status := p.Status(); strings.Count(status, " fresh") != 3 {
				t.Errorf("afterwards cellar status says\n%s", status)
			}
			for expression, n := range map[string]int{key: 1, "+" + key: 2, key + "+": 2, "+other/twice": 3, key + ", other/twice": 2, "not " + key: 2, "\"" + stem + "/*\"": 2} {
				if got := p.Materialize(expression); len(got) != n {
					t.Errorf("%s selects %v", expression, got)
				}
			}
			if got := p.Load(key); got != `{"value":6}` {
				t.Errorf("%s is %s", key, got)
			}
			for command, says := range map[string]string{"show": key, "history": "now", "status": key} {
				if out := p.Cellar(command, key); !strings.Contains(out, says) {
					t.Errorf("%s:\n%s", command, out)
				}
			}
			p.Edit(stem+".ipynb", "1, 2, 3", "1, 2, 4")
			if status := p.Status(); strings.Count(status, "stale") < 2 {
				t.Errorf("after an edit:\n%s", status)
			}
		})
	}
}

// A function's directive can't hold a key with a space: extraction says so, with the way out.
func TestExtractOddName(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("a b.ipynb", twoAssets)
	p.Commit("Begin")
	r := p.Try("extract", "a b.ipynb", "--cell", "base", "--to", "./made", "--yes")
	if r.Code != 3 || !strings.Contains(r.Stderr, "a b.ipynb, cell 1 (base)") || !strings.Contains(r.Stderr, "rename the notebook") {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	p.Clean()
}

func quoted(s string) string { return `"` + s + `"` }

// A key that no list can hold is refused, with the file and the way out.
func TestNameWithTab(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("a\tb.ipynb", "--- a\n//| asset: a\n\na := 1\n")
	p.Commit("Begin")
	for _, args := range [][]string{{"materialize", "*"}, {"run", "a\tb.ipynb", "../out.ipynb"}} {
		r := p.Try(args...)
		if r.Code == 0 || !strings.Contains(r.Stderr, "a\tb.ipynb, cell 1") || !strings.Contains(r.Stderr, "key:") {
			t.Errorf("%v: %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
		}
	}
}

// TestRunUntracked: who runs a notebook that git does not know is told why other commands don't see its assets, and what to do.
func TestRunUntracked(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("known.ipynb", "--- a\n//| asset: a\n\na := 1\n")
	p.Commit("Begin")
	p.Notebook("new.ipynb", "--- b\n//| asset: b\n\nb := 2\n")
	const advice = "git add new.ipynb"
	if r := p.Try("run", "new.ipynb"); r.Code != 0 || !strings.Contains(r.Stdout, advice) {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r := p.Try("run", "known.ipynb"); r.Code != 0 || strings.Contains(r.Stdout, "git add") {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	p.Git("add", "new.ipynb")
	if r := p.Try("run", "new.ipynb"); r.Code != 0 || strings.Contains(r.Stdout, advice) {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if got := p.Load("new/b", "--json"); !strings.Contains(got, "2") {
		t.Error(got)
	}
}
