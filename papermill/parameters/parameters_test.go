package parameters

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
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
	if got, want := string(p.JSON()), `{"b":"base","f":"file","y":[1,true,null],"p":1000.0,"r":"2","z":"2013-01-01"}`; got != want {
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
	python := testkit.Python(t)
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
		got, err := Translate("python", p, "")
		if err != nil || got != *want {
			t.Errorf("%q: %v\n got %q\nwant %q", name, err, got, *want)
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
		{"python name", "python", "", "{class: 1}", `error: "class" can't be the name of a variable in Python`, nil},
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
		{"go name", "go", "", "{a-b: 1}", `error: "a-b" can't be the name of a variable in Go`, nil},
		{"go cell that doesn't parse", "go", "x := (", "{x: 1}", "error: parameters:1:6: this ( is not closed", nil},
		{"a name in R", "r", "", "{_a.b: 1, .c: 2}", "# Parameters\na.b = 1\n.c = 2\n|_a.b .c", nil},
		{"no name in R", "r", "", "{_: 1}", `error: "_" can't be the name of a variable in R`, nil},
		{"no name in R either", "r", "", "{.1: 1}", `error: ".1" can't be the name of a variable in R`, nil},
		{"a word of Julia", "julia", "", "{function: 1}", `error: "function" can't be the name of a variable in Julia`, nil},
		{"a word of Scala", "scala", "", "{val: 1}", `error: "val" can't be the name of a variable in Scala`, nil},
		{"a word of C#", "c#", "", "{string: 1}", `error: "string" can't be the name of a variable in C#`, nil},
		{"a word of F#", "f#", "", "{let: 1}", `error: "let" can't be the name of a variable in F#`, nil},
		{"a constant of PowerShell", "powershell", "", "{true: 1}", `error: "true" can't be the name of a variable in PowerShell`, nil},
		{"a command in bash", "bash", "", `{"a;id": 1}`, `error: "a;id" can't be the name of a variable in bash`, nil},
		{"MATLAB's names", "matlab", "", "{_a: 1}", `error: "_a" can't be the name of a variable in MATLAB`, nil},
		{"no name in bash", "bash", "", "{a: {'': 1}}", "error: parameter a: a map in bash can't have an empty key", nil},
		{"where in a value", "r", "", `{a: [1, {k: "\0"}]}`, `error: parameter a: element 2: key "k": a text in R can't hold the character NUL`, nil},
		{"no UTF-8", "python", "", "", "error: cellar: parameter a: the text is not UTF-8", [][2]string{{"a", "\xff"}}},

		// A let can't be declared twice, a const never again.
		{"javascript", "javascript", "var a = 1, b = [1, 2], c\nlet d = f(`x ${y}`), e = 2 // let f = 1\n{ let g = 1 }\nlet\n  h = 'let i = 1'\nconst { j, k } = o", "{a: 1, b: {x: null}, c: [.nan, 1.0e+30], d: 'é\"', e: -.inf, f: yes, g: 1, h: x, i: 1, __proto__: 1, m: {__proto__: 1}}",
			"// Parameters\na = 1;\nb = {\"x\": null};\nc = [NaN, 1e+30];\nd = \"\\u00e9\\\"\";\ne = -Infinity;\nvar f = true;\nvar g = 1;\nh = \"x\";\nvar i = 1;\nvar __proto__ = 1;\nvar m = {[\"__proto__\"]: 1};\n|f g i __proto__ m", nil},
		{"javascript const", "javascript", "const a = 1", "{a: 2}", "error: parameter a: the parameters cell declares it with const, which no later cell can change; declare it with let", nil},
		{"javascript number", "javascript", "", "{a: 9007199254740993}", "error: parameter a: 9007199254740993 is too large to be exact in JavaScript, whose numbers are floats; give it as text (-r)", nil},
		{"a word of javascript", "javascript", "", "{new: 2}", `error: "new" can't be the name of a variable in JavaScript`, nil},
		{"typescript", "typescript", "const a: number = 1; let b: string = 'x'", "{a: 2, b: y, c: [1]}", "// Parameters\nconst a = 2;\nb = \"y\";\nvar c = [1];\n|c", nil},

		{"rust", "rust", "", "{a: 0.1, b: 2, c: \"x\\n{}é\", d: yes, e: [1, 2.5], f: {k: [1]}, g: 123456789012345678901, h: .nan, i: -.inf, j: [[a]]}", `// Parameters
let a: f64 = 0.1;
let b: i64 = 2;
let c: &str = "x\n{}\u{e9}";
let d: bool = true;
let e: Vec<f64> = vec![1.0, 2.5];
let f: std::collections::HashMap<&str, Vec<i64>> = std::collections::HashMap::from([("k", vec![1])]);
let g: i128 = 123456789012345678901;
let h: f64 = f64::NAN;
let i: f64 = f64::NEG_INFINITY;
let j: Vec<Vec<&str>> = vec![vec!["a"]];
|a b c d e f g h i j`, nil},
		{"rust declared", "rust", `let mut a: f32 = 0.1; // let b
let n = 10;
let rate = 1.5;
let name = "x".to_string();
let other = String::from("x");
let text: String = load();
let list: Vec<f32> = vec![];
let map: HashMap<String, Option<u8>> = HashMap::new();
let limit: Option<usize> = None;
let short = "x";
let mut count: usize = 1;`, "{a: 1, n: 2, rate: 3, name: y, other: y, text: y, list: [1], map: {k: 1, l: null}, limit: 5, short: y, count: 2}", `// Parameters
let mut a: f32 = 1.0;
let n = 2;
let rate = 3.0;
let name = String::from("y");
let other = String::from("y");
let text: String = String::from("y");
let list: Vec<f32> = vec![1.0];
let map: HashMap<String, Option<u8>> = std::collections::HashMap::from([(String::from("k"), Some(1)), (String::from("l"), None)]);
let limit: Option<usize> = Some(5);
let short = "y";
let mut count: usize = 2;
|`, nil},
		{"rust null", "rust", "", "{a: null}", "error: parameter a: null has no type in Rust; declare an Option in the parameters cell, such as let limit: Option<i64> = None", nil},
		{"rust mixed", "rust", "", "{a: [1, x]}", "error: parameter a: i64 and &str can't stand in one list or map in Rust; give it as JSON text (-r)", nil},
		{"rust empty", "rust", "", "{a: []}", "error: parameter a: what is empty has no type in Rust; declare its type in the parameters cell", nil},
		{"rust huge", "rust", "", "{a: 1234567890123456789012345678901234567890}", "error: parameter a: 1234567890123456789012345678901234567890 is too large for an i128", nil},
		{"a word of rust", "rust", "", "{fn: 2}", `error: "fn" can't be the name of a variable in Rust`, nil},

		{"sql", "sql", "SET @a = 1;\nset session b := 'x';\nSET VARIABLE c = 1; SET my.d = 'x';\nSET my.e TO 'x';\n-- SET f = 1", "{a: 'C:\\it''s', b: null, c: -1.5, e: yes}",
			"-- Parameters\nSET @a = 'C:\\\\it''s';\nset session b := NULL;\nSET VARIABLE c = -1.5;\nSET my.e TO TRUE;\n|", nil},
		{"sql without an example", "sql", "SELECT 1", "{a: 1}", "error: parameter a: SQL has no variables, and every database sets its own in another way; show yours in the parameters cell, such as SET @a = 1 (MySQL), SET VARIABLE a = 1 (DuckDB) or SET my.a = '1' (PostgreSQL)", nil},
		{"sql list", "sql", "SET a = 1", "{a: [1]}", "error: parameter a: SQL has no lists and maps; give it as JSON text (-r)", nil},
		{"sql backslash", "sql", "SET a = 1", `{a: 'x\y'}`, "error: parameter a: a backslash in a text means different things to different databases", nil},
		{"sql infinity", "sql", "SET a = 1", "{a: .inf}", "error: parameter a: SQL has no literal for NaN and infinity", nil},
		{"sql NUL", "sql", "SET a = 1", `{a: "\0"}`, "error: parameter a: a text in SQL can't hold the character NUL", nil},
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
			source, err := Translate(c.language, p, c.declared)
			got := source + "|" + strings.Join(Unknown(c.language, c.declared, p), " ")
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestLanguage(t *testing.T) {
	for _, c := range []struct{ kernel, named, want string }{
		{"python3", "python", "python"}, {"ir", "R", "r"}, {"pysparkkernel", "", "python"}, {"sparkkernel", "scala", "scala"}, {"sparkrkernel", "", "r"},
		{".net-csharp", "C#", "c#"}, {".net-fsharp", "F#", "f#"}, {".net-powershell", "PowerShell", "powershell"}, {"x", "F#", "f#"}, {"jslab", "javascript", "typescript"},
		{"javascript", "javascript", "javascript"}, {"deno", "typescript", "typescript"}, {"cellar", "go", "go"}, {"", "COBOL", "cobol"},
	} {
		if got := Language(c.kernel, c.named); got != c.want {
			t.Errorf("kernel %q of language %q: %q", c.kernel, c.named, got)
		}
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
		for _, l := range languages {
			l.translate(p, "") // an error is an answer, too
		}
		p.JSON()
	})
}
