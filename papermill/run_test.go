package papermill

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestSmoke(t *testing.T) {
	usePython(t)
	out := filepath.Join(t.TempDir(), "out.ipynb")
	r, err := Run(context.Background(), Options{Input: pythonNotebook(t, "print(1)\n2", "import sys\nfor i in range(3): print(i, file=sys.stderr)", "1/0", "3"), Output: out})
	t.Log(err)
	b, _ := os.ReadFile(out)
	t.Logf("%+v\n%s", r.Cells, b)
}
