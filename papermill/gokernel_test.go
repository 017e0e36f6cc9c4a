package papermill

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// goNotebook writes a Go notebook in a module of its own; the first cell holds its parameters.
func goNotebook(t *testing.T, kernelName string, sources ...string) string {
	t.Helper()
	t.Setenv("JUPYTER_PATH", "")
	t.Setenv("JUPYTER_DATA_DIR", t.TempDir())
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/nb\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	nb := nbformat.New(nbformat.Kernel{Name: kernelName, DisplayName: "Go", Language: "go"})
	for i, s := range sources {
		nb.Insert(i, "code", s)
	}
	nb.Cells()[0].SetTags("parameters")
	path := filepath.Join(dir, "in.ipynb")
	if err := nb.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGoKernel(t *testing.T) {
	in := goNotebook(t, "gonb", "alpha := 0.1\ntags := []string{\"a\"}", "import \"fmt\"\n\nfmt.Println(alpha*2, tags, extra)\nlen(tags)")
	var p parameters.List
	p.Set("alpha", 0.25)
	p.Set("tags", []any{"x", "y"})
	p.Set("extra", "new")
	out := filepath.Join(t.TempDir(), "out.ipynb")
	r, err := Run(context.Background(), Options{Input: in, Output: out, Parameters: p})
	if err != nil {
		t.Fatal(err)
	}
	nb, err := nbformat.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	cells := nb.Cells()
	if len(cells) != 3 || cells[1].Source() != "// Parameters\nalpha = 0.25\ntags = []string{\"x\", \"y\"}\nextra := \"new\"\n" {
		t.Fatalf("%d cells, %q", len(cells), cells[1].Source())
	}
	if got := text(cells[2]); got != "0.5 [x y] new\n2" {
		t.Errorf("got %q", got)
	}
	if r.Kernel.Name != "cellar" {
		t.Errorf("kernel %s", r.Kernel.Name)
	}
}

func TestGoKernelFails(t *testing.T) {
	in := goNotebook(t, "cellar", "x := 1", "var m map[string]int\nm[\"a\"] = x", "x")
	r, err := Run(context.Background(), Options{Input: in})
	if fault.ExitCode(err) != 1 || !strings.Contains(err.Error(), "cell 2") || !strings.Contains(err.Error(), "nil map") || r.Cells[2].Status != Pending {
		t.Errorf("%v", err)
	}
}

func TestGoKernelInterrupted(t *testing.T) {
	in := goNotebook(t, "cellar", "import \"time\"\n\nfor { time.Sleep(time.Millisecond) }", "1")
	// The first Go kernel of a machine builds its worker, which no timeout should meet.
	if _, err := Run(context.Background(), Options{Input: goNotebook(t, "cellar", "1")}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	r, err := Run(context.Background(), Options{Input: in, CellTimeout: 5 * time.Second, Grace: 2 * time.Second})
	if fault.ExitCode(err) != 1 || !strings.Contains(err.Error(), "cell 1") || !strings.Contains(err.Error(), "longer than 5s") {
		t.Errorf("%v", err)
	}
	if r.Cells[0].Status != Failed || r.Cells[1].Status != Pending || time.Since(start) > 60*time.Second {
		t.Errorf("%s %s, %v", r.Cells[0].Status, r.Cells[1].Status, time.Since(start))
	}
}
