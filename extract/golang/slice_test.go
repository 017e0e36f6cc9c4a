package golang

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/assetlib/graph"
)

// page reads a notebook written as cells between lines of dashes; `--- parameters` gives a cell that tag.
func page(text string) *Notebook {
	var sources []Source
	for i, part := range strings.Split("\n"+strings.TrimSpace(text)+"\n", "\n---") {
		tag, body, _ := strings.Cut(part, "\n")
		s := Source{ID: fmt.Sprintf("c%d", i+1), Number: i + 1, Text: body}
		if tag = strings.TrimSpace(tag); tag != "" {
			s.Tags = []string{tag}
		}
		sources = append(sources, s)
	}
	return Read("flights.ipynb", sources)
}

func only(t *testing.T, n *Notebook, name string) *graph.Definition {
	t.Helper()
	for _, d := range n.Definitions() {
		for _, a := range d.Assets {
			if a.Name == name {
				return d
			}
		}
	}
	t.Fatalf("no asset %s", name)
	return nil
}

const flights = `
import ("os"; "fmt"; "sort"; "gonum.org/v1/gonum/stat")
---
type Flight struct { Delay int }
type Unused struct{}
func (f Flight) Late() bool { return f.Delay > limit }
const limit = 15
func read(path string) []Flight { os.Open(path); return nil }
func unused() {}
---
//| asset: flights

flights := read("data/flights.csv")
---
fmt.Println(flights[0])
---
//| asset: [train, test]
//| group: core

late := []Flight{}
for _, f := range flights { if f.Late() { late = append(late, f) } }
train, test := late[1:], late[:1]
`

func TestSliceTakesWhatIsUsed(t *testing.T) {
	n := page(flights)
	d := only(t, n, "flights")
	if d.Problem != nil {
		t.Fatal(d.Problem)
	}
	if got := fmt.Sprint(d.Inputs, d.Imports, d.Files); got != "[] [os] [data/flights.csv]" {
		t.Error(got)
	}
	d = only(t, n, "test")
	if got := fmt.Sprint(d.Keys(), d.Inputs, d.Imports, d.Group); got != "[flights/train flights/test] [{flights/flights flights }] []core" {
		t.Error(got)
	}
	if d.Problem != nil {
		t.Error(d.Problem)
	}
}

// What must and what must not change the code version of `test`.
func TestCodeVersion(t *testing.T) {
	code := func(replacements ...string) string {
		return only(t, page(strings.NewReplacer(replacements...).Replace(flights)), "test").Code
	}
	base := code()
	same := map[string][]string{
		"comment":                   {"late := []Flight{}", "// a comment\nlate   :=  []Flight{ } // more"},
		"line breaks":               {"for _, f := range flights { if f.Late() { late = append(late, f) } }", "for _, f := range flights {\n\tif f.Late() {\n\t\tlate = append(\n\t\t\tlate,\n\t\t\tf,\n\t\t)\n\t}\n}"},
		"an unrelated cell":         {"fmt.Println(flights[0])", "fmt.Println(flights[1])"},
		"an unused function":        {"func unused() {}", "func unused() int { return 3 }"},
		"upstream code":             {"data/flights.csv", "data/other.csv"},
		"unused import":             {`"sort"; `, ""},
		"an option of presentation": {"//| group: core", "//| group: other"},
	}
	for name, r := range same {
		if code(r...) != base {
			t.Errorf("%s changes the code version", name)
		}
	}
	other := map[string][]string{
		"a constant":          {"limit = 15", "limit = 16"},
		"a method":            {"f.Delay > limit", "f.Delay >= limit"},
		"a type":              {"Delay int", "Delay int64"},
		"the cell":            {"late[1:]", "late[2:]"},
		"the order of assets": {"[train, test]", "[test, train]"},
	}
	for name, r := range other {
		if code(r...) == base {
			t.Errorf("%s does not change the code version", name)
		}
	}
}

func TestSetUp(t *testing.T) {
	tests := []struct{ name, page, changes, keeps string }{
		{"a set-up cell belongs to the slice", "x := 1\n---\n//| asset: a\n\na := x", "x := 1=>x := 2", ""},
		{"a later definition wins", "x := 1\n---\nx := 3\n---\n//| asset: a\n\na := x", "x := 3=>x := 4", "x := 1=>x := 2"},
		{"a write into it belongs to it", "x := map[int]int{}\n---\nx[1] = 2\n---\n//| asset: a\n\na := x", "x[1] = 2=>x[1] = 3", ""},
		{"a write through another name", "x := []int{1}\n---\ny := x\n---\ny[0] = 2\n---\n//| asset: a\n\na := x", "y[0] = 2=>y[0] = 3", ""},
		{"a write through a pointer", "type T struct { f int }\nx := T{}\np := &x\n---\np.f = 2\n---\n//| asset: a\n\na := x", "p.f = 2=>p.f = 3", ""},
		{"a write by a function of the notebook", "func w(m map[int]int, n int) { q := m; q[n] = n }\nx, y := map[int]int{}, 0\n---\n_ = y; w(x, 3)\n---\n//| asset: a\n\na := x", "w(x, 3)=>w(x, 4)", ""},
		{"sorting writes", "import \"sort\"\nx := []int{2, 1}\n---\nsort.Ints(x); k := 1\n---\n//| asset: a\n\na := x", "k := 1=>k := 2", ""},
		{"printing does not write", "import \"fmt\"\nx := []int{2, 1}\n---\nfmt.Println(x, 1)\n---\n//| asset: a\n\na := x", "", "fmt.Println(x, 1)=>fmt.Println(x, 2)"},
		{"what comes later does not count", "x := []int{2, 1}\n---\n//| asset: a\n\na := x\n---\nx[0] = 4", "", "x[0] = 4=>x[0] = 5"},
		{"the environment is taken along", "import \"os\"\nos.Setenv(\"A\", \"1\")\n---\n//| asset: a\n\na := 1", "\"1\"=>\"2\"", ""},
		{"another package's variable is taken along", "import \"time\"\ntime.Local = time.UTC; k := 1\n---\n//| asset: a\n\na := 1", "k := 1=>k := 2", ""},
		{"blank imports belong to every slice", "import _ \"image/png\"\n---\n//| asset: a\n\na := 1", "image/png=>image/gif", ""},
		{"one parameter of several", "alpha := 1\nbeta := 2\n---\n//| asset: a\n\na := alpha", "alpha := 1=>alpha := 3", "beta := 2=>beta := 3"},
		{"field names are no variables", "type T struct { x int }\nx := 1\n---\n//| asset: a\n\na := T{x: 3}", "", "x := 1=>x := 2"},
		{"map keys are", "x := 1\n---\n//| asset: a\n\na := map[int]int{x: 3}", "x := 1=>x := 2", ""},
		{"a function that writes a variable", "x := 0\nfunc inc() { x++ }\n---\ninc(); k := 1\n---\n//| asset: a\n\na := x", "k := 1=>k := 2", ""},
		{"a closure that writes one", "x := 0\ninc := func() { x++ }\n---\ninc(); k := 1\n---\n//| asset: a\n\na := x", "k := 1=>k := 2", ""},
		{"a closure reads what is assigned later", "x := 0\nf := func() int { return x }\n---\nx = 1\n---\n//| asset: a\n\na := f()", "x = 1=>x = 2", ""},
		{"a pointer in a struct", "type T struct{ n int }\ntype U struct{ p *T }\ns := &T{}\nu := U{p: s}\n---\nu.p.n = 1\n---\n//| asset: a\n\na := s.n", "n = 1=>n = 2", ""},
		{"a pointer in a slice", "type T struct{ n int }\ns := &T{}\nvar l []*T\nl = append(l, s)\n---\nfor _, p := range l { p.n = 1 }\n---\n//| asset: a\n\na := s.n", "n = 1=>n = 2", ""},
		{"a pointer in a map", "type T struct{ n int }\ns := &T{}\nm := map[string]*T{\"k\": s}\n---\nm[\"k\"].n = 1\n---\n//| asset: a\n\na := s.n", "n = 1=>n = 2", ""},
		{"a method value", "type T struct{ n int }\nfunc (t *T) Add(k int) { t.n += k }\ns := &T{}\nadd := s.Add\n---\nadd(1)\n---\n//| asset: a\n\na := s.n", "add(1)=>add(2)", ""},
		{"a method that writes and has a result", "type T struct{ n int }\nfunc (t *T) Add(k int) error { t.n += k; return nil }\ns := &T{}\n---\nif err := s.Add(1); err != nil { panic(err) }\n---\n//| asset: a\n\na := s.n", "Add(1)=>Add(2)", ""},
		{"a method that only reads", "type T struct{ n int }\nfunc (t *T) Get(k int) int { return t.n + k }\ns := &T{}\n---\nprintln(s.Get(1))\n---\n//| asset: a\n\na := s.n", "", "Get(1)=>Get(2)"},
		{"a random generator that was drawn from", "import \"math/rand\"\nr := rand.New(rand.NewSource(1))\n---\nx := r.Intn(10)\n---\n//| asset: a\n\na := r.Intn(10)", "x := r.Intn(10)=>x := r.Intn(11)", ""},
		{"a channel that was read", "c := make(chan int, 3)\nc <- 1; c <- 2; c <- 3\n---\nx := <-c\n---\n//| asset: a\n\na := <-c", "x := <-c=>x := <-c + <-c", ""},
		{"a name given before", "buf := []int{1}\n---\nother := buf\n---\nx := buf\n---\nother[0] = 9\n---\n//| asset: a\n\na := x", "= 9=>= 8", ""},
		{"a function that returns its argument", "x := []int{1}\nfunc id(v []int) []int { return v }\ny := id(x)\n---\ny[0] = 9\n---\n//| asset: a\n\na := x", "= 9=>= 8", ""},
		{"a function that returns a variable", "x := []int{1}\nfunc get() []int { return x }\n---\nget()[0] = 9\n---\n//| asset: a\n\na := x", "= 9=>= 8", ""},
		{"a write by a function of a function", "x := []int{1}\nfunc w2(v []int, k int) { v[0] = k }\nfunc w(v []int, k int) int { w2(v, k); return 0 }\n---\n_ = w(x, 9)\n---\n//| asset: a\n\na := x", "w(x, 9)=>w(x, 8)", ""},
		{"reading into a buffer", "import (\"io\"; \"strings\")\nbuf := make([]byte, 4)\n---\nn, err := io.ReadFull(strings.NewReader(\"abcd\"), buf)\n---\n//| asset: a\n\na := string(buf)", "abcd=>abce", ""},
		{"a chart in a colour that others have", "import \"image/color\"\nblue := color.RGBA{1, 2, 3, 4}\n---\np := chart(1)\np.Color = blue\np.Add(3)\n---\n//| asset: a\n\na := blue.R", "", "Add(3)=>Add(4)"},
		{"a method of an alias", "type T struct{ n int }\ntype U = T\n---\nfunc (u U) String() string { return \"1\" }\n---\nimport \"fmt\"\n---\n//| asset: a\n\na := fmt.Sprint(T{})", "\"1\"=>\"2\"", ""},
		{"a constant as a key of another package's map", "import \"net/url\"\nconst param = \"x\"\n---\n//| asset: a\n\na := url.Values{param: {\"1\"}}", "\"x\"=>\"y\"", ""},
		{"a constant as a key of an inner map", "const k = 1\ntype M map[string]map[int]int\n---\n//| asset: a\n\na := M{\"x\": {k: 1}}", "k = 1=>k = 2", ""},
		{"a field of an inner struct", "type T struct{ x int }\nx := 1\n---\n//| asset: a\n\na := map[string][]T{\"x\": {{x: 1}}}", "", "x := 1=>x := 2"},
		{"a notebook's own load", "import \"os\"\nfunc load(s string) []byte { b, _ := os.ReadFile(s); return b }\n---\n//| asset: a\n\na := load(\"x.csv\")", "return b=>return nil", ""},
		{"inner names are not the page's", "x := 1\n---\n//| asset: a\n\na := func(x int) int { for x := range x { _ = x }; return x }(3)", "", "x := 1=>x := 2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := test.page
			if test.name == "one parameter of several" {
				text = "0\n--- parameters\n" + text
			}
			base := only(t, page(text), "a")
			if base.Problem != nil {
				t.Fatal(base.Problem)
			}
			for i, edit := range []string{test.changes, test.keeps} {
				from, to, ok := strings.Cut(edit, "=>")
				if !ok {
					continue
				}
				got := only(t, page(strings.Replace(text, from, to, 1)), "a")
				if changed := got.Code != base.Code; changed != (i == 0) {
					t.Errorf("%s: changed %v", edit, changed)
				}
			}
		})
	}
}

// What a step may do with an upstream value: all of this copies.
func TestCopiesAreNoChangeInPlace(t *testing.T) {
	for _, body := range []string{
		"for _, w := range ws { m[w.K] = w }", "s.R = w.R; s.Sum += 1", "r := ws[0].R; r += 1", "s.R = *ws[0].P", "y[0] = ws[0].R", "w := ws[0]; w.R = 3",
	} {
		text := "type W struct { K string; R int; P *int }\nvar m = map[string]W{}\n---\nfunc f(ws []W) int { s, w, y := W{}, ws[0], []int{1}; " + body + "; _, _, _ = s, w, y; return 0 }\n---\n//| asset: a\n\na := []W{}\n---\n//| asset: b\n\nb := f(a)"
		if d := only(t, page(text), "b"); d.Problem != nil {
			t.Errorf("%s: %v", body, d.Problem)
		}
	}
	for _, body := range []string{"ws[0].R = 1", "y := ws; y[0].R = 1", "p := &ws[0]; p.R = 2", "y := ws[1:]; y[0].R = 1"} {
		text := "type W struct { R int }\nfunc f(ws []W) int { " + body + "; return 0 }\n---\n//| asset: a\n\na := []W{}\n---\n//| asset: b\n\nb := f(a)"
		if d := only(t, page(text), "b"); d.Problem == nil {
			t.Errorf("%s is not refused", body)
		}
	}
}

// The type of an upstream value is not known by syntax; its methods belong to the slice of what calls them all the same.
func TestMethodsOfUpstreamValues(t *testing.T) {
	text := "type Model struct { W int }\nfunc (m Model) Predict() int { return m.W * k }\nfunc (m Model) String() string { return \"model\" }\nconst k = 2\nfunc fit() Model { return Model{} }\n---\n//| asset: model\n\nmodel := fit()\n---\n//| asset: predictions\n\npredictions := model.Predict()\n---\n//| asset: other\n\nother := []any{model}"
	for _, edit := range []struct{ asset, from, to string }{{"predictions", "m.W * k", "m.W + k"}, {"predictions", "k = 2", "k = 3"}, {"other", "return \"model\"", "return \"M\""}} {
		before, after := only(t, page(text), edit.asset), only(t, page(strings.Replace(text, edit.from, edit.to, 1)), edit.asset)
		if before.Problem != nil || before.Code == after.Code {
			t.Errorf("%s: %s does not change the code version (%v)", edit.asset, edit.from, before.Problem)
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]string{
		"//| asset: a\n\nb := 1":      "the cell does not make the variable a",
		"//| asset: a\n\na := (":      "flights.ipynb, cell 1 (c1)",
		"//| asset: a\n\n!ls\na := 1": "line 3: !ls can't be part of an asset",
		"//| asset: a\n\na := []int{1}\n---\n//| asset: b\n\na[0] = 2\nb := a":                                                                                     "changes the upstream asset a in place",
		"import \"sort\"\n---\n//| asset: a\n\na := []int{1}\n---\n//| asset: b\n\nsort.Ints(a)\nb := a":                                                           "changes the upstream asset a in place",
		"//| asset: a\n\na := b\n---\n//| asset: b\n\nb := 1":                                                                                                      "only cell 2, further down, makes",
		"//| asset: a\n\na := f()\n---\nfunc f() int { return 1 }":                                                                                                 "only cell 2, further down, declares",
		"//| asset: a\n\ntmp := 1\na := tmp\n---\n//| asset: b\n\nb := tmp":                                                                                        "a variable inside the asset cell 1 (flights/a) that is not an asset",
		"//| asset: [a, A]\n\na, A := 1, 2":                                                                                                                        "asset A is named twice",
		"func f() int { return 1 }\n---\nx := f()\n---\nfunc f() int { return 2 }\n---\n//| asset: a\n\na := x + f()":                                              "the asset needs both",
		"//| asset: a\n\na := 1\ngo func() { a = 2 }()":                                                                                                            "a goroutine may outlive the cell",
		"//| asset: a\n\na := 1\n---\na := a * 2\n---\n//| asset: b\n\nb := a":                                                                                     "declares a again",
		"//| asset: a\n\na := []int{1}\n---\nz := a\n---\nz[0] = 2\n---\n//| asset: b\n\nb := a":                                                                   "changes the asset a in place",
		"//| asset: a\n\na := []int{1}\n---\nfunc fix() { a[0] = 2 }\nfix()\n---\n//| asset: b\n\nb := a":                                                          "changes the asset a in place",
		"func fix() { a[0] = 2 }\n---\n//| asset: a\n\na := []int{1}\n---\n//| asset: b\n\nfix()\nb := a":                                                          "changes the upstream asset a in place",
		"m := map[int]int{}\n---\n//| asset: a\n\nm[1] = 2\na := m\n---\n//| asset: b\n\nb := m":                                                                   "a step does not see what another step does to it",
		"import \"math/rand\"\nr := rand.New(rand.NewSource(1))\n---\n//| asset: a\n\na := r.Intn(3)\n---\n//| asset: b\n\nb := r.Intn(3)":                         "it changes r, which this asset reads",
		"x := 1\nfunc init() { x = 5 }\n---\n//| asset: a\n\na := x":                                                                                               "init runs by itself",
		"package main\nvar x = 1\nfunc main() { x = 5 }\n---\n//| asset: a\n\na := x":                                                                              "main runs by itself",
		"import \"text/template\"\ns := template.HTMLEscapeString(\"<\")\n---\nimport \"html/template\"\n---\n//| asset: a\n\na := s + template.JSEscapeString(s)": "and text/template elsewhere in the slice",
		"const k = 1\nfunc f() int { return k }\n---\nx := f()\n---\nconst k = 2\n---\n//| asset: a\n\na := x":                                                     "cell 2 ran with that",
		"const k = 1\nfunc f() int { return k }\n---\nx := f()\n---\nconst k = 2\n---\n//| asset: a\n\na := x + k":                                                 "k is also declared in cell 1, and cell 2 ran with that",
		"x := 0\n---\ndefer func() { x = 1 }()\n---\n//| asset: a\n\na := x":                                                                                       "it defers a call",
		"//| asset: [a\n\na := 1\n---\n//| asset: a\n\na := 2":                                                                                                     "",
	}
	for text, want := range tests {
		var got string
		for _, d := range page(text).Definitions() {
			if d.Problem != nil {
				got = d.Problem.Error()
			}
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %q does not say %q", text, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(flights)
	f.Fuzz(func(t *testing.T, text string) {
		first, second := page(text).Definitions(), page(text).Definitions()
		for i := range first {
			if first[i].Code != second[i].Code {
				t.Fatal("the code version differs from reading to reading")
			}
		}
	})
}

// A cell that was replaced by load is, for what reads its variable, what it was before: nothing downstream becomes stale.
func TestALoadedVariableIsAnInput(t *testing.T) {
	before := only(t, page("//| asset: a\n\na := 1\n---\n//| asset: b\n\nb := a + 1"), "b")
	after := only(t, page("a := load(\"a\")\n---\n//| asset: b\n\nb := a + 1"), "b")
	if before.Code != after.Code || fmt.Sprint(before.Inputs) != fmt.Sprint(after.Inputs) {
		t.Errorf("%+v became %+v", before, after)
	}
}
