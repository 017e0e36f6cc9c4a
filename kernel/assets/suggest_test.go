package assets

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/kernel/session"
)

func texts(items []session.Item) string {
	var all []string
	for _, it := range items {
		all = append(all, it.Text)
	}
	return strings.Join(all, " ")
}

// Every option that the documentation has is offered, and no other.
func TestOptionsAreThoseOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/formats/cell.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{"checks": true} // in session.md
	for _, row := range strings.Split(string(text), "\n") {
		first, _, _ := strings.Cut(strings.TrimPrefix(row, "| `"), " | ")
		if strings.HasPrefix(row, "| `") {
			for _, m := range regexp.MustCompile("`?([a-z]+): ").FindAllStringSubmatch(first, -1) {
				documented[m[1]] = true
			}
		}
	}
	for _, o := range cellOptions {
		if !documented[o.key] {
			t.Errorf("%s is offered and not documented", o.key)
		}
		delete(documented, o.key)
	}
	for key := range documented {
		t.Errorf("%s is documented and not offered", key)
	}
}

func TestSuggest(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "n.ipynb")
	if err := os.WriteFile(file, []byte(saved), 0o644); err != nil {
		t.Fatal(err)
	}
	a := &assets{notebook: file, types: map[string]string{}}
	for deadline := time.Now().Add(20 * time.Second); a.known.names(a) == nil && time.Now().Before(deadline); {
	}
	for _, test := range []struct {
		typed session.Typed
		want  string
	}{
		{session.Typed{Call: "load"}, "n/a"},
		{session.Typed{Call: "materialize", Text: "+n"}, "+n/a"},
		{session.Typed{Call: "load", Arg: 1}, ""},
		{session.Typed{Call: "os.Open"}, ""},
		{session.Typed{Line: "//| live: "}, "true"},
		{session.Typed{Line: "// | checks:"}, "off"},
		{session.Typed{Line: "// words"}, ""},
	} {
		if got := texts(a.suggest(test.typed)); got != test.want {
			t.Errorf("%+v: %q, want %q", test.typed, got, test.want)
		}
	}
	if got := texts(a.suggest(session.Typed{Line: "//| "})); !strings.HasPrefix(got, "asset: key: ") {
		t.Errorf("options: %q", got)
	}
}
