package papermill

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// someWidgets are the cells of a notebook with widgets whose names are the same in each run; some of their states are binary, some too large
// to be held.
var someWidgets = []string{
	"import comm.base_comm, itertools, types\nnames = map('{:032x}'.format, itertools.count())\n" +
		"comm.base_comm.uuid = types.SimpleNamespace(uuid4=lambda: types.SimpleNamespace(hex=next(names)))\nimport ipywidgets as w",
	"slider = w.IntSlider(value=3, max=10, description='n')\npicture = w.Image(value=bytes(range(256)), format='png')\nbox = w.VBox([slider, picture])\nbox",
	"slider.value = 7\npicture.value = b'\\x00\\xff' * 1000\nlarge = w.HTML(value='é<b>' * 600_000)\nlarge.value = 'é<i>\\n' * 500_000",
	"gone = w.Text('closed')\ngone.close()\nimport anywidget, traitlets\nclass Any(anywidget.AnyWidget):\n    _esm = 'export default {}'\n    _anywidget_id = 'x'\n    n = traitlets.Dict().tag(sync=True)\n    __repr__ = lambda _: 'Any'\n" +
		"Any(n={'b': [1, {'c': b'\\x01'}], 'a': 'é' * 10})",
}

// outputWidgets are the cells of a notebook with Output widgets, which take what a cell shows while its code says so.
var outputWidgets = append(someWidgets[:1:1],
	"import sys\nfrom IPython.display import *\nout, inner = w.Output(), w.Output()\nwith out:\n    print('one'); print('two', file=sys.stderr); display(HTML('<b>\\n</b>'), {'x': 'é\\ny'})\nprint('cell')\nout",
	"with out:\n    print('again')\n    with inner: print('within')\n    1/0\nprint('after')",
	"print(len(out.outputs), [o['output_type'] for o in out.outputs])",
	"with inner:\n    clear_output()\n    print('new')\n    clear_output(wait=True)\n    display(JSON({'b': [1], 'a': 2}))\nout.clear_output()\nclear_output()\nprint('end')",
	"import json\nprint(len(out.outputs), json.dumps(inner.outputs, sort_keys=True))",
	"@out.capture()\ndef f(): print('captured'); return 5\nf()\nw.interact(lambda n: print(n), n=(0, 10));",
)

// TestWidgetsRecovered: a killed run leaves the states of its widgets as an unbroken one does, and so does one that goes on from there,
// whether it runs the cells again that have made them or not.
func TestWidgetsRecovered(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, append(slices.Clone(someWidgets), "import os, time\nopen('reached', 'w').close()\nprint('here', flush=True)\nif not os.path.exists('go'): time.sleep(60)")...)
	dir, out := filepath.Dir(in), filepath.Join(t.TempDir(), "out.ipynb")
	runner := startRunner(t, in, out, os.Stderr)
	waitFor(t, filepath.Join(dir, "reached"))
	waitForText(t, journal.Path(out), "here\n")
	runner.Process.Kill()
	runner.Wait()
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	whole, err := Run(t.Context(), Options{Input: in})
	if err != nil {
		t.Fatal(err)
	}
	want := whole.Notebook.Metadata().Raw("widgets")
	if !bytes.Contains(want, []byte(`"value": 7`)) || len(want) < 2_000_000 {
		t.Fatalf("an unbroken run has %d bytes of widgets", len(want))
	}
	check := func(what string) []byte {
		t.Helper()
		nb, err := nbformat.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		got := nb.Metadata().Raw("widgets")
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of widgets, not the %d of an unbroken run", what, len(got), len(want))
		}
		return got
	}
	if err := Recover(out); err != nil {
		t.Fatal(err)
	}
	check("recovered")
	recovered, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Options{Input: in, Output: out, Resume: true}); err != nil {
		t.Fatal(err)
	}
	check("with the cells run again")
	if err := os.WriteFile(out, recovered, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Options{Input: in, Output: out, Resume: true, Needed: func(_ string, done, _ []Cell) []bool { return make([]bool, len(done)) }}); err != nil {
		t.Fatal(err)
	}
	nb, err := nbformat.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	var kept, all map[string]struct {
		State map[string]struct {
			Name  string `json:"model_name"`
			State map[string]any
		}
	}
	if !nb.Metadata().Get("widgets", &kept) || !whole.Notebook.Metadata().Get("widgets", &all) {
		t.Fatal("no widgets")
	}
	var names []string
	for id, model := range kept[widgetState].State {
		if names = append(names, model.Name); len(model.State) != len(all[widgetState].State[id].State) {
			t.Errorf("%s has %d values, not %d", model.Name, len(model.State), len(all[widgetState].State[id].State))
		}
	}
	// What the outputs that stay show, and what that is made of; the others can't be seen.
	if slices.Sort(names); !slices.Equal(names, []string{"AnyModel", "ImageModel", "IntSliderModel", "LayoutModel", "LayoutModel", "LayoutModel", "LayoutModel", "SliderStyleModel", "VBoxModel"}) {
		t.Errorf("without running the cells again: %s", names)
	}
}

// TestCommsOfOtherShapes: a comm may say anything; what is not the state of a widget leaves nothing.
func TestCommsOfOtherShapes(t *testing.T) {
	testkit.UsePython(t)
	in := pythonNotebook(t, "from comm import create_comm\nc = create_comm(target_name='x', data={'state': 'ready', 'buffer_paths': 5})\nc.send('text')\nc.send([1])\nc.send({'state': [1], 'buffer_paths': [1]})",
		"c.send('x' * 2_000_000)\nc.send({'state': 'x' * 2_000_000})\nc.send({'state': [1] * 1_000_000, 'buffer_paths': 'y'})",
		"for size in 1, 2_000_000:\n    create_comm(target_name='jupyter.widget', data={'state': {'_model_name': f'M{size}', 'v': 'x' * size}, 'buffer_paths': 'none'})")
	r, err := Run(t.Context(), Options{Input: in})
	if err != nil {
		t.Fatal(err)
	}
	var widgets map[string]struct {
		State map[string]struct {
			Name string `json:"model_name"`
		}
	}
	r.Notebook.Metadata().Get("widgets", &widgets)
	var names []string
	for _, w := range widgets[widgetState].State {
		names = append(names, w.Name)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"M1", "M2000000"}) {
		t.Errorf("widgets %q", names)
	}
}

// TestFormerWidgets: what other programs keep beside the widgets' states does not take them away.
func TestFormerWidgets(t *testing.T) {
	nb, err := nbformat.Parse([]byte(`{"nbformat": 4, "nbformat_minor": 4, "cells": [{"cell_type": "code", "source": "", "metadata": {}, "execution_count": 1, "outputs": [
		{"output_type": "display_data", "metadata": {}, "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "box"}}}]}],
		"metadata": {"widgets": {"other": {"state": "none"}, "application/vnd.jupyter.widget-state+json": {"state": {"odd": 5, "box": {"state": {"children": ["IPY_MODEL_in"]}}, "in": {}, "out": {}}}}}}`), "x.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	former := newBoard(nb, nil).formerWidgets(nb)
	if names := slices.Sorted(maps.Keys(former)); !slices.Equal(names, []string{"box", "in"}) {
		t.Errorf("kept %q", names)
	}
}
