package papermill

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
)

func TestFlagsPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.json")
	if err := os.WriteFile(file, []byte(`{"f": "file", "y": "file", "p": "file", "r": "file"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Flags{
		Raw:    [][2]string{{"r", "1"}, {"r", "2"}},
		Typed:  [][2]string{{"p", "1e3"}, {"r", "typed"}},
		YAML:   []string{"{y: [1, yes, null], p: yaml}", "z: 2013-01-01"},
		Files:  []string{file},
		Base64: []string{base64.StdEncoding.EncodeToString([]byte("b: base\nf: base\n"))},
	}.Parse()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(p.json()), `{"b":"base","f":"file","y":[1,true,null],"p":1000.0,"r":"2","z":"2013-01-01"}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBadFlags(t *testing.T) {
	for _, c := range []struct {
		flags Flags
		want  string
		code  int
	}{
		{Flags{Base64: []string{"§"}}, "-b: not base64", 2},
		{Flags{YAML: []string{"[1, 2]"}}, "-y: line 1: not a mapping", 2},
		{Flags{YAML: []string{"{a: "}}, "-y: ", 2},
		{Flags{YAML: []string{"a: !!python/object:os.system x"}}, "is not allowed in parameters", 2},
		{Flags{YAML: []string{"a: *b"}}, "unknown alias *b", 2},
		{Flags{Files: []string{"/none.yaml"}}, "-f: open /none.yaml", 3},
	} {
		_, err := c.flags.Parse()
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.ExitCode(err) != c.code {
			t.Errorf("%+v: %v", c.flags, err)
		}
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'j'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ",") + "]\n"
	}
	if _, err := (Flags{YAML: []string{bomb}}).Parse(); err == nil || !strings.Contains(err.Error(), "too many values") {
		t.Errorf("a bomb of aliases: %v", err)
	}
}

// TestLikePapermill compares with Papermill itself: guesses of -p, YAML, and the Python that it writes.
func TestLikePapermill(t *testing.T) {
	python := usePython(t)
	typed := []string{"True", "true", "None", "1", "-1", "+1", "007", "1_000", "1__0", "_1", " 5 ", "0x10", "1e3", "1E-7", ".5", "5.", "nan", "-inf", "Infinity",
		"1e400", "123456789012345678901234567890", "1.0", "1e16", "123456789.123", "0.0001", "0.00001", "", " ", "a\"b\\c\n\té€😀", "12:30", "0b1", "1_0.5", "1,5"}
	yamls := []string{"{}", "", "a: 1", "a: yes\nb: No\nc: on\nd: off\ne: y\nf: ~\ng: Null\nh:\n", "a: 010\nb: 0o10\nc: 0x1F\nd: 0b11\ne: 1_000\nf: -0\n",
		"a: 1e3\nb: 1.0e+3\nc: .5\nd: -.5\ne: 1.\nf: .inf\ng: -.INF\nh: 1.5e3\ni: +1.5", "a: 2013-01-01\nb: '1'\nc: \"tab\\t\"\nd: plain text\n",
		"a: [1, [2, x], {b: c}]\nd: {e: {f: [null, true]}}", "a: |\n  two\n  lines\nb: >\n  folded\n  text\n", "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2\n",
		"- 1", `{"json": [1.50, "é", null, false]}`, "a: {1: x, 2.5: y}", "# only a comment", "a: # comment\n  b", "a: - 1", "a: \"\\u00e9\"", "a: ''"}
	input, err := json.Marshal(map[string]any{"typed": typed, "yaml": yamls})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", `
import json, sys, yaml
from papermill.cli import _resolve_type
from papermill.iorw import NoDatesSafeLoader
from papermill.translators import PythonTranslator, Translator
write = lambda p: Translator.codify.__func__(PythonTranslator, p)
def y(text):
    try: v = yaml.load(text, Loader=NoDatesSafeLoader) or {}
    except Exception as e: return None
    return write(v) if isinstance(v, dict) else None
asked = json.load(sys.stdin)
json.dump({"typed": [write({"x": _resolve_type(v)}) for v in asked["typed"]], "yaml": [y(v) for v in asked["yaml"]]}, sys.stdout)`)
	cmd.Stdin = strings.NewReader(string(input))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Typed, YAML []*string }
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	check := func(name string, f Flags, want *string) {
		t.Helper()
		p, err := f.Parse()
		if want == nil {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		var b strings.Builder
		b.WriteString("# Parameters\n")
		for _, q := range p {
			b.WriteString(q.Name + " = " + pythonValue(q.Value) + "\n")
		}
		if b.String() != *want {
			t.Errorf("%q:\n got %q\nwant %q", name, b.String(), *want)
		}
	}
	for i, text := range typed {
		check("-p "+text, Flags{Typed: [][2]string{{"x", text}}}, want.Typed[i])
	}
	for i, text := range yamls {
		check("-y "+text, Flags{YAML: []string{text}}, want.YAML[i])
	}
}

func TestTranslate(t *testing.T) {
	const goCell = `import "time"

type mode string

// The learning rate.
alpha := 0.1
n, name := 3, "x"
var (
	rate  float32
	small uint8 = 1
	on          = true
	tags        = []string{"a"}
	grid  map[string][]float64
	limit *int
	any1  interface{}
	kind  mode
	long  = 1 << 40
)
const seed = 7
wait := 5 * time.Second
names := strings.Fields("a b")
`
	for _, c := range []struct {
		name, language, declared, yaml, want string
		typed                                [][2]string
	}{
		{"python", "python", "a = 1\nb: int = 2\nif a == 1: pass\n", "{a: 1.5, b: [x, {y: null}], new: true}", "# Parameters\na = 1.5\nb = [\"x\", {\"y\": None}]\nnew = True\n|new", nil},
		{"python name", "python", "", "{class: 1}", `error: "class" can't be the name of a Python variable`, nil},
		{"go declared", "go", goCell, "{alpha: 1, n: 5.0, name: é, rate: 0.5, small: 255, on: no, tags: [b, c], grid: {x: [1, 2.5]}, limit: null, any1: [1], kind: fast, long: 2, seed: 8, wait: 90s, names: [q]}",
			`// Parameters
alpha = 1
n = 5
name = "é"
rate = 0.5
small = 255
on = false
tags = []string{"b", "c"}
grid = map[string][]float64{"x": []float64{1, 2.5}}
limit = nil
any1 = []int{1}
kind = "fast"
long = 2
const seed = 8
wait = 90000000000
names = []string{"q"}
|`, nil},
		{"go not declared", "go", "", "{a: 0.1, b: 2, c: x, d: true, e: [1, 2.0], f: {k: v}, g: null, h: [], i: [1, x], j: [[1], [2]], k: .inf}",
			`// Parameters
a := 0.1
b := 2
c := "x"
d := true
e := []float64{1, 2.0}
f := map[string]string{"k": "v"}
var g any
h := []any{}
i := []any{1, "x"}
j := []any{[]int{1}, []int{2}}
k := func() float64 { z := 0.0; return 1 / z }()
|a b c d e f g h i j k`, nil},
		{"go typed on the command line", "go", `name, on := "x", false`, "", "// Parameters\nname = \"007\"\non = true\n|", [][2]string{{"name", "007"}, {"on", "true"}}},
		{"go pointer", "go", "var limit *int", "{limit: 3}", "// Parameters\nlimit = func() *int { v := int(3); return &v }()\n|", nil},
		{"go fraction", "go", goCell, "{n: 0.5}", "error: parameter n: 0.5 is no value of its type int", nil},
		{"go range", "go", goCell, "{small: 256}", "error: parameter small: 256 is no value of its type uint8", nil},
		{"go sign", "go", goCell, "{small: -1}", "error: parameter small: -1 is no value of its type uint8", nil},
		{"go float32", "go", goCell, "{rate: 1.0e+300}", "error: parameter rate: 1e+300 is no value of its type float32", nil},
		{"go text", "go", goCell, "{alpha: x}", `error: parameter alpha: "x" is no value of its type float64`, nil},
		{"go number as text", "go", goCell, "{name: 5}", "error: parameter name: 5 is no value of its type string", nil},
		{"go element", "go", goCell, "{tags: [a, 1]}", "error: parameter tags: element 2: 1 is no value of its type string", nil},
		{"go nested", "go", goCell, "{grid: {x: [a]}}", `error: parameter grid: key "x": element 1: "a" is no value of its type float64`, nil},
		{"go scalar for list", "go", goCell, "{tags: a}", `error: parameter tags: "a" is no value of its type []string`, nil},
		{"go null", "go", goCell, "{n: null}", "error: parameter n: null is no value of its type int", nil},
		{"go duration", "go", goCell, "{wait: soon}", `error: parameter wait: "soon" is no duration; write it like 90s or 1h30m`, nil},
		{"go huge", "go", "", "{a: 123456789012345678901}", "error: parameter a: 123456789012345678901 is too large for an int; declare its type in the parameters cell", nil},
		{"go name", "go", "", "{a-b: 1}", `error: "a-b" can't be the name of a Go variable`, nil},
		{"go cell that doesn't parse", "go", "x := (", "{x: 1}", "error: parameters:1:6: this ( is not closed", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Flags{Typed: c.typed}
			if c.yaml != "" {
				f.YAML = []string{c.yaml}
			}
			p, err := f.Parse()
			if err != nil {
				t.Fatal(err)
			}
			source, unknown, err := translators[c.language](p, c.declared)
			got := source + "|" + strings.Join(unknown, " ")
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func FuzzYAML(f *testing.F) {
	for _, text := range []string{"a: 1", "{a: [1, {b: c}], d: &x y, e: *x}", "a: |\n  b\n", "<<: {a: 1}", "a: 0x1F\n? b\n: c", "- a", "a: !!int 3", "--- {a: 1}\n---\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Flags{YAML: []string{text}}.Parse()
		if err != nil {
			return
		}
		for _, q := range p {
			pythonValue(q.Value)
			if source := goUntyped(q.Value); source == "" {
				t.Fatalf("%q: no Go for %v", text, q.Value)
			}
		}
		p.json()
	})
}
