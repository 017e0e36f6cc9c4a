package graph

import (
	"strings"
	"testing"
)

// define reads "a", "b: a", "c d: a b" as definitions of the notebook n.
func define(lines ...string) []*Definition {
	var all []*Definition
	for i, l := range lines {
		outs, ins, _ := strings.Cut(l, ":")
		d := &Definition{File: "n.ipynb", Cell: "c", Number: i + 1, Language: "go", Group: "all"}
		for _, o := range strings.Fields(outs) {
			d.Assets = append(d.Assets, Asset{Key: "n/" + o, Name: o})
		}
		for _, in := range strings.Fields(ins) {
			d.Inputs = append(d.Inputs, Input{Key: "n/" + in, Name: in})
		}
		all = append(all, d)
	}
	return all
}

func keys(ds []*Definition) string {
	var s []string
	for _, d := range ds {
		for _, a := range d.Assets {
			s = append(s, a.Name)
		}
	}
	return strings.Join(s, " ")
}

func TestOrderIsUpstreamFirst(t *testing.T) {
	g := New(define("c: b", "b: a", "a", "train test: a"))
	if got := keys(g.Definitions()); got != "a b c train test" {
		t.Error(got)
	}
}

// load("b", at("v1")) reads another commit's value: it makes no order and no cycle, and b may be gone by now.
func TestAnotherCommitsValueMakesNoOrder(t *testing.T) {
	ds := define("a", "b: a")
	ds[0].Inputs = []Input{{Key: "n/b", At: "v1"}, {Key: "n/gone", At: "v1"}}
	g := New(ds)
	if problems := g.Problems(); len(problems) > 0 || keys(g.Definitions()) != "a b" || len(g.Upstream(ds[0])) > 0 {
		t.Error(problems, keys(g.Definitions()), keys(g.Upstream(ds[0])))
	}
}

func TestSelect(t *testing.T) {
	g := New(define("a", "b: a", "train test: b", "model: train", "metrics: model test"))
	g.Definitions()[1].Tags = []string{"slow"}
	tests := map[string]string{
		"a":                     "a",
		"n/a":                   "a",
		"+model":                "a b train test model",
		"1+model":               "train test model",
		"b+":                    "b train test model metrics",
		"b+1":                   "b train test",
		"+model+":               "a b train test model metrics",
		"*":                     "a b train test model metrics",
		"m*":                    "model metrics",
		"tag:slow":              "b",
		"group:all and not b+":  "a",
		"(a or model) and +b":   "a",
		"a, metrics":            "a metrics",
		"kind:go and not (a,b)": "train test model metrics",
	}
	for expression, want := range tests {
		got, err := g.Select(expression, nil)
		if err != nil || keys(got) != want {
			t.Errorf("%s: got %q, %v; want %q", expression, keys(got), err, want)
		}
	}
	for _, wrong := range []string{"", "nothing", "(a", "a b", "color:red", "a and"} {
		if got, err := g.Select(wrong, nil); err == nil {
			t.Errorf("%q selects %q", wrong, keys(got))
		}
	}
}

// A key is one word wherever it stands, whatever characters it has; quotes make one of anything else.
func TestSelectOddKeys(t *testing.T) {
	all := define("a", "b: a", "c: b")
	for i, key := range []string{"x and y/a", "Copy (1)/b", "1+1/c"} {
		all[i].Assets[0].Key, all[i].Group = key, "my group"
	}
	all[1].Inputs[0].Key, all[2].Inputs[0].Key = "x and y/a", "Copy (1)/b"
	g := New(all)
	tests := map[string]string{
		"x and y/a":              "a",
		"X and Y/_a":             "a",
		"x and y/a+":             "a b c",
		"x and y/a+1":            "a b",
		"(x and y/a or 1+1/c)":   "a c",
		"+Copy (1)/b":            "a b",
		"+1+1/c and not 1+1/c":   "a b",
		"1+1+1/c":                "b c",
		"x and y/a,Copy (1)/b":   "a b",
		`"x and y/*"`:            "a",
		`+'Copy (1)/?'+`:         "a b c",
		`group:"my group"`:       "a b c",
		`group:"my group" and c`: "c",
		`not "c"`:                "a b",
	}
	for expression, want := range tests {
		got, err := g.Select(expression, nil)
		if err != nil || keys(got) != want {
			t.Errorf("%s: got %q, %v; want %q", expression, keys(got), err, want)
		}
	}
	for _, wrong := range []string{`"x and y/a`, `"and"`, `x and z/a`, `"x and y/a"b`} {
		if got, err := g.Select(wrong, nil); err == nil {
			t.Errorf("%q selects %q", wrong, keys(got))
		}
	}
	for expression, named := range map[string]bool{"x and y/a, c": true, "2+1+1/c": true, "*": false, "group:a": false, "d": false} {
		if g.Named(expression) != named {
			t.Errorf("Named(%q) is not %v", expression, named)
		}
	}
	for text, want := range map[string]string{"n/a": "n/a", "+é/a": "+é/a", "it's/a": `'it'\''s/a'`, "a b/c": "'a b/c'"} {
		if got := Typed(text); got != want {
			t.Errorf("%q is typed %s", text, got)
		}
	}
}

func TestProblemsStayWithWhatTheyTouch(t *testing.T) {
	tests := []struct {
		name, touched, message string
		definitions            []*Definition
	}{
		{"unknown upstream", "b", "no asset n/zzz (n.ipynb, cell 2 (c))", define("a", "b: zzz", "c: a")},
		{"cycle", "a b", "a cycle: n/a needs n/b needs n/a", define("a: b", "b: a", "c")},
		{"twice", "a A", "defined twice: n.ipynb, cell 1 (c) and n.ipynb, cell 2 (c)", define("a", "A", "c: a")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var touched []*Definition
			g := New(test.definitions)
			for _, d := range test.definitions {
				if d.Problem != nil {
					touched = append(touched, d)
					if d == touched[0] && !strings.Contains(d.Problem.Error(), test.message) {
						t.Errorf("message: %v", d.Problem)
					}
				}
			}
			if keys(touched) != test.touched {
				t.Errorf("touched %q, want %q", keys(touched), test.touched)
			}
			if len(g.Problems()) != len(touched) {
				t.Errorf("%d problems", len(g.Problems()))
			}
		})
	}
}

func FuzzSelect(f *testing.F) {
	f.Add("+a and not (b, c+2)")
	g := New(define("a", "b: a"))
	f.Fuzz(func(t *testing.T, s string) { g.Select(s, nil) })
}
