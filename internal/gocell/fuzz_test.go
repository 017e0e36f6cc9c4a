package gocell

import (
	"go/ast"
	"strings"
	"testing"
)

// FuzzParse: whatever a cell holds, reading it ends; what it reads stands where it says, in the order of the page.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"import \"fmt\"\nx := 1 // one\ntype T struct{\n\ta int\n}\nfunc (t T) M(b int) int { return t.a }\nfmt.Println(x); x+1",
		"%go get x\n!ls \\\n  -l\nx := `\n%not\n`\n$ ls", "//gonb:%% -x=1\nf()", "%%bash\nfor i in 1 2; do echo; done",
		"package main\nimport \"fmt\"\nfunc main() { fmt.Println() }\n", "for s := []int{1}; len(s) > 0; s = nil {\n}; z := 1\nfor {\n}",
		"func() { println(1) }()\nL: for { break L }\ngoto L", "var (\n a = 1\n)\nconst (\n c = iota\n d\n)\n/* c */ var b int // d", "{\n\treturn\n}\nif x {\n} else if y {\n}",
		"x := map[string]int{\n\"a\": 1,\n}\r\nx[\"a\"]++\r\n", "a := `\r\n`\nfunc f[T any](x T) T { return x }\nf[int](1);", "\ufeffx := 1", "}{", "func (", "//line a:1\nx", "/*line b:7:9*/x = 1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, err := Parse("cell", source)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		last := 0
		for _, i := range c.Items {
			if i.Start < last || i.End < i.Start || i.End > len(source) || !isCopy(i.Text, source[i.Start:i.End]) {
				t.Fatalf("item %s [%d:%d] behind %d", i.Kind, i.Start, i.End, last)
			}
			last = i.End
			if i.Kind != Statement && i.Decl == nil && len(i.Stmts) == 0 && i.Kind != Var {
				t.Fatalf("%s without a declaration: %q", i.Kind, i.Text)
			}
			for _, s := range i.Stmts {
				if _, empty := s.(*ast.EmptyStmt); empty {
					continue
				}
				if o := c.Offset(s.Pos()); o < i.Start || o >= i.End {
					t.Fatalf("statement at %d, not in [%d:%d]", o, i.Start, i.End)
				}
			}
		}
		for _, m := range c.Magics {
			if m.Line < 1 || m.Line > strings.Count(source, "\n")+1 || m.Text == "" {
				t.Fatalf("magic %+v", m)
			}
		}
	})
}

// isCopy reports whether an item's text is its source, but for commands that are left out.
func isCopy(text, source string) bool {
	for i := range min(len(text), len(source)) {
		if text[i] != source[i] && text[i] != ' ' {
			return false
		}
	}
	return len(text) == len(source)
}
