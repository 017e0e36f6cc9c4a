package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The example of a module that has never heard of Cellar runs as its README says, offline, and its parameter makes versions of its own.
func TestExampleShop(t *testing.T) {
	p := world.Repo(t).With("GOPROXY=off")
	os.Remove(p.Path("go.mod")) // the example brings its own
	if err := os.CopyFS(p.Dir, os.DirFS("../examples/shop")); err != nil {
		t.Fatal(err)
	}
	p.Commit("the example")
	p.Cellar("run", "sales.ipynb")
	if got := p.Load("sales/customers", "--json"); !strings.Contains(got, `{"Name":"ada","Cents":16659}`) {
		t.Errorf("customers: %s", got)
	}
	out := filepath.Join(t.TempDir(), "out.ipynb")
	p.Cellar("run", "sales.ipynb", out, "-p", "rate", "0.07")
	if text, err := os.ReadFile(out); err != nil || !strings.Contains(string(text), "14979") {
		t.Errorf("ada's sum with 7 %% is not in the executed notebook: %v", err)
	}
	if got := p.Load("sales/customers", "--json"); !strings.Contains(got, `"Cents":16659}`) {
		t.Errorf("a run with another rate changed the default's value: %s", got)
	}
	p.Clean()
}
