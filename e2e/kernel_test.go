package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// In an editor: an asset cell materializes or loads, an edit counts before it is saved, and a stale upstream is named and not guessed
// around.
func TestAssetCellsInAnEditor(t *testing.T) {
	p := world.Repo(t)
	p.Notebook("nb/sales.ipynb", `
--- types
type Order struct{ ID, Cents int }
--- orders
//| asset: orders

orders := []Order{{1, 250}, {2, 300}}
--- total
//| asset: total

total := 0
for _, o := range orders {
	total += o.Cents
}
total
--- use
total + len(orders)
`)
	p.Commit("sales")
	edited := "//| asset: orders\n\norders := []Order{{1, 250}, {2, 301}}"
	total := "//| asset: total\n\ntotal := 0\nfor _, o := range orders {\n\ttotal += o.Cents\n}\ntotal"
	cells := [][2]string{
		{"types", "type Order struct{ ID, Cents int }"},
		{"total", total}, // its upstream has no value yet
		{"orders", "//| asset: orders\n\norders := []Order{{1, 250}, {2, 300}}"},
		{"total", total},
		{"use", "total + len(orders)"},
		{"orders", edited},
		{"total", total},
		{"use", "total + len(orders)"},
		{"use", `load("total") + load("sales/orders")[0].Cents`},
		{"types", "type Order struct{ ID, Cents int; Note string }"},
		{"total", total}, // the type is part of its upstream
		{"total", `materialize("+total")`},
	}
	input, err := json.Marshal(cells)
	if err != nil {
		t.Fatal(err)
	}
	c := p.Command(testkit.Python(t), "testdata/edit_and_run.py", world.Binary, p.Path("nb/sales.ipynb"))
	c.Dir = "."
	c.Stdin = strings.NewReader(string(input))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := regexp.MustCompile(`b3:[0-9a-f]{7}`).ReplaceAllString(string(out), "#")
	got = regexp.MustCompile(`\d+\.\d+ s`).ReplaceAllString(got, "~ s")
	want := `types: 
total: error: asset sales/total: its upstream sales/orders is missing
orders: sales/orders · 2 rows × 2 · #
total: 550 | sales/total · value · #
use: 552
orders: Not saved: cell 2 of the notebook. Here it counts as it was run; for everybody else as it is saved. | sales/orders · 2 rows × 2 · #
total: 551 | sales/total · value · #
use: 553
use: 801
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if rest := strings.TrimPrefix(got, want); !strings.Contains(rest, "its upstream sales/orders is stale (code changed (cell 2))") {
		t.Errorf("at the end\n%s", rest)
	}
	// Nothing of this is committed: the file is as it was, and its versions are the saved ones.
	p.Clean()
	if got := p.Load("sales/total", "--json"); !strings.Contains(got, "550") {
		t.Errorf("the saved notebook's total is %s", got)
	}
}

// A run from the top meets no missing value: what a notebook loads from elsewhere is materialized first.
func TestRunMaterializesWhatItLoads(t *testing.T) {
	p := world.Repo(t)
	p.Notebook("sales.ipynb", "//| asset: orders\n\norders := []int{1, 2}\n---\n//| asset: sum\n\nsum := orders[0] + orders[1]")
	p.Notebook("report.ipynb", "load(\"sales/sum\") * 10\n---\n//| asset: twice\n\ntwice := 2 * load(\"sales/sum\")")
	p.Commit("two notebooks")
	out := p.Path("../out.ipynb")
	p.Cellar("run", "report.ipynb", out)
	if text := p.Read(out); !strings.Contains(text, `"30"`) || !strings.Contains(text, "computed sales/orders") {
		t.Errorf("the executed notebook: %s", text)
	}
	p.Expect("after the run", "report/twice fresh", "sales/orders fresh", "sales/sum fresh")
	p.Cellar("run", "report.ipynb", out)
	if text := p.Read(out); strings.Contains(text, "computed") {
		t.Errorf("the second run computed: %s", text)
	}
}
