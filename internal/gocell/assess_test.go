package gocell

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/format"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestAssess(t *testing.T) {
	for state, samples := range map[State][]string{
		Complete: {"", "x := 1", "func f() {\n}\n", "import \"fmt\"", "// words", "if x {\n} else {\n}", "%go get x", "a.b(1,\n2)", "x", "%%bash\nif [", "!ls", "var x int", "const (\n\ta = iota\n\tb\n)", "f = func(int) {}", "//| asset: x", "func f()\n", "a, b", "a,\nb // both", "else_, x", "f(), []int{1}, func() int { return 1 }()"},
		Incomplete: {"func f() {", "func f() {\n\tx := 1\n", "if x {\n} else {", "x := `a\nb", "/* words", "a.b(1,", "a.b(", "x := []int{1,\n", "x := map[string]int{\n\t\"a\": 1,\n",
			"x :=", "x +", "x.", "import (", "import (\n\t\"fmt\"\n", "type T struct {\n\ta int\n", "switch x {\ncase 1:\n", "switch x {\ncase", "for i := 0; i <", "for", "var x =", "func",
			"x := []T{\n\t{A:", "go func() {\n", "type I interface {\n\tM()\n", "x, err := f(\n", "const (\n\ta = iota\n", "return func(a int) {",
			// In the middle of a token:
			"\"open", "x := 'a", "x := '", "x := \"\\u12", "0x", "1e", "if x {} els", "switch x {\ncas", "f(a..", "x := <", "a, b :", "x := 1 /", "for i, v := ran", "!ls \\",
			// Complaints that the parser makes about what stands before:
			"a, b(", "for i := 0", "if x := f()", "if x := f(1", "go f", "go func() {\n}", "defer (f", "for a, b", "select {\ncase a, b", "func f()", "func (t T) m() int", "var x", "const x", "func f(a int, b",
			"switch x := y.(", "type T[P any", "func f[T any", "map[string", "var f func(", "x := func(a int) int", "switch a, b", "for ; ; ", "if f(func() {\n\tfor range x", "L:\n\tfor", "x[1:2:"},
		Invalid: {"x := )", "func f() }", "if 5 5 {", "x := 'ab", "import fmt\n", "x := 1 2", "\"open\n", "type T struct }", "f())", "var x\n", "f(1\n", "go f\n", "x := #", "'\\q", "else\n", "1 2 3", "a, b\nc", "a, b++\n", "a, c <- 1\n", "x = = y", "f(a b", "}", "x := 1\n}", "f()\n)", "]"},
	} {
		for _, code := range samples {
			if got, _ := Assess(code); got != state {
				t.Errorf("%q is %s, want %s", code, got, state)
			}
		}
	}
}

// The next line's indentation is gofmt's.
func TestAssessIndents(t *testing.T) {
	for code, want := range map[string]string{
		"func f() {\n\tif x {": "\t\t", "switch x {": "", "switch x {\ncase 1:": "\t", "\tselect {\n\tcase <-c:": "\t\t", "f(g(": "\t", "x :=": "\t", "x := a +": "\t", "x.": "\t",
		"go func() {": "\t", "x := []T{{": "\t", "if a &&\n\tb {": "\t", "if a &&": "\t", "x := `": "", "import (": "\t", "switch {\ncase a,": "\t", "x := a.\n\tf(func() {": "\t\t",
		"for i := range 3 {\n\tf(\n\t\tx,": "\t\t",
	} {
		if state, got := Assess(code); state != Incomplete || got != want {
			t.Errorf("%q: %s, %q, want %q", code, state, got, want)
		}
	}
}

// library gives the functions of a few packages of the standard library, as cells.
func library(t testing.TB, each func(cell string), packages ...string) {
	for _, p := range packages {
		files, err := filepath.Glob(filepath.Join(runtime.GOROOT(), "src", p, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal("no files of", p, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, name, text, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fd, ok := d.(*ast.FuncDecl); ok && fd.Body == nil {
					continue
				}
				each(string(text[fset.Position(d.Pos()).Offset:fset.Position(d.End()).Offset]))
			}
		}
	}
}

// notebooks gives the code cells of the notebooks of this module, real ones of other people among them.
func notebooks(t testing.TB, each func(cell string)) {
	var files []string
	for _, pattern := range []string{"../../notebooks/*.ipynb", "../../examples/*/*.ipynb", "../../kernel/testdata/corpus/*.ipynb"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatal("no notebooks")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var notebook struct {
			Cells []struct {
				Type   string `json:"cell_type"`
				Source any    `json:"source"` // a string, or a list of lines
			}
		}
		if err := json.Unmarshal(text, &notebook); err != nil {
			t.Fatal(file, err)
		}
		for _, c := range notebook.Cells {
			if c.Type != "code" {
				continue
			}
			source, _ := c.Source.(string)
			lines, _ := c.Source.([]any)
			for _, l := range lines {
				source += l.(string)
			}
			each(source)
		}
	}
}

// Nothing that begins a cell which is complete is invalid.
func TestAssessEveryPrefix(t *testing.T) {
	n := 0
	check := func(cell string) {
		if state, _ := Assess(cell); state != Complete {
			t.Errorf("%s:\n%s", state, cell)
		}
		for i := range cell {
			n++
			if n%11 != 0 && len(cell) > 300 { // of a long one every eleventh
				continue
			}
			if state, _ := Assess(cell[:i]); state == Invalid {
				t.Errorf("invalid: %q", cell[:i])
				return
			}
		}
	}
	library(t, func(cell string) {
		if len(cell) < 3000 {
			check(cell)
		}
	}, "sort", "go/constant", "sync", "iter")
	notebooks(t, func(cell string) {
		if c, err := Parse("cell", cell); err == nil && c.lacking() < 0 {
			check(cell)
		}
	})
	t.Log(n, "prefixes")
}

// The hint for a line's indentation is what gofmt made of the line.
func TestAssessIndentsTheLibrary(t *testing.T) {
	right, wrong := 0, 0
	library(t, func(cell string) {
		formatted, err := format.Source([]byte(cell))
		if err != nil {
			t.Fatal(err)
		}
		var s scanner.Scanner
		file := token.NewFileSet().AddFile("", -1, len(formatted))
		s.Init(file, formatted, nil, 0)
		seen := map[int]bool{}
		for {
			pos, tok, lit := s.Scan()
			if tok == token.EOF {
				break
			}
			line := file.Line(pos)
			if tok == token.SEMICOLON && lit == "\n" || seen[line] {
				continue
			}
			seen[line] = true
			start := file.Offset(file.LineStart(line))
			if tok == token.RBRACE || tok == token.RPAREN || tok == token.RBRACK || tok == token.CASE || tok == token.DEFAULT || start == 0 {
				continue // that closes what is open: an editor takes the indentation back
			}
			if bytes.HasPrefix(bytes.TrimLeft(formatted[file.Offset(pos)+len(lit):], " "), []byte(":\n")) {
				continue // a label
			}
			state, indent := Assess(string(formatted[:start-1]))
			if state != Incomplete || indent != string(formatted[start:file.Offset(pos)]) {
				wrong++
				if wrong < 20 {
					t.Logf("%s %q for %q", state, indent, formatted[max(0, start-120):file.Offset(pos)+1])
				}
			} else {
				right++
			}
		}
	}, "sort", "strings", "go/printer")
	t.Logf("%d right, %d wrong", right, wrong)
	if wrong*200 > right {
		t.Errorf("%d of %d lines are indented otherwise", wrong, right)
	}
}

func FuzzAssess(f *testing.F) {
	f.Add("func f() {\n\tx := `")
	f.Add("!ls \\\n%%bash\nx")
	f.Add("switch x := y.(type) {\ncase a, b:")
	f.Fuzz(func(t *testing.T, code string) {
		if state, indent := Assess(code); strings.Trim(indent, " \t") != "" || indent != "" && state != Incomplete {
			t.Errorf("%q: %s, %q", code, state, indent)
		}
	})
}
