package nbformat

import (
	"fmt"
	"strings"
	"testing"
)

// manyLines is a notebook with one output of so many lines, written with this indentation.
func manyLines(lines int, indent string) string {
	nb := New(Kernel{Name: "python3"})
	nb.style.indent = indent
	c := nb.Insert(0, "code", "loop()")
	c.AppendOutput(Output{Type: "stream", Name: "stdout", Text: strings.Repeat("é \"line\"\n", lines)})
	return string(nb.Bytes())
}

// What a cell shows takes no memory but its text until it is asked for, however many lines it has.
func TestOutputsStayUnread(t *testing.T) {
	few, many := []byte(manyLines(10, " ")), []byte(manyLines(10_000, " "))
	allocations := func(data []byte) float64 {
		return testing.AllocsPerRun(3, func() {
			nb, err := Parse(data, "x.ipynb")
			if err != nil {
				t.Fatal(err)
			}
			New(nb.Kernel()).Insert(0, "code", "").CopyRun(nb.Cells()[0])
		})
	}
	if a, b := allocations(few), allocations(many); b > a+100 {
		t.Errorf("%v allocations for 10 lines, %v for 10000", a, b)
	}
	nb := mustParse(t, string(many))
	if o := nb.Cells()[0].Outputs(); len(o) != 1 || strings.Count(o[0].Text, "é \"line\"\n") != 10_000 {
		t.Errorf("%d outputs", len(o))
	}
	if string(nb.Bytes()) != string(many) {
		t.Error("changed by reading")
	}
}

// An output is laid out as the notebook is that it comes into.
func TestCopyRunLaysOut(t *testing.T) {
	for _, indent := range []string{" ", "    "} {
		to := New(Kernel{Name: "python3"})
		to.Insert(0, "code", "loop()").CopyRun(mustParse(t, manyLines(3, indent)).Cells()[0])
		diffLines(t, fmt.Sprintf("from indentation %q", indent), string(to.Bytes()), manyLines(3, " "))
	}
}

func TestBrokenOutput(t *testing.T) {
	whole := manyLines(3, " ")
	for _, c := range []struct{ old, new, want string }{
		{`\"\n",`, `\"\n"`, `line 14, column 7 (cell 1): not JSON: found '"' instead of a comma`},
		{`\n"`, `\q"`, "line 13, column 19 (cell 1): not JSON: unknown escape"},
		{`"output_type"`, `"type"`, `output 1 has no "output_type"`},
	} {
		broken := strings.Replace(whole, c.old, c.new, 1)
		if _, err := Parse([]byte(broken), "x.ipynb"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s instead of %s: %v", c.new, c.old, err)
		}
	}
}
