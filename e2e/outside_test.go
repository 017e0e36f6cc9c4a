package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file outside the project is in no key: status says so wherever the value is shown as fresh.
func TestFileOutsideTheProject(t *testing.T) {
	p := world.Repo(t)
	home, err := os.UserHomeDir() // what lies in the temporary folder is not remarked on
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(home, "cellar-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "x.txt")
	if err := os.WriteFile(file, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Notebook("n.ipynb", "import \"os\"\n---\n//| asset: a\n\na, _ := os.ReadFile(\""+file+"\")")
	p.Commit("reads from elsewhere")
	p.Cellar("materialize", "a")
	if got := p.Status(); !strings.Contains(got, "n/a fresh") || !strings.Contains(got, "unpinned: it read "+file+", outside the project") {
		t.Errorf("status says %s", got)
	}
}
