package classic

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// row is a command line.
type row struct {
	args    string   // with spaces between
	more    []string // arguments that have spaces, before the others
	stdin   string   // notebook that standard input is
	pipe    string   // notebook that comes through a pipe
	tty     bool     // standard output is a terminal
	runs    bool     // a kernel may be started
	env     map[string]string
	differs []difference
}

// difference is where we do otherwise, on purpose.
type difference struct {
	field string // exit, stdout, stderr, files, or the name of a file
	ours  string // what ours has in it
	why   string
}

// The reasons.
const (
	goes       = "Go notebooks can be given parameters"
	tolerated  = "a cell that may raise doesn't fail the run"
	pending    = "cells that did not run are pending, and one that ended badly has failed"
	ended      = "a cell that ends its notebook well has not failed"
	untouched  = "a run that can't begin leaves the old output alone"
	early      = "what can't be written is found before anything runs"
	says       = "the error says what is wrong"
	kept       = "what ran is kept, also for standard output"
	truth      = "base64 and YAML that can't be read are refused"
	invalid    = "a notebook that breaks the format is refused, not run with a warning"
	readable   = "what can be read is run"
	speaks     = "what a notebook from before kernelspecs says of its language stays"
	secret     = "what $CELLAR_SECRETS names does not show"
	sayVersion = "the version says whose it is"
)

// rows are command lines that both must answer alike.
func rows() []row {
	running := runRows()
	for i := range running {
		running[i].runs = true
	}
	return slices.Concat(preparedRows(), badRows(), running)
}

func differs(d ...difference) []difference { return d }

// preparedRows start no kernel.
func preparedRows() []row {
	return []row{
		// Usage.
		{args: ""}, {args: "--foo"}, {args: "--hel"}, {args: "-z"}, {args: "-kz --foo=1"}, {args: "simple_execute.ipynb b c"}, {args: "a b c d"},
		{args: "-p a"}, {args: "-p"}, {args: "-pa"}, {args: "-r a"}, {args: "-f"}, {args: "--start-timeout x a"}, {args: "--start-timeout=x a"}, {args: "--start_timeout"},
		{args: "--start_timeout 1.5 a b"}, {args: "--execution-timeout= a b"}, {args: "--log-level info a b"}, {args: "--log-level"}, {args: "--prepare-only=1 a b"},
		{args: "--no-report-mode=x"}, {args: "--cw x a b"}, {args: "-kfoo -ly -- a b c d"}, {args: "-- -x -y -z"}, {args: "--no-cwd"}, {args: "--progres-bar a b"}, {args: "--executio-timeot 1"}, {args: "--autosave"},
		{args: "--autosave-cell-every it's a b"}, {args: "--version --foo"}, {args: "-h"}, {args: "--help"}, {args: "--help --start-timeout x"}, {args: "-h", env: map[string]string{"COLUMNS": "60"}},
		{args: "-h", env: map[string]string{"COLUMNS": "20"}}, {args: "-h", pipe: "simple_execute.ipynb"}, {args: "-h", tty: true}, {args: "simple_execute.ipynb", tty: true}, {args: "", tty: true},
		{args: "--version", differs: differs(difference{"stdout", "(cellar ", sayVersion})},
		// Only prepared: parameters, their kinds and precedence, templates, paths.
		{args: "simple_execute.ipynb out.ipynb --prepare-only"},
		{args: "simple_execute.ipynb --prepare-only"},
		{args: "simple_execute.ipynb out.ipynb --prepare-only --report-mode -p msg hi"},
		{args: "out.ipynb --prepare-only -p msg 1", pipe: "simple_execute.ipynb"}, {args: "- out.ipynb --prepare-only --inject-paths", pipe: "simple_execute.ipynb"}, {args: "--prepare-only", pipe: "simple_execute.ipynb"},
		{args: "- --prepare-only --inject-input-path", stdin: "simple_execute.ipynb"}, {args: "- out.ipynb --prepare-only --inject-output-path", stdin: "simple_execute.ipynb"},
		{args: "simple_execute.ipynb out.ipynb --prepare-only --inject-paths -p PAPERMILL_INPUT_PATH x"},
		{args: "--prepare-only -p a 1 -pb 2.5 -p c True -p d None -p e 1_000 -p f 1e3 -p g text -p h 007 -p i nan -p j -inf -r k 1 -p l -p simple_execute.ipynb out.ipynb"},
		{args: "--prepare-only -r a 4 -p a 3 -y {a:} -f a.yaml -b YTogMA== simple_execute.ipynb out.ipynb", more: []string{"-y", "{a: 1, b: [1, 2.5, null, yes], c: {d: 2020-01-02}}"}},
		{args: "--prepare-only -f a.yaml -f b.json -f c.txt simple_execute.ipynb out.ipynb"}, {args: "-f nope.yaml simple_execute.ipynb out.ipynb"}, {args: "-f folder/ simple_execute.ipynb out.ipynb"},
		{args: "simple_execute.ipynb out.ipynb --prepare-only", more: []string{"-y", ""}},
		{args: "-y [1,2] simple_execute.ipynb out.ipynb", differs: differs(difference{"stderr", "not a mapping", says})},
		{args: "-y foo simple_execute.ipynb out.ipynb", differs: differs(difference{"stderr", "not a mapping", says})},
		{args: "-b !! --prepare-only simple_execute.ipynb out.ipynb", differs: differs(difference{"exit", "1", truth}, difference{"files", "", truth}, difference{"stderr", "not base64", truth})},
		{args: "-b e30 simple_execute.ipynb out.ipynb", differs: differs(difference{"stderr", "not base64", says})},
		{args: "simple_execute.ipynb o_{x:03d}_{y[1]}_{z[k]!r}_{{}}.ipynb -p x 7 --prepare-only", more: []string{"-y", "{y: [1, two], z: {k: v}}"}},
		{args: "{n}.ipynb out_{n}.ipynb -r n simple_execute --prepare-only --inject-paths"},
		{args: "simple_execute.ipynb {b}.ipynb -p a 1"}, {args: "simple_execute.ipynb {run_uuid}.ipynb"}, {args: "simple_execute.ipynb {pm.run_uuid}.ipynb"}, {args: "simple_execute.ipynb {pm[foo]}.ipynb"},
		{args: "simple_execute.ipynb {}.ipynb"}, {args: "simple_execute.ipynb {3}.ipynb"}, {args: "simple_execute.ipynb {a.ipynb"}, {args: "simple_execute.ipynb a}.ipynb"}, {args: "simple_execute.ipynb {x:q}.ipynb -p x 1"},
		{args: "simple_execute.ipynb {x[0]}.ipynb -p x 1"}, {args: "simple_execute.ipynb {x!z}.ipynb -p x 1"}, {args: "{x.y}.ipynb b -p x 1"},
		{args: "simple_execute.ipynb out --prepare-only"}, {args: "simple_execute.ipynb out.txt --prepare-only"}, {args: "nope.ipynb out.ipynb"}, {args: "nope out"}, {args: "folder out.ipynb"},
		{args: "simple_execute.ipynb folder --no-progress-bar --prepare-only"}, {args: "simple_execute.ipynb nope/out.ipynb --prepare-only"}, {args: "broken.json out.ipynb"}, {args: "- out.ipynb"},
		{args: "simple_execute.ipynb simple_execute.ipynb --prepare-only -p msg 1"},
		{args: "simple_execute.ipynb out.ipynb --prepare-only --engine foo"}, {args: "simple_execute.ipynb out.ipynb --prepare-only --engine foo -p msg 1"}, {args: "simple_execute.ipynb out.ipynb --engine foo"},
		{args: "simple_execute.ipynb out.ipynb --prepare-only --engine nbclient --log-level WARNING -p x 1"}, {args: "simple_execute.ipynb out.ipynb --prepare-only --log-level ERROR -p x 1"},
		{args: "no_parameters.ipynb out.ipynb --prepare-only -p x 1 -p y 2"}, {args: "complex_parameters.ipynb out.ipynb --prepare-only -p a 1 -p msg 2"}, {args: "result_no_exec.ipynb out.ipynb --prepare-only"},
		{args: "nb_version_4.4.ipynb out.ipynb --prepare-only"}, {args: "blank-vscode.ipynb out.ipynb --prepare-only -p x 1"}, {args: "earlier.ipynb out.ipynb --prepare-only"}, {args: "earlier.ipynb out.ipynb --prepare-only -p a 5"},
		{args: "bash.ipynb out.ipynb --prepare-only -p a 5 -p b x"}, {args: "nokernel.ipynb out.ipynb --prepare-only -p a 1"}, {args: "nolanguage.ipynb out.ipynb --prepare-only -p a 1"}, {args: "nokernel.ipynb out.ipynb --prepare-only"},
		{args: "nokernel.ipynb out.ipynb --prepare-only -p a 1 -k python3 -l python"}, {args: "simple_execute.ipynb out.ipynb --prepare-only -p msg 1 -l bash"}, {args: "simple_execute.ipynb out.ipynb --prepare-only -p msg 1 -k bash"},
		{args: "unknown.ipynb out.ipynb -p a 1"}, {args: "notimplemented_translator.ipynb out.ipynb -p a 1 --prepare-only"},
		{args: "three.ipynb out.ipynb --prepare-only -p a 2"}, {args: "three.ipynb --help-notebook"},
		{args: "two.ipynb out.ipynb --prepare-only", differs: differs(difference{"files", `"language_info": {`, speaks})},
		{args: "go.ipynb out.ipynb --prepare-only -p a 2", differs: differs(difference{"exit", "0", goes}, difference{"stderr", "", goes}, difference{"files", "a = 2", goes})},
		{args: "badgo.ipynb out.ipynb --prepare-only -p a 2", differs: differs(difference{"stderr", "notebook badgo.ipynb: ", goes})},
		// What a notebook takes.
		{args: "simple_execute.ipynb --help-notebook"}, {args: "complex_parameters.ipynb --help-notebook"}, {args: "complex_parameters.ipynb out.ipynb --help-notebook"}, {args: "no_parameters.ipynb --help-notebook"}, {args: "--help-notebook"},
		{args: "--help-notebook", tty: true}, {args: "bash.ipynb --help-notebook"}, {args: "bash.ipynb out.ipynb --help-notebook"}, {args: "nope.ipynb --help-notebook"}, {args: "{a}.ipynb --help-notebook -r a simple_execute"}, {args: "{b}.ipynb --help-notebook"},
		{args: "- --help-notebook", stdin: "complex_parameters.ipynb"}, {args: "--help-notebook", pipe: "complex_parameters.ipynb"},
		{args: "unknown.ipynb --help-notebook"},
		{args: "go.ipynb --help-notebook", differs: differs(difference{"exit", "0", goes}, difference{"stdout", "  a: int (default 1)", goes}, difference{"stderr", "", goes})},
	}
}

// badRows give notebooks that are none, or not valid ones.
func badRows() []row {
	var all []row
	add := func(names string, d ...difference) {
		for _, name := range strings.Fields(names) {
			all = append(all, row{args: "bad-" + name + ".ipynb out.ipynb --prepare-only", differs: d})
		}
	}
	add("nothing text cut nan twice")
	add("list object future words notype untyped", difference{"stderr", "notebook bad-", says})
	add("listed cellmetadata", difference{"stderr", "metadata is no object", says})
	add("ids id cells source number outputs", difference{"exit", "1", invalid}, difference{"stderr", "notebook bad-", invalid}, difference{"files", "", invalid})
	add("mark minor surrogate", difference{"exit", "0", readable}, difference{"stderr", "", readable}, difference{"files", `"cell_type": "code"`, readable})
	return all
}

// badNotebooks are what these rows are about.
func badNotebooks() map[string]string {
	const good = `{"cells": [{"cell_type": "code", "id": "a", "execution_count": null, "metadata": {"tags": ["parameters"]}, "outputs": [], "source": "a = 1"}],
 "metadata": {"kernelspec": {"display_name": "Python", "language": "python", "name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}`
	but := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	files := map[string]string{}
	for name, text := range map[string]string{
		"nothing": "", "text": "# My notebook\n", "list": "[1]", "object": `{"a": 1}`, "cut": good[:100], "mark": "\uFEFF" + good, "surrogate": but("a = 1", `'\ud800'`),
		"future": but(`"nbformat": 4`, `"nbformat": 5`), "words": but(`"nbformat": 4`, `"nbformat": "4"`), "minor": but(`, "nbformat_minor": 5`, ""), "twice": but(`"nbformat": 4`, `"nbformat": 4, "nbformat": 4`),
		"nan": but(`{"kernelspec"`, `{"x": NaN, "kernelspec"`), "listed": `{"cells": [], "metadata": [], "nbformat": 4, "nbformat_minor": 5}`, "cells": `{"cells": {}, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}`,
		"ids": but("}],\n", `}, {"cell_type": "code", "id": "a", "execution_count": null, "metadata": {}, "outputs": [], "source": "b"}],`), "id": but(`"id": "a"`, `"id": "a b"`),
		"source": but(`, "source": "a = 1"`, ""), "number": but(`"a = 1"`, "5"), "notype": but(`"cell_type": "code", `, ""), "cellmetadata": but(`{"tags": ["parameters"]}`, `"x"`),
		"outputs": but(`"outputs": []`, `"outputs": {}`), "untyped": but(`"outputs": []`, `"outputs": [{"text": "x"}]`),
	} {
		files["bad-"+name+".ipynb"] = text
	}
	return files
}

// runRows start a kernel, or would.
func runRows() []row {
	return []row{
		{args: "simple_execute.ipynb -- --out", differs: differs(difference{"stdout", `"execution_count": 1`, "the notebook goes to standard output once"})},
		{args: "simple_execute.ipynb out.ipynb -p msg hi"}, {args: "simple_execute.ipynb out.ipynb -p msg hi --log-output"}, {args: "simple_execute.ipynb out.ipynb -p msg hi --log-output --progress-bar"},
		{args: "simple_execute.ipynb out.ipynb -p msg hi -p x y -k python3 --cwd folder --no-progress-bar"}, {args: "simple_execute.ipynb out.ipynb --no-request-save-on-cell-execute --autosave-cell-every 0"},
		{args: "simple_execute.ipynb -p msg hi"}, {args: "simple_execute.ipynb - --log-output -p msg hi"}, {args: "- -", pipe: "simple_execute.ipynb"}, {args: "", pipe: "simple_execute.ipynb"}, {args: "out.ipynb", pipe: "simple_execute.ipynb"},
		{args: "simple_execute.ipynb - --log-level WARNING --progress-bar --report-mode -p x 1"}, {args: "where.ipynb out.ipynb --no-progress-bar"}, {args: "where.ipynb out.ipynb --cwd folder --no-progress-bar"},
		{args: "shows.ipynb out.ipynb --log-output --stdout-file so --stderr-file se"}, {args: "shows.ipynb out.ipynb --log-output --log-level WARNING --stdout-file - --stderr-file -"}, {args: "shows.ipynb out.ipynb --stdout-file so --no-progress-bar"},
		{args: "empty.ipynb out.ipynb"}, {args: "earlier.ipynb out.ipynb -p a 3 --no-progress-bar"}, {args: "nb_version_4.4.ipynb out.ipynb --no-progress-bar"}, {args: "complex_parameters.ipynb out.ipynb -p msg x --no-progress-bar"},
		{args: "read_check.ipynb out.ipynb --no-progress-bar"}, {args: "sysexit.ipynb out.ipynb --no-progress-bar", differs: differs(difference{"files", `"exception": false`, ended})}, {args: "sysexit0.ipynb out.ipynb --no-progress-bar", differs: differs(difference{"files", `"exception": false`, ended})}, {args: "report_mode_test.ipynb out.ipynb --report-mode --no-progress-bar"},
		{args: "broken1.ipynb out.ipynb --no-progress-bar"}, {args: "broken1.ipynb"}, {args: "sysexit1.ipynb out.ipynb --no-progress-bar"}, {args: "syntax.ipynb out.ipynb --log-level CRITICAL"},
		{args: "line_magic_error.ipynb out.ipynb --no-progress-bar"},
		{args: "shown.ipynb out.ipynb --no-progress-bar"}, {args: "shownends.ipynb out.ipynb --no-progress-bar", differs: differs(difference{"files", `"exception": false`, ended})}, {args: "shownboth.ipynb out.ipynb --no-progress-bar"}, {args: "shownmagic.ipynb out.ipynb --no-progress-bar"},
		{args: "token.ipynb out.ipynb --log-output --no-progress-bar -p a sw0rdf1sh", env: map[string]string{"CELLAR_SECRETS": "TOKEN", "TOKEN": "sw0rdf1sh"},
			differs: differs(difference{"stderr", "ValueError: ***", secret}, difference{"files", `a = \"***\"`, secret})},
		{args: "three.ipynb out.ipynb -p a 2 --no-progress-bar"}, {args: "two.ipynb out.ipynb --no-progress-bar"},
		{args: "two.ipynb out.ipynb -k python3 --no-progress-bar", differs: differs(difference{"exit", "0", readable}, difference{"stderr", "", readable}, difference{"files", `"cell_type": "code"`, readable})},
		{args: "go.ipynb out.ipynb -p a 2 --no-progress-bar", differs: differs(difference{"exit", "0", goes}, difference{"stderr", "Executing notebook with kernel: gophernotes", goes}, difference{"files", "a = 2", goes})},
		{args: "raises.ipynb out.ipynb --no-progress-bar", differs: differs(difference{"exit", "0", tolerated}, difference{"stderr", "", tolerated}, difference{"files", "", tolerated})},
		{args: "dies.ipynb out.ipynb --no-progress-bar", differs: differs(difference{"files", `"status": "pending"`, pending})},
		{args: "dies.ipynb", differs: differs(difference{"stdout", "DeadKernelError", kept}, difference{"stderr", "UserWarning", kept})},
		{args: "slow.ipynb out.ipynb --execution-timeout 1 --no-progress-bar", differs: differs(difference{"files", `"TimeoutError"`, pending})},
		{args: "nokernel.ipynb out.ipynb --no-progress-bar"}, {args: "nolanguage.ipynb out.ipynb --no-progress-bar"}, {args: "simple_execute.ipynb out.ipynb --cwd nope"}, {args: "simple_execute.ipynb out.ipynb --cwd a.yaml"},
		{args: "unknown.ipynb out.ipynb --no-progress-bar", differs: differs(difference{"files", "", untouched})},
		{args: "simple_execute.ipynb nope/out.ipynb --no-progress-bar"}, {args: "simple_execute.ipynb folder --no-progress-bar"},
		{args: "simple_execute.ipynb out.ipynb -k dead --no-progress-bar", differs: differs(difference{"files", "", untouched})},
		{args: "simple_execute.ipynb out.ipynb -k mute --start-timeout 1 --no-progress-bar", differs: differs(difference{"files", "", untouched})},
		{args: "simple_execute.ipynb out.ipynb --stdout-file nope/so --no-progress-bar", differs: differs(difference{"files", "", early}, difference{"stderr", "Could not open file 'nope/so'", early})},
	}
}

// shows is a cell that shows an error, and succeeds.
const shows = "try: 1/0\nexcept Exception: get_ipython().showtraceback()"

// notebooks are what the rows run, besides Papermill's own.
func notebooks() map[string]string {
	files := badNotebooks()
	maps.Copy(files, map[string]string{
		"a.yaml": "a: 1\nz: [x, {y: 0.5}]\n", "b.json": `{"a": "x", "c": null}`, "c.txt": "a: 12\n", "broken.json": `{"cells": [`,
		"three.ipynb": `{"metadata": {"name": "", "kernelspec": {"display_name": "Python", "language": "python", "name": "python3"}}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [
 {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["A\n", "heading"]}, {"cell_type": "code", "collapsed": false, "input": "a = 1", "language": "python", "metadata": {"tags": ["parameters"]}, "outputs": []},
 {"cell_type": "code", "input": ["print(a)\n", "a"], "language": "python", "metadata": {}, "outputs": [{"output_type": "pyout", "prompt_number": 3, "text": "1", "png": "AA==", "metadata": {}}], "prompt_number": 3}]}]}`,
		"two.ipynb": `{"metadata": {"name": "x"}, "nbformat": 2, "worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1", "a"], "language": "python", "outputs": []}]}]}`,
		"earlier.ipynb": `{"cells": [{"cell_type": "code", "execution_count": 7, "id": "x1", "metadata": {"tags": ["parameters"]}, "outputs": [], "source": "a = 1"},
 {"cell_type": "code", "execution_count": 8, "id": "x2", "metadata": {"tags": ["injected-parameters"], "papermill": {"status": "completed"}}, "outputs": [], "source": ["# Parameters\n", "a = 2"]},
 {"cell_type": "code", "execution_count": 9, "id": "x3", "metadata": {"jupyter": {"outputs_hidden": true}}, "outputs": [{"name": "stdout", "output_type": "stream", "text": "2\n"}], "source": "print(a)"}],
 "metadata": {"kernelspec": {"display_name": "Python", "language": "python", "name": "python3"}, "papermill": {"default_parameters": {"a": 0}, "environment_variables": {"E": "1"}, "mine": 3,
 "parameters": {"a": 2}, "version": "2.1.0", "input_path": "x", "output_path": "y", "start_time": "2020-01-01T00:00:00", "exception": true}}, "nbformat": 4, "nbformat_minor": 5}`,
	})
	for name, made := range map[string][]string{
		"go":         {"gophernotes", "go", "#P", "a := 1"},
		"badgo":      {"gophernotes", "go", "#P", "a := "},
		"bash":       {"bash", "bash", "#P", "a=1"},
		"nokernel":   {"", "", "", "a = 1"},
		"nolanguage": {"python3", "", "#P", "a = 1"},
		"unknown":    {"nosuch", "cobol", "#P", "a = 1"},
		"raises":     {"python3", "python", "#E", "1/0", "", "print(2)"},
		"dies":       {"python3", "python", "", "print('x')", "", "import os, time; time.sleep(0.3); os._exit(3)", "", "b = 2"},
		"slow":       {"python3", "python", "", "print('x')", "", "import time\nprint('before', flush=True)\ntime.sleep(30)", "", "b = 2"},
		"shown":      {"python3", "python", "", shows, "", "print(2)", "", shows + "\nget_ipython().run_cell('[][0]'); None", "", "print(4)"},
		"shownends":  {"python3", "python", "", shows, "", "raise SystemExit(0)", "", "print(3)"},
		"shownboth":  {"python3", "python", "", shows, "", shows + "\nraise ValueError('raised')", "", "print(3)"},
		"shownmagic": {"python3", "python", "", shows, "", "%nosuchmagic", "", "print(3)"},
		"syntax":     {"python3", "python", "", "def f(:"},
		"token":      {"python3", "python", "#P", "a = ''", "", "import os; t = os.environ['TOKEN']; print(t)", "", "raise ValueError(a)"},
		"where":      {"python3", "python", "", "import os; os.path.basename(os.getcwd()) == 'folder'"},
		"shows":      {"python3", "python", "", "import sys\nprint(1, flush=True); print(2, file=sys.stderr, flush=True); display(3); 4", "", "h = display('u', display_id=True); h.update('v'); print('no end', end='')"},
		"empty":      {"python3", "python"},
	} {
		kernel := nbformat.Kernel{Name: made[0], DisplayName: made[0], Language: made[1]}
		nb := nbformat.New(kernel)
		if made[0] == "" {
			nb.Metadata().Delete("kernelspec")
		}
		for i := 2; i < len(made); i += 2 {
			c := nb.Insert((i-2)/2, "code", made[i+1])
			switch made[i] {
			case "#P":
				c.SetTags("parameters")
			case "#E":
				c.SetTags("raises-exception")
			}
		}
		files[name+".ipynb"] = string(nb.Bytes())
	}
	return files
}

// answer is what a program did.
type answer struct {
	Code     int
	Out, Err string
	Files    map[string]string
}

// TestLikePapermill gives command lines to Papermill and to us: exit code, standard output, log and executed notebooks are the same, but
// for what is otherwise on purpose.
func TestLikePapermill(t *testing.T) {
	sideBySide(t, rows(), func(string) string { return "" })
}

// shelf is a web server that keeps for each of the two programs what it puts.
type shelf struct {
	mu    sync.Mutex
	files map[string]string
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch text, ok := s.files[r.URL.Path]; {
	case strings.HasPrefix(r.URL.Path, "/closed/"):
		http.Error(w, "no", http.StatusForbidden)
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		s.files[whose(r.UserAgent())+r.URL.Path] = string(body)
	case !ok:
		http.NotFound(w, r)
	default:
		io.WriteString(w, text)
	}
}

func whose(agent string) string {
	if strings.HasPrefix(agent, "python-requests") {
		return "theirs"
	}
	return "ours"
}

// TestElsewhereLikePapermill is TestLikePapermill with notebooks and parameters on a web server.
func TestElsewhereLikePapermill(t *testing.T) {
	t.Setenv("NETRC", os.DevNull)
	s := &shelf{files: map[string]string{"/p.yaml": "msg: from the web\n", "/empty.ipynb": notebooks()["empty.ipynb"], "/shows.ipynb": notebooks()["where.ipynb"], "/go.ipynb": notebooks()["go.ipynb"]}}
	server := httptest.NewServer(s)
	defer server.Close()
	const broken = "what can't be read or written is no notebook, and says so before anything runs"
	all := []row{
		{args: "WEB/empty.ipynb out.ipynb --prepare-only"}, {args: "simple_execute.ipynb out.ipynb --prepare-only -f WEB/p.yaml"}, {args: "simple_execute.ipynb WEB/a.ipynb --prepare-only -p msg 1 --inject-paths"},
		{args: "WEB/{n}.ipynb WEB/{n}_{k:02d}.ipynb --prepare-only -r n shows -p k 7"}, {args: "WEB/shows.ipynb --help-notebook"}, {args: "WEB/empty.ipynb - --prepare-only"},
		{args: "WEB/shows.ipynb WEB/ran.ipynb --no-progress-bar", runs: true}, {args: "broken1.ipynb WEB/broken.ipynb --no-progress-bar", runs: true},
		{args: "WEB/none.ipynb out.ipynb --prepare-only", differs: differs(difference{"stderr", "404", broken})},
		{args: "simple_execute.ipynb WEB/closed/a.ipynb --prepare-only", differs: differs(difference{"stderr", "403", broken})},
		{args: "adl://a/b.ipynb out.ipynb", differs: differs(difference{"stderr", "PapermillOptionalDependencyException: adl://a/b.ipynb: adl:// is not a place", says})},
		{args: "simple_execute.ipynb hdfs://a/b.ipynb --prepare-only", differs: differs(difference{"stderr", "PapermillOptionalDependencyException", says})},
	}
	for i := range all {
		all[i].args = strings.ReplaceAll(all[i].args, "WEB", server.URL)
	}
	put := 0
	sideBySide(t, all, func(who string) string {
		s.mu.Lock()
		defer s.mu.Unlock()
		text := ""
		for _, path := range slices.Sorted(maps.Keys(s.files)) {
			if name, ok := strings.CutPrefix(path, who+"/"); ok {
				text += name + "\n" + plain(s.files[path]) + "\n"
				put++
			}
		}
		return text
	})
	if put == 0 {
		t.Error("nothing was put")
	}
}

// sideBySide gives command lines to both, and compares what they do; kept is what else they have written.
func sideBySide(t *testing.T, all []row, kept func(who string) string) {
	python := testkit.UsePython(t)
	for name, argv := range map[string][]string{"dead": {"false"}, "mute": {"sleep", "60"}} {
		testkit.InstallKernel(t, os.Getenv("JUPYTER_PATH"), name, map[string]any{"argv": argv, "language": "python", "display_name": name})
	}
	ours, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var lines []map[string]any
	for _, r := range all {
		lines = append(lines, map[string]any{"runs": r.runs, "args": append(append([]string{}, r.more...), strings.Fields(r.args)...), "stdin": r.stdin, "pipe": r.pipe, "tty": r.tty, "env": r.env})
	}
	job, err := json.Marshal(map[string]any{"ours": ours, "rows": lines, "files": notebooks()})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(python, "testdata/sidebyside.py")
	c.Stdin, c.Stderr = bytes.NewReader(job), os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	answers := json.NewDecoder(bufio.NewReader(out))
	for _, r := range all {
		var both [2]answer
		if err := answers.Decode(&both); err != nil {
			t.Fatal(err)
		}
		t.Run(strings.Join(append(slices.Clone(r.more), r.args), " ")+"|"+r.pipe+r.stdin, func(t *testing.T) {
			compare(t, r, both[0], both[1])
			if theirs, ours := kept("theirs"), kept("ours"); theirs != ours {
				t.Errorf("elsewhere: %s", firstDifference(ours, theirs))
			}
		})
	}
}

func compare(t *testing.T, r row, theirs, ours answer) {
	const broken = 99 // what sidebyside.py says of itself
	if theirs.Code == broken || ours.Code == broken || theirs.Code < 0 || ours.Code < 0 {
		t.Fatalf("they end with %d, we with %d:\n%s\n%s", theirs.Code, ours.Code, theirs.Err, ours.Err)
	}
	for _, field := range []struct{ name, theirs, ours string }{
		{"exit", fmt.Sprint(theirs.Code), fmt.Sprint(ours.Code)},
		{"stdout", plain(theirs.Out), plain(ours.Out)},
		{"stderr", logLines(theirs.Err), logLines(ours.Err)},
		{"bar", lastBar(theirs.Err), lastBar(ours.Err)},
		{"files", filesText(theirs.Files), filesText(ours.Files)},
	} {
		i := slices.IndexFunc(r.differs, func(d difference) bool { return d.field == field.name })
		switch {
		case i < 0 && field.theirs != field.ours:
			t.Errorf("%s: %s", field.name, firstDifference(field.ours, field.theirs))
		case i >= 0 && field.theirs == field.ours:
			t.Errorf("%s: no longer differs (%s)", field.name, r.differs[i].why)
		case i >= 0 && !strings.Contains(field.ours, r.differs[i].ours):
			t.Errorf("%s: %s\nis not in\n%s", field.name, r.differs[i].ours, field.ours)
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %q\nwant %q", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, not %d\n got %s\nwant %s", len(g), len(w), got, want)
}

func filesText(files map[string]string) string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%s\n%s\n", name, plain(files[name]))
	}
	return b.String()
}

var (
	warning    = regexp.MustCompile(`(?m)^.*/iorw\.py:\d+: (UserWarning: .*)\n  warnings\.warn.*\n`)
	kernelSaid = regexp.MustCompile(`(?m)^\[IPKernelApp\].*\n`)
	traceback  = regexp.MustCompile(`(?m)^Traceback \(most recent call last\):\n`)
	barPattern = regexp.MustCompile(`\r?Executing[^\n\r]*?(cell/s|s/cell)\] *`)
	barCount   = regexp.MustCompile(`Executing[^\n\r]*\| (\d+/\d+) \[`)
	exceptions = regexp.MustCompile(`(?m)^(\w+\.)*\w*(Error|Exception|NoSuchKernel)\b.*`)
	kernelID   = regexp.MustCompile(`for kernel \S+:`)
)

// lastBar is how many cells the progress bar says at its end, "" without one.
func lastBar(s string) string {
	all := barCount.FindAllStringSubmatch(s, -1)
	if all == nil {
		return ""
	}
	return all[len(all)-1][1]
}

// logLines is standard error without what can't be the same: of tracebacks only the exception stays, as of the words with which we
// explain it; the kernel's own words, the progress bar and where a warning stands are left out.
func logLines(s string) string {
	s = warning.ReplaceAllString(strings.ReplaceAll(s, "\r\n", "\n"), "$1\n")
	if barPattern.MatchString(s) {
		s = barPattern.ReplaceAllString(s, "")
		s = strings.TrimLeft(regexp.MustCompile(`\n{2,}`).ReplaceAllString(s, "\n"), "\n")
	}
	s = kernelSaid.ReplaceAllString(s, "")
	if all := traceback.FindAllStringIndex(s, -1); all != nil {
		last := s[all[len(all)-1][1]:]
		for strings.HasPrefix(last, "  ") {
			_, last, _ = strings.Cut(last, "\n")
		}
		s = s[:all[0][0]] + last
	}
	if i := strings.Index("\n"+s, "\ncellar: "); i >= 0 {
		explained := exceptions.FindAllStringIndex(s[i:], -1)
		if explained != nil {
			s = s[:i] + s[i+explained[len(explained)-1][0]:]
		}
	}
	return normal(kernelID.ReplaceAllString(s, "for kernel X:"))
}

// plain is a text, of a notebook what is in it.
func plain(s string) string {
	var nb any
	if json.Unmarshal([]byte(strings.ReplaceAll(s, "NaN", `"NaN"`)), &nb) != nil {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		if regexp.MustCompile(`-Infinity`).MatchString(s) && json.Unmarshal([]byte(strings.NewReplacer("NaN", `"NaN"`, ": -Infinity", `: "-Infinity"`).Replace(s)), &nb) == nil {
			return notebookText(nb)
		}
		return s
	}
	return notebookText(nb)
}

func notebookText(nb any) string {
	text, _ := json.MarshalIndent(simple("", nb), "", " ")
	return normal(string(text)) + "\n"
}

// simple joins texts that are lists of lines, and hides what differs between any two runs.
func simple(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			switch {
			case k == "id" && v["cell_type"] != nil:
				v[k] = "an id"
			case k == "duration" && e != nil:
				v[k] = "seconds"
			case k == "version" && v["input_path"] != nil:
				v[k] = "the program's"
			default:
				v[k] = simple(k, e)
			}
		}
	case []any:
		var b strings.Builder
		for i, e := range v {
			s, ok := e.(string)
			if !ok {
				v[i] = simple("", e)
			}
			b.WriteString(s)
		}
		if key == "source" || key == "text" || strings.HasPrefix(key, "text/") {
			return b.String()
		}
	}
	return v
}

var changing = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?`), "a time"},
	{regexp.MustCompile(`ipykernel_\d+/\d+\.py`), "a file"},
	{regexp.MustCompile(`side-\w+`), "a folder"},
	{regexp.MustCompile(`0x[0-9a-f]{6,}`), "an address"},
}

func normal(s string) string {
	for _, c := range changing {
		s = c.pattern.ReplaceAllString(s, c.by)
	}
	return s
}
