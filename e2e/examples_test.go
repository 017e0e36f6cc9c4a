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

// The example of displays runs, offline; what changed on the way is kept in its last form.
func TestExampleDisplays(t *testing.T) {
	p := world.Repo(t).With("GOPROXY=off")
	os.Remove(p.Path("go.mod"))
	if err := os.CopyFS(p.Dir, os.DirFS("../examples/displays")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.ipynb")
	p.Cellar("run", "displays.ipynb", out)
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"2 rows × 6 columns"`, "500 rows × 12 columns, the first 100 rows shown", "Lyon &lt;Rhône&gt;", "*fs.PathError: open nowhere.csv", `"image/png": "`, `$21.5\\,^\\circ\\mathrm{C}$`,
		`"text/markdown"`, `"image/svg+xml"`, `"application/json"`, `"application/vnd.vegalite.v5+json"`, "<b>done</b>, in the same place", "500/500",
		`"application/vnd.jupyter.widget-view+json"`, `"IntSliderModel"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the executed notebook lacks %s", want)
		}
	}
	if strings.Contains(string(text), `"<b>working</b>"`) || strings.Contains(string(text), " 0/500") {
		t.Error("the executed notebook holds an earlier form of a display")
	}
}
