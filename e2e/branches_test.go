package e2e

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// A branch computes its own values and leaves main's as they are; each is found by the other.
func TestBranches(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	onMain, mainMetrics, mainFeatures := testkit.Versions(p.List()), p.Load("metrics"), p.Load("features")

	p.Git("switch", "--quiet", "-c", "cheaper")
	p.Edit("shop.ipynb", "threshold = 3.0", "threshold = 7.0")
	head := p.Commit("Call fewer orders dear")
	p.Materialize("*")
	branchMetrics := p.Load("metrics")
	if branchMetrics == mainMetrics {
		t.Fatalf("both branches have %s", mainMetrics)
	}
	for name, a := range p.List() {
		if a.Commit != head || !a.Clean {
			t.Errorf("on the branch %s: %v", name, a)
		}
	}

	p.Git("switch", "--quiet", "main")
	p.Expect("back on main")
	if got := testkit.Versions(p.List()); !maps.Equal(got, onMain) {
		t.Errorf("main's versions were %v, now %v", onMain, got)
	}
	for revision, want := range map[string]string{"cheaper": branchMetrics, "main": mainMetrics, head[:10]: branchMetrics, "cheaper~1": mainMetrics} {
		if got := p.Load("metrics", "--at", revision); got != want {
			t.Errorf("metrics at %s: %s, want %s", revision, got, want)
		}
	}
	if got := p.Load("features", "--at", "cheaper"); got == mainFeatures {
		t.Errorf("features at cheaper are main's: %s", got)
	}
	p.Clean()
}

// What either side of a merge has computed is not computed again.
func TestMergeComputesNothing(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Notebook("stock.ipynb", "//| asset: stock\n\nstock := []int{1, 2, 3}")
	p.Commit("Count the stock")
	p.Materialize("*")

	p.Git("switch", "--quiet", "-c", "cheaper")
	p.Edit("shop.ipynb", "threshold = 3.0", "threshold = 7.0")
	p.Commit("Call fewer orders dear")
	p.Materialize("*")
	p.Git("switch", "--quiet", "main")
	p.Edit("stock.ipynb", "1, 2, 3", "1, 2, 3, 4")
	p.Commit("Find one more")
	p.Materialize("*")

	p.Git("merge", "--quiet", "--no-edit", "cheaper")
	p.Expect("after the merge")
	p.All(p.Materialize("*"), "loaded")
	head := p.Git("rev-parse", "HEAD")
	for name, a := range p.List() {
		if a.Commit != head || !a.Clean {
			t.Errorf("after the merge %s: %v", name, a)
		}
	}
}

// A second worktree shares the store: what one has computed, the other loads.
func TestWorktreesShare(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	p.Git("worktree", "add", "--quiet", "-b", "other", "../other")
	other := p.At("../other")
	other.Expect("in the new worktree")
	other.All(other.Materialize("*"), "loaded")
	other.Edit("shop.ipynb", "threshold = 3.0", "threshold = 7.0")
	other.Materialize("+metrics")
	p.Expect("in the first worktree, after work in the other")
	if a := other.List()["shop/metrics"]; a.Clean {
		t.Errorf("uncommitted work is not clean: %v", a)
	}
	if dir := filepath.Join(other.Dir, ".cellar"); p.Run("ls", dir).Code == 0 {
		t.Errorf("the worktree has a store of its own: %s", dir)
	}
}

// On a detached HEAD everything works as on a branch.
func TestDetachedHead(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Git("checkout", "--quiet", "--detach")
	p.All(p.Materialize("*"), "computed")
	head := p.Git("rev-parse", "HEAD")
	if a := p.List()["shop/metrics"]; a.Commit != head || !a.Clean {
		t.Errorf("%v", a)
	}
	p.Git("switch", "--quiet", "main")
	p.All(p.Materialize("*"), "loaded")
}

// A rebase makes new commits without notes; the values are found by what the sources say.
func TestRebase(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Git("switch", "--quiet", "-c", "cheaper")
	p.Edit("shop.ipynb", "threshold = 3.0", "threshold = 7.0")
	p.Commit("Call fewer orders dear")
	p.Materialize("*")
	want := p.Load("metrics")
	p.Git("switch", "--quiet", "main")
	p.Write("README.md", "A shop.\n")
	p.Commit("Say what it is")
	p.Git("switch", "--quiet", "cheaper")
	p.With("GIT_NOTES_REWRITE_REF=").Git("rebase", "--quiet", "main")
	p.Expect("after the rebase")
	if got := p.Load("metrics", "--at", "HEAD"); got != want {
		t.Errorf("metrics at the new commit: %s, want %s", got, want)
	}
	p.All(p.Materialize("*"), "loaded")
}

// An amended commit keeps its note: git rewrites notes/cellar along (notes.rewriteRef).
func TestAmend(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	p.Git("commit", "--quiet", "--amend", "-m", "Sell things, politely")
	if notes := p.Git("log", "-1", "--notes=cellar"); !strings.Contains(notes, "shop/metrics") {
		t.Errorf("the amended commit has no note:\n%s", notes)
	}
	p.Expect("after amending")
}

// A shallow clone has no history to look into, and says so.
func TestShallowClone(t *testing.T) {
	t.Parallel()
	p := open(t)
	first := p.Git("rev-parse", "HEAD")
	p.Edit("shop.ipynb", "threshold = 3.0", "threshold = 7.0")
	p.Commit("Call fewer orders dear")
	p.Materialize("*")
	p.Git("clone", "--quiet", "--depth", "1", "file://"+p.Dir, "../shallow")
	clone := p.At("../shallow")
	clone.All(clone.Materialize("*"), "computed")
	for _, revision := range []string{first, "HEAD~1"} {
		r := clone.Try("load", "metrics", "--at", revision)
		if r.Code != 3 || !strings.Contains(r.Stderr, "shallow") || !strings.Contains(r.Stderr, "git fetch --unshallow") {
			t.Errorf("load --at %s in a shallow clone: exit code %d\n%s", revision, r.Code, r.Stderr)
		}
	}
}

// Work that is not committed is dirty, and becomes clean with the commit, without computing.
func TestDirtyWorkBecomesClean(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Edit("shop.ipynb", "threshold = 3.0", "threshold = 7.0")
	p.Materialize("*")
	list := p.List()
	if list["shop/metrics"].Clean || !list["shop/orders"].Clean {
		t.Errorf("metrics hang on the edit, orders do not: %v, %v", list["shop/metrics"], list["shop/orders"])
	}
	if notes := p.Git("log", "-1", "--notes=cellar"); strings.Contains(notes, "shop/metrics") || !strings.Contains(notes, "shop/orders") {
		t.Errorf("the commit's note has what the commit does not hold:\n%s", notes)
	}
	p.Commit("Call fewer orders dear")
	p.Expect("after the commit")
	p.All(p.Materialize("*"), "loaded")
	if a := p.List()["shop/metrics"]; !a.Clean {
		t.Errorf("%v", a)
	}
}
