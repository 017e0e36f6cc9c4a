package highlight

import (
	"flag"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/chroma/v2"
	chromalexers "github.com/alecthomas/chroma/v2/lexers"
)

var update = flag.Bool("update", false, "rewrite the lexers from the Chroma that go.mod names")

// TestLexers: the lexers here are those of the Chroma that go.mod names.
func TestLexers(t *testing.T) {
	output, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/alecthomas/chroma/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	module := strings.TrimSpace(string(output))
	copied := map[string]string{"COPYING": "COPYING"}
	for file := range languages {
		name := map[string]string{"cpp": "c++", "csharp": "c#"}[file]
		if name == "" {
			name = file
		}
		copied[file+".xml"] = "lexers/embedded/" + name + ".xml"
	}
	for file, original := range copied {
		want, err := os.ReadFile(filepath.Join(module, original))
		if file == "go.xml" {
			want, err = goLexer()
		}
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(filepath.Join("lexers", file), want, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, _ := lexers.ReadFile("lexers/" + file); string(got) != string(want) {
			t.Errorf("%s is not Chroma's; rewrite it: go test ./papermill/page/highlight -update", file)
		}
	}
}

// goLexer is Chroma's lexer of Go, which is written in Go, as a file. A raw string is one token in it: Chroma looks for templates in them.
func goLexer() ([]byte, error) {
	own := chromalexers.Go.(*chroma.RegexLexer)
	rules := own.MustRules().Clone()
	for i, r := range rules["root"] {
		if strings.HasPrefix(r.Pattern, "(`)") {
			rules["root"][i] = chroma.Rule{Pattern: "`[^`]*`", Type: chroma.LiteralString}
		}
	}
	l, err := chroma.NewLexer(&chroma.Config{Name: "Go", Aliases: []string{"go"}, EnsureNL: own.Config().EnsureNL}, func() chroma.Rules { return chroma.Rules{"root": rules["root"]} })
	if err != nil {
		return nil, err
	}
	return chroma.Marshal(l)
}

func show(t testing.TB, language, source string) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, language, source); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	for _, c := range []struct{ language, in, want string }{
		{"python", "def f(x): # <b>\n    return 'a'", `<span class="k">def</span> <span class="nf">f</span><span class="p">(</span><span class="n">x</span><span class="p">):</span> <span class="c1"># &lt;b&gt;</span>` + "\n    " + `<span class="k">return</span> <span class="s1">&#39;a&#39;</span>`},
		{"Go", "x := `a` // b", `<span class="nx">x</span> <span class="o">:=</span> <span class="s">` + "`a`" + `</span> ` + `<span class="c1">// b</span>`},
		{"klingon", "<x>", "&lt;x&gt;"},
		{"", "", ""},
		{"python", "a\xff", "<span class=\"n\">a</span>\uFFFD"},
	} {
		if got := show(t, c.language, c.in); got != c.want {
			t.Errorf("%s %q:\n got %s\nwant %s", c.language, c.in, got, c.want)
		}
	}
}

var tag = regexp.MustCompile(`</?span(?: class="[a-z0-9]+")?>`)

// TestNothingIsLost gives every lexer texts of every language; what comes out must be what went in.
func TestNothingIsLost(t *testing.T) {
	texts := []string{"%matplotlib inline\r\n!ls\r\n", "x = \"not closed", "/* <not> closed", "\x00\u2028é\n\n", "'''"}
	for file := range languages {
		source, err := lexers.ReadFile("lexers/" + file + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(source[:min(len(source), 1000)]))
	}
	for file := range languages {
		for _, text := range texts {
			if got := html.UnescapeString(tag.ReplaceAllString(show(t, file, text), "")); got != text {
				t.Errorf("%s: %q became %q", file, text, got)
			}
		}
	}
}
