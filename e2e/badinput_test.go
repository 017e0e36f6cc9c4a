package e2e

import (
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
)

// badInput is something that is wrong with what a run is given. It is given to `cellar run` and to `cellar papermill`.
type badInput struct {
	name   string
	make   func(t *testing.T, p *testkit.Project) // what is wrong; there is a good in.ipynb
	args   []string                               // default: in.ipynb out.ipynb
	only   bool                                   // what only `cellar run` has
	code   int                                    // of `cellar run`; default 3, -1 for 0
	writes []string                               // what both may write nevertheless
}

func codeCell(source string) string {
	return fmt.Sprintf(`{"cell_type": "code", "id": "c%08x", "execution_count": null, "metadata": {}, "outputs": [], "source": %q}`, crc32.ChecksumIEEE([]byte(source)), source)
}

func notebookOf(metadata string, cells ...string) string {
	return fmt.Sprintf("{\n \"cells\": [\n  %s\n ],\n \"metadata\": %s,\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n", strings.Join(cells, ",\n  "), metadata)
}

const pythonMetadata = `{"kernelspec": {"display_name": "Python", "language": "python", "name": "python3"}}`

func cellsOf(cells ...string) func(*testing.T, *testkit.Project) {
	return write("in.ipynb", notebookOf(pythonMetadata, cells...))
}

func kernelOf(spec string) func(*testing.T, *testkit.Project) {
	return write("in.ipynb", notebookOf(spec, codeCell("1")))
}

func link(target, name string) func(*testing.T, *testkit.Project) {
	return func(t *testing.T, p *testkit.Project) {
		if err := os.Symlink(target, p.Path(name)); err != nil {
			t.Fatal(err)
		}
	}
}

func utf16(text string) string {
	encoded := "\xFF\xFE"
	for _, c := range []byte(text) {
		encoded += string([]byte{c, 0})
	}
	return encoded
}

var (
	good    = notebookOf(pythonMetadata, strings.Replace(codeCell("a = 1  # type: int"), `"metadata": {}`, `"metadata": {"tags": ["parameters"]}`, 1), codeCell("print(a)"))
	prepare = []string{"in.ipynb", "out.ipynb", "--prepare-only"}
	written = []string{"out.ipynb"}
)

// badInputs are in the order of testdata/badinput.golden.
var badInputs = []badInput{
	{name: "an empty file", make: write("in.ipynb", "")},
	{name: "nothing but space", make: write("in.ipynb", " \n\t\n")},
	{name: "no JSON", make: write("in.ipynb", "# My notebook\n\nSome text.\n")},
	{name: "JSON that is no notebook", make: write("in.ipynb", `{"name": "package", "version": "1.0.0"}`)},
	{name: "JSON that is no object", make: write("in.ipynb", `[1, 2, 3]`)},
	{name: "a file cut short", make: write("in.ipynb", good[:len(good)/2])},
	{name: "a file cut short within a text", make: write("in.ipynb", good[:strings.Index(good, "print")+3])},
	{name: "text behind the end", make: write("in.ipynb", good+"}")},
	{name: "a byte order mark", make: write("in.ipynb", "\uFEFF"+good), args: prepare, code: -1, writes: written},
	{name: "UTF-16", make: write("in.ipynb", utf16(good))},
	{name: "Latin-1", make: write("in.ipynb", strings.Replace(good, "print(a)", "print('caf\xe9')", 1))},
	{name: "zeros", make: write("in.ipynb", strings.Repeat("\x00", 4096))},
	{name: "a line break within a text", make: write("in.ipynb", strings.Replace(good, "print(a)", "print(a)\n", 1))},
	{name: "nested beyond measure", make: write("in.ipynb", strings.Repeat(`{"a":`, 200_000))},
	{name: "metadata nested beyond measure", make: kernelOf(strings.Repeat(`{"a":[`, 100_000) + strings.Repeat("]}", 100_000))},
	{name: "NaN in the metadata", make: kernelOf(`{"x": [NaN, Infinity, -Infinity], ` + pythonMetadata[1:]), args: prepare, code: -1, writes: written},
	{name: "a key twice", make: write("in.ipynb", strings.Replace(good, `"nbformat": 4`, `"nbformat": 4, "nbformat": 4`, 1)), args: prepare, code: -1, writes: written},
	{name: "half a surrogate pair", make: write("in.ipynb", strings.Replace(good, "print(a)", `print('\ud800')`, 1)), args: prepare, code: -1, writes: written},
	{name: "a format from the future", make: write("in.ipynb", strings.Replace(good, `"nbformat": 4`, `"nbformat": 5`, 1))},
	{name: "a format that is no number", make: write("in.ipynb", strings.Replace(good, `"nbformat": 4`, `"nbformat": "4"`, 1))},
	{name: "cells that are no list", make: write("in.ipynb", `{"cells": {}, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}`)},
	{name: "a cell that is no object", make: cellsOf(codeCell("1"), `"print(1)"`)},
	{name: "a cell without a source", make: cellsOf(`{"cell_type": "code", "metadata": {}, "outputs": []}`)},
	{name: "a cell without a type", make: cellsOf(`{"metadata": {}, "source": "1"}`)},
	{name: "a source that is a number", make: cellsOf(codeCell("1"), `{"cell_type": "code", "metadata": {}, "outputs": [], "source": 5}`)},
	{name: "metadata that is a list", make: kernelOf(`[]`)},
	{name: "metadata of a cell that is a text", make: cellsOf(`{"cell_type": "code", "metadata": "x", "outputs": [], "source": "1"}`)},
	{name: "tags that are a text", make: cellsOf(`{"cell_type": "code", "metadata": {"tags": "parameters"}, "outputs": [], "source": "a = 1"}`), args: append(slices.Clone(prepare), "-p", "a", "2"), code: -1, writes: written},
	{name: "outputs that are an object", make: cellsOf(`{"cell_type": "code", "metadata": {}, "outputs": {}, "source": "1"}`)},
	{name: "an output without a type", make: cellsOf(`{"cell_type": "code", "metadata": {}, "outputs": [{"text": "x"}], "source": "1"}`)},
	{name: "two cells with one id", make: cellsOf(codeCell("1"), codeCell("1"))},
	{name: "an id with a space", make: cellsOf(strings.Replace(codeCell("1"), `"id": "`, `"id": "my cell `, 1))},
	{name: "outputs of unknown types", make: cellsOf(`{"cell_type": "code", "id": "a", "execution_count": 1, "metadata": {}, "outputs": [{"output_type": "display_data", "metadata": {}, "data": {"application/x-unknown": {"z": [1.50, 1e400]}, "no type": "x"}}, {"output_type": "new_output", "x": 1}], "source": "1"}`), args: prepare, code: -1, writes: written},

	{name: "no kernelspec", make: kernelOf(`{}`)},
	{name: "no kernelspec but a language", make: kernelOf(`{"language_info": {"name": "python"}}`), code: -1, writes: written},
	{name: "a kernelspec that is a text", make: kernelOf(`{"kernelspec": "python3"}`)},
	{name: "a kernel whose name is a number", make: kernelOf(`{"kernelspec": {"name": 3}}`)},
	{name: "a kernel with a path for its name", make: kernelOf(`{"kernelspec": {"name": "../python3", "display_name": "x"}}`), code: 4},
	{name: "a Python kernel that is not installed", make: kernelOf(`{"kernelspec": {"name": "conda-env-py39", "display_name": "x", "language": "python"}}`), code: 4},
	{name: "a Julia kernel that is not installed", make: kernelOf(`{"kernelspec": {"name": "julia-elsewhere", "display_name": "x", "language": "julia"}}`), code: 4},
	{name: "a bash kernel that is not installed", make: kernelOf(`{"kernelspec": {"name": "bash-elsewhere", "display_name": "x", "language": "bash"}}`), code: 4},
	{name: "a kernel of another language that is not installed", make: kernelOf(`{"kernelspec": {"name": "cobol", "display_name": "x", "language": "cobol"}}`), code: 4},
	{name: "-k with a kernel that is not installed", args: []string{"in.ipynb", "out.ipynb", "-k", "pyhton3"}, code: 4},
	{name: "a kernel whose kernel.json is no JSON", make: write("../jupyter/kernels/torn/kernel.json", `{"argv": [`), args: []string{"in.ipynb", "out.ipynb", "-k", "torn"}, code: 4},
	{name: "a kernel without a command", make: write("../jupyter/kernels/bare/kernel.json", `{"argv": [], "language": "python", "display_name": "x"}`), args: []string{"in.ipynb", "out.ipynb", "-k", "bare"}, code: 4},
	{name: "a kernel whose program is gone", make: write("../jupyter/kernels/moved/kernel.json", `{"argv": ["/nowhere/bin/python", "{connection_file}"], "language": "python", "display_name": "x"}`), args: []string{"in.ipynb", "out.ipynb", "-k", "moved"}, code: 4},
	{name: "a kernel that dies at its start", make: write("../jupyter/kernels/dies/kernel.json", `{"argv": ["sh", "-c", "echo no licence; exit 3"], "language": "python", "display_name": "x"}`), args: []string{"in.ipynb", "out.ipynb", "-k", "dies"}, code: 4},

	{name: "no such notebook", args: []string{"nothing.ipynb", "out.ipynb"}},
	{name: "a folder for a notebook", make: write("folder/x", ""), args: []string{"folder", "out.ipynb"}},
	{name: "a notebook below a file", args: []string{"in.ipynb/in.ipynb", "out.ipynb"}},
	{name: "a notebook that can't be read", args: []string{"/proc/self/mem", "out.ipynb"}},
	{name: "a link that leads to itself", make: link("round.ipynb", "round.ipynb"), args: []string{"round.ipynb", "out.ipynb"}},
	{name: "a folder for an output", make: write("folder/x", ""), args: []string{"in.ipynb", "folder"}, code: 2},
	{name: "an output in a folder that is not there", args: []string{"in.ipynb", "nowhere/out.ipynb"}},
	{name: "an output below a file", make: write("file", ""), args: []string{"in.ipynb", "file/out.ipynb"}},
	{name: "an output where nothing can be written", args: []string{"in.ipynb", "/proc/out.ipynb"}, code: 5},
	{name: "an output that is the notebook", args: []string{"in.ipynb", "in.ipynb"}, only: true, code: 2},
	{name: "an output that is the notebook by a link", make: link("in.ipynb", "out.ipynb"), only: true, code: 2},
	{name: "an output that is a link to a source", make: func(t *testing.T, p *testkit.Project) {
		p.Write("other.ipynb", good)
		link("other.ipynb", "out.ipynb")(t, p)
	}, only: true, code: 2},
	{name: "an output that is a link that leads to itself", make: link("out.ipynb", "out.ipynb"), code: 5},
	{name: "an output that is a source", make: write("out.ipynb", good), only: true, code: 2},
	{name: "an output that is a source in git", make: func(_ *testing.T, p *testkit.Project) {
		p.Git("init", "--quiet", "-b", "main")
		p.Write("out.ipynb", good)
		p.Commit("Begin")
	}, only: true, code: 2},
	{name: "an output that is no notebook", make: write("data.csv", "a,b\n1,2\n"), args: []string{"in.ipynb", "data.csv"}, only: true, code: 2},
	{name: "a working folder that is not there", args: []string{"in.ipynb", "out.ipynb", "--cwd", "nowhere"}, code: 2},
	{name: "a working folder that is a file", args: []string{"in.ipynb", "out.ipynb", "--cwd", "in.ipynb"}, code: 2},
	{name: "a folder for outputs that is a file", make: write("runs", ""), args: []string{"--each", "in.ipynb", "--out-dir", "runs"}, only: true, code: 5},
	{name: "a page where there is a folder", make: write("page/x", ""), args: []string{"in.ipynb", "out.ipynb", "--html=page"}, only: true, code: 2},
	{name: "a number of runs that is none", args: []string{"--each", "in.ipynb", "--out-dir", "runs", "-j", "x"}, only: true, code: 2},
	{name: "a place of an unknown kind", args: []string{"ftp://example.com/in.ipynb", "out.ipynb"}, only: true, code: 2},

	{name: "a parameter of another type", args: []string{"in.ipynb", "out.ipynb", "-p", "a", "text", "--strict"}, only: true},
	{name: "an unknown parameter", args: []string{"in.ipynb", "out.ipynb", "-p", "aa", "1", "--strict"}, only: true},
	{name: "an unknown parameter, not strictly", args: append(slices.Clone(prepare), "-p", "aa", "1"), code: -1, writes: written},
	{name: "a parameter of another type in Go", make: func(_ *testing.T, p *testkit.Project) { p.Notebook("in.ipynb", "--- parameters\na := 1") },
		args: []string{"in.ipynb", "out.ipynb", "-p", "a", "text", "--strict"}, only: true},
	{name: "a parameter whose name is none", args: append(slices.Clone(prepare), "-p", "a b", "1")},
	{name: "a parameter whose name is a keyword", args: append(slices.Clone(prepare), "-p", "class", "1")},
	{name: "a parameter of a language without one", make: kernelOf(`{"kernelspec": {"name": "cobol", "display_name": "x", "language": "cobol"}}`), args: append(slices.Clone(prepare), "-p", "a", "1")},
	{name: "no file of parameters", args: append(slices.Clone(prepare), "-f", "nothing.yaml")},
	{name: "a folder for a file of parameters", make: write("folder/x", ""), args: append(slices.Clone(prepare), "-f", "folder")},
	{name: "a file of parameters that is no YAML", make: write("p.yaml", "a: 1\nb: [2\n"), args: append(slices.Clone(prepare), "-f", "p.yaml"), code: 2},
	{name: "a file of parameters that is a list", make: write("p.yaml", "- 1\n- 2\n"), args: append(slices.Clone(prepare), "-f", "p.yaml"), code: 2},
	{name: "a file of parameters in Latin-1", make: write("p.yaml", "a: caf\xe9\n"), args: append(slices.Clone(prepare), "-f", "p.yaml"), code: 2},
	{name: "a file of parameters that is binary", make: write("p.yaml", "\x00\xff\x01"), args: append(slices.Clone(prepare), "-f", "p.yaml"), code: 2},
}

// nbformatFiles are what nbformat's own tests read, malformed notebooks among them: those that nbformat mends or takes are prepared, the
// others are refused.
func nbformatFiles(t *testing.T) (all []badInput) {
	names, err := filepath.Glob("testdata/nbformat/*.ipynb")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	refused := []string{"invalid.ipynb", "invalid_cell_id.ipynb", "invalid_unique_cell_id.ipynb", "test3_no_worksheets.ipynb", "test3_worksheet_with_no_cells.ipynb"}
	for _, path := range names {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b := badInput{name: "nbformat's " + filepath.Base(path), make: write("in.ipynb", string(text)), args: append(slices.Clone(prepare), "-k", "python3")}
		if name := filepath.Base(path); !slices.Contains(refused, name) {
			b.code, b.writes = -1, written
		}
		all = append(all, b)
	}
	return all
}

// TestBadInput: whatever is wrong with the input, the answer says what and where and how to go on, the exit code is that of the table in
// cellar --help, and nothing is written.
func TestBadInput(t *testing.T) {
	t.Parallel()
	all := append(slices.Clone(badInputs), nbformatFiles(t)...)
	texts := make([]string, len(all))
	t.Run("each", func(t *testing.T) {
		for i, b := range all {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				texts[i] = b.try(t)
			})
		}
	})
	golden(t, "badinput.golden", strings.Join(texts, "\n"))
}

func (b badInput) try(t *testing.T) string {
	args := b.args
	if args == nil {
		args = []string{"in.ipynb", "out.ipynb"}
	}
	code := b.code
	switch code {
	case 0:
		code = 3
	case -1:
		code = 0
	}
	text := "== " + b.name + "\n" + b.command(t, append([]string{"run"}, args...), code, b.writes)
	if !b.only {
		text += b.command(t, append([]string{"papermill", "--no-progress-bar"}, args...), -1, b.writes)
	}
	return text
}

// command gives the input to a command, and says what it answered.
func (b badInput) command(t *testing.T, args []string, code int, writes []string) string {
	p := world.Folder(t)
	p.Write("in.ipynb", good)
	jupyter := p.Path("../jupyter")
	testkit.InstallKernel(t, jupyter, "python3", map[string]any{
		"argv": []string{testkit.Python(t), "-m", "ipykernel_launcher", "-f", "{connection_file}"}, "language": "python", "display_name": "Python",
	})
	if b.make != nil {
		b.make(t, p)
	}
	p = p.With("JUPYTER_PATH="+jupyter, "JUPYTER_DATA_DIR="+p.Path("../data"), "TMPDIR="+p.Path("../tmp"), "IPYTHONDIR="+p.Path("../ipython"))
	if err := os.Mkdir(p.Path("../tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := tree(t, p)
	r := p.Try(args...)
	if code >= 0 && r.Code != code {
		t.Errorf("cellar %s: exit code %d, want %d\n%s", strings.Join(args, " "), r.Code, code, r.Stderr)
	}
	after := tree(t, p)
	for name := range before {
		if after[name] != before[name] && !slices.Contains(writes, name) {
			t.Errorf("cellar %s: %s is not as it was", strings.Join(args, " "), name)
		}
	}
	var new []string
	for name := range after {
		if before[name] == "" {
			if new = append(new, name); !slices.Contains(writes, name) {
				t.Errorf("cellar %s: writes %s", strings.Join(args, " "), name)
			}
		}
	}
	slices.Sort(new)
	text := fmt.Sprintf("$ cellar %s\nexit code %d\n", strings.Join(args, " "), r.Code)
	if len(new) > 0 {
		text += "written: " + strings.Join(new, " ") + "\n"
	}
	return text + installed.ReplaceAllStringFunc(tidy(p, r.Stdout+r.Stderr), func(list string) string {
		return "installed are cellar (go), python3 (python): choose" // and those of this machine
	})
}

var installed = regexp.MustCompile(`installed are .*\bcellar \(go\).*\bpython3 \(python\).*: choose`)

// tree is all that there is in the folder and in that for temporary files, by name.
func tree(t *testing.T, p *testkit.Project) map[string]string {
	found := map[string]string{}
	for _, dir := range []string{p.Dir, p.Path("../tmp")} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || path == dir {
				return err
			}
			name, _ := filepath.Rel(p.Dir, path)
			switch {
			case e.Type()&fs.ModeSymlink != 0:
				target, _ := os.Readlink(path)
				found[name] = "link to " + target
			case e.IsDir():
				found[name] = "folder"
			default:
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				found[name] = string(text) + "."
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
