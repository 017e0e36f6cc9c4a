package e2e

import (
	"strings"
	"testing"
)

// A cell may load another commit's value: it is found by what that commit's sources say, and is part of the version.
func TestCellLoadsAnotherCommitsValue(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	p.Git("tag", "v1")
	p.Edit("shop.ipynb", "threshold = 3.0", "threshold = 7.0")
	p.Commit("Call fewer orders dear")
	p.Materialize("*")
	p.Notebook("compare.ipynb", `
--- delta
//| asset: delta

before := load("shop/metrics", at("v1"))
now := load("shop/metrics")
delta := now["dear"] - before["dear"]
`)
	p.Commit("Compare")
	p.All(p.Materialize("delta"), "computed")
	if got := p.Load("delta"); got != `{"value":-0.5}` {
		t.Errorf("delta: %s", got)
	}
	p.Expect("with a comparison")
	p.Git("tag", "--force", "v1", "main~1")
	if got := p.Status(); !strings.Contains(got, "compare/delta stale: input shop/metrics@v1 changed") {
		t.Errorf("the tag moved:\n%s", got)
	}
}

// HEAD~1 in a cell is the commit before, for each commit of the history; a commit that reads itself is an error and no endless search.
func TestRevisionsInCellsOfHistory(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", "--- count\n//| asset: count\n\ncount := 1")
	p.Commit("One")
	p.Materialize("*")
	p.Notebook("n.ipynb", "--- count\n//| asset: count\n\ncount := load(\"count\", at(\"HEAD~1\")) + 1")
	for _, want := range []string{"2", "3", "4"} {
		p.Commit("One more")
		p.Materialize("*")
		if got := p.Load("count"); got != `{"value":`+want+`}` {
			t.Errorf("count: %s, want %s", got, want)
		}
	}
	if got := p.Load("count", "--at", "HEAD~1"); got != `{"value":3}` {
		t.Errorf("count at HEAD~1: %s", got)
	}
	p.Edit("n.ipynb", "HEAD~1", "main")
	p.Commit("Read oneself")
	if got := p.Status(); !strings.Contains(got, "n/count stale") || !strings.Contains(got, "not materialized at main") {
		t.Error(got)
	}
	if r := p.Try("materialize", "count"); r.Code != 3 {
		t.Errorf("exit code %d\n%s", r.Code, r.Stderr)
	}
}
