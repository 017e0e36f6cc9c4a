package e2e

import (
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// pipeline adds functions to the shop: totals from the notebook's orders, report from totals, with a package of the module's own.
func pipeline(t *testing.T) *testkit.Project {
	t.Helper()
	p := open(t)
	p.Write("internal/money/money.go", `// Package money knows prices.
package money

import "example.com/shop/internal/rates"

// Euros converts.
func Euros(dollars float64) float64 { return dollars * rates.Euro }
`)
	p.Write("internal/rates/rates.go", "package rates\n\nconst Euro = 0.5\n")
	p.Write("pipeline/pipeline.go", `// Package pipeline is what has moved out of the notebook.
package pipeline

import (
	"errors"
	"time"

	"example.com/shop/internal/money"
)

// Order is a row of shop/orders.
type Order struct {
	ID    int
	At    time.Time
	Price float64
	Gift  *string
}

// Total is the sum of an hour.
type Total struct {
	Hour  int
	Euros float64
}

// Totals sums up the orders of each hour.
//
//cellar:asset group=bills in=orders:shop/orders
func Totals(orders []Order) ([]Total, error) {
	if len(orders) == 0 {
		return nil, errors.New("no orders")
	}
	var all []Total
	for _, o := range orders {
		all = append(all, Total{o.At.Hour(), money.Euros(o.Price)})
	}
	return all, nil
}

// Report is what the boss reads.
//
//cellar:asset
func Report(totals []Total) map[string]float64 {
	sum := 0.0
	for _, t := range totals {
		sum += round(t.Euros)
	}
	return map[string]float64{"sum": sum}
}

func round(x float64) float64 { return float64(int(x*100)) / 100 }

// Unrelated computes nothing that counts.
func Unrelated() int { return 1 }
`)
	p.Notebook("read.ipynb", `
import "example.com/shop/internal/money"
--- summary
//| asset: summary

summary := money.Euros(load("pipeline/report")["sum"])
`)
	p.Commit("Move out")
	return p
}

// Functions and cells are nodes of one graph, both ways.
func TestFunctionsInTheGraph(t *testing.T) {
	t.Parallel()
	p := pipeline(t)
	p.All(p.Materialize("*"), "computed")
	p.Expect("with functions")
	if got := p.Load("report"); got != `{"value":{"sum":11.25}}` {
		t.Errorf("report: %s", got)
	}
	if got := p.Load("summary"); got != `{"value":5.625}` {
		t.Errorf("summary: %s", got)
	}
	if a := p.List()["pipeline/totals"]; a.Defined != "pipeline/pipeline.go:28 (func Totals)" || a.Rows != 6 || !a.Clean {
		t.Errorf("%v, defined in %s", a, a.Defined)
	}
	p.Clean()
}

// What a function reaches makes it stale; the rest of its file does not.
func TestEditsOfFunctions(t *testing.T) {
	t.Parallel()
	p := pipeline(t)
	p.Materialize("*")
	fresh := []string{"pipeline/totals fresh", "pipeline/report fresh", "read/summary fresh"}
	tests := []struct {
		name, file, from, to string
		want                 []string
	}{
		{"a function that it calls", "pipeline/pipeline.go", "x*100)) / 100", "x*10)) / 10",
			[]string{"pipeline/totals fresh", "pipeline/report stale: code changed (function Report)", "read/summary stale: upstream pipeline/report is stale"}},
		{"the function", "pipeline/pipeline.go", "o.At.Hour()", "o.At.Hour() + 1",
			[]string{"pipeline/totals stale: code changed (function Totals)", "pipeline/report stale: upstream pipeline/totals is stale", "read/summary stale: upstream pipeline/report is stale"}},
		{"a type", "pipeline/pipeline.go", "Hour  int", "Hour  int64",
			[]string{"pipeline/totals stale: code changed (function Totals)", "pipeline/report stale: code changed (function Report); upstream pipeline/totals is stale", "read/summary stale: upstream pipeline/report is stale"}},
		{"a package of the module", "internal/money/money.go", "dollars * rates.Euro", "rates.Euro * dollars * 2",
			[]string{"pipeline/totals stale: package money changed", "pipeline/report stale: upstream pipeline/totals is stale", "read/summary stale: package money changed; upstream pipeline/report is stale"}},
		{"a package that this one imports", "internal/rates/rates.go", "0.5", "0.25",
			[]string{"pipeline/totals stale: package rates changed", "pipeline/report stale: upstream pipeline/totals is stale", "read/summary stale: package rates changed; upstream pipeline/report is stale"}},
		{"a function that it does not call", "pipeline/pipeline.go", "return 1 }", "return 2 }", fresh},
		{"a comment", "pipeline/pipeline.go", "// Totals sums up", "// Totals sums  up", fresh},
	}
	for _, test := range tests {
		before := p.Read(test.file)
		p.Edit(test.file, test.from, test.to)
		var got []string
		for _, l := range strings.Split(p.Status(), "\n") {
			if !strings.HasPrefix(l, "shop/") {
				got = append(got, l)
			}
		}
		if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("%s: status says\n%s\nwant\n%s", test.name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
		p.Write(test.file, before)
	}
	p.Expect("all edits undone")
	p.Edit("internal/rates/rates.go", "0.5", "0.25")
	p.Materialize("*")
	if got := p.Load("summary"); got != `{"value":1.4025}` {
		t.Errorf("summary at the new rate: %s", got)
	}
}

// A file that a package embeds is part of the package.
func TestEmbeddedFiles(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Write("words/words.go", "package words\n\nimport _ \"embed\"\n\n//go:embed list.txt\nvar List string\n")
	p.Write("words/list.txt", "one")
	p.Notebook("n.ipynb", "import \"example.com/shop/words\"\n---\n//| asset: words_used\n\nwords_used := words.List")
	p.Commit("Embed")
	p.Materialize("*")
	p.Write("words/list.txt", "two")
	p.Expect("the embedded file changed", "n/words_used stale: package words changed")
	p.Materialize("*")
	if got := p.Load("words_used"); got != `{"value":"two"}` {
		t.Errorf("words: %s", got)
	}
}

// A new version of a module that a cell imports makes it stale, with both versions in the reason; what does not import it stays fresh.
func TestDependencyBump(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", `
import "github.com/zeebo/xxh3"
--- hash
//| asset: hash

hash := xxh3.HashString("shop")
--- plain
//| asset: plain

plain := 1
`)
	version := moduleVersion(t, "github.com/zeebo/xxh3")
	p.Write("go.mod", "module example.com/shop\n\ngo 1.26\n\nrequire github.com/zeebo/xxh3 "+version+"\n")
	p.Commit("Hash")
	p.Materialize("*")
	p.Clean()
	p.Edit("go.mod", version, "v1.99.0")
	p.Expect("the module bumped", "n/hash stale: module github.com/zeebo/xxh3 changed "+version+" → v1.99.0", "n/plain fresh")
	p.Edit("go.mod", "go 1.26", "go 1.25")
	p.Edit("go.mod", "v1.99.0", version)
	p.Expect("the language version changed", "n/hash stale: Go language version changed: 1.26, now 1.25", "n/plain stale: Go language version changed: 1.26, now 1.25")
}

// A module in the tree that a replace line names is read like the module's own packages, with what it imports.
func TestReplacedModule(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Write("go.mod", "module example.com/shop\n\ngo 1.26\n\nrequire example.com/words v0.0.0\n\nreplace example.com/words => ./third/words\n")
	p.Write("third/words/go.mod", "module example.com/words\n\ngo 1.26\n")
	p.Write("third/words/words.go", "package words\n\nimport \"example.com/words/internal/list\"\n\nfunc First() string { return list.Words[0] }\n")
	p.Write("third/words/internal/list/list.go", "package list\n\nvar Words = []string{\"one\"}\n")
	p.Notebook("n.ipynb", "import \"example.com/words\"\n---\n//| asset: first\n\nfirst := words.First()")
	p.Commit("Replace")
	p.Materialize("*")
	p.Edit("third/words/internal/list/list.go", "one", "two")
	p.Expect("the replaced module changed", "n/first stale: package list changed")
	p.Materialize("*")
	if got := p.Load("first"); got != `{"value":"two"}` {
		t.Errorf("first: %s", got)
	}
}
