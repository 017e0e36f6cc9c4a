package session

import (
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "import (\"fmt\"; \"strings\")\ntype point struct{ X, hidden int }\nfunc (p *point) Move(dx int) {}\npt := point{1, 2}\npts := []point{pt}\nbuilder := strings.Builder{}\nfmt.Sprint(builder.Len())"})
	for _, c := range []struct{ src, want, not string }{
		{"fmt.Spr", "Sprintf:func", "Println"},
		{"pt.", "Move:method X:field hidden:field", ""},
		{"pts[0].M", "Move:method", "X:field"},
		{"pt", "pt:var pts:var", ""},
		{"builder.Wri", "WriteString:method", ""},
		{"point{h", "hidden:field", ""},
		{"local := pt\nloc", "local:var", ""},
		{"func f(arg int) {\n\tar", "arg:var", ""},
		{"for i, q := range pts {\n\tq.", "X:field", ""},
		{"import \"encoding/js", "encoding/json:package", ""},
		{"strings.NewReader(\"\").Le", "Len:method", ""},
		{"swi", "switch:keyword", ""},
	} {
		var got []string
		for _, i := range s.Complete(c.src, len(c.src)).Items {
			got = append(got, i.Text+":"+i.Kind)
		}
		all := " " + strings.Join(got, " ") + " "
		for _, w := range strings.Fields(c.want) {
			if !strings.Contains(all, " "+w+" ") {
				t.Errorf("%q: no %s in%s", c.src, w, all)
			}
		}
		if c.not != "" && strings.Contains(all, " "+c.not) {
			t.Errorf("%q: %s in%s", c.src, c.not, all)
		}
	}
}

func TestInspect(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "import \"strings\"\nfunc double(n int) int { return 2 * n }\nx := 41\n_ = strings.ToUpper"})
	for _, c := range []struct {
		src  string
		want Inspection
	}{
		{"double(1)", Inspection{Signature: "func double(n int) int", Source: "func double(n int) int { return 2 * n }"}},
		{"x", Inspection{Signature: "var x int", Value: "41"}},
	} {
		if got, ok := s.Inspect(c.src, len(strings.TrimSuffix(c.src, "(1)")), 1); !ok || got != c.want {
			t.Errorf("%s: got %+v", c.src, got)
		}
	}
	if got, ok := s.Inspect("strings.ToUpper", 15, 0); !ok || !strings.Contains(got.Doc, "upper case") || got.Signature != "func strings.ToUpper(s string) string" {
		t.Errorf("got %+v", got)
	}
	v := s.Variables()
	if len(v) != 1 || v[0] != (Variable{"x", "int", "41"}) {
		t.Errorf("got %+v", v)
	}
}
