package nbformat

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// oldNotebooks have what nbformat's own test notebooks of formats 2 and 3 lack.
var oldNotebooks = map[string]string{
	"lines without their ends": oldNotebook(3, `{"cell_type": "code", "input": ["a = 1", "", "b = 2"], "language": "python", "outputs": [
		{"output_type": "stream", "stream": "stderr", "text": ["a", "b"]}, {"output_type": "stream", "text": "a\nb\n"}]}`),
	"lines in format 2": oldNotebook(2, `{"cell_type": "code", "input": ["a = 1\n", "b"], "outputs": []}, {"cell_type": "markdown", "source": []},
		{"cell_type": "markdown", "source": ["a", "b"]}, {"cell_type": "html", "source": "<b>"}`),
	"two worksheets": `{"metadata": {"name": "x", "signature": "sha256:0", "kernelspec": {"name": "ir", "display_name": "R", "language": "R"}, "z": 1},
		"nbformat": 3, "nbformat_minor": 0, "orig_nbformat": 2, "orig_nbformat_minor": 1, "top": [1], "worksheets": [
		{"metadata": {"a": 1}, "cells": [{"cell_type": "raw", "metadata": {"x": {}}, "source": "raw"}]}, {"cells": []},
		{"cells": [{"cell_type": "heading", "metadata": {}, "source": "one"}, {"cell_type": "heading", "level": 6, "source": ["a\n", "b\u2028c\r\n", "\r"]}, {"cell_type": "heading", "level": 2}]}]}`,
	"cells": oldNotebook(3, `{"cell_type": "code", "metadata": {"collapsed": 1, "tags": ["parameters"]}, "collapsed": true, "input": "x", "prompt_number": 7, "source": "old", "execution_count": 1, "id": "no id", "outputs": []},
		{"cell_type": "code", "collapsed": false, "prompt_number": null, "outputs": []}, {"cell_type": "other", "source": "s"}`),
	"outputs": oldNotebook(3, `{"cell_type": "code", "input": "é\ud83d\ude00\ud800", "outputs": [
		{"output_type": "pyout", "prompt_number": 2, "text": ["a\n", "b"], "html": ["<b>", "</b>"], "metadata": {"png": {"width": 1}, "x": 2}},
		{"output_type": "pyout", "latex": "$x$", "json": ["{\"a\": [1.50, NaN,\n", "\"\\u00e9\"]}"]},
		{"output_type": "display_data", "png": "AA==\n", "jpeg": "AA", "svg": ["<svg>\n", "</svg>"], "javascript": "a\nb", "application/x": ["u", 1], "text/html": ["i"]},
		{"output_type": "display_data", "text": "new", "text/plain": "old", "prompt_number": 3},
		{"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": ["a\n", "b"]}, {"output_type": "unknown", "text": "a"}]}`),
}

func oldNotebook(format int, cells string) string {
	f := intNode(format).raw
	return `{"metadata": {}, "nbformat": ` + f + `, "worksheets": [{"cells": [` + cells + `]}]}`
}

// TestUpgrade: a notebook of format 2 or 3 is read as nbformat reads it, but that the language stays, and that nothing may be missing that
// may be missing in format 4.
func TestUpgrade(t *testing.T) {
	const theirs = `
import json, logging, sys, nbformat
logging.disable()
all = {}
for path in sys.argv[1:]:
    try:
        all[path] = json.loads(nbformat.writes(nbformat.read(path, as_version=4)))
    except nbformat.ValidationError:
        all[path] = None
json.dump(all, sys.stdout)
`
	paths, err := filepath.Glob("../../e2e/testdata/nbformat/test[23]*.ipynb")
	if err != nil || len(paths) < 6 {
		t.Fatal(paths, err)
	}
	for name, text := range oldNotebooks {
		path := filepath.Join(t.TempDir(), name+".ipynb")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	var stderr bytes.Buffer
	python := exec.Command(testkit.Python(t), append([]string{"-c", theirs}, paths...)...)
	python.Stderr = &stderr
	out, err := python.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var want map[string]map[string]any
	unmarshal(t, out, &want)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			nb, err := Read(path)
			switch {
			case strings.HasSuffix(path, "no_metadata.ipynb") && want[path] == nil && err == nil:
				return // which may be missing in format 4, too
			case want[path] == nil:
				if err == nil || !strings.Contains(err.Error(), "no list") {
					t.Fatalf("taken, or refused by %v", err)
				}
				return
			case err != nil:
				t.Fatal(err)
			}
			var got map[string]any
			unmarshal(t, nb.Bytes(), &got)
			for _, doc := range []map[string]any{got, want[path]} {
				delete(doc["metadata"].(map[string]any), "language_info")
				for _, c := range doc["cells"].([]any) {
					if c := c.(map[string]any); c["id"] == nil {
						t.Error("a cell without an id")
					} else {
						delete(c, "id")
					}
				}
			}
			if !reflect.DeepEqual(got, want[path]) {
				g, _ := json.MarshalIndent(got, "", " ")
				w, _ := json.MarshalIndent(want[path], "", " ")
				diffLines(t, path, string(g), string(w))
			}
			if !nb.Upgraded() {
				t.Error("not said to be upgraded")
			}
			again := mustParse(t, string(nb.Bytes()))
			diffLines(t, "read again", string(again.Bytes()), string(nb.Bytes()))
			if again.Upgraded() {
				t.Error("said to be upgraded when it was not")
			}
		})
	}
}

// unmarshal reads JSON as Python writes it.
func unmarshal(t *testing.T, data []byte, into any) {
	t.Helper()
	_, root, _, _, err := parseTree(string(data), inside)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	root.toJSON().write(&b)
	if err := json.Unmarshal(b.Bytes(), into); err != nil {
		t.Fatal(err)
	}
}

// TestUpgradeLines: cells are found in the file that was read, and the new one is written as nbformat writes.
func TestUpgradeLines(t *testing.T) {
	nb := mustParse(t, "{\n \"metadata\": {},\n \"nbformat\": 3,\n \"worksheets\": [{\"cells\": [\n  {\"cell_type\": \"heading\", \"source\": \"a\"},\n\n  {\"cell_type\": \"code\", \"input\": \"1\"}]}]\n}\n")
	a, b := nb.Cells()[0], nb.Cells()[1]
	if a.Line() != 5 || b.Line() != 7 {
		t.Errorf("cells on lines %d and %d", a.Line(), b.Line())
	}
	diffLines(t, "written", string(nb.Bytes()), `{
 "cells": [
  {
   "cell_type": "markdown",
   "id": "`+a.ID()+`",
   "metadata": {},
   "source": [
    "# a"
   ]
  },
  {
   "cell_type": "code",
   "execution_count": null,
   "id": "`+b.ID()+`",
   "metadata": {},
   "outputs": [],
   "source": [
    "1"
   ]
  }
 ],
 "metadata": {},
 "nbformat": 4,
 "nbformat_minor": 5
}
`)
}

// TestUpgradeLanguage: what a notebook from before kernelspecs says of its language is what its kernel is found by.
func TestUpgradeLanguage(t *testing.T) {
	const cells = `"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "markdown", "source": ""}, {"cell_type": "code", "language": "python", "input": "1"}]}]}`
	for _, c := range []struct{ metadata, language, info string }{
		{`{}`, "python", `{"name": "python"}`},
		{`{"language": "Julia"}`, "julia", `{"name": "julia"}`},
		{`{"kernelspec": {"name": "ir", "language": "R"}}`, "r", ""},
		{`{"language_info": {"name": "scala"}}`, "scala", `{"name": "scala"}`},
	} {
		nb := mustParse(t, `{"metadata": `+c.metadata+`, `+cells)
		if info := string(nb.Metadata().Raw("language_info")); nb.Language() != c.language || info != c.info {
			t.Errorf("%s: %s, %s", c.metadata, nb.Language(), info)
		}
	}
}
