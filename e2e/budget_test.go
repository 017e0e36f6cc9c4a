package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A store over its budget drops old versions of uncommitted work, and neither what a commit holds nor what is fresh.
func TestBudget(t *testing.T) {
	p := world.Repo(t)
	p.Notebook("n.ipynb", "//| asset: a\n\na := []int{1}")
	p.Commit("one")
	p.Cellar("materialize", "a")
	for _, edit := range []string{"2", "3", "4"} {
		p.Edit("n.ipynb", "[]int{", "[]int{"+edit+", ")
		p.Cellar("materialize", "a")
	}
	versions := func() int { return strings.Count(p.Cellar("history", "n/a", "--json"), `"key": "k1:`) }
	if n := versions(); n != 4 {
		t.Fatalf("%d versions before", n)
	}
	// What was used within the last hour is left alone.
	p.With("CELLAR_BUDGET=1B").Cellar("materialize", "a")
	if n := versions(); n != 4 {
		t.Errorf("%d versions after a run with a budget, right away", n)
	}
	old := time.Now().Add(-48 * time.Hour)
	err := filepath.WalkDir(p.Path(".git/cellar"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			err = os.Chtimes(path, old, old)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Edit("n.ipynb", "[]int{", "[]int{5, ")
	p.With("CELLAR_BUDGET=1B").Cellar("materialize", "a")
	if n := versions(); n != 2 {
		t.Errorf("%d versions are left, want the committed one and the newest:\n%s", n, p.Cellar("history", "n/a"))
	}
	if got := p.Load("n/a", "--at", "HEAD", "--json"); !strings.Contains(got, "1") || strings.Contains(got, "5") {
		t.Errorf("the committed value is %s", got)
	}
	p.Cellar("store", "check")
}
