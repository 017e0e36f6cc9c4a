package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// mistake is something that a user gets wrong, or that the machine does to them.
type mistake struct {
	name  string
	cells string                                 // of bad.ipynb; "" for none
	make  func(t *testing.T, p *testkit.Project) // what else is wrong
	run   []string                               // default: materialize *
	env   []string
	shell string // runs cellar within a shell command: %s
	code  int    // of the table in cellar --help; default 3
}

// mistakes in the order of testdata/errors.golden.
var mistakes = []mistake{
	{name: "a notebook that is no JSON", make: write("bad.ipynb", `{"cells": [{"source": "//| asset: a"`)},
	{name: "a notebook that is a web page", make: write("bad.ipynb", "<html>//| asset: a</html>")},
	{name: "a notebook with conflict markers", make: func(t *testing.T, p *testkit.Project) {
		p.Notebook("bad.ipynb", "//| asset: a\n\na := 1")
		text := p.Read("bad.ipynb")
		p.Write("bad.ipynb", strings.Replace(text, `   "source": "//|`, "<<<<<<< HEAD\n   \"source\": \"x\"\n=======\n   \"source\": \"//|", 1))
	}},
	{name: "a notebook of an unknown nbformat", make: func(t *testing.T, p *testkit.Project) {
		p.Notebook("bad.ipynb", "//| asset: a\n\na := 1")
		p.Write("bad.ipynb", strings.Replace(p.Read("bad.ipynb"), `"nbformat": 4`, `"nbformat": 9`, 1))
	}},
	{name: "a notebook of nbformat 1", make: write("bad.ipynb", `{"cells": [{"cell_type": "code", "code": "//| asset: a\n\na := 1", "prompt_number": 1}], "nbformat": 1}`)},
	{name: "a cell that does not parse", cells: "--- features\n//| asset: a\n\na := []int{1, 2\nb := 3"},
	{name: "a cell that does not compile", cells: "import \"strings\"\n--- features\n//| asset: a\n\na := strings.ToUpper(7)"},
	{name: "an unknown name", cells: "--- features\n//| asset: a\n\na := missing + 1"},
	{name: "an unknown name below a cell that does not parse", cells: "--- types\nfunc help( {}\n--- features\n//| asset: a\n\na := help()"},
	{name: "a mistake in a function of another cell", cells: "--- types\nfunc help() int {\n\treturn \"one\"\n}\n--- features\n//| asset: a\n\na := help()"},
	{name: "a package that no module provides", cells: "import \"example.org/nowhere\"\n---\n//| asset: a\n\na := nowhere.F()"},
	{name: "a name that a cell further down makes", cells: "--- features\n//| asset: a\n\na := b\n--- later\n//| asset: b\n\nb := 1"},
	{name: "an unknown upstream", cells: "--- features\n//| asset: a\n\na := load(\"nowhere/orders\")"},
	{name: "an upstream with a spelling mistake", cells: "--- features\n//| asset: a\n\na := load(\"keep/keptt\")"},
	{name: "an upstream whose name is computed", cells: "--- features\n//| asset: a\n\nname := \"kept\"\na := load(name)"},
	{name: "a cycle", cells: "--- one\n//| asset: a\n\na := load(\"bad/b\")\n--- two\n//| asset: b\n\nb := a"},
	{name: "a name defined twice in a notebook", cells: "--- one\n//| asset: a\n\na := 1\n--- two\n//| asset: a\n\na := 2"},
	{name: "a key defined twice in a project", cells: "--- one\n//| asset: a\n//| key: keep/kept\n\na := 1"},
	{name: "a cell that does not make its asset", cells: "--- one\n//| asset: features\n\nfeature := 1"},
	{name: "an option that is no YAML", cells: "--- one\n//| asset: [a, b\n\na := 1"},
	{name: "no empty line behind the options", cells: "--- one\n//| asset: a\na := 1", code: -1},
	{name: "a channel", cells: "--- one\n//| asset: a\n\na := make(chan int)"},
	{name: "a function", cells: "--- one\n//| asset: a\n\na := []func(){}"},
	{name: "a recursive type", cells: "type Tree struct{ Left, Right *Tree }\n--- one\n//| asset: a\n\na := Tree{}"},
	{name: "an interface", cells: "--- one\n//| asset: a\n\na := []any{1, \"two\"}"},
	{name: "a struct with an unexported field", cells: "type Order struct {\n\tID    int\n\tprice float64\n}\n--- one\n//| asset: a\n\na := []Order{{1, 2.5}}"},
	{name: "a type declared within a function", cells: "func f() any { return nil }\nvar g = func() (r []struct{ C chan int }) { return }\n--- one\n//| asset: a\n\na := g()"},
	{name: "an upstream changed in place", cells: changes("a[0] = 7")},
	{name: "an upstream changed through another name", cells: changes("other := a[1:]\nother[0] = 7")},
	{name: "an upstream changed by a function", cells: "func set(s []int) { s[0] = 7 }\n---" + changes("set(a)")},
	{name: "an upstream sorted", cells: "import \"sort\"\n---" + changes("sort.Ints(a)")},
	{name: "an upstream changed in a way that only shows when it runs", cells: "var set = map[string]func([]int){\"x\": func(s []int) { s[0] = 7 }}\n---" + changes("set[\"x\"](a)")},
	{name: "an upstream changed by a plain cell between", cells: "--- one\n//| asset: a\n\na := []int{3, 2}\n--- between\na[0] = 9\n--- two\n//| asset: b\n\nb := len(a)"},
	{name: "a variable inside another asset cell", cells: "--- one\n//| asset: a\n\nhalf := 1\na := 2 * half\n--- two\n//| asset: b\n\nb := half"},
	{name: "a goroutine that nobody waits for", cells: "--- one\n//| asset: a\n\na := 1\ngo func() { a = 2 }()"},
	{name: "a shell command in an asset cell", cells: "--- one\n//| asset: a\n\n!ls\na := 1"},
	{name: "a panic", cells: "--- help\nfunc at(s []int, i int) int {\n\treturn s[i]\n}\n--- one\n//| asset: a\n\na := at([]int{1}, 3)", code: 1},
	{name: "a panic in a goroutine", cells: "--- one\n//| asset: a\n\ndone := make(chan int)\ngo func() { panic(\"lost\") }()\na := <-done", code: 1},
	{name: "an exit", cells: "import (\n\t\"log\"\n\t\"os\"\n)\n--- one\n//| asset: a\n\na := 1\nif len(os.Args) > 0 {\n\tlog.SetFlags(0)\n\tlog.Fatal(\"no more\")\n}", code: 1},
	{name: "a file that is not there", cells: "import \"os\"\n--- one\n//| asset: a\n\ntext, err := os.ReadFile(\"nothing.csv\")\nif err != nil {\n\tpanic(err)\n}\na := len(text)", code: 1},
	{name: "a file that the source does not name", make: write("data.csv", "1"), cells: "import \"os\"\n--- one\n//| asset: a\n\nname := \"data\"\ntext, _ := os.ReadFile(name + \".csv\")\na := len(text)"},
	{name: "an asset that is not computed yet", cells: "//| asset: a\n\na := 1", run: []string{"load", "bad/a"}},
	{name: "an unknown asset", run: []string{"load", "nothing"}},
	{name: "an asset of another spelling", run: []string{"load", "keept"}},
	{name: "a name that two assets have", cells: "//| asset: kept\n\nkept := 1", run: []string{"load", "kept"}},
	{name: "a selection that selects nothing", run: []string{"materialize", "nothing*"}},
	{name: "a selection with a syntax mistake", run: []string{"materialize", "(kept and"}, code: 2},
	{name: "an unknown revision", run: []string{"load", "kept", "--at", "nowhere"}},
	{name: "a revision before the asset", run: []string{"load", "kept", "--at", "HEAD~1"}},
	{name: "an unknown flag", run: []string{"materialize", "*", "--forse"}, code: 2},
	{name: "an unknown command", run: []string{"materialise", "*"}, code: 2},
	{name: "too few arguments", run: []string{"load"}, code: 2},
	{name: "a budget that is no size", run: []string{"store"}, env: []string{"CELLAR_BUDGET=lots"}, code: 2},
	{name: "a go.mod that is none", make: write("go.mod", "module example.com/shop\n\nrequire (\n"), cells: "//| asset: a\n\na := 1"},
	{name: "a function that is not exported", make: write("lib/lib.go", "package lib\n\n//cellar:asset\nfunc features() int { return 1 }\n")},
	{name: "a function whose parameter is no asset", make: write("lib/lib.go", "package lib\n\n//cellar:asset\nfunc Features(orders []int) int { return 1 }\n")},
	{name: "a function that fails", make: write("lib/lib.go", "package lib\n\nimport \"errors\"\n\n//cellar:asset\nfunc Features() (int, error) { return 0, errors.New(\"no features today\") }\n"), code: 1},
	{name: "a function that does not compile", make: write("lib/lib.go", "package lib\n\n//cellar:asset\nfunc Features() int { return \"one\" }\n")},
	{name: "a function with an upstream of another type", make: write("lib/lib.go", "package lib\n\n//cellar:asset in=kept:keep/kept\nfunc Features(kept []string) int { return len(kept) }\n")},
	{name: "a function with a misspelt option", make: write("lib/lib.go", "package lib\n\n//cellar:asset grup=x\nfunc Features() int { return 1 }\n")},
	{name: "no go command", cells: "//| asset: a\n\na := 12345", env: []string{"PATH=/nowhere"}, code: 4},
	{name: "a store that is a file", make: write("../file", ""), run: []string{"materialize", "*", "--force"}, env: []string{"CELLAR_STORE=../file"}, code: 5},
	{name: "a store within a file", make: write("../file", ""), run: []string{"materialize", "*", "--force"}, env: []string{"CELLAR_STORE=../file/store"}, code: 5},
	{name: "a cache that is a file", make: write("../file", ""), run: []string{"materialize", "*", "--force"}, env: []string{"CELLAR_CACHE=../file"}, code: 5},
	{name: "a full disk while a step writes its value", cells: "//| asset: a\n\na := make([]string, 300_000)\nfor i := range a {\n\ta[i] = string(rune('a'+i%26)) + string(rune(i*7919%50000+300)) + string(rune(i*104729%40000+300))\n}", shell: "ulimit -f 200; exec %s", code: 5, make: func(t *testing.T, p *testkit.Project) {
		p.Materialize("bad/a")
		p.Cellar("materialize", "bad/a", "--force")
	}, run: []string{"materialize", "bad/a", "--force"}},
	{name: "a Parquet file cut short", make: damage(func(text string) string { return text[:len(text)/2] }), run: []string{"load", "kept"}},
	{name: "an empty Parquet file", make: damage(func(string) string { return "" }), run: []string{"load", "kept"}},
	{name: "a Parquet file with a flipped bit, exported", make: damage(flip), run: []string{"load", "kept", "-o", "kept.parquet"}, code: 5},
	{name: "a Parquet file with a flipped bit, checked", make: damage(flip), run: []string{"store", "check"}, code: 5},
	{name: "a damaged upstream", cells: "//| asset: a\n\na := len(load(\"keep/kept\"))", make: damage(func(text string) string { return text[:len(text)/2] }), code: -1},
	{name: "a missing Parquet file", make: func(t *testing.T, p *testkit.Project) { os.Remove(p.List()["keep/kept"].File) }, run: []string{"load", "kept"}},
}

func write(name, text string) func(*testing.T, *testkit.Project) {
	return func(_ *testing.T, p *testkit.Project) { p.Write(name, text) }
}

func changes(how string) string {
	return "\n//| asset: a\n\na := []int{3, 2, 1}\n--- two\n//| asset: b\n\n" + how + "\nb := len(a)"
}

// damage changes the stored file of keep/kept, as a disk does.
func damage(how func(string) string) func(*testing.T, *testkit.Project) {
	return func(t *testing.T, p *testkit.Project) {
		file := p.List()["keep/kept"].File
		text := p.Read(file)
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		p.Write(file, how(text))
	}
}

func flip(text string) string {
	bytes := []byte(text)
	bytes[len(bytes)/3] ^= 4
	return string(bytes)
}

// Every mistake gets an error that says what is wrong, where, and what to do; exit codes are as cellar --help says; nothing is lost.
func TestErrors(t *testing.T) {
	t.Parallel()
	texts := make([]string, len(mistakes))
	t.Run("each", func(t *testing.T) {
		for i, m := range mistakes {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				texts[i] = m.try(t)
			})
		}
	})
	golden(t, "errors.golden", strings.Join(texts, "\n"))
}

// golden compares texts that begin with == with those of a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wanted := strings.Split(string(want), "\n== ")
	for i, text := range strings.Split(got, "\n== ") {
		if i >= len(wanted) || text != wanted[i] {
			t.Errorf("not as in %s; go test ./e2e -run %s -update writes it anew:\n== %s", file, t.Name(), text)
		}
	}
}

func (m mistake) try(t *testing.T) string {
	p := world.Repo(t)
	p.Notebook("keep.ipynb", "--- kept\n//| asset: kept\n\nkept := []int{1, 2, 3}")
	p.Commit("Keep")
	p.Materialize("*")
	if m.cells != "" {
		p.Notebook("bad.ipynb", m.cells)
	}
	if m.make != nil {
		p.Git("add", "--all")
		m.make(t, p)
	}
	p.Git("add", "--all")
	run := m.run
	if run == nil {
		run = []string{"materialize", "*"}
	}
	q := p.With(m.env...)
	var r testkit.Result
	if m.shell != "" {
		r = q.Run("sh", append([]string{"-c", fmt.Sprintf(m.shell, `"$0" "$@"`), q.Binary}, run...)...)
	} else {
		r = q.Try(run...)
	}
	code := m.code
	switch code {
	case 0:
		code = 3
	case -1:
		code = 0
	}
	text := tidy(p, r.Stderr)
	if r.Code != code {
		t.Errorf("%s: exit code %d, want %d\n%s", m.name, r.Code, code, text)
	}
	if m.name == "a go.mod that is none" {
		p.Git("checkout", "--quiet", "HEAD", "go.mod")
	}
	damaged := strings.Contains(m.name, "Parquet") || strings.Contains(m.name, "damaged")
	if strings.Contains(m.name, "two assets") || strings.Contains(m.name, "defined twice in a project") {
		// kept is no longer one asset
	} else if again := p.Try("load", "keep/kept", "--json"); !damaged && again.Stdout != "{\n  \"value\": [\n    1,\n    2,\n    3\n  ]\n}\n" {
		t.Errorf("%s: what was there is lost:\n%s%s", m.name, again.Stdout, again.Stderr)
	}
	if damaged && m.name != "a missing Parquet file" || strings.HasPrefix(m.name, "a missing") { // the way out that the message names
		p.Materialize("keep/kept", "--force")
		if got := p.Load("keep/kept"); got != `{"value":[1,2,3]}` {
			t.Errorf("%s: computed again: %s", m.name, got)
		}
	}
	return fmt.Sprintf("== %s\n$ cellar %s\nexit code %d\n%s", m.name, strings.Join(run, " "), r.Code, text)
}

var variable = regexp.MustCompile(`goroutine [0-9]+|(b3:|x3:|k1:)[0-9a-f]{6,}|[0-9a-f]{60,}|\b[0-9]+(\.[0-9]+)? s\b|cellar_step_[0-9a-f]+|scratch/[0-9]+-[0-9]+|\b[0-9a-f]{40}\b|source/[0-9a-f]{24}|0x[0-9a-f]+|b3/[0-9a-f]{2}/`)

// tidy writes what differs from run to run as dots.
func tidy(p *testkit.Project, text string) string {
	text = strings.ReplaceAll(text, filepath.Dir(p.Dir), "DIR")
	text = strings.ReplaceAll(text, p.Cache, "CACHE")
	text = variable.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasPrefix(s, "goroutine") {
			return "goroutine …"
		}
		if i := strings.LastIndexAny(s, ":/_"); i >= 0 {
			return s[:i+1] + "…"
		}
		return "…"
	})
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		if strings.Contains(l, " keep/kept  ") && !strings.HasPrefix(l, "computed") {
			continue // the bystander may be loaded before the mistake or skipped behind it
		}
		lines = append(lines, strings.TrimRight(l, " "))
	}
	return strings.Join(lines, "\n") + "\n"
}
