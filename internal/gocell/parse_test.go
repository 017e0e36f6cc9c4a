package gocell

import (
	"fmt"
	"strings"
	"testing"
)

func describe(c *Cell) string {
	var b strings.Builder
	for _, m := range c.Magics {
		fmt.Fprintf(&b, "magic %d %s\n", m.Line, m.Text)
	}
	for _, i := range c.Items {
		fmt.Fprintf(&b, "%s@%d", i.Kind, c.Line(i.Start))
		for _, s := range i.Stmts {
			p := c.Fset.Position(s.Pos())
			fmt.Fprintf(&b, " %T:%d:%d", s, p.Line, p.Column)
		}
		if i.Decl != nil {
			p := c.Fset.Position(i.Decl.Pos())
			fmt.Fprintf(&b, " %d:%d", p.Line, p.Column)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"mix", "import \"fmt\"\nx := 1 // one\ntype T struct{\n\ta int\n}\nfunc (t T) M(b int) int { return t.a }\nfmt.Println(x); x+1",
			"import@1 1:1\nstatement@2 *ast.AssignStmt:2:1\ntype@3 3:1\nfunc@6 6:1\nstatement@7 *ast.ExprStmt:7:1\nstatement@7 *ast.ExprStmt:7:17\n"},
		{"literals are statements", "func() { println(1) }()\nfunc (x int) int { return x }(3)",
			"statement@1 *ast.ExprStmt:1:1\nstatement@2 *ast.ExprStmt:2:1\n"},
		{"magics keep lines", "%go get x\n!ls \\\n  -l\nx := `\n%not a magic\n`\n$ ls",
			"magic 1 %go get x\nmagic 2 !ls -l\nmagic 7 $ ls\nstatement@4 *ast.AssignStmt:4:1\n"},
		{"only a line that begins a statement is a magic", "ok := a &&\n!b\nf(\n!c,\n)\n!ls", "magic 6 !ls\nstatement@1 *ast.AssignStmt:1:1\nstatement@3 *ast.ExprStmt:3:1\n"},
		{"main with flags, behind a comment's slashes", "//gonb:%% -x=1\nf()\n", "magic 1 %% -x=1\nstatement@2 *ast.ExprStmt:2:1\n"},
		{"comments belong to what follows", "//| asset: x\n\n// F does.\nfunc F() {}\n\n// left\n", "func@1 4:1\n"},
		{"groups", "var (\n a = 1\n b = 2\n)\nconst (\n c = iota\n d\n)", "var@1 1:1\nconst@5 5:1\n"},
		{"program", "package main\nfunc main() {}\n", "func@2 2:1\n"},
		{"headers", "for m := 1; m < 3; m++ {\n}\nif x := f(); x {\n} else if y := g(); y {\n}\nswitch x := f(); x {\n}\nfor s := []int{1}; len(s) > 0; s = nil {\n}\nfor _, x := range []int{1, 2} {\n}; z := 1\nfor {\n}; z = 2",
			"statement@1 *ast.ForStmt:1:1\nstatement@3 *ast.IfStmt:3:1\nstatement@6 *ast.SwitchStmt:6:1\nstatement@8 *ast.ForStmt:8:1\nstatement@10 *ast.RangeStmt:10:1\nstatement@11 *ast.AssignStmt:11:4\nstatement@12 *ast.ForStmt:12:1\nstatement@13 *ast.AssignStmt:13:4\n"},
		{"a last line of several expressions", "x, y := 1, 2\n(x), // one\n f(x, y), []int{1, 2}; // all\n",
			"statement@1 *ast.AssignStmt:1:1\nstatement@2 *ast.ExprStmt:2:1 *ast.ExprStmt:3:2 *ast.ExprStmt:3:11\n"},
		{"empty", "// nothing\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := Parse("cell", test.source)
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(c); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

func TestErrorsPointAtTheCell(t *testing.T) {
	tests := map[string]string{
		"x := 1\ny := (":                           "cell:2:6: this ( is not closed",
		"fmt.Println(\"a\"\nfunc f() {}":           "cell:1:16",
		"var s = \"open":                           "cell:1:9",
		"func f() {\n\tfor {\n}":                   "cell:2:6: this { is not closed",
		"type P struct {\n\tA int":                 "cell:1:15: this { is not closed",
		"let x = 3":                                "cell:1:5: expected",
		"a b":                                      "cell:1:3",
		"func f() {\n\tif x {\n\t\tg()\n}\nh()":    "cell:2:7: this { is not closed",
		"func f() {\n\tif x {\n}\nfunc g() {}":     "cell:2:7: this { is not closed",
		"func f() {\n\tif x {\n\t}\n\nfunc g() {}": "cell:1:10: this { is not closed",
		"x := []int{1,\n\t2\ny := 3":               "cell:1:11: this { is not closed",
		"a, b\nc":                                  "cell:1:1: expected 1 expression: several are shown where a cell ends with them",
		"import \"fmt\"\n\nx := 3 +* 4\n}":         "cell:4:2",
	}
	for source, want := range tests {
		_, err := Parse("cell", source)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want a message at %s", source, err, want)
		}
	}
}
