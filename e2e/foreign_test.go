package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// moduleVersion is the version that this module requires, which is in the module cache of whoever runs the tests.
func moduleVersion(t *testing.T, path string) string {
	t.Helper()
	c := exec.Command("go", "list", "-m", "-f", "{{.Version}}", path)
	c.Dir = world.Root
	text, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

const small = `
import "strings"

func double(s string) string { return s + s }
--- word
//| asset: word

word := double(strings.ToUpper("ab"))
--- letters
//| asset: letters

letters := len(word)
`

// works materializes the small notebook, and checks the value.
func works(t *testing.T, p *testkit.Project) {
	t.Helper()
	p.All(p.Materialize("*"), "computed")
	if got := p.Load("letters"); got != `{"value":4}` {
		t.Errorf("letters: %s", got)
	}
	p.All(p.Materialize("*"), "loaded")
}

// A folder with neither git nor go.mod: everything works, but versions have no commit.
func TestScratchFolder(t *testing.T) {
	t.Parallel()
	p := world.Folder(t)
	p.Notebook("n.ipynb", small)
	works(t, p)
	if a := p.List()["n/word"]; a.Commit != "" || a.Clean {
		t.Errorf("%v", a)
	}
	if r := p.Run("ls", ".cellar/objects"); r.Code != 0 {
		t.Errorf("the store is not in .cellar: %s", r.Stderr)
	}
	if r := p.Run("ls", "go.mod"); r.Code == 0 {
		t.Error("a go.mod was written")
	}
	r := p.Try("load", "letters", "--at", "main")
	if r.Code != 3 || !strings.Contains(r.Stderr, "git init") {
		t.Errorf("--at outside git: exit code %d\n%s", r.Code, r.Stderr)
	}
}

// A repository before its first commit.
func TestBeforeTheFirstCommit(t *testing.T) {
	t.Parallel()
	p := world.Folder(t)
	p.Git("init", "--quiet", "-b", "main")
	p.Notebook("n.ipynb", small)
	p.Git("add", "n.ipynb")
	works(t, p)
	p.Commit("Begin")
	p.All(p.Materialize("*"), "loaded")
	if a := p.List()["n/word"]; !a.Clean || a.Commit == "" {
		t.Errorf("%v", a)
	}
}

// A module that has never heard of cellar, of an older language version, with code of its own that cells import.
func TestForeignModule(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Write("go.mod", "module example.com/shop\n\ngo 1.22\n")
	p.Write("internal/words/words.go", "package words\n\nfunc Double(s string) string { return s + s }\n")
	p.Notebook("notebooks/n.ipynb", strings.NewReplacer(`import "strings"`, "import (\n\t\"strings\"\n\n\t\"example.com/shop/internal/words\"\n)", "func double(s string) string { return s + s }", "", "double(", "words.Double(").Replace(small))
	p.Commit("Begin")
	works(t, p)
	works2 := p.At("notebooks") // from a folder within
	works2.All(works2.Materialize("*"), "loaded")
	p.Clean()
}

// A workspace: the module's neighbour is found by go.work, and neither file changes.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	p := world.Folder(t)
	p.Git("init", "--quiet", "-b", "main")
	p.Write("go.work", "go 1.26\n\nuse (\n\t./shop\n\t./words\n)\n")
	p.Write("shop/go.mod", "module example.com/shop\n\ngo 1.26\n\nrequire example.com/words v0.0.0\n")
	p.Write("words/go.mod", "module example.com/words\n\ngo 1.26\n")
	p.Write("words/words.go", "package words\n\nfunc Double(s string) string { return s + s }\n")
	p.Notebook("shop/n.ipynb", strings.NewReplacer(`import "strings"`, "import (\n\t\"strings\"\n\n\t\"example.com/words\"\n)", "func double(s string) string { return s + s }", "", "double(", "words.Double(").Replace(small))
	p.Commit("Begin")
	p = p.With("GOFLAGS=")
	works(t, p)
	p.Clean()
	p.Edit("words/words.go", "s + s", "s + s + s")
	p.Expect("the neighbour changed", "n/word stale: package words changed", "n/letters stale: upstream n/word is stale")
	p.Materialize("*")
	if got := p.Load("letters"); got != `{"value":6}` {
		t.Errorf("letters: %s", got)
	}
}

// A notebook in a workspace's own folder has its modules.
func TestWorkspaceFolder(t *testing.T) {
	t.Parallel()
	p := world.Folder(t)
	p.Git("init", "--quiet", "-b", "main")
	p.Write("go.work", "go 1.26\n\nuse ./words\n")
	p.Write("words/go.mod", "module example.com/words\n\ngo 1.26\n")
	p.Write("words/words.go", "package words\n\nfunc Double(s string) string { return s + s }\n")
	p.Notebook("n.ipynb", strings.NewReplacer(`import "strings"`, "import (\n\t\"strings\"\n\n\t\"example.com/words\"\n)", "func double(s string) string { return s + s }", "", "double(", "words.Double(").Replace(small))
	p.Commit("Begin")
	p = p.With("GOFLAGS=")
	works(t, p)
	p.Clean()
	p.Edit("words/words.go", "s + s", "s + s + s")
	p.Expect("a module changed", "n/word stale: package words changed", "n/letters stale: upstream n/word is stale")
	p.Materialize("*")
	if got := p.Load("letters"); got != `{"value":6}` {
		t.Errorf("letters: %s", got)
	}
}

// A vendor folder, as the module's own builds use it.
func TestVendor(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	version := moduleVersion(t, "github.com/klauspost/compress")
	p.Write("go.mod", "module example.com/shop\n\ngo 1.26\n\nrequire github.com/klauspost/compress "+version+"\n")
	p.Write("shop.go", "package shop\n\nimport \"github.com/klauspost/compress\"\n\nvar Bits = compress.ShannonEntropyBits([]byte(\"shop\"))\n")
	p.Write("go.sum", p.Read(filepath.Join(world.Root, "go.sum")))
	p = p.With("GOFLAGS=")
	for _, args := range [][]string{{"get", "."}, {"mod", "vendor"}} {
		if r := p.Run("go", args...); r.Code != 0 {
			t.Fatal(r.Stderr)
		}
	}
	p.Notebook("n.ipynb", "import \"example.com/shop\"\n--- bits\n//| asset: bits\n\nbits := shop.Bits")
	p.Commit("Begin")
	p.All(p.Materialize("*"), "computed")
	p.Clean()
	p.Expect("with a vendor folder")
}

// The store where $CELLAR_STORE or --store say.
func TestStoreElsewhere(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("n.ipynb", small)
	p.Commit("Begin")
	elsewhere := p.With("CELLAR_STORE=" + filepath.Join(filepath.Dir(p.Dir), "elsewhere"))
	works(t, elsewhere)
	if got := elsewhere.Cellar("store"); !strings.HasPrefix(got, filepath.Join(filepath.Dir(p.Dir), "elsewhere")+"\n") {
		t.Errorf("cellar store: %s", got)
	}
	p.Expect("in the store of the repository", "n/word missing", "n/letters missing")
	if got := p.Cellar("load", "letters", "--json", "--store", "../elsewhere"); !strings.Contains(got, "4") {
		t.Errorf("--store: %s", got)
	}
}
