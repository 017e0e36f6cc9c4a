package papermill

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// manyDisplays show one display_id often, in cells, in an Output widget and as a result.
var manyDisplays = append(someWidgets[:1:1],
	"from IPython.display import *\nimport sys\nout = w.Output()\nfor i in range(500): display(i, display_id='same')\nout",
	"with out:\n    for i in range(500): display(HTML(f'a\\nb{i}'), display_id='same')\ndisplay(1, display_id='gone')",
	"from IPython import get_ipython\nip = get_ipython()\n_ = ip.display_pub.session.send(ip.display_pub.pub_socket, 'execute_result', {'execution_count': 5, 'data': {'text/plain': 'r'}, 'metadata': {}, "+
		"'transient': {'display_id': 'same'}}, ip.display_pub.parent_header)",
	"clear_output()\nupdate_display(HTML('x\\ny'), display_id='same')\nupdate_display(2, display_id='gone')\nprint('here', flush=True)",
)

// TestDisplays: however often one display is shown, its text is in the journal once each time, and the journal has what all of them show.
func TestDisplays(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, append(manyDisplays[:len(manyDisplays):len(manyDisplays)], "import os, time\nif not os.path.exists('go'): time.sleep(600)")...)
	out := filepath.Join(t.TempDir(), "out.ipynb")
	runner := startRunner(t, in, out, os.Stderr)
	waitForText(t, journal.Path(out), "here\n")
	runner.Process.Kill()
	runner.Wait()
	text, err := os.ReadFile(journal.Path(out))
	if err != nil {
		t.Fatal(err)
	}
	// One for the display itself, one for what that makes of those in cells.
	if records := strings.Count(string(text), `"display":"same"`); records < 1000 || records > 2100 {
		t.Errorf("%d records of 1002 displays", records)
	}
	if err := Recover(out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(in), "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	whole, err := Run(t.Context(), Options{Input: in})
	if err != nil {
		t.Fatal(err)
	}
	recovered, err := nbformat.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if want, got := string(whole.Notebook.Metadata().Raw("widgets")), string(recovered.Metadata().Raw("widgets")); got != want || strings.Count(want, `x\ny`) != 500 {
		t.Errorf("the recovered widget has %d bytes and not %d", len(got), len(want))
	}
	i := 0
	for _, c := range recovered.Cells() {
		if c.HasTag(errorTag) {
			continue
		}
		if want := outputsText(t, whole.Notebook.Cells()[i]); outputsText(t, c) != want {
			t.Errorf("recovered cell %d: %s", i+1, firstDifference(outputsText(t, c), want))
		}
		i++
	}
}
