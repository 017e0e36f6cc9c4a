package goobj

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// compiled is the archive of a small program, and its bytes.
func compiled(t testing.TB) (*Archive, []byte) {
	t.Helper()
	dir := t.TempDir()
	source := `package main

type pair struct{ a, b int }

func (p pair) Sum() int { return p.a + p.b }

type summer interface{ Sum() int }

var table = map[string]int{"a": 1}

func main() {
	defer func() { println(recover()) }()
	var s summer = pair{1, 2}
	println(s.Sum(), table["a"], "text")
}
`
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "main.a")
	if out, err := exec.Command("go", "tool", "compile", "-p", "main", "-pack", "-o", file, filepath.Join(dir, "main.go")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	a, err := Open("main", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestArchive(t *testing.T) {
	a, _ := compiled(t)
	p, ok := a.Find(Name{Text: "main.main"})
	if !ok {
		t.Fatal("main.main is not there")
	}
	o := p.Object
	if d := p.Definition(); !d.IsText() || d.Size < 20 || d.Private() || len(o.Content(p.Index)) != d.Size {
		t.Errorf("main.main is %+v with %d bytes", d, len(o.Content(p.Index)))
	}
	calls := false
	for _, r := range o.Relocations(p.Index) {
		calls = calls || r.Kind == Call && r.Target.Package == Builtin
	}
	if !calls {
		t.Error("main.main calls nothing of the runtime")
	}
	for _, x := range o.Auxiliaries(p.Index) {
		if x.Kind != FunctionInfo {
			continue
		}
		i, ok := o.Index(x.Target)
		if !ok {
			t.Fatal("the function's description is not in its object")
		}
		if f := ReadFunction(o.Content(i)); f.StartLine != 11 {
			t.Errorf("main.main begins in line %d", f.StartLine)
		}
	}
	if files := strings.Join(o.Files(), " "); !strings.Contains(files, "main.go") {
		t.Errorf("its files are %s", files)
	}
	kinds := map[string]func(Definition) bool{
		"type:main.pair":                Definition.IsType,
		"go:itab.main.pair,main.summer": Definition.IsItab,
		"main.table":                    func(d Definition) bool { return d.Kind == Zero || d.Kind == Data },
	}
	for name, is := range kinds {
		if p, ok := a.Find(Name{Text: name}); !ok || !is(p.Definition()) {
			t.Errorf("%s: %v %+v", name, ok, p)
		}
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"net/http.(*Client).Do":                     "net/http",
		"type:*net/http.Client":                     "net/http",
		"type:[]*strings.Builder":                   "strings",
		"gopkg.in/yaml%2ev3.Marshal":                "gopkg.in/yaml.v3",
		"slices.SortFunc[go.shape.[]a/b.T]":         "slices",
		"main.main.func1":                           "main",
		"type:func(int) string":                     "",
		"example.com/a.b/c.Value":                   "example.com/a.b/c",
		"type:struct { A example.com/x.T }":         "",
		"type:sync/atomic.Pointer[strings.Builder]": "sync/atomic",
	} {
		if got := (Name{Text: text}).Package(); got != want {
			t.Errorf("%s is of %q, not of %q", text, got, want)
		}
	}
	for text, isType := range map[string]bool{"type:int": true, "type:.eq.[2]string": false, "main.type": false} {
		if (Name{Text: text}).IsType() != isType {
			t.Errorf("%s: a type: %v", text, !isType)
		}
	}
}

// TestExported builds a program that uses plugins, and finds symbols of all kinds under their exported names.
func TestExported(t *testing.T) {
	dir := t.TempDir()
	source := "package main\n\nimport (\n\t\"fmt\"\n\t\"plugin\"\n\t\"sync/atomic\"\n\t\"strings\"\n)\n\nvar sink = []any{map[string][]strings.Builder{}, new(atomic.Pointer[strings.Builder])}\n\nfunc main() { plugin.Open(\"\"); fmt.Println(sink...) }\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "program")
	if out, err := exec.Command("go", "build", "-o", file, filepath.Join(dir, "main.go")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	exported := map[string]bool{}
	for _, s := range symbols {
		exported[s.Name] = true
	}
	for _, text := range []string{"fmt.Fprintln", "runtime.mallocgc", "os.Stdout", "type:string", "type:error", "type:map[string][]strings.Builder",
		"type:*sync/atomic.Pointer[strings.Builder]", "type:strings.Builder", "strings.(*Builder).WriteString"} {
		if name := (Name{Text: text}).Exported(); !exported[name] {
			t.Errorf("%s is not exported as %s", text, name)
		}
	}
}

func TestNotArchives(t *testing.T) {
	for _, text := range []string{"", "x", "!<arch>\n", "!<arch>\n" + strings.Repeat(" ", 60), "!<arch>\n" + strings.Repeat(" ", 48) + "9999999999`\n" + strings.Repeat(" ", 20)} {
		file := filepath.Join(t.TempDir(), "x.a")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open("x", file); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// FuzzParse reads damaged archives: they are refused, or reading a symbol panics with an index out of range, as Object says.
func FuzzParse(f *testing.F) {
	_, b := compiled(f)
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Parse("main", b)
		if err != nil {
			return
		}
		defer func() {
			if e := recover(); e != nil {
				if _, isRuntime := e.(interface{ RuntimeError() }); !isRuntime {
					panic(e)
				}
			}
		}()
		a.Find(Name{Text: "main.main"})
		for _, o := range a.Objects {
			for i := range o.defined {
				o.Relocations(i)
				o.Auxiliaries(i)
				o.Content(i)
			}
		}
	})
}
