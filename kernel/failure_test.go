package kernel

import (
	"strings"
	"testing"

	"github.com/cellar-go/cellar/kernel/session"
)

// TestDescribeFaults is what the user sees of cells that went wrong while they ran.
func TestDescribeFaults(t *testing.T) {
	frames := []session.Frame{{Function: "main.f", File: "cell[1]", Line: 3, Text: "\tm[\"a\"] = 1"}, {File: "cell[2]", Line: 1, Text: "f(nil)"}, {Function: "shape.Area", File: "/home/user/shape.go", Line: 5}, {Function: "sort.Slice", File: "sort/slice.go", Line: 9}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&session.PanicError{Value: "no map", Frames: frames}, `panic: no map
    cell[1]:3 in f
  →     m["a"] = 1
    cell[2]:1
  →     f(nil)
    /home/user/shape.go:5 in shape.Area
<faint>    sort/slice.go:9 in sort.Slice`},
		{&session.EndedError{Reason: "os.Exit ended the cell with code 3; the session goes on", Frames: frames[1:2]}, `os.Exit ended the cell with code 3; the session goes on
    cell[2]:1
  →     f(nil)`},
		{&session.InterruptedError{Frames: []session.Frame{{Function: "main.f", File: "cell[1]", Line: 3, Text: "\tfor {", Again: "12 times"}}}, `the cell was interrupted
    cell[1]:3 in f (12 times)
  →     for {`},
		{&session.WorkerLostError{Reason: "stack overflow", Frames: frames[1:2], Lost: []string{"x int (cell[1])"}, Goroutines: 2, Kept: []string{"f"}, Waiting: []string{"g"},
			Cells: []string{"cell[1]", "cell[2]"}, Trace: strings.Repeat("line\n", 30)}, `The process that held the session's values has ended: stack overflow
    cell[2]:1
  →     f(nil)
→ lost: x int (cell[1]), and 2 goroutines
→ kept: f
→ waiting for what is lost: g
→ a cell with %replay runs cell[1], cell[2] again

` + strings.Repeat("line\n", 10) + "(and 20 lines more)"},
	} {
		got := strings.Join(describe(c.err, "").Traceback, "\n")
		if got = strings.NewReplacer(red, "", faint, "<faint>", reset, "").Replace(got); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}
