package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// The runner's memory does not grow with what cells show: make bench reports how much it takes.
func TestRunnerMemory(t *testing.T) {
	testkit.UsePython(t)
	const most = 64 << 20
	cells := map[string][]string{
		"50 MB display":  {"display({'application/x-big': 'x' * 50_000_000}, raw=True)"},
		"50 MB print":    {"print('x' * 50_000_000)"},
		"200000 lines":   {"for i in range(200000): print(i)"},
		"10000 displays": {"for i in range(10000): display(i)"},
		"1000 cells":     strings.Split(strings.Repeat("print(1)\n", 1000), "\n")[:1000],
	}
	for name, sources := range cells {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			nb := nbformat.New(nbformat.Kernel{Name: "python3", DisplayName: "Python", Language: "python"})
			for i, source := range sources {
				nb.Insert(i, "code", source)
			}
			if err := nb.WriteFile(filepath.Join(dir, "in.ipynb")); err != nil {
				t.Fatal(err)
			}
			for _, when := range []string{"first", "again"} { // then there is an output to look at before and after
				c := exec.Command(world.Binary, "run", "in.ipynb", "out.ipynb")
				c.Dir = dir
				var text strings.Builder
				c.Stdout, c.Stderr = &text, &text
				own, err := testkit.Measure(c)
				if err != nil {
					t.Fatalf("%s: %v\n%s", when, err, text.String())
				}
				if own.Memory == 0 || own.Memory > most {
					t.Errorf("%s: %d MB", when, own.Memory>>20)
				}
				t.Logf("%s: %d MB", when, own.Memory>>20)
			}
		})
	}
}

// A notebook with millions of lines of output takes its own size of memory, and the garbage collector's share, not many times that.
func TestLargeNotebookMemory(t *testing.T) {
	testkit.UsePython(t)
	dir := t.TempDir()
	in := nbformat.New(nbformat.Kernel{Name: "python3", DisplayName: "Python", Language: "python"})
	in.Insert(0, "code", "print('line\\n' * 3_000_000)")
	in.Insert(1, "code", "assert False")
	if err := in.WriteFile(filepath.Join(dir, "in.ipynb")); err != nil {
		t.Fatal(err)
	}
	run := func(fails bool, args ...string) testkit.Usage {
		t.Helper()
		c := exec.Command(world.Binary, args...)
		c.Dir = dir
		own, err := testkit.Measure(c)
		if (err != nil) != fails {
			t.Fatalf("%v: %v", args, err)
		}
		return own
	}
	run(true, "run", "in.ipynb", "out.ipynb")
	info, err := os.Stat(filepath.Join(dir, "out.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	size := info.Size()
	if size < 40<<20 {
		t.Fatalf("the output has only %d bytes", size)
	}
	own := run(true, "run", "in.ipynb", "out.ipynb", "--resume")
	if own.Memory > 3*size {
		t.Errorf("resume: %d MB for a file of %d", own.Memory>>20, size>>20)
	}
	t.Logf("resume: %d MB for a file of %d", own.Memory>>20, size>>20)
	if own := run(true, "run", "out.ipynb", "again.ipynb"); own.Memory > 2*size { // its outputs are cleared
		t.Errorf("again: %d MB for a file of %d", own.Memory>>20, size>>20)
	} else {
		t.Logf("again: %d MB for a file of %d", own.Memory>>20, size>>20)
	}
	if own := run(false, "list"); own.Memory > 64<<20 {
		t.Errorf("list: %d MB", own.Memory>>20)
	}
}
