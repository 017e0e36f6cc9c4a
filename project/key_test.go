package project

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// write lays out files, given as a text of parts headed `-- name --`.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range strings.Split(text, "\n-- ")[1:] {
		name, body, _ := strings.Cut(part, " --\n")
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(body+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const shop = `
-- go.mod --
module example.com/shop

go 1.25

require (
	example.org/stat v1.2.0
	example.org/stat/deep v1.3.0
	example.org/unused v1.0.0
)

replace example.org/local => ./third
-- go.sum --
example.org/stat v1.2.0 h1:aaa=
example.org/stat v1.2.0/go.mod h1:bbb=
example.org/stat/deep v1.3.0 h1:ccc=
-- price/price.go --
package price

import "example.com/shop/internal/tax"

func Of(n int) int { return tax.Of(n) }
-- internal/tax/tax.go --
package tax

func Of(n int) int { return n }
-- nb/data/orders.csv --
1,2
-- nb/rates/a.json --
{}
-- nb/sales.ipynb --
{"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "cellar", "language": "go"}}, "cells": [
{"cell_type": "code", "id": "i", "metadata": {}, "outputs": [], "execution_count": null, "source": "import (\"os\"; \"example.com/shop/price\"; \"example.org/stat/deep/er\"; \"example.org/unused\")"},
{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": null, "source": "//| asset: a\n//| reads: rates/*.json\n//| env: [REGION]\n\nf, _ := os.Open(\"data/orders.csv\")\na := price.Of(er.X)"},
{"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": null, "source": "//| asset: b\n\nb := a"}
]}
`

// The lines of a key are what docs/formats/key.md says.
func TestKeyLines(t *testing.T) {
	t.Setenv("CELLAR_STORE", "")
	t.Setenv("REGION", "north")
	p, err := Open(write(t, shop), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	d, _ := s.Graph().Get("sales/a")
	got := regexp.MustCompile(`\b[0-9a-f]{32,40}\b`).ReplaceAllString(strings.Join(s.State(d).lines, "\n"), "#")
	want := `code c1:#
env REGION=north
file nb/data/orders.csv #
file nb/rates/a.json #
go 1.25
local example.com/shop/internal/tax #
local example.com/shop/price #
module example.org/stat/deep v1.3.0 h1:ccc=`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if b, _ := s.Graph().Get("sales/b"); s.State(b).Condition != Missing || s.State(b).Key("sales/b") != "" {
		t.Errorf("b has a key though a has no value: %+v", s.State(b))
	}
}

// What changes a key, and what does not.
func TestKeyChanges(t *testing.T) {
	t.Setenv("CELLAR_STORE", "")
	t.Setenv("REGION", "north")
	key := func(text string) string {
		t.Helper()
		p, err := Open(write(t, text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		d, ok := s.Graph().Get("sales/a")
		if !ok {
			t.Fatal(s.Problems)
		}
		return s.State(d).Key("sales/a")
	}
	base := key(shop)
	for edit, changes := range map[string]bool{
		"1,2=>1,3":                     true,
		"{}\n=>{ }\n":                  true,
		"return n }=>return n + 1 }":   true,
		"deep v1.3.0\n=>deep v1.3.1\n": true,
		"h1:ccc=>h1:ddd":               true,
		"go 1.25=>go 1.26":             true,
		"h1:aaa=>h1:eee":               false,
		"example.org/unused v1.0.0=>example.org/unused v1.1.0": false,
		"b := a=>b := a + 1":                          false,
		"env: [REGION]=>group: x\\n//| env: [REGION]": false,
	} {
		from, to, _ := strings.Cut(edit, "=>")
		if !strings.Contains(shop, from) {
			t.Fatalf("%q is not in the text", from)
		}
		if changed := key(strings.Replace(shop, from, to, 1)) != base; changed != changes {
			t.Errorf("%q: changed %v", edit, changed)
		}
	}
	t.Setenv("REGION", "south")
	if key(shop) == base {
		t.Error("a declared variable does not change the key")
	}
}

// What go build reads counts though git does not track it, and so does a file that a package of the module names.
func TestKeyHoldsWhatPackagesRead(t *testing.T) {
	t.Setenv("CELLAR_STORE", "")
	dir := write(t, shop)
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	p, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, file := range []struct{ name, text string }{
		{"go.mod", "module example.com/shop\n"},
		{"internal/tax/rates.go", "package tax\n\nconst file, pattern = \"rates.csv\", \"rates/*.csv\"\n"},
		{"nb/rates.csv", "1\n"},
		{"nb/rates/new.csv", "1\n"},
	} {
		if err := os.WriteFile(filepath.Join(dir, file.name), []byte(file.text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := p.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		d, _ := s.Graph().Get("sales/a")
		if now := s.State(d).Key("sales/a"); now == last || now == "" {
			t.Errorf("%s does not change the key", file.name)
		} else {
			last = now
		}
	}
}

func FuzzSize(f *testing.F) {
	f.Add("20GB")
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseBytes(s); err == nil && n < 0 {
			t.Errorf("%q is %d", s, n)
		}
	})
}
