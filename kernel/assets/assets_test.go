package assets

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/assetlib/store"
	"github.com/cellar-go/cellar/extract/golang"
	"github.com/cellar-go/cellar/kernel"
	"github.com/cellar-go/cellar/project"
)

const saved = `{"cells": [
 {"cell_type": "code", "id": "one", "metadata": {"tags": ["parameters"]}, "outputs": [], "execution_count": null, "source": ["alpha := 1"]},
 {"cell_type": "markdown", "id": "text", "metadata": {}, "source": ["Why."]},
 {"cell_type": "code", "id": "two", "metadata": {}, "outputs": [], "execution_count": null, "source": ["//| asset: a\n", "\n", "a := alpha"]}
], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}`

// What counts is the saved file with the cells that were run in this session laid over it.
func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "n.ipynb")
	if err := os.WriteFile(file, []byte(saved), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := project.Open(dir, project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := &assets{notebook: file, types: map[string]string{}}
	run := func(id, text string) (cells, at string) {
		t.Helper()
		r := kernel.CellRequest{CellID: id, Source: text}
		a.remember(r)
		o, at, err := a.overlay(p, r)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, c := range o.Cells {
			all = append(all, c.ID+"="+c.Text+strings.Join(c.Tags, ","))
		}
		return strings.Join(all, " | "), at
	}
	for _, step := range []struct{ id, text, cells, at string }{
		{"one", "alpha := 1", "one=alpha := 1parameters | two=//| asset: a\n\na := alpha", "one"},
		{"injected", "alpha = 3", "one=alpha := 1parameters | injected=alpha = 3injected-parameters | two=//| asset: a\n\na := alpha", "injected"},
		{"two", "edited", "one=alpha := 1parameters | injected=alpha = 3injected-parameters | two=edited", "two"},
		{"new", "x := 1", "one=alpha := 1parameters | injected=alpha = 3injected-parameters | two=edited | new=x := 1", "new"},
		{"one", "alpha := 2", "one=alpha := 2parameters | injected=alpha = 3injected-parameters | two=edited | new=x := 1", "one"},
	} {
		if cells, at := run(step.id, step.text); cells != step.cells || at != step.at {
			t.Errorf("after %s: %q at %q", step.id, cells, at)
		}
	}
}

// A loaded value uses the type that the session has; one of the same name and another form is an error that shows both.
func TestDeclarations(t *testing.T) {
	a := &assets{types: map[string]string{}}
	a.declare("type Row struct {\n\tA, B int // two\n\tC []byte `json:\"c\"`\n}\nfunc (r Row) M() {}")
	same := golang.Type{Type: "[]Row", Decls: "type Row struct {\n\tA int\n\tB int\n\tC []uint8 \"json:\\\"c\\\"\"\n}"}
	if decls, err := a.declarations("n/a", same); err != nil || decls != "" {
		t.Errorf("got %q, %v", decls, err)
	}
	_, err := a.declarations("n/a", golang.Type{Type: "[]Row", Decls: "type Row struct{ A int }"})
	if err == nil || !strings.Contains(err.Error(), "type Row struct{ A int }") || !strings.Contains(err.Error(), "A, B int // two") {
		t.Errorf("got %v", err)
	}
	decls, err := a.declarations("n/b", golang.Type{Type: "[]Other", Decls: "type Other struct{ A int }"})
	if err != nil || decls != "type Other struct{ A int }" {
		t.Errorf("got %q, %v", decls, err)
	}
	a.declare("x := 1") // another cell: it is said again, for a worker that was lost meanwhile
	if decls, err = a.declarations("n/a", same); err != nil || decls != same.Decls {
		t.Errorf("in another cell: %q, %v", decls, err)
	}
}

func TestHelpersSayHowTheyAreUsed(t *testing.T) {
	a := &assets{types: map[string]string{}}
	for name, args := range map[string][]any{"load": {nil}, "materialize": {}} {
		if _, _, err := a.expand(name, &ast.CallExpr{}, args); err == nil {
			t.Errorf("%s without a name was taken", name)
		}
	}
}

func TestLine(t *testing.T) {
	r := &store.Record{Asset: "flights/features", Kind: "table", Rows: 336776, Columns: make([]store.Column, 9), Object: "b3:3f2a1c9abcdef"}
	if got := Line(r); got != "flights/features · 336,776 rows × 9 · b3:3f2a1c9" {
		t.Error(got)
	}
}
