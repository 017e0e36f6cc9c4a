package parameters

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// TestInspectLikePapermill reads cells here and there: tables of what Papermill's tests and people write, and its tests' notebooks.
func TestInspectLikePapermill(t *testing.T) {
	python := testkit.Python(t)
	cells := []string{
		"", "\n", "# only a comment", "a = 2", "a: int = 2", "a = 2 # type:int", "a = 2 # type: int", "a = False # Nice variable a",
		"a: float = 2.258 # type: int Nice variable a", "a = 'this is a string' # type: int Nice variable a",
		"a: List[str] = ['this', 'is'] # Nice variable a", "a: List[str] = [\n    'this', # First\n    'is',\n\n    'list' # Last\n] # Nice variable a\n\nb: float = -2.3432 # My b variable\n",
		`c: "NoneType" = None`, "c: 'int' = 1", "d = a == 3", "= 2", "a=1;b=2", "a=1", "a =1#help", "a = '#1' # x", "a = # help", "a: =", "a b = 1", "a.b = 1", "a[0] = 1",
		"a: Optional[int] = None", "a: int | None = None", "a: dict[str, int] = {'a': 1}", "a, b = 1, 2", "a += 1", "if x:\n    a = 1 # inside\nb", "a = 1\n+ 2\n+ 3 # sum",
		"a = {\n 'k': 'v', # one\n 'l': 2\n}", "a = f(x=1)", "f(x\n=1)", "a = \"\"\"\ntext # no comment\n\"\"\"", "é = 1 # ü", "_x1 = 2", "1a = 2", "a = 1 # type: int", "a = 1 # type:",
		"a = 1 # type:int# more", "a = 1 ## help ", "a = 1 # help # more", "a: int=1#type:str", "\ta = 1", "a = 1\r\nb = 2\r\n", "a = 1\x0bb", "a\u00a0=\u00a01", "a = 1\u2028b = 2", "a = \\\n 5 # five",
		"import os\na = os.environ['X']  # from outside", "def f(x):\n    return x\na = 1", "a: int\nb = 2", "a = lambda x: x", "a := 3", "a <= 3", "a != 3", "x = 1 # a = 2", "# c\na = 1\n# d\n", "a = [1,\n# inner\n2]",
		"a : int = 1", "a: my.Type = 1", "a: Literal['x'] = 'x'", "a: List[ int ] = []", "a: int  = 1", "a:int=1 # type: str x", "a = ''", "a = \"\" # \"q\"",
	}
	cmd := exec.Command(python, "-c", `
import glob, json, os, sys, papermill, logging
from papermill.translators import PythonTranslator
logging.disable(logging.CRITICAL)
inspect = lambda source: [p._asdict() for p in PythonTranslator.inspect({"source": source})]
read = {}
for path in glob.glob(os.path.join(os.path.dirname(papermill.__file__), "tests", "notebooks", "*.ipynb")):
    for cell in json.load(open(path)).get("cells", []):
        if "parameters" in cell["metadata"].get("tags", []):
            read["".join(cell["source"])] = None
cells = json.load(sys.stdin) + list(read)
json.dump([[s, inspect(s)] for s in cells], sys.stdout)`)
	input, err := json.Marshal(cells)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = strings.NewReader(string(input))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers [][2]json.RawMessage
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) < len(cells)+3 {
		t.Errorf("%d cells: Papermill's notebooks are not there", len(answers))
	}
	for _, a := range answers {
		var source string
		var theirs []struct {
			Name, Default, Help string
			Type                string `json:"inferred_type_name"`
		}
		if err := json.Unmarshal(a[0], &source); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(a[1], &theirs); err != nil {
			t.Fatal(err)
		}
		var want []Declared
		for _, d := range theirs {
			want = append(want, Declared{Name: d.Name, Type: d.Type, Default: d.Default, Help: d.Help})
		}
		if got := Inspect("python", source); !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", source, got, want)
		}
	}
}

func TestInspect(t *testing.T) {
	for _, c := range []struct{ name, language, source, want string }{
		{"go", "go", `import "time"

// The learning rate.
alpha := 0.1
n, name := 3, "x" // how many, and of what
var (
	// How fast.
	rate float32
	small uint8 = 1 // between 0 and 255
)
const seed = 7

// Nothing to do with wait.

wait := 5 * time.Second
tags := []string{
	"a", // the first
	"b",
} // labels
data := load()
a, b := two()
func two() (int, int) { return 1, 2 }
`, `alpha|float64|0.1|The learning rate.
n|int|3|how many, and of what
name|string|"x"|how many, and of what
rate|float32||How fast.
small|uint8|1|between 0 and 255
seed|int|7|
wait|time.Duration|5 * time.Second|
tags|[]string|[]string{
	"a", // the first
	"b",
}|labels
data|None|load()|
a|None||
b|None||
`},
		{"go on one line", "go", "a := 1; b := 2 // both", "a|int|1|\nb|int|2|both\n"},
		{"go that doesn't parse", "go", "x := (", ""},
		{"a kernel of Python", "pysparkkernel", "a: int = 1 # one", "a|int|1|one\n"},
		{"a language of which only names are seen", "r", "a <- 1", ""},
		{"a language that nobody knows", "cobol", "a = 1", ""},
	} {
		got := ""
		for _, d := range Inspect(c.language, c.source) {
			got += d.Name + "|" + d.Type + "|" + d.Default + "|" + d.Help + "\n"
		}
		if got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
}

// TestCheck: what --strict says of parameters given to a cell.
func TestCheck(t *testing.T) {
	const cell = `alpha = 0.1
n: int = 3
name = 'x' # type: str
flag = True
tags = ['a']
grid: dict[str, list[float]] = {}
limit: Optional[int] = 5
either: int | str = 1
nothing = None
implicit: int = None
path: Path = Path('.')
made = compute(a == 1)
a, b = 1, (2)
first = second = 1
pair: Tuple[int, str] = (1, 'a')
many: "typing.Tuple[int, ...]" = (1,)
anything: Any = 1
long = [
  1,  # ] one
]
if flag:
    inside = 1
bare: float
text = "a" "b"
half = 1 / 2
`
	for _, c := range []struct{ name, language, declared, yaml, want string }{
		{"what fits", "python", cell, `{alpha: 1, n: 5, name: é, flag: no, tags: [], grid: {x: [1, 2.5]}, limit: null, either: s, nothing: [1], implicit: null, path: /tmp,
			made: x, a: y, b: 1, first: 1, second: 2, pair: [1, x], many: [1, 2, 3], anything: {}, long: [2], inside: x, bare: 1, text: x, half: 2}`, ""},
		{"float for int", "python", cell, "{n: 0.5}", "parameter n: 0.5 is no value of its type int (declared: n: int = 3)"},
		{"text for float", "python", cell, "{alpha: x}", `parameter alpha: "x" is no value of its type float (declared: alpha = 0.1)`},
		{"number for text", "python", cell, "{name: 5}", `parameter name: 5 is no value of its type str (declared: name: str = 'x')`},
		{"None for int", "python", cell, "{n: null}", "parameter n: None is no value of its type int (declared: n: int = 3)"},
		{"bool for int", "python", cell, "{n: yes}", "parameter n: True is no value of its type int (declared: n: int = 3)"},
		{"text for bool", "python", cell, "{flag: x}", `parameter flag: "x" is no value of its type bool (declared: flag = True)`},
		{"text for list", "python", cell, "{tags: x}", `parameter tags: "x" is no value of its type list (declared: tags = ['a'])`},
		{"a text deep inside", "python", cell, "{grid: {x: [1, a]}}", `parameter grid: {"x": [1, "a"]} is no value of its type dict[str, list[float]] (declared: grid: dict[str, list[float]] = {})`},
		{"Optional", "python", cell, "{limit: x}", `parameter limit: "x" is no value of its type Optional[int] (declared: limit: Optional[int] = 5)`},
		{"union", "python", cell, "{either: 1.5}", `parameter either: 1.5 is no value of its type int | str (declared: either: int | str = 1)`},
		{"tuple too short", "python", cell, "{pair: [1]}", "parameter pair: [1] is no value of its type Tuple[int, str] (declared: pair: Tuple[int, str] = (1, 'a'))"},
		{"several lines", "python", cell, "{long: 1}", "parameter long: 1 is no value of its type list (declared: long = [ 1,   ])"},
		{"only an annotation", "python", cell, "{bare: x}", `parameter bare: "x" is no value of its type float (declared: bare: float)`},
		{"all at once", "python", cell, "{alhpa: 1, n: x, zzz: 1, Name: x}", "4 parameters don't fit:\n  alhpa: not declared; did you mean alpha?\n" +
			"  n: \"x\" is no value of its type int (declared: n: int = 3)\n  zzz: not declared\n  Name: not declared; did you mean name?"},
		{"no cell", "python", "", "{a: 1}", "parameter a: not declared"},
		{"the last declaration counts", "python", "a = 1\na = 'x'", "{a: y}", ""},
		{"line ends of Windows", "python", "a, b = 1, 2\r\nc = [\r\n1]\r\n", "{a: 1, b: 2, c: 3}", "parameter c: 3 is no value of its type list (declared: c = [ 1])"},
		{"go", "go", "alpha, n := 0.1, 3", "{alpha: 1, n: 2}", ""},
		{"go, all at once", "go", "alpha, n := 0.1, 3 // both", "{alpha: x, n: 0.5, m: 1}",
			"3 parameters don't fit:\n  alpha: \"x\" is no value of its type float64 (declared: alpha: float64 = 0.1)\n  n: 0.5 is no value of its type int (declared: n: int = 3)\n  m: not declared"},
		{"go that doesn't parse", "go", "x := (", "{x: 1}", "parameters:1:6: this ( is not closed"},
		{"a language whose names are seen", "r", "alpha <- 1", "{alhpa: x}", "parameter alhpa: not declared; did you mean alpha?"},
		{"a language that nobody knows", "cobol", "", "{a: 1}", `no way to write parameters in language "cobol"`},
	} {
		p, err := Flags{YAML: []string{c.yaml}}.Parse()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := Check(c.language, c.declared, p); err != nil {
			got = strings.TrimPrefix(err.Error(), "cellar: ")
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	// -p guesses, and the guess may not be what was meant.
	for typed, want := range map[[2]string]string{
		{"name", "007"}:  "7 is no value of its type str; give it as text with -r",
		{"flag", "true"}: `"true" is no value of its type bool; write True or False`,
	} {
		p, err := Flags{Typed: [][2]string{typed}}.Parse()
		if err != nil {
			t.Fatal(err)
		}
		if err := Check("python", cell, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Error(err)
		}
	}
}

// TestUnknown: of the letters from a to m that stand in the cell, it declares those that are not in want.
func TestUnknown(t *testing.T) {
	for _, c := range []struct{ language, declared, want string }{
		{"python", "a = 1; b, c = 1, 2\nd = e = a == f\ng.h = 1\nif a == 1:\n    i = 2\n# j = 1\nk = 'l = 1'\nm += 1", "f g h j l m"},
		{"go", "a, b := 1, 2\nvar c int\nd = 1", "d"},
		{"r", "a <- 1\n b <<- 2; c = 3\nif (d == 4) e\nf(g = 1)\n# h = 1", "d e f g h"},
		{"julia", "a = 1\nconst b = 2; c::Float64 = 3\nd == 4\ne(f = 1) = 2\n# g = 1", "d e f g"},
		{"scala", "val a = 1\nvar b: Int = 2; val c = 3\nd = 4", "d"},
		{"c#", "var a = 1;\nint b = 2; List<int> c = new List<int>();\nd = 1; if (e == 1) {}\nreadonly static int f = 1;", "d e"},
		{"f#", "let a = 1\nlet mutable b = 2\nc = 3", "c"},
		{"powershell", "$a = 1\n[int]$b = 2; $global:c=3\n$d", "d"},
		{"bash", "a=1; export b=2\ndeclare -x c=3\n: ${d:=4} \"${e-x}\"\nf = 1\ng==1", "f"},
		{"matlab", "a = 1; b = 2, c=3\nd == 4\n% e = 1", "d e"},
		{"javascript", "let a = 1, b\nvar c = 2; { let d }\ne = 1", "d e"},
		{"typescript", "const a: number = 1, b = [1, 2]", ""},
		{"rust", "let a = 1; let mut b: u8 = 2;\nc = 1;", "c"},
		{"sql", "SET @a = 1; set variable b = 2;\nSET my.c TO 'x';\nSELECT d = 1", "d"},
		{"cobol", "", ""},
	} {
		words := strings.FieldsFunc(c.declared, func(r rune) bool { return !(r >= 'a' && r <= 'z') })
		var p List
		for name := 'a'; name <= 'm'; name++ {
			if slices.Contains(words, string(name)) {
				p.Set(string(name), nil)
			}
		}
		if got := strings.Join(Unknown(c.language, c.declared, p), " "); got != c.want {
			t.Errorf("%s: %q, not %q", c.language, got, c.want)
		}
	}
}

func FuzzInspect(f *testing.F) {
	for _, source := range []string{"a: List[int] = [\n1, # x\n] # help", "a = 'x' # type: str", "var a, b = 1, f() // x", "// doc\na := []int{\n1}\n//line x:5:5\nb := 2", "%env A=1\na := 1",
		"a = b = \"\"\"x\n\"\"\"; c: 'int|str' = 1", "let a = 1, b = [2, 3]; const c = `x`", "let mut a: Vec<f64> = vec![];", "SET @a = 1;"} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		p := List{{Name: "a", Value: int64(1)}, {Name: "b", Value: []any{"x", nil}}}
		for _, l := range languages {
			name := l.names[0]
			for _, d := range Inspect(name, source) {
				if d.Name == "" || d.Type == "" || !strings.Contains(source, d.Name) {
					t.Errorf("%s: %q", name, d)
				}
			}
			Unknown(name, source, p)
			Check(name, source, p)
			Translate(name, p, source)
		}
	})
}
