package session

import (
	"os"
	"path/filepath"
	"testing"
)

// TestImported shows what cells can't hold themselves in packages that they import: C, and embedded files.
func TestImported(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/user\n\ngo 1.26\n",
		"c/c.go": `package c

/*
struct point { int x, y; };
static struct point make(int x) { struct point p = {x, x + 1}; return p; }
*/
import "C"

type Point C.struct_point

func Make(n int) Point { return Point(C.make(C.int(n))) }

func (p Point) Sum() int { return int(p.x + p.y) }
`,
		"text/text.go":     "package text\n\nimport \"embed\"\n\n//go:embed files\nvar Files embed.FS\n\n//go:embed files/a.txt\nvar A string\n",
		"text/files/a.txt": "embedded",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, Options{Dir: dir})
	for _, c := range []struct{ source, want string }{
		{"import (\"fmt\"; \"example.com/user/c\"; \"example.com/user/text\")\np := c.Make(3)\ntype summer interface{ Sum() int }", ""},
		{"var sum summer = p\nfmt.Println(sum.Sum(), p)", "7 {3 4}\n"},
		{"b, err := text.Files.ReadFile(\"files/a.txt\")\nfmt.Println(string(b), err, text.A)", "embedded <nil> embedded\n"},
	} {
		if got := play(t.Context(), s, Cell{Source: c.source}); got != c.want {
			t.Errorf("%s\ngot %s", c.source, got)
		}
	}
}
