package nbformat

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
)

// TestBadNotebooks: each names the file, the line and the cell, and says what to do.
func TestBadNotebooks(t *testing.T) {
	const head = "{\n \"nbformat\": 4,\n \"nbformat_minor\": 5,\n \"metadata\": {},\n \"cells\": [\n"
	const cell = "  {\"cell_type\": \"code\", \"id\": \"a\", \"source\": []}"
	for _, c := range []struct{ name, in, message, hint string }{
		{"empty", " \n", "notebook x.ipynb is empty", "git checkout -- x.ipynb"},
		{"not JSON", "# a script\nprint(1)\n", "notebook x.ipynb, line 1, column 1: not JSON: found '#' instead of a value", "git checkout"},
		{"cut short", head + cell + ",\n  {\"cell_type\": \"code\", \"sour", "notebook x.ipynb, line 7, column 30 (cell 2): not JSON: the file ends inside a string", "repair"},
		{"trailing comma", head + cell + ",\n ]\n}", "notebook x.ipynb, line 7, column 2 (cell 2): not JSON: found ']' instead of a value", "repair"},
		{"line break in a string", head + cell + ",\n  {\"source\": \"a\nb\"}]}", "notebook x.ipynb, line 7, column 16 (cell 2): not JSON: a line break or control character (0x0a) inside a string", "repair"},
		{"text after it", head + cell + "]}\n{}", "notebook x.ipynb, line 7, column 1: not JSON: text after the end of the JSON", "repair"},
		{"merge conflict", head + cell + ",\n<<<<<<< HEAD\n  {}\n=======\n  []\n>>>>>>> main\n ]\n}", "notebook x.ipynb, line 7 (cell 1): merge conflict", "git checkout --ours -- x.ipynb"},
		{"LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "notebook x.ipynb is not here, only its Git LFS pointer", "git lfs pull"},
		{"not UTF-8", head + "  {\"cell_type\": \"co\xe9de\"}", "notebook x.ipynb, line 6: not UTF-8 (byte 0xe9)", "save it as UTF-8"},
		{"other JSON", `{"a": 1}`, `notebook x.ipynb, line 1: not a notebook: no "nbformat"`, "nbformat.readthedocs.io"},
		{"a list", `[1]`, `notebook x.ipynb, line 1: not a notebook: no "nbformat"`, "nbformat.readthedocs.io"},
		{"format 1", "{\"metadata\": {},\n\"nbformat\": 1, \"cells\": []}", "notebook x.ipynb, line 2: it has format 1, and only 2 to 4 are read", "jupyter nbconvert --to notebook --inplace x.ipynb"},
		{"format 3 without worksheets", `{"nbformat": 3, "cells": []}`, `notebook x.ipynb, line 1: no list "worksheets"`, "nbformat.readthedocs.io"},
		{"format 3 without cells", "{\"nbformat\": 3, \"worksheets\": [\n{\"cells\": []},\n{}]}", `notebook x.ipynb, line 3: worksheet 2: no list "cells"`, ""},
		{"format 3 with a cell without a source", "{\"nbformat\": 3, \"worksheets\": [{\"cells\": [\n{\"cell_type\": \"raw\"}]}]}", `notebook x.ipynb, line 2: cell 1: no "source"`, ""},
		{"format 3 with a heading of numbers", `{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "heading", "source": [1]}]}]}`, "notebook x.ipynb, line 1: cell 1: source is neither a string nor a list of strings", ""},
		{"format 3 with a cell that is no object", `{"nbformat": 3, "worksheets": [{"cells": [3]}]}`, "notebook x.ipynb, line 1: cell 1: not an object", ""},
		{"format 3 with metadata", `{"nbformat": 3, "metadata": [1], "worksheets": []}`, "notebook x.ipynb, line 1: metadata is no object", ""},
		{"format 5", `{"nbformat": 5}`, "notebook x.ipynb, line 1: it has format 5, and only 2 to 4 are read", "install a newer cellar"},
		{"format as text", `{"nbformat": "4"}`, `notebook x.ipynb, line 1: nbformat is "4", not a number`, ""},
		{"minor as text", `{"nbformat": 4, "nbformat_minor": "5"}`, `notebook x.ipynb, line 1: nbformat_minor is "5", not a number`, ""},
		{"no cells", `{"nbformat": 4, "nbformat_minor": 5}`, `notebook x.ipynb, line 1: no list "cells"`, ""},
		{"metadata", `{"nbformat": 4, "nbformat_minor": 5, "metadata": 3, "cells": []}`, "notebook x.ipynb, line 1: metadata is no object", ""},
		{"same ids", head + cell + ",\n" + cell + "\n ]\n}", `notebook x.ipynb: cells 1 (line 6) and 2 (line 7) have the same id "a"`, "another id"},
		{"bad id", head + "  {\"cell_type\": \"code\", \"id\": \"a b\", \"source\": []}]}", `notebook x.ipynb, line 6: cell 1: the id "a b" is not 1 to 64 letters, digits, - and _`, ""},
		{"no source", head + "  {\"cell_type\": \"code\"}]}", `notebook x.ipynb, line 6: cell 1: no "source"`, ""},
		{"no source of a cell that this format does not have", head + "  {\"cell_type\": \"plot\"}]}", `notebook x.ipynb, line 6: cell 1: no "source"`, ""},
		{"source of numbers", head + "  {\"cell_type\": \"code\", \"source\": [1]}]}", "notebook x.ipynb, line 6: cell 1: source is neither a string nor a list of strings", ""},
		{"cell is no object", head + "  3]}", "notebook x.ipynb, line 6: cell 1: not an object", ""},
		{"an empty cell type", head + "  {\"cell_type\": \"\", \"source\": []}]}", `notebook x.ipynb, line 6: cell 1: "cell_type" is "", not "code", "markdown" or "raw"`, ""},
		{"no cell type", head + "  {\"source\": []}]}", `notebook x.ipynb, line 6: cell 1: no "cell_type"`, ""},
		{"outputs", head + "  {\"cell_type\": \"code\", \"source\": [], \"outputs\": {}}]}", "notebook x.ipynb, line 6: cell 1: outputs is no list", ""},
		{"output", head + "  {\"cell_type\": \"code\", \"source\": [], \"outputs\": [{}]}]}", `notebook x.ipynb, line 6: cell 1: output 1 has no "output_type"`, ""},
		{"too deep", strings.Repeat("[", 5000), "notebook x.ipynb, line 1, column 1001: not JSON: nested more than 1000 levels deep", ""},
		{"bad number", `{"nbformat": 04}`, "notebook x.ipynb, line 1, column 14: not JSON: found '0' instead of a value", ""},
		{"bad escape", `{"\x": 1}`, `notebook x.ipynb, line 1, column 4: not JSON: unknown escape \x in a string`, ""},
		{"bad unicode", `{"\u12": 1}`, `notebook x.ipynb, line 1, column 4: not JSON: \u without four hexadecimal digits`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.in), "x.ipynb")
			var m *fault.Mistake
			if !errors.As(err, &m) {
				t.Fatalf("got %v", err)
			}
			if m.Message != c.message || !strings.Contains(m.Hint, c.hint) || m.Kind != fault.Input {
				t.Errorf("got  %s\n     %s\nwant %s\n     %s", m.Message, m.Hint, c.message, c.hint)
			}
		})
	}
}

func TestReadWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Read(filepath.Join(dir, "none.ipynb"))
	if !errors.Is(err, fs.ErrNotExist) || fault.ExitCode(err) != 3 {
		t.Errorf("missing: %v", err)
	}
	if _, err = Read(dir); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("folder: %v", err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "a.ipynb"), filepath.Join(dir, "link.ipynb")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.ipynb", link); err != nil {
		t.Fatal(err)
	}
	nb := New(Kernel{Name: "cellar"})
	if err := nb.WriteFile(link); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != "a.ipynb" {
		t.Errorf("the link is %q, %v", to, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := Read(file); err != nil {
		t.Error(err)
	}
	dangling := filepath.Join(dir, "dangling.ipynb")
	if err := os.Symlink("new.ipynb", dangling); err != nil {
		t.Fatal(err)
	}
	if err := nb.WriteFile(dangling); err != nil {
		t.Error(err)
	}
	if _, err := Read(filepath.Join(dir, "new.ipynb")); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	nb := New(Kernel{Name: "cellar"})
	for _, c := range []struct {
		path, want string
		code       int
	}{
		{filepath.Join(dir, "no", "a.ipynb"), "its folder does not exist", 3},
		{dir, "is a folder", 2},
		{"/dev/full", "no space left on device", 5},
	} {
		err := nb.WriteFile(c.path)
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.ExitCode(err) != c.code || fault.Hint(err) == "" {
			t.Errorf("%s: %v (%d)", c.path, err, fault.ExitCode(err))
		}
	}
}

// What nbformat reads all the same, we read too.
func TestMended(t *testing.T) {
	const old = `{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "source": "1"}]}`
	nb := mustParse(t, old)
	if string(nb.Bytes()) != old {
		t.Errorf("without a minor number: %s", nb.Bytes())
	}
	nb.EnsureIDs()
	if again := mustParse(t, string(nb.Bytes())); again.minor() != newestMinor || again.Cells()[0].ID() == "" {
		t.Errorf("with ids: %s", nb.Bytes())
	}

	const future = `{"nbformat": 4, "nbformat_minor": 99, "metadata": {}, "cells": [{"cell_type": "plot", "id": "p", "metadata": {}, "key": "value"}]}`
	nb = mustParse(t, future)
	if c := nb.Cells()[0]; string(nb.Bytes()) != future || c.Source() != "" || c.Type() != "plot" {
		t.Errorf("a cell of the future: %s", nb.Bytes())
	}
	nb.Insert(0, "code", "a = 1")
	if again := mustParse(t, string(nb.Bytes())); len(again.Cells()) != 2 || !strings.Contains(string(nb.Bytes()), `"key": "value"`) {
		t.Errorf("with a cell before it: %s", nb.Bytes())
	}
}
