package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// What a user does: look, try, write, commit, go on with the function.
func TestExtract(t *testing.T) {
	t.Parallel()
	p := open(t)
	if text := p.Cellar("extract", "shop.ipynb"); !strings.Contains(text, "func Features(orders)") || !strings.Contains(text, "func Split(features)") {
		t.Error(text)
	}
	if r := p.Try("extract", "shop.ipynb", "--cell", "features", "--to", "pipeline", "--yes"); r.Code != 3 || !strings.Contains(r.Stderr, "cellar materialize +shop/features") {
		t.Errorf("a stale upstream is not named: %+v", r)
	}
	p.All(p.Materialize("*"), "computed")
	p.Clean()
	before := p.List()
	notebook := p.Read("shop.ipynb")

	text := p.Cellar("extract", "shop.ipynb", "--cell", "features", "--to", "pipeline", "--dry-run")
	for _, part := range []string{"+func Features(orders []Order) []Feature {", "+//cellar:asset key=shop/features", `+features := load("features")`, "same value from the same stored inputs: shop/features · 6 rows × 2", "Nothing is written."} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	if r := p.Try("extract", "shop.ipynb", "--cell", "features", "--to", "pipeline"); r.Code != 2 || !strings.Contains(r.Stderr, "--yes") {
		t.Errorf("without a terminal nobody can be asked: %+v", r)
	}
	p.Clean()
	if _, err := os.Stat(p.Path("pipeline")); err == nil {
		t.Error("a dry run leaves a folder")
	}

	for _, cell := range []string{"features", "shop/metrics", "split", "orders", "prices"} {
		p.Cellar("extract", "shop.ipynb", "--cell", cell, "--to", "pipeline", "--yes")
		p.Expect("after the extraction of " + cell)
	}
	if r := p.Run("go", "test", "./pipeline"); r.Code != 0 {
		t.Errorf("go test: %+v", r)
	}
	if r := p.Run("gofmt", "-l", "pipeline"); r.Stdout != "" {
		t.Errorf("gofmt: %+v", r)
	}
	if text := p.Read("pipeline/prices.go"); !strings.Contains(text, `os.ReadFile("../prices.txt")`) {
		t.Errorf("the path is not from the function's folder:\n%s", text)
	}
	if diff := p.Git("diff"); !strings.Contains(diff, "+func Split(features []Feature) (train, test []Feature) {") {
		t.Errorf("git diff does not show new files:\n%s", diff)
	}
	if now := p.Read("shop.ipynb"); strings.Contains(now, "asset:") || len(strings.Split(now, "\n")) > len(strings.Split(notebook, "\n")) {
		t.Errorf("the notebook still has\n%s", now)
	}
	for name, v := range testkit.Versions(p.List()) {
		if v != before[name].Version {
			t.Errorf("%s has another value: %s, then %s", name, before[name].Version, v)
		}
	}

	p.Commit("Move the shop out of its notebook")
	p.All(p.Materialize("*"), "loaded")
	for _, a := range p.List() {
		if !a.Clean {
			t.Errorf("committed, and not clean: %v", a)
		}
	}
	p.Cellar("run", "shop.ipynb", "out.ipynb")

	source := p.Read("pipeline/features.go")
	p.Write("pipeline/features.go", strings.Replace(source, "threshold = 3.0", "threshold = 4.0", 1))
	if status := p.Status(); !strings.Contains(status, "shop/features stale: code changed (function Features)") || !strings.Contains(status, "shop/prices fresh") {
		t.Error(status)
	}
	p.Materialize("*")
	p.Expect("after the change")
	p.Write("pipeline/features.go", source)
	p.Expect("after the change was undone")
}

// Nothing is written where something stands in the way.
func TestExtractRefuses(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Materialize("*")
	p.Write("other/go.mod", "module example.com/other\n\ngo 1.26\n")
	p.Write("cmd/tool/main.go", "package main\n\nfunc main() {}\n")
	p.Write("broken/features.go", "package broken\n\nfunc Features() {}\n")
	p.Write("old.ipynb", `{"metadata": {"language": "go"}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [{"cell_type": "code", "input": "//| asset: old\n\nold := 1", "outputs": []}]}]}`)
	p.Write("conflict.ipynb", "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other\n")
	p.Commit("Stand in the way")
	for _, test := range []struct{ notebook, cell, to, want string }{
		{"shop.ipynb", "types", "pipeline", "it is no asset"},
		{"shop.ipynb", "title", "pipeline", "it holds no code"},
		{"shop.ipynb", "nothing", "pipeline", "not found"},
		{"shop.ipynb", "features", "other", "is not in the notebook's module"},
		{"shop.ipynb", "features", "cmd/tool", "is package main"},
		{"shop.ipynb", "features", "prices.txt", "is a file"},
		{"shop.ipynb", "features", "testdata", "go build does not look"},
		{"shop.ipynb", "features", "broken", "exists, and holds something else"},
		{"shop.ipynb", "features", "../elsewhere", "is not in"},
		{"conflict.ipynb", "features", "pipeline", "conflict"},
		{"old.ipynb", "old", "pipeline", "it has a format before 4"},
	} {
		r := p.Try("extract", test.notebook, "--cell", test.cell, "--to", test.to, "--yes")
		if r.Code < 2 || !strings.Contains(r.Stderr, test.want) || !strings.Contains(r.Stderr, "→") {
			t.Errorf("%+v: %+v", test, r)
		}
	}
	p.Clean()
}
