package golang

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/extract"
	"github.com/cellar-go/cellar/internal/gomod"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// exporter gives export data, as a project does.
func exporter(t *testing.T) Importer {
	t.Helper()
	module, err := gomod.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	return func(packages ...string) (map[string]string, error) {
		return module.Exports(context.Background(), packages...)
	}
}

// typesOf are the types of a cell's inputs, as the programs of the upstream cells give them; those of other notebooks are given.
func typesOf(t *testing.T, n *Notebook, asset string, exports Importer, given map[string]Type) map[string]Type {
	t.Helper()
	s, err := n.Slice(asset)
	if err != nil {
		return nil
	}
	all := map[string]Type{}
	for _, in := range s.inputs {
		if g, ok := given[in.Key]; ok {
			all[in.Key] = g
			continue
		}
		for _, d := range n.Definitions() {
			for _, a := range d.Assets {
				if a.Key != in.Key {
					continue
				}
				up, err := n.Slice(a.Name)
				if err != nil {
					t.Fatal(err)
				}
				p, err := up.Program(exports, typesOf(t, n, a.Name, exports, given))
				if err != nil {
					t.Fatal(err)
				}
				all[in.Key] = p.Outputs[a.Name]
				given[in.Key] = p.Outputs[a.Name]
			}
		}
	}
	return all
}

// archive is a file of named parts, as txtar writes them.
func archive(text string) (names []string, parts map[string]string) {
	parts = map[string]string{}
	for _, part := range strings.Split("\n"+text, "\n-- ")[1:] {
		name, body, _ := strings.Cut(part, " --\n")
		names, parts[name] = append(names, name), strings.Trim(body, "\n")+"\n"
	}
	return names, parts
}

// Each file of testdata/extract is a case: the page, what the package has already, and then what comes of the asset `a`.
func TestExtract(t *testing.T) {
	files, err := filepath.Glob("testdata/extract/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	exports := exporter(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			names, parts := archive(string(text))
			n := page(parts["page"])
			to := extract.Target{Folder: "pipeline", Files: map[string][]byte{}, Doc: parts["above"], Moved: func(name string) (string, bool) {
				return "../notebooks/" + name, strings.HasPrefix(name, "data/")
			}}
			out := "-- page --\n" + parts["page"]
			for _, name := range names {
				if strings.HasPrefix(name, "have ") || name == "above" {
					out += "\n-- " + name + " --\n" + parts[name]
				}
				if file, ok := strings.CutPrefix(name, "have "); ok {
					to.Files["pipeline/"+file] = []byte(parts[name])
				}
			}
			asset := "a"
			if n.provider("a") == nil {
				asset = n.Definitions()[0].Assets[0].Name
			}
			given := map[string]Type{"other/rows": {Type: "[]Row", Decls: "type Row struct {\n\tN int64\n}"}}
			e := &Extractor{Notebook: n, Exports: exports, Inputs: typesOf(t, n, asset, exports, given)}
			f, err := e.Extract(asset, to)
			if err != nil {
				out += "\n-- refused --\n" + err.Error() + "\n"
			} else {
				if f.Source != "" {
					out += "\n-- " + f.File + " --\n" + f.Source
				}
				for _, c := range f.Cells {
					out += fmt.Sprintf("\n-- cell %d --\n%s\n", c.Number, c.Text)
				}
				check(t, n, f, asset)
			}
			if *update {
				if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if out != string(text) {
				t.Errorf("got\n%s\nwant\n%s", out, text)
			}
		})
	}
}

// check is the metamorphic part: the function is found as the asset's definition, from the same inputs, and no other asset changes.
func check(t *testing.T, before *Notebook, f *extract.Function, asset string) {
	t.Helper()
	if f.Source != "" {
		functions, problems := Functions(map[string][]byte{f.File: []byte(f.Source)})
		if len(problems) > 0 || len(functions) != 1 || functions[0].Definition.Problem != nil {
			t.Fatal(functions, problems, functions[0].Definition.Problem)
		}
		was, is := only(t, before, asset), functions[0].Definition
		keys := func(in string, list []string) string { slices.Sort(list); return in + strings.Join(list, " ") }
		var a, b []string
		for _, in := range was.Inputs {
			a = append(a, in.Key)
		}
		for _, in := range is.Inputs {
			b = append(b, in.Key)
		}
		if fmt.Sprint(was.Keys()) != fmt.Sprint(is.Keys()) || keys("", a) != keys("", b) {
			t.Errorf("%v from %v became %v from %v", was.Keys(), a, is.Keys(), b)
		}
	}
	now := map[string]string{}
	for _, d := range before.without(f).Definitions() {
		now[d.Assets[0].Key] = fmt.Sprint(d.Code, d.Files, d.Imports, d.Problem, inputKeys(d.Inputs))
	}
	for _, d := range before.Definitions() {
		if was := fmt.Sprint(d.Code, d.Files, d.Imports, d.Problem, inputKeys(d.Inputs)); d.Assets[0].Key != f.Assets[0] && was != now[d.Assets[0].Key] {
			t.Errorf("%s changes: %s, then %s", d.Assets[0].Key, was, now[d.Assets[0].Key])
		}
	}
}

func inputKeys(inputs []graph.Input) []string {
	var all []string
	for _, in := range inputs {
		all = append(all, in.Key+" "+in.Name)
	}
	return all
}

// The real notebook: whatever can be extracted leaves all others as they are.
func TestExtractFlights(t *testing.T) {
	text, err := os.ReadFile("../../notebooks/flights.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	var nb struct {
		Cells []struct {
			Type   string `json:"cell_type"`
			ID     string
			Source []string
		}
	}
	if err := json.Unmarshal(text, &nb); err != nil {
		t.Fatal(err)
	}
	var sources []Source
	for i, c := range nb.Cells {
		if c.Type == "code" {
			sources = append(sources, Source{ID: c.ID, Number: i + 1, Text: strings.Join(c.Source, "")})
		}
	}
	n := Read("notebooks/flights.ipynb", sources)
	exports, given := exporter(t), map[string]Type{}
	refused := map[string]string{}
	for _, d := range n.Definitions() {
		asset := d.Assets[0].Name
		e := &Extractor{Notebook: n, Exports: exports, Inputs: typesOf(t, n, asset, exports, given)}
		f, err := e.Extract(asset, extract.Target{Folder: "pipeline"})
		if err != nil {
			refused[asset] = err.Error()
			continue
		}
		check(t, n, f, asset)
	}
	if len(refused) != 2 || !strings.Contains(refused["labels"], "cell 19 (labels), line 19: it reads delays, which moves into the function") ||
		!strings.Contains(refused["model"], "flights/predictions (notebooks/flights.ipynb, cell 28 (predictions)) would become stale") { // by its chart: b.Color = blue
		t.Error(slices.Collect(maps.Values(refused)))
	}
}

// What can't be a function, or can't be proved to be the same as one: the line, and the reason.
func TestExtractRefusals(t *testing.T) {
	exports := exporter(t)
	for text, want := range map[string]string{
		"//| asset: a\n//| live: true\n\na := 1":                                                               "it is live",
		"import \"time\"\n---\n//| asset: a\n\na := time.Now()":                                                "it calls time.Now, so two runs can't be proved equal",
		"import \"time\"\n---\n//| asset: a\n//| refresh: 24h\n\na := time.Now()":                              "it calls time.Now, so two runs can't be proved equal",
		"import \"math/rand\"\n---\n//| asset: a\n\na := rand.Intn(3)":                                         "it calls rand.Intn",
		"import \"net/http\"\n---\n//| asset: a\n\nr, _ := http.Get(\"x\")\na := r.StatusCode":                 "it imports net/http",
		"//| asset: a\n\na := load(\"other/x\", at(\"v1\"))":                                                   "a parameter can't name a revision",
		"0\n--- parameters\nalpha := 1\n---\n//| asset: a\n\na := alpha":                                       "cell 2 (c2), line 1: it uses a parameter of the notebook",
		"import \"os\"\n---\n//| asset: a\n\na := 1\nos.Setenv(\"A\", \"1\")":                                  "cell 2 (c2), line 4: it changes the whole process (os.Setenv)",
		"//| asset: a\n//| group: two words\n\na := 1":                                                         "the option group has the value \"two words\"",
		"type t struct{ N int }\n---\n//| asset: a\n\na := t{1}":                                               "a is of type t, which is not exported",
		"//| asset: a\n\na := func() any { type T struct{}; return T{} }":                                      "which can't be stored",
		"//| asset: a\n\na := []chan T{}\ntype T int":                                                          "a is of type []chan T, which can't be stored",
		"n := 0\nfunc next() int { n++; return n }\n---\n//| asset: a\n\na := next()":                          "line 2: it changes n, which functions read: state that a package would share",
		"limit := 3\nfunc f() int { return limit }\n---\nlimit = 4\n---\n//| asset: a\n\na := f()":             "cell 2 (c2), line 1: it changes limit",
		"//| asset: up\n\nup := []int{1}\n---\nfunc f() int { return len(up) }\n---\n//| asset: a\n\na := f()": "cell 2 (c2), line 1: the function reads the asset up as a variable of the notebook",
		"//| asset: a\n\nk := 3\nfunc f() int { return k }\na := f()":                                          "line 4: a function reads k, a variable of the cell",
		"import \"fmt\"\n---\n//| asset: a\n\nhalf := 2\na := half * 2\nfmt.Println(half)":                     "line 5: it reads half, which moves into the function",
		"import \"fmt\"\n---\n//| asset: a\n\nhalf := 2\na := half * 2\n---\nfmt.Println(half)":                "cell 3 (c3), line 1: it reads half, a variable of the cell that moves into the function",
		"//| asset: up\n\nup := []int{1}\n---\n//| asset: a\n\nup[0] = 2\na := up":                             "changes the upstream asset up in place",
		"//| asset: a\n\n%time\na := 1":                                                                        "%time",
		"//| asset: a\n\na := 1\ngo func() { a = 2 }()":                                                        "a goroutine may outlive the cell",
		"//| asset: a\n\na := undefined":                                                                       "undefined: undefined",
	} {
		n := page(text)
		e := &Extractor{Notebook: n, Exports: exports}
		if want != "" && strings.Contains(text, "asset: up") {
			e.Inputs = map[string]Type{"flights/up": {Type: "[]int"}}
		}
		_, err := e.Extract("a", extract.Target{Folder: "pipeline"})
		if want == "" && err == nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for folder, files := range map[string]map[string][]byte{"cmd/x": {"cmd/x/main.go": []byte("package main")}, "1st": nil} {
		if _, err := (&Extractor{Notebook: page("//| asset: a\n\na := 1"), Exports: exports}).Extract("a", extract.Target{Folder: folder, Files: files}); err == nil {
			t.Errorf("%s is no package to extract to", folder)
		}
	}
}

// A user's module need not know packages that only notebooks are lent.
func TestExtractNeedsNothingLent(t *testing.T) {
	e := &Extractor{Notebook: page("import \"github.com/cellar-go/cellar/display\"\n---\n//| asset: a\n\ndisplay.HTML(\"<b>\")\na := 1"), Exports: exporter(t),
		Provides: func(p string) bool { return !strings.Contains(p, "cellar") }}
	if _, err := e.Extract("a", extract.Target{Folder: "pipeline"}); err == nil || !strings.Contains(err.Error(), "which the module does not require") {
		t.Error(err)
	}
}

func TestExtractTest(t *testing.T) {
	f := &extract.Function{Package: "pipeline", Name: "Split", Inputs: []extract.Parameter{{Name: "rows"}, {Name: "t"}}, Outputs: []extract.Parameter{{Name: "train"}, {Name: "sum"}}}
	text, err := (&Extractor{Notebook: page("")}).Test(f, extract.Case{Inputs: []string{"[]Row{{N: 1}}", "3"}, Outputs: []string{"[]Row{{N: 1}}", "1"}, Rows: []int{5, -1}})
	if err != nil {
		t.Fatal(err)
	}
	want := `package pipeline

import (
	"reflect"
	"testing"
)

// Split gets a few rows of what its cell computed from; what it has to make of them is what it made when it left
// flights.ipynb.
func TestSplit(t *testing.T) {
	rows := []Row{{N: 1}}
	thet := 3

	gotTrain, gotSum := Split(rows, thet)

	wantTrain := []Row{{N: 1}}
	if len(gotTrain) != 5 {
		t.Fatalf("got %d rows, want 5", len(gotTrain))
	}
	for i := range wantTrain {
		if !reflect.DeepEqual(gotTrain[i], wantTrain[i]) {
			t.Errorf("row %d: got %+v, want %+v", i, gotTrain[i], wantTrain[i])
		}
	}

	wantSum := 1
	if !reflect.DeepEqual(gotSum, wantSum) {
		t.Errorf("got %+v, want %+v", gotSum, wantSum)
	}
}
`
	if text != want {
		t.Errorf("got\n%s", text)
	}
}
