package corpus

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gokernel "github.com/cellar-go/cellar/kernel"
	"github.com/cellar-go/cellar/papermill"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// TestMain lets the test program stand for cellar itself, which the runner starts as `cellar kernel`.
func TestMain(m *testing.M) {
	if i := slices.Index(os.Args, "--connection-file"); i > 0 && len(os.Args) > i+1 && os.Args[1] == "kernel" {
		if err := gokernel.Serve(context.Background(), os.Args[i+1], gokernel.Options{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var update = flag.Bool("update", false, "write docs/corpus.md anew")

// known is what testdata/reasons.txt says of a cell.
type known struct{ what, why string }

// reasons reads testdata/reasons.txt: by notebook and number, 0 standing for all of a notebook's cells.
func reasons(t *testing.T) map[string]map[int]known {
	t.Helper()
	text, err := os.ReadFile("testdata/reasons.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[int]known{}
	for _, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, " ", 4)
		n, _ := strconv.Atoi(f[1])
		if all[f[0]] == nil {
			all[f[0]] = map[int]known{}
		}
		all[f[0]][n] = known{f[2], f[3]}
	}
	return all
}

// outcome is what became of one cell.
type outcome struct {
	number int // among the code cells
	source string
	failed string // the error's first line; "" for a cell that ran
}

// play runs a notebook to its end, past cells that fail and without those to be left out, in a folder of its own with the files of its
// module.
func play(t *testing.T, notebook string, leave map[int]known, module ...string) []outcome {
	t.Helper()
	dir := t.TempDir()
	for _, name := range module {
		if text, err := os.ReadFile(name); err == nil {
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	nb, err := nbformat.Read(notebook)
	if err != nil {
		t.Fatal(err)
	}
	var all []outcome
	numbers := map[int]int{} // cells that run → their place in all
	place := 0
	for _, c := range nb.Cells() {
		blank := strings.TrimSpace(c.Source()) == ""
		if c.Type() == "code" && !blank {
			all = append(all, outcome{number: len(all) + 1, source: c.Source(), failed: "it did not run"})
			if leave[len(all)].what == "browser" {
				nb.Delete(c)
				continue
			}
			numbers[place] = len(all) - 1
		}
		if c.Type() == "code" {
			c.SetTags("raises-exception")
		}
		place++
	}
	r, err := papermill.Run(t.Context(), papermill.Options{Input: filepath.Join(dir, "in.ipynb"), Notebook: nb, Kernel: "cellar", Dir: dir,
		CellTimeout: 5 * time.Minute, StartTimeout: 5 * time.Minute})
	if r.Notebook == nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Logf("%s: %v", notebook, err)
	}
	for i, c := range r.Cells {
		at, is := numbers[i]
		switch {
		case !is:
		case c.Error != nil:
			all[at].failed, _, _ = strings.Cut(c.Error.EName+": "+c.Error.EValue, "\n")
		case c.Status == papermill.Completed:
			all[at].failed = ""
		}
	}
	return all
}

// TestCorpus runs the notebooks of testdata. Every cell has to run, or to fail where it is meant to, but those whose needs can't be had.
func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs for minutes")
	}
	download := exec.Command("go", "mod", "download")
	download.Dir = "testdata"
	if output, err := download.CombinedOutput(); err != nil {
		t.Skipf("the notebooks' modules can't be had: %v: %s", err, output)
	}
	t.Setenv("JUPYTER_PATH", "")
	t.Setenv("JUPYTER_DATA_DIR", t.TempDir())
	files, err := filepath.Glob("testdata/*.ipynb")
	if err != nil || len(files) == 0 {
		t.Fatal("no notebooks", err)
	}
	about := reasons(t)
	var table, notes strings.Builder
	sum, right, had := 0, 0, 0
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			ran, meant, absent := 0, 0, 0
			why := map[string][]string{}
			all := play(t, file, about[name], "testdata/go.mod", "testdata/go.sum")
			for _, o := range all {
				k, listed := about[name][o.number]
				if !listed {
					k = about[name][0]
				}
				switch {
				case k.what == "fails" && o.failed != "":
					meant++
				case k.what == "fails":
					t.Errorf("cell %d ran, and is meant to fail", o.number)
				case o.failed == "":
					ran++
				case k.what != "":
					absent++
					why[k.why] = append(why[k.why], strconv.Itoa(o.number))
				default:
					t.Errorf("cell %d: %s\n%s", o.number, o.failed, strings.TrimSpace(o.source))
				}
			}
			sum, right, had = sum+len(all), right+ran+meant, had+len(all)-absent
			fmt.Fprintf(&table, "| %s | %d | %d | %d | %d |\n", strings.ReplaceAll(strings.TrimSuffix(name, ".ipynb"), "__", "/"), len(all), ran, meant, absent)
			for _, reason := range slices.Sorted(maps.Keys(why)) {
				fmt.Fprintf(&notes, "| %s | %s | %s |\n", strings.ReplaceAll(strings.TrimSuffix(name, ".ipynb"), "__", "/"), strings.Join(why[reason], ", "), reason)
			}
		})
	}
	text := "# Notebooks of others\n\n" +
		"What becomes of real Go notebooks, unchanged, in this kernel. `go test ./kernel/corpus` runs them, `-update` writes this page; they are in\n" +
		"`kernel/corpus/testdata` with their origins and licences.\n\n" +
		"| notebook | cells | ran | failed as they are meant to | need what can't be had |\n|---|---|---|---|---|\n" + table.String() +
		fmt.Sprintf("| all | %d | %d of the %d whose needs can be had | | %d |\n\n", sum, right, had, sum-had) +
		"| notebook | cells | need |\n|---|---|---|\n" + notes.String()
	const page = "../../docs/corpus.md"
	old, _ := os.ReadFile(page)
	switch {
	case *update:
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	case !t.Failed() && string(old) != text:
		t.Errorf("docs/corpus.md is not what came out; write it by -update:\n%s", text)
	}
}

// TestFolder runs the notebooks of a folder, for a look: CELLAR_CORPUS names it.
func TestFolder(t *testing.T) {
	dir := os.Getenv("CELLAR_CORPUS")
	if dir == "" {
		t.Skip("CELLAR_CORPUS names no folder with notebooks")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.ipynb"))
	cells, good := 0, 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			bad := 0
			all := play(t, file, nil, filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum"))
			for _, o := range all {
				cells++
				if o.failed == "" {
					good++
					continue
				}
				bad++
				t.Logf("cell %d: %s\n%s", o.number, o.failed, strings.TrimSpace(o.source))
			}
			t.Logf("%d of %d cells", len(all)-bad, len(all))
		})
	}
	t.Logf("%d of %d cells ran", good, cells)
}
