package mathml

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestConvert reads testdata/formulas.txt: formulas, each followed by its MathML or by the error.
func TestConvert(t *testing.T) {
	const path = "testdata/formulas.txt"
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	var c Converter
	for _, line := range strings.Split(strings.TrimSuffix(string(file), "\n"), "\n") {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		got.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		ml, err := c.Convert(line, true)
		if err != nil {
			got.WriteString("  error: " + err.Error() + "\n")
			continue
		}
		wellFormed(t, line, ml)
		body, _, _ := strings.Cut(strings.TrimPrefix(ml, `<math display="block"><semantics>`), "<annotation")
		got.WriteString("  " + body + "\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != string(file) && !*update {
		g, w := strings.Split(got.String(), "\n"), strings.Split(string(file), "\n")
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Fatalf("%s, line %d:\n got %s\nwant %s", path, i+1, g[i], w[i])
			}
		}
		t.Fatalf("%s: %d lines instead of %d", path, len(g), len(w))
	}
}

func wellFormed(t *testing.T, latex, ml string) {
	t.Helper()
	allowed := map[string]bool{"math": true, "semantics": true, "annotation": true, "mrow": true, "mi": true, "mn": true, "mo": true, "mtext": true, "mspace": true,
		"mfrac": true, "msqrt": true, "mroot": true, "msub": true, "msup": true, "msubsup": true, "munder": true, "mover": true, "munderover": true,
		"mtable": true, "mtr": true, "mtd": true, "mstyle": true, "mphantom": true, "mpadded": true}
	children := []int{0}
	arity := map[string]int{"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
	for d := xml.NewDecoder(strings.NewReader(ml)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v in\n%s", latex, err, ml)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if !allowed[token.Name.Local] {
				t.Fatalf("%q: element %s", latex, token.Name.Local)
			}
			children[len(children)-1]++
			children = append(children, 0)
		case xml.EndElement:
			if want, ok := arity[token.Name.Local]; ok && children[len(children)-1] != want {
				t.Fatalf("%q: %s has %d children in\n%s", latex, token.Name.Local, children[len(children)-1], ml)
			}
			children = children[:len(children)-1]
		}
	}
}

func FuzzConvert(f *testing.F) {
	file, err := os.ReadFile("testdata/formulas.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(string(file), "\n") {
		if !strings.HasPrefix(line, "  ") {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, latex string) {
		var c Converter
		for range 2 { // the second time with the macros that the first has defined
			if ml, err := c.Convert(latex, false); err == nil {
				wellFormed(t, latex, ml)
			}
		}
	})
}
