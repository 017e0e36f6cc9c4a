package papermill

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/kernels"
)

func TestGaps(t *testing.T) {
	const own = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		ids  string
		want int
	}{
		{"a_1 a_2 a_3", 0},
		{"a_5 a_6 a_8", 1},
		{"a_5 a_8 a_7 a_6", 0},
		{"a_5 a_9 a_7", 2},
		{"a_5 a_9 a_3", 3},
		{"a_5 a_9 a_7 a_7 a_6 a_8", 0},
		{"a_5 a_9 a_8 a_12 a_11 a_6 a_10", 1},
		{"a_1_5 a_2_9 a_1_7 a_2_10", 1}, // of two processes
		{"a_5 a_900000000000 a_900000000001", 0},
		{"a_0 a_16000000 a_9000000", 15999998}, // one by one this took seconds, and a gigabyte
		{"3f2504e0-4f89-11d3-9a0c-0305e82c3301 _7 a_ a_x a_-1", 0},
		{"a_1 a_1 a_2 a_2", 0},
	} {
		sure, unsure := gaps{}, gaps{}
		for _, id := range strings.Fields(c.ids) {
			unsure.take(id)
			if at := strings.LastIndexByte(id, '_'); at > 0 {
				id = id[:at] + sent + id[at:]
			}
			sure.take(id)
		}
		if got := sure.missing(); got != c.want || (sure.err() == nil) != (got == 0) || sure.missing() != 0 {
			t.Errorf("%s: %d", c.ids, got)
		}
		if got, _, numbered := unsure.suspicion(); got != c.want || unsure.missing() != 0 || numbered != (len(unsure) > 0) {
			t.Errorf("%s: a suspicion of %d", c.ids, got)
		}
	}
	g := gaps{}
	g.begin([]string{own + "_6", own + "_3"}) // what lies between was never to come
	for _, n := range []string{"_5", "_7", "_8"} {
		g.take(own + n)
	}
	if g.missing() != 0 {
		t.Errorf("%d missing of those before the start", g.missing())
	}
	if g.take(own + "_10"); g.missing() != 1 {
		t.Error("our own kernel is not believed")
	}
	for i := range 4 {
		g.take(fmt.Sprint("a-b_7_", 2*i))
	}
	if missing, of, numbered := g.suspicion(); missing != 3 || of != 7 || !numbered {
		t.Errorf("%d of %d may be missing", missing, of)
	}
	if missing, of, _ := g.suspicion(); missing != 0 || of != 0 || g.missing() != 1 {
		t.Errorf("then %d of %d", missing, of)
	}
}

// TestDoubt: where too many messages were on their way at once, only numbers without a gap tell that all have come.
func TestDoubt(t *testing.T) {
	for _, c := range []struct{ ids, few, many string }{
		{"x y z", "", "does not number them"},
		{"a_1 a_2 a_3", "", ""},
		{"a_1 a_2 a_4", "", "of 4 messages that the kernel numbered 1 did not arrive"},
	} {
		for tooMuch, want := range map[string]string{"": c.few, "500 messages": c.many} {
			g := gaps{}
			for _, id := range strings.Fields(c.ids) {
				g.take(id)
			}
			err := g.doubt(tooMuch)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, too much %q: %v", c.ids, tooMuch, err)
			}
		}
	}
}

// neverSent are cells for which ipykernel makes messages that it never sends.
var neverSent = []string{
	"class Shows:\n    def _ipython_display_(self): print('shown')\nShows()",
	"hook = lambda message: None\nget_ipython().display_pub.register_hook(hook)\ndisplay('swallowed')\n_ = get_ipython().display_pub.unregister_hook(hook)",
	"try: display({'application/x': object()}, raw=True)\nexcept Exception: print('not JSON')",
	"try: display({'text/plain': 'x'}, metadata={'x': object()}, raw=True)\nexcept Exception: print('nor this')",
	"print('the end')",
}

// TestNeverSent runs cells that are well, although messages of theirs never come. Elsewhere than under our program that is no error either.
func TestNeverSent(t *testing.T) {
	python := testkit.UsePython(t)
	pool := kernels.NewPool(kernels.PoolOptions{})
	defer pool.Close()
	testkit.InstallKernel(t, os.Getenv("JUPYTER_PATH"), "otherwise", map[string]any{
		"argv": []string{python, "-X", "utf8", "-m", "ipykernel_launcher", "-f", "{connection_file}"}, "language": "python", "display_name": "Python"})
	for name, o := range map[string]Options{"launcher": {}, "pool": {Pool: pool}, "otherwise": {Kernel: "otherwise"}} {
		o.Input, o.Output = pythonNotebook(t, neverSent...), filepath.Join(t.TempDir(), "out.ipynb")
		r, err := Run(context.Background(), o)
		if err != nil || len(r.Warnings) > 0 {
			t.Errorf("%s: %v %q", name, err, r.Warnings)
			continue
		}
		if got, want := marked(t, o.Output), `"shown\n" "" "not JSON\n" "nor this\n" "the end\n"`; got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}

	// A flood has all its outputs, or the cell fails, unless that is allowed.
	flood := Options{Input: pythonNotebook(t, "class Shows:\n    def _ipython_display_(self):\n        for i in range(3000): display({'text/plain': 'x'}, raw=True)\nShows()"), Kernel: "otherwise"}
	for _, flood.AllowLostOutputs = range []bool{false, true} {
		r, err := Run(context.Background(), flood)
		kept := len(r.Notebook.Cells()[0].Outputs())
		told := err != nil && fault.ExitCode(err) == 1 && strings.Contains(err.Error(), "did not arrive")
		if flood.AllowLostOutputs {
			told = err == nil && len(r.Warnings) == 1 && strings.Contains(r.Warnings[0], "did not arrive")
		}
		if !told && (err != nil || kept != 3000 || len(r.Warnings) > 0) {
			t.Errorf("%d displays of 3000: %v %q", kept, err, r.Warnings)
		}
	}
}

// TestHalfPair: half a surrogate pair, which no message can hold, does not take along what was printed around it.
func TestHalfPair(t *testing.T) {
	testkit.UsePython(t)
	pool := kernels.NewPool(kernels.PoolOptions{})
	defer pool.Close()
	for name, o := range map[string]Options{"launcher": {}, "pool": {Pool: pool}} {
		o.Input, o.Output = pythonNotebook(t, `print("before"); print("\ud800 half"); print("after")`), filepath.Join(t.TempDir(), "out.ipynb")
		if r, err := Run(context.Background(), o); err != nil || len(r.Warnings) > 0 {
			t.Errorf("%s: %v %q", name, err, r.Warnings)
			continue
		}
		if got, want := marked(t, o.Output), `"before\n\ufffd half\nafter\n"`; got != want && got != "\"before\\n\ufffd half\\nafter\\n\"" {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}
