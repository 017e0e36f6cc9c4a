package golang

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/assetlib/step"
	"github.com/cellar-go/cellar/assetlib/table"
	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/internal/gomod"
)

// compute generates, builds and runs the step of the asset `a` of a page, whose inputs have the values given, and gives a's value as JSON.
func compute(t *testing.T, text string, inputs map[string]any) (value, shown string, outputs map[string]Type) {
	t.Helper()
	ctx := context.Background()
	module, err := gomod.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	slice, err := page(text).Slice("a")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	spec := step.Specification{Inputs: map[string]step.Input{}, Outputs: map[string]string{"flights/a": filepath.Join(dir, "a.parquet")},
		Displays: filepath.Join(dir, "displays"), Result: filepath.Join(dir, "result")}
	types := map[string]Type{}
	for key, v := range inputs {
		file := filepath.Join(dir, strings.ReplaceAll(key, "/", "-"))
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		info, err := table.Write(f, v)
		if err != nil {
			t.Fatal(err)
		}
		stat, _ := f.Stat()
		decls, typ, imports, err := table.GoType(f, stat.Size(), "Row")
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		spec.Inputs[key] = step.Input{File: file, Content: info.Content}
		types[key] = Type{Type: typ, Decls: decls, Imports: imports}
	}
	p, err := slice.Program(func(packages ...string) (map[string]string, error) { return module.Exports(ctx, packages...) }, types)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "step")
	if err := module.Build(ctx, "zz_cellar_test", map[string]string{"main.go": p.Source}, binary); err != nil {
		t.Fatalf("%v\n%s", err, p.Source)
	}
	if err := spec.Write(filepath.Join(dir, "spec")); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(binary)
	c.Env = []string{step.Environment + "=" + filepath.Join(dir, "spec")}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := os.Open(spec.Outputs["flights/a"])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stat, _ := f.Stat()
	stored, err := table.Open(f, stat.Size())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := stored.Rows(-1, 0)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	text2, err := os.ReadFile(spec.Displays)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for decoder := json.NewDecoder(strings.NewReader(string(text2))); decoder.More(); {
		var b display.Bundle
		if err := decoder.Decode(&b); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, b.Data["text/plain"].(string))
	}
	return string(encoded), strings.Join(texts, "|"), p.Outputs
}

// What a cell may say that a program may not: everything here runs in the kernel, so it runs as a step.
func TestPrograms(t *testing.T) {
	type row struct{ N int }
	tests := []struct {
		name, page  string
		inputs      map[string]any
		value, show string
	}{
		{name: "a struct per row", page: "type R struct { N int }\n---\n//| asset: a\n\na := []R{{1}, {2}}\nlen(a)", value: `[{"N":1},{"N":2}]`, show: "2"},
		{name: "definitions again, in one cell and over cells", page: "x := 1\nx, y := 2, \"s\"\n---\nx := 5\n_ = y\n---\n//| asset: a\n\nx, z := x+1, 2\nx, w := x+z, 1\na := []struct{ N int }{{x + w}}", value: `[{"N":9}]`},
		{name: "a function reads a set-up variable", page: "limit := 3\nfunc f(n int) bool { return n > limit }\n---\nlimit = 4\n---\n//| asset: a\n\nvar kept []struct{ N int }\nfor n := 0; n < 7; n++ { if f(n) { kept = append(kept, struct{ N int }{n}) } }\na := kept", value: `[{"N":5},{"N":6}]`},
		{name: "a function called before and after a definition", page: "x := 1\nfunc f() int { return x }\n---\ny := f()\n---\nx := 7\n---\n//| asset: a\n\na := []struct{ N int }{{f() + y}}", value: `[{"N":8}]`},
		{name: "a variable declared again without a value", page: "var s []int\nfunc n() int { return len(s) }\n---\ns = append(s, 1)\nvar s []int\n---\n//| asset: a\n\na := []struct{ N int }{{n()}}", value: `[{"N":0}]`},
		{name: "closures, method values and parameters injected", page: "0\n--- parameters\nalpha := 1\nbeta := alpha * 2\n--- injected-parameters\nalpha := 5\n---\ntype T struct{ n int }\nfunc (t *T) Add(k int) { t.n += k }\ns := &T{}\nadd := s.Add\nx := 0\ninc := func() { x++ }\n---\nadd(4)\ninc()\n---\n//| asset: a\n\na := []struct{ N int }{{alpha*1000 + beta*100 + s.n*10 + x}}", value: `[{"N":5241}]`},
		{name: "unused variables and imports", page: "import (\"fmt\"; \"os\"; m \"math\")\nfunc f() int {\n\tx, y := 1, 2\n\tif z := 3; y > 1 {\n\t}\n\tfor i, v := range []int{1} {\n\t}\n\tvar k int\n\treturn y\n}\n---\n//| asset: a\n\nunused := 1\nvar other = 2\na := []struct{ N int }{{f()}}", value: `[{"N":2}]`},
		{name: "a type that nobody can name stays local", page: "import (\"errors\"; \"reflect\")\ne := errors.New(\"x\")\nt := reflect.TypeOf(3)\n---\n//| asset: a\n\na := []struct{ N int }{{len(e.Error()) + t.Bits()/64}}", value: `[{"N":2}]`},
		{name: "an upstream table", page: "//| asset: up\n\nup := []Row{{1}}\n---\ntype Row struct { N int64 }\nfunc sum(rows []Row) (s int) { for _, r := range rows { s += int(r.N) }; return }\n---\n//| asset: a\n\na := []struct{ N int }{{sum(up)}}\nsum(up)", inputs: map[string]any{"flights/up": []row{{3}, {4}}}, value: `[{"N":7}]`, show: "7"},
		{name: "a table of another notebook", page: "//| asset: a\n\nrows := load(\"other/up\")\na := []struct{ N int }{{int(rows[0].N) + len(load(\"other/up\"))}}\nlen(load(\"other/up\"))", inputs: map[string]any{"other/up": []row{{3}, {4}}}, value: `[{"N":5}]`, show: "2"},
		{name: "a replaced cell", page: "up := load(\"up\")\n---\n//| asset: a\n\na := []struct{ N int }{{int(up[1].N)}}", inputs: map[string]any{"flights/up": []row{{3}, {4}}}, value: `[{"N":4}]`},
		{name: "a call without a value at the end", page: "func f() {}\nfunc g() (int, error) { return 1, nil }\n---\n//| asset: a\n\na := []struct{ N int }{{1}}\ng()\nf()", value: `[{"N":1}]`},
		{name: "generics, methods, embedding, labels, closures", page: "type Stack[T any] struct{ items []T }\nfunc (s *Stack[T]) Push(v T) { s.items = append(s.items, v) }\ntype Base struct{ N int }\ntype R struct { Base; M int }\n---\n//| asset: a\n\nvar s Stack[R]\nouter:\nfor i := range 3 {\n\tfor j := range 3 { if j == 1 { continue outer }; s.Push(R{Base{i}, j}) }\n}\nadd := func(n int) int { return n + len(s.items) }\ns.items[0].M = add(1)\na := s.items", value: `[{"N":0,"M":4},{"N":1,"M":0},{"N":2,"M":0}]`},
		{name: "constants with iota and a set-up by side effect", page: "const (\n\tred = iota + 1\n\tgreen\n)\nimport \"os\"\nos.Setenv(\"X\", \"abc\")\n---\n//| asset: a\n\na := []struct{ N int; S string }{{green, os.Getenv(\"X\")}}", value: `[{"N":2,"S":"abc"}]`},
		{name: "several expressions at the ends of cells", page: "k := 2\nfunc f() int { k++; return k }\nf(), k\n---\n//| asset: a\n\na := []struct{ N int }{{k}}\nlen(a), \"rows\", f()", value: `[{"N":3}]`, show: "1 rows 4"},
		{name: "display", page: "import \"github.com/cellar-go/cellar/display\"\n---\n//| asset: a\n\na := []struct{ N int }{{1}}\ndisplay.Markdown(\"*hi*\")\ndisplay.HTML(\"<b>bold</b>\")", value: `[{"N":1}]`, show: "*hi*|bold"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			value, show, _ := compute(t, test.page, test.inputs)
			if value != test.value || show != test.show {
				t.Errorf("value %s, want %s; shown %q, want %q", value, test.value, show, test.show)
			}
		})
	}
}

func TestOutputTypes(t *testing.T) {
	_, _, outputs := compute(t, "import \"time\"\ntype Leg struct { From, To string; At time.Time }\ntype Trip struct { Legs []Leg `json:\"legs\"`; Cost map[string]float64 }\n---\n//| asset: a\n\na := []Trip{}", nil)
	got := outputs["a"]
	want := "type Leg struct {\n\tFrom string\n\tTo   string\n\tAt   time.Time\n}\ntype Trip struct {\n\tLegs []Leg \"json:\\\"legs\\\"\"\n\tCost map[string]float64\n}"
	if got.Type != "[]Trip" || got.Decls != want || strings.Join(got.Imports, " ") != "time" {
		t.Errorf("got %s of\n%s\nimporting %v", got.Type, got.Decls, got.Imports)
	}
}

// Mistakes are named with the cell's own line, before anything is built.
func TestProgramMistakes(t *testing.T) {
	module, err := gomod.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	exports := func(packages ...string) (map[string]string, error) {
		return module.Exports(context.Background(), packages...)
	}
	for text, want := range map[string]string{
		"//| asset: a\n\na := 1 +\n  nothing":                                           "flights.ipynb[c1]:4:3: undefined: nothing",
		"func f() int {\n\treturn \"s\"\n}\n---\n//| asset: a\n\na := f()":              "flights.ipynb[c1]:2:9: cannot use \"s\"",
		"//| asset: a\n\nfunc f() any { type r struct{ N int }; return r{} }\na := f()": "",
		"import \"no.such/module\"\n---\n//| asset: a\n\na := module.X":                 "no required module provides package no.such/module",
	} {
		slice, err := page(text).Slice("a")
		if err == nil {
			_, err = slice.Program(exports, nil)
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
