package papermill

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/papermill/nbformat"
)

// TestLikeNbclient runs notebooks here and under nbclient: the outputs must be the same.
func TestLikeNbclient(t *testing.T) {
	python := usePython(t)
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
		},
		"widgets": {
			"from comm import create_comm\nc = create_comm(target_name='jupyter.widget', comm_id='one', data={'state': {'_model_name': 'IntModel', '_model_module': 'm', " +
				"'_model_module_version': '2.0', 'value': 1, 'b': None}, 'buffer_paths': [['b']]}, buffers=[b'\\x00\\x01'])",
			"c.send({'method': 'update', 'state': {'value': 2, 'b': None}, 'buffer_paths': [['b']]}, buffers=[b'\\x02'])\nc.send({'method': 'custom'})",
			"d = create_comm(target_name='other', comm_id='two', data={'state': {'x': 1}})",
		},
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
			cmd := exec.Command(python, "-c", `
import sys, nbformat
from nbclient import NotebookClient
nb = nbformat.read(sys.argv[1], 4)
NotebookClient(nb, kernel_name="python3").execute()
nbformat.write(nb, sys.argv[2])`, in, in+".nbclient")
			cmd.Dir = filepath.Dir(in)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want, err := nbformat.Read(in + ".nbclient")
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range r.Notebook.Cells() {
				w := want.Cells()[i]
				if c.ExecutionCount() != w.ExecutionCount() {
					t.Errorf("cell %d: count %d, not %d", i+1, c.ExecutionCount(), w.ExecutionCount())
				}
				if got, want := outputsText(t, c), outputsText(t, w); got != want {
					t.Errorf("cell %d\n got %s\nwant %s", i+1, got, want)
				}
			}
			for _, key := range []string{"language_info", "widgets"} {
				if got, want := r.Notebook.Metadata().Raw(key), want.Metadata().Raw(key); !bytes.Equal(got, want) || got == nil && key == name {
					t.Errorf("%s\n got %s\nwant %s", key, got, want)
				}
			}
		})
	}
}

// outputsText writes a cell's outputs with the pieces of a stream joined, which nbclient leaves as they came, stdout before stderr, whose
// order is chance, and without the numbers of processes.
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
	return pids.ReplaceAllString(string(text)+"\nstdout: "+streams["stdout"]+"\nstderr: "+strings.TrimSpace(streams["stderr"]), "N")
}

var pids = regexp.MustCompile(`/ipykernel_\d+/\d+\.py`)
