package papermill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

var update = flag.Bool("update", false, "write anew what nbclient does where it can't be asked each time")

// TestLikeNbclient runs notebooks here and under nbclient: the outputs must be the same.
func TestLikeNbclient(t *testing.T) {
	python := testkit.UsePython(t)
	for name, cells := range map[string][]string{
		"rich": {
			"import pandas as pd, numpy as np\ndf = pd.DataFrame({'é': [1, 2.5, np.nan], 'b': list('xyz')})\ndf",
			"from IPython.display import *\ndisplay(Markdown('# a\\nb'), SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>'), JSON({'b': [1, {'a': None}], 'a': 1.0}), Javascript('1;\\n2'), Latex('$x$'))",
			"display({'text/plain': 'p', 'application/vnd.x+json': {'z': [1.50, 1e100, -0.0], 'a': '\\u2028'}, 'x/unknown': 'u\\nv'}, raw=True, metadata={'m': {'k': 1}})",
			"Image(data=bytes.fromhex('89504e470d0a1a0a'), format='png')", "None", "'text\\nin \"quotes\" \\\\ \\x00 \\U0001f600'",
		},
		"streams": {
			"import sys\nfor i in range(1000): print(i)\nprint('err', file=sys.stderr)\nprint('out')", "print('a\\rb\\x1b[31mred\\x1b[0m')", "%%bash\necho from bash\necho to stderr >&2", "!echo shell",
		},
		"errors": {"def f(x):\n    return 1 / x\n\nf(0)", "this is no Python", "%nosuchmagic", "raise SystemExit(3)", "print('after')", "%%bash\nexit 3"},
		"updates": {
			"h = display('a', display_id='i')\nh2 = display('b', display_id='i')", "update_display('c', display_id='i')", "display('d', display_id='i'); clear_output(); display('e')",
			"for i in range(5):\n    clear_output(wait=True)\n    print(i)",
			"for i in range(5): display(i, display_id='j')", "display(HTML('x\ny'), display_id='j')",
		},
		"widgets": {
			"from comm import create_comm\nc = create_comm(target_name='jupyter.widget', comm_id='one', data={'state': {'_model_name': 'IntModel', '_model_module': 'm', " +
				"'_model_module_version': '2.0', 'value': 1, 'b': None}, 'buffer_paths': [['b']]}, buffers=[b'\\x00\\x01'])",
			"c.send({'method': 'update', 'state': {'value': 2, 'b': None}, 'buffer_paths': [['b']]}, buffers=[b'\\x02'])\nc.send({'method': 'custom'})",
			"d = create_comm(target_name='other', comm_id='two', data={'state': {'x': 1}})",
		},
		"ipywidgets":     someWidgets,
		"output widgets": outputWidgets,
	} {
		t.Run(name, func(t *testing.T) {
			nb, err := nbformat.Read(pythonNotebook(t, cells...))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range nb.Cells() {
				c.SetTags("raises-exception")
			}
			in := filepath.Join(t.TempDir(), name+".ipynb")
			if err := nb.WriteFile(in); err != nil {
				t.Fatal(err)
			}
			r, err := Run(context.Background(), Options{Input: in})
			if err != nil {
				t.Fatal(err)
			}
			theirs := in + ".nbclient"
			recorded := name == "output widgets" // nbclient hangs in every third of its runs, waiting for an answer that another task has taken
			if recorded {
				theirs = "testdata/outputwidgets.nbclient"
			}
			if !recorded || *update {
				byNbclient(t, python, in, theirs)
			}
			want, err := nbformat.Read(theirs)
			if err != nil {
				t.Fatal(err)
			}
			sameOutputs(t, r, want)
			for _, key := range []string{"language_info", "widgets"} {
				if recorded && key == "language_info" { // of the machine where it was recorded
					continue
				}
				if got, want := r.Notebook.Metadata().Raw(key), want.Metadata().Raw(key); !bytes.Equal(got, want) || got == nil && strings.HasSuffix(name, key) {
					t.Errorf("%s\n got %s\nwant %s", key, got, want)
				}
			}
		})
	}
}

// TestCorpus runs notebooks that others wrote to show things to people, and Papermill's own, here and under nbclient: the outputs must be
// the same. Where a package is missing the import must fail in the same way, and all that needs it. The notebooks in testdata/corpus have
// their origins and licences beside them, and lack their outputs.
func TestCorpus(t *testing.T) {
	python := testkit.UsePython(t)
	// For both the same order of sets and random numbers, and no network.
	for name, value := range map[string]string{"PYTHONHASHSEED": "0", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": "", "MPLCONFIGDIR": t.TempDir()} {
		t.Setenv(name, value)
	}
	startup := filepath.Join(os.Getenv("IPYTHONDIR"), "profile_default", "startup")
	if err := errors.Join(os.MkdirAll(startup, 0o755), os.WriteFile(filepath.Join(startup, "seed.py"), []byte("__import__('numpy').random.seed(0)"), 0o644)); err != nil {
		t.Fatal(err)
	}
	pool := kernels.NewPool(kernels.PoolOptions{})
	defer pool.Close()
	where, err := exec.Command(python, "-c", "import os, papermill; print(os.path.dirname(papermill.__file__))").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours, _ := filepath.Glob("testdata/corpus/*.ipynb")
	papermills, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(where)), "tests", "notebooks", "*.ipynb"))
	if len(ours) < 11 || len(papermills) < 20 {
		t.Fatalf("%d and %d notebooks", len(ours), len(papermills))
	}
	dir := t.TempDir()
	var results []Result
	var files []string
	for _, path := range append(ours, papermills...) {
		if filepath.Base(path) == "keyboard_interrupt.ipynb" {
			continue // it sleeps a minute, to be interrupted
		}
		nb, err := nbformat.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range nb.Cells() {
			if c.Type() == "code" {
				c.SetTags("raises-exception")
			}
		}
		folder := filepath.Join(dir, filepath.Base(path))
		in := filepath.Join(folder, "in.ipynb")
		files = append(files, in, folder+".nbclient")
		for range 2 { // what the notebook writes here, it may not find under nbclient
			if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o755), nb.WriteFile(in)); err != nil {
				t.Fatal(err)
			}
			if len(results) < len(files)/2 {
				r, err := Run(t.Context(), Options{Input: in, Kernel: "python3", Pool: pool})
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				results = append(results, r)
			}
		}
	}
	byNbclient(t, python, files...)
	for i, r := range results {
		name := filepath.Base(filepath.Dir(files[2*i]))
		t.Run(name, func(t *testing.T) {
			want, err := nbformat.Read(files[2*i+1])
			if err != nil {
				t.Fatal(err)
			}
			cells, failed := sameOutputs(t, r, want)
			t.Logf("%d code cells, of which %d fail in both", cells, failed)
		})
	}
}

// byNbclient has notebooks run by nbclient: pairs of input and output.
func byNbclient(t *testing.T, python string, files ...string) {
	t.Helper()
	for i := range files {
		files[i], _ = filepath.Abs(files[i])
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, append([]string{"-c", `
import os, sys, nbformat
from nbclient import NotebookClient
for path, output in zip(sys.argv[1::2], sys.argv[2::2]):
    os.chdir(os.path.dirname(path))
    os.environ["JPY_SESSION_NAME"] = path  # as Jupyter's server has it, and we
    for left in reversed(range(5)):
        nb = nbformat.read(path, 4)
        try:
            NotebookClient(nb, kernel_name="python3").execute()
            break
        except AssertionError:  # in its own cleanup, now and then
            if not left: raise
    nbformat.write(nb, output)`}, files...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// sameOutputs compares the code cells of a run with those of another, up to the one by which the notebook ends itself.
func sameOutputs(t *testing.T, r Result, want *nbformat.Notebook) (cells, failed int) {
	t.Helper()
	notCode := func(c *nbformat.Cell) bool { return c.Type() != "code" }
	theirs := slices.DeleteFunc(want.Cells(), notCode)
	for i, c := range slices.DeleteFunc(r.Notebook.Cells(), notCode) {
		ran := r.Cells[slices.IndexFunc(r.Cells, func(ran Cell) bool { return ran.ID == c.ID() })]
		if ran.Status == Pending {
			if !strings.Contains(outputsText(t, theirs[i-1]), "SystemExit") {
				t.Errorf("code cell %d did not run", i+1)
			}
			return cells, failed
		}
		cells++
		if ran.Error != nil {
			failed++
		}
		if c.Source() != theirs[i].Source() || c.ExecutionCount() != theirs[i].ExecutionCount() {
			t.Errorf("code cell %d: count %d, not %d; source %q, not %q", i+1, c.ExecutionCount(), theirs[i].ExecutionCount(), c.Source(), theirs[i].Source())
		}
		if got, want := outputsText(t, c), outputsText(t, theirs[i]); got != want {
			t.Errorf("code cell %d\n%s\n got %s\nwant %s", i+1, c.Source(), got, want)
		}
	}
	return cells, failed
}

// outputsText writes a cell's outputs with the pieces of a stream joined, which nbclient leaves as they came, stdout before stderr, whose
// order is chance, and without what two processes have not in common.
func outputsText(t *testing.T, c *nbformat.Cell) string {
	t.Helper()
	copied := nbformat.New(nbformat.Kernel{}).Insert(0, "code", "")
	streams := map[string]string{}
	for _, o := range c.Outputs() {
		if o.Type == "stream" {
			streams[o.Name] += o.Text
			continue
		}
		if err := copied.AppendOutput(o); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(copied.Outputs())
	if err != nil {
		t.Fatal(err)
	}
	return chance.ReplaceAllString(string(text)+"\nstdout: "+streams["stdout"]+"\nstderr: "+strings.TrimSpace(streams["stderr"]), "N")
}

// chance is what two processes have not in common: names of files with the number of the process, addresses of objects, and times.
var chance = regexp.MustCompile(`/ipykernel_\d+/\d+\.py|\bat 0x[0-9a-f]{8,}|CPU times: [^\n\\]*|Wall time: [^\n\\]*`)
