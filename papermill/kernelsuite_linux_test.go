package papermill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
	"github.com/cellar-go/cellar/papermill/parameters"
)

// trial is how a kernel is told to do what each kernel should be able to do.
type trial struct {
	kernel, language string

	reads   string // prints the values of suiteParameters as a JSON list
	streams string // prints the line "out" on standard output, and the line "err" on standard error
	result  string // has the value 3
	display string // shows <b>x</b> as HTML
	flood   string // prints 20,000 lines one by one: line 1, line 2, …
	pieces  string // prints them at once
	fails   string // raises an error
	works   string // prints the line "begun", then works for an hour
	dies    string // ends the kernel's process
	silent  string // works for 5 seconds, for a kernel that answers no heartbeats meanwhile

	keeps  bool     // all of a flood, however busy the machine is: its sockets have no limit
	err    string   // what the message must have of the error
	shows  string   // the type of the result's output; default execute_result
	values []string // for a language in which everything is text: what reads prints instead, each with unit separators behind; see bash

	// cannot has the reason for each thing that can't be asked of this kernel. docs/kernels.md tells it, too.
	cannot map[string]string
}

const pythonReads = `import json; print(json.dumps([whole, large, share, huge, str(missing), str(most), str(least), yes, no, nothing, words, several, nested]))`

var trials = []trial{
	{
		kernel: "cellar", language: "go", keeps: true,
		reads: `import ("encoding/json"; "fmt")
data, err := json.Marshal([]any{whole, large, share, huge, fmt.Sprint(missing), fmt.Sprint(most), fmt.Sprint(least), yes, no, nothing, words, several, nested})
fmt.Println(string(data), err)`,
		streams: `import "os"
fmt.Println("out"); fmt.Fprintln(os.Stderr, "err")`,
		result: "1 + 2",
		display: `import "github.com/cellar-go/cellar/display"
display.HTML("<b>x</b>")`,
		flood: `for i := 1; i <= 20000; i++ { fmt.Println("line", i) }`,
		fails: `panic("bad")`, err: "bad",
		works: `import ("fmt"; "time")
fmt.Println("begun"); time.Sleep(time.Hour)`,
		dies: `import ("os"; "syscall")
syscall.Kill(os.Getppid(), syscall.SIGKILL)`,
	},
	{
		kernel: "python3", language: "python", keeps: true,
		reads:   pythonReads,
		streams: `import sys; print("out"); print("err", file=sys.stderr)`,
		result:  "1 + 2",
		display: `from IPython.display import HTML, display; display(HTML("<b>x</b>"))`,
		flood:   `for i in range(20000): print("line", i + 1)`,
		fails:   "1/0", err: "ZeroDivisionError: division by zero",
		works: `import time; print("begun"); time.sleep(3600)`,
		dies:  `import os; os._exit(3)`,
	},
	{
		kernel: "xpython", language: "python",
		reads:   pythonReads,
		streams: `import sys; print("out"); print("err", file=sys.stderr)`,
		result:  "1 + 2",
		display: `from IPython.display import HTML, display; display(HTML("<b>x</b>"))`,
		flood:   `for i in range(20000): print("line", i + 1)`,
		pieces:  `print("\n".join(f"line {i + 1}" for i in range(20000)))`,
		fails:   "1/0", err: ": ZeroDivisionError: division by zero",
		works: `import time; print("begun"); time.sleep(3600)`,
		dies:  `import os; os._exit(3)`,
	},
	{
		kernel: "ir", language: "R",
		reads: `cat(jsonlite::toJSON(list(whole, large, share, huge, as.character(missing), as.character(most), as.character(least), yes, no, nothing, words, several, nested),
	auto_unbox = TRUE, null = "null", digits = NA))`,
		streams: `cat("out\n"); message("err")`,
		result:  "1 + 2", shows: "display_data",
		display: `IRdisplay::display_html("<b>x</b>")`,
		flood:   `for (i in 1:20000) cat("line", i, "\n", sep = c(" ", "", ""))`,
		pieces:  `cat(paste("line", 1:20000, collapse = "\n"))`,
		fails:   `stop("bad")`, err: "bad",
		works:  `cat("begun\n"); Sys.sleep(3600)`,
		dies:   `tools::pskill(Sys.getpid(), 9)`,
		silent: `Sys.sleep(5)`,
	},
	{
		kernel: "deno", language: "typescript",
		reads:   `console.log(JSON.stringify([whole, large, share, huge, String(missing), String(most), String(least), yes, no, nothing, words, several, nested]))`,
		streams: `console.log("out"); console.error("err")`,
		result:  "1 + 2",
		display: `await Deno.jupyter.display({"text/html": "<b>x</b>"}, {raw: true})`,
		flood:   `for (let i = 1; i <= 20000; i++) console.log("line", i)`,
		pieces:  `console.log(Array.from({length: 20000}, (_, i) => "line " + (i + 1)).join("\n"))`,
		fails:   `throw new TypeError("bad")`, err: "TypeError: bad",
		works: `console.log("begun"); while (true) {}`,
		dies:  `Deno.exit(3)`,
	},
	{
		kernel: "bash", language: "bash",
		reads:   `printf '%s\x1f' "$whole" "$large" "$share" "$huge" "$missing" "$most" "$least" "$yes" "$no" "$nothing" "$words" "${several[@]}" "${nested[one]}" "${nested[k k]}"; echo`,
		values:  []string{"-7", "123456789012", "0.1", "1e+300", "nan", "inf", "-inf", "true", "false", "", suiteWords, "1", "2.5", "x", "true", "1", "v"},
		display: `echo "<b>x</b>" | displayHTML`,
		flood:   `for i in $(seq 20000); do echo line $i; done`,
		fails:   "(exit 7)", err: ": error: 7",
		works: "echo begun; sleep 3600",
		dies:  "kill -9 $PPID",
		cannot: map[string]string{
			"streams": "the kernel's shell has one terminal for both streams",
			"result":  "commands have no values",
		},
	},
	{
		kernel: "calysto_scheme", language: "scheme",
		streams: `(begin (import "sys") (display "out\n") (sys.stderr.write "err\n") (void))`,
		result:  "(+ 1 2)",
		display: "%%html\n<b>x</b>",
		flood:   `(begin (import "builtins") ((builtins.eval "lambda: [print('line', i + 1) for i in range(20000)] and None")))`,
		pieces:  `(begin (import "builtins") (display ((builtins.eval "lambda: chr(10).join('line ' + str(i + 1) for i in range(20000))"))))`,
		fails:   `(error 'here "bad")`, err: "RunTimeError: Error in 'here': bad",
		works:  `(begin (display "begun") (newline) (let loop () (loop)))`,
		dies:   `(begin (import "os") (os._exit 3))`,
		cannot: map[string]string{"reads": "parameters: nobody has a translator for this language"},
	},
}

const suiteWords = "a \"b\" 'c' \\d \\n\n\t$x ${y} `z` $(no) ! # % {} é€😀 end"

// suiteParameters has a value of each kind.
func suiteParameters(maps bool) parameters.List {
	var p parameters.List
	for _, q := range []parameters.Parameter{
		{Name: "whole", Value: int64(-7)}, {Name: "large", Value: int64(123456789012)}, {Name: "share", Value: 0.1}, {Name: "huge", Value: 1e300},
		{Name: "missing", Value: math.NaN()}, {Name: "most", Value: math.Inf(1)}, {Name: "least", Value: math.Inf(-1)},
		{Name: "yes", Value: true}, {Name: "no", Value: false}, {Name: "nothing"}, {Name: "words", Value: suiteWords},
		{Name: "several", Value: []any{int64(1), 2.5, "x", true}},
	} {
		p.Put(q)
	}
	if maps {
		p.Set("nested", parameters.List{{Name: "a", Value: parameters.List{{Name: "b", Value: []any{int64(1), parameters.List{{Name: "c"}}}}}}, {Name: "k k", Value: suiteWords}})
	} else {
		p.Set("nested", parameters.List{{Name: "one", Value: int64(1)}, {Name: "k k", Value: "v"}})
	}
	return p
}

var suiteValues = []any{-7.0, 123456789012.0, 0.1, 1e300, "nan", "inf", "-inf", true, false, nil, suiteWords, []any{1.0, 2.5, "x", true},
	map[string]any{"a": map[string]any{"b": []any{1.0, map[string]any{"c": nil}}}, "k k": suiteWords}}

// TestKernels runs the same notebook in every kernel that the tests install; docs/kernels.md says what users see of it.
func TestKernels(t *testing.T) {
	installed := testkit.Kernels(t)
	doc, err := os.ReadFile(filepath.Join("..", "docs", "kernels.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range trials {
		t.Run(k.kernel, func(t *testing.T) {
			t.Setenv("JUPYTER_PATH", installed)
			t.Setenv("JUPYTER_DATA_DIR", t.TempDir())
			t.Setenv("IPYTHONDIR", t.TempDir())
			for what, why := range k.cannot {
				if !bytes.Contains(doc, []byte(why)) {
					t.Errorf("docs/kernels.md doesn't say why not %s: %s", what, why)
				}
			}
			t.Run("outputs", k.outputs)
			if !k.keeps {
				t.Run("drops", k.drops)
			}
			if k.silent != "" {
				t.Run("silent", k.notLost)
			}
			t.Run("error", k.error)
			t.Run("timeout", k.timeout)
			t.Run("interrupt", k.interrupt)
			t.Run("death", k.death)
		})
	}
}

func (k trial) notebook(sources ...string) *nbformat.Notebook {
	nb := nbformat.New(nbformat.Kernel{Name: k.kernel, DisplayName: k.kernel, Language: k.language})
	for i, s := range sources {
		nb.Insert(i, "code", s)
	}
	return nb
}

// run runs cells in the kernel and checks that nothing is left of it.
func (k trial) run(t *testing.T, ctx context.Context, o Options, sources ...string) (Result, *nbformat.Notebook, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/nb\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Input, o.Output = filepath.Join(dir, "in.ipynb"), filepath.Join(dir, "out.ipynb")
	if err := k.notebook(sources...).WriteFile(o.Input); err != nil {
		t.Fatal(err)
	}
	mark := "CELLAR_SUITE=" + dir
	o.Env = append(os.Environ(), mark)
	r, err := Run(ctx, o)
	if r.Kernel.Name != k.kernel {
		t.Fatalf("kernel %q: %v", r.Kernel.Name, err)
	}
	left := func() []string { return processesWith(t, mark) }
	for i := 0; len(left()) > 0 && i < 500; i++ { // a terminal's processes are told of its end
		time.Sleep(20 * time.Millisecond)
	}
	if all := left(); len(all) > 0 {
		t.Errorf("left running: %q", all)
	}
	return r, written(t, o.Output, r), err
}

// processesWith are the commands of all processes that have a variable.
func processesWith(t *testing.T, variable string) (all []string) {
	found, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if env, err := os.ReadFile(path); err != nil || !slices.Contains(strings.Split(string(env), "\x00"), variable) {
			continue // it has ended meanwhile, or isn't ours
		}
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		all = append(all, strings.ReplaceAll(string(command), "\x00", " "))
	}
	return all
}

func (k trial) outputs(t *testing.T) {
	var sources []string
	var checks []func(*testing.T, *nbformat.Cell)
	add := func(source string, check func(*testing.T, *nbformat.Cell)) {
		if source != "" {
			sources, checks = append(sources, source), append(checks, check)
		}
	}
	var o Options
	add(k.reads, k.readsParameters)
	if k.reads != "" {
		o.Parameters = suiteParameters(k.values == nil)
	} else if _, err := Run(t.Context(), Options{Notebook: k.notebook(k.result), Parameters: suiteParameters(true)}); err == nil || !strings.Contains(err.Error(), "no way to write parameters") {
		t.Errorf("parameters: %v", err)
	}
	add(k.streams, func(t *testing.T, c *nbformat.Cell) {
		streams := map[string]string{}
		for _, o := range c.Outputs() {
			streams[o.Name] += o.Text
		}
		if out, err := strings.TrimSpace(streams["stdout"]), strings.TrimSpace(streams["stderr"]); out != "out" || err != "err" {
			t.Errorf("streams: %q", streams)
		}
	})
	add(k.result, func(t *testing.T, c *nbformat.Cell) {
		o := c.Outputs()
		want := k.shows
		if want == "" {
			want = "execute_result"
		}
		if len(o) != 1 || o[0].Type != want || !slices.Contains([]string{"3", "[1] 3"}, colour.ReplaceAllString(text(c), "")) {
			t.Errorf("result: %+v", o)
		}
	})
	add(k.display, func(t *testing.T, c *nbformat.Cell) {
		o := c.Outputs()
		var html string
		if len(o) == 1 {
			json.Unmarshal(o[0].Data["text/html"], &html)
		}
		if strings.TrimSpace(html) != "<b>x</b>" {
			t.Errorf("display: %+v", o)
		}
	})
	lines := func(t *testing.T, c *nbformat.Cell) {
		if err := allLines(c); err != nil {
			t.Error(err)
		}
	}
	add(k.pieces, lines)
	if k.keeps {
		add(k.flood, lines)
	}
	_, nb, err := k.run(t, t.Context(), o, sources...)
	if err != nil {
		t.Fatal(err)
	}
	cells := nb.Cells()
	cells = cells[len(cells)-len(checks):]
	for i, check := range checks {
		check(t, cells[i])
		if c := cells[i]; c.ExecutionCount() == 0 {
			t.Errorf("%s has no number", c.Source())
		}
	}
}

// allLines is nil if a cell has all lines of a flood.
func allLines(c *nbformat.Cell) error {
	lines := strings.Split(strings.TrimSpace(text(c)), "\n")
	for i, l := range lines {
		if l = strings.TrimSpace(l); l != fmt.Sprint("line ", i+1) {
			return fmt.Errorf("line %d of %d is %q", i+1, len(lines), l)
		}
	}
	if len(lines) != 20000 {
		return fmt.Errorf("%d lines of 20000", len(lines))
	}
	return nil
}

// drops: what the kernel itself drops, nobody can bring back, but no run ends well with fewer outputs, unless that is allowed.
func (k trial) drops(t *testing.T) {
	_, nb, err := k.run(t, t.Context(), Options{}, k.flood)
	switch lost := allLines(nb.Cells()[len(nb.Cells())-1]); {
	case err != nil && fault.ExitCode(err) == 1 && strings.Contains(err.Error(), "OutputLost"):
	case err == nil && lost == nil:
	default:
		t.Errorf("%v, %v", lost, err)
	}
}

// TestPrintedAside: each cell has what it has printed, also in a kernel that sends it later than the word that the cell has ended.
func TestPrintedAside(t *testing.T) {
	t.Setenv("JUPYTER_PATH", testkit.Kernels(t))
	t.Setenv("JUPYTER_DATA_DIR", t.TempDir())
	const many, one = "for (let i = 0; i < 300; i++) console.log(i)", `console.log("one")`
	k := trial{kernel: "deno", language: "typescript"}
	_, nb, err := k.run(t, t.Context(), Options{}, many, one, many, "console.log(1); throw 1")
	if fault.ExitCode(err) != 1 || strings.Contains(err.Error(), "OutputLost") {
		t.Error(err)
	}
	var lines []int
	for _, c := range nb.Cells() {
		if c.Type() != "code" {
			continue
		}
		lines = append(lines, strings.Count(text(c), "\n"))
		if out := c.Outputs(); c.Source() == many && len(out) != 1 || c.Metadata().Object("papermill").Raw("late") != nil || c.ExecutionCount() != len(lines) {
			t.Errorf("[%d] %s: %d outputs", c.ExecutionCount(), c.Source(), len(out))
		}
	}
	if !slices.Equal(lines, []int{300, 1, 300, 1}) {
		t.Errorf("lines: %d", lines)
	}

	// What the notebook does to its console is none of the mark's business.
	_, nb, err = k.run(t, t.Context(), Options{}, "const seen = [], log = console.log; console.log = (...a) => { seen.push(...a); log(...a) }", `console.log("one")`, "seen",
		"console.log = () => {}", one)
	if seen := string(nb.Cells()[2].Outputs()[0].Data["text/plain"]); err != nil || strings.Contains(seen, "cellar") || !strings.Contains(seen, "one") {
		t.Errorf("seen: %s, %v", seen, err)
	}

	// What timers show names the request of the mark while that is the last one.
	_, nb, err = k.run(t, t.Context(), Options{}, `let n = 0, on = true
const tick = () => { if (on) { Deno.jupyter.display({"text/plain": "#" + n++}, {raw: true}); setTimeout(tick, 0) } }
tick()`, "1", "2", "3", "4", "5", "6", "7", "8", "9", "on = false; n")
	displays := 0
	for _, c := range nb.Cells() {
		for _, out := range c.Outputs() {
			if out.Type == "display_data" {
				displays++
			}
		}
	}
	if last := nb.Cells()[10].Outputs(); err != nil || len(last) == 0 || !strings.Contains(string(last[len(last)-1].Data["text/plain"]), fmt.Sprint(displays)) {
		t.Errorf("%d displays, %v: %v", displays, last, err)
	}

	// A timer that keeps the kernel busy keeps it from printing the mark, and is waited for.
	_, _, err = k.run(t, t.Context(), Options{}, "setTimeout(() => { for (const begin = Date.now(); Date.now() < begin + 11000;); }, 50)")
	if err != nil {
		t.Error(err)
	}

	for _, allow := range []bool{false, true} {
		begin := time.Now()
		r, _, err := k.run(t, t.Context(), Options{AllowLostOutputs: allow}, "delete globalThis.Deno", "1", "2")
		const want = "nobody knows whether all has come"
		if told := strings.Contains(fmt.Sprint(err, r.Warnings), want); !told || (fault.ExitCode(err) == 1) == allow || time.Since(begin) > 2*lateOutputs {
			t.Errorf("%v %q after %v", err, r.Warnings, time.Since(begin))
		}
	}
}

func (k trial) readsParameters(t *testing.T, c *nbformat.Cell) {
	if k.values != nil {
		if got, want := text(c), strings.Join(k.values, "\x1f")+"\x1f\n"; got != want {
			t.Errorf("parameters:\ngot  %q\nwant %q", got, want)
		}
		return
	}
	var got []any
	if err := json.NewDecoder(strings.NewReader(text(c))).Decode(&got); err != nil {
		t.Fatalf("%v: %s", err, text(c))
	}
	for i, v := range got { // each language has words of its own for these
		if s, ok := v.(string); ok && len(s) < len(suiteWords) {
			got[i] = strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(s), "inity"), "+")
		}
	}
	if !reflect.DeepEqual(got, suiteValues) {
		t.Errorf("parameters:\ngot  %#v\nwant %#v", got, suiteValues)
	}
}

// notLost: a kernel that answers heartbeats between cells only does not hang.
func (k trial) notLost(t *testing.T) {
	if r, _, err := k.run(t, t.Context(), Options{Heartbeat: 3 * time.Second}, k.result, k.silent, k.result); err != nil {
		t.Errorf("%v: %s", err, statuses(r))
	}
}

func (k trial) error(t *testing.T) {
	r, nb, err := k.run(t, t.Context(), Options{}, k.fails, k.flood)
	var c *CellError
	if fault.ExitCode(err) != 1 || !errors.As(err, &c) || c.Number != 1 || !strings.Contains(err.Error(), k.err) || statuses(r) != "failed pending" {
		t.Errorf("%v: %s", err, statuses(r))
	}
	if cells := nb.Cells(); len(cells) != 4 || !cells[0].HasTag(errorTag) || len(cells[3].Outputs()) != 0 {
		t.Error("the error is not marked, or the cell after it ran")
	}
}

func (k trial) timeout(t *testing.T) {
	r, _, err := k.run(t, t.Context(), Options{CellTimeout: time.Second, Grace: 2 * time.Second}, k.works, k.flood)
	var c *CellError
	if fault.ExitCode(err) != 1 || !errors.As(err, &c) || c.EName != "TimeoutError" || statuses(r) != "failed pending" {
		t.Errorf("%v: %s", err, statuses(r))
	}
}

func (k trial) interrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := Options{Grace: 2 * time.Second, OnOutput: func(_ *nbformat.Cell, out nbformat.Output) {
		if strings.Contains(out.Text, "begun") {
			cancel()
		}
	}}
	r, nb, err := k.run(t, ctx, o, k.works, k.flood)
	if fault.ExitCode(err) != int(fault.Interrupted) || statuses(r) != "failed pending" {
		t.Errorf("%v: %s", err, statuses(r))
	}
	if !slices.ContainsFunc(nb.Cells(), func(c *nbformat.Cell) bool { return strings.Contains(text(c), "begun") }) {
		t.Error("what came before is lost")
	}
}

func (k trial) death(t *testing.T) {
	r, _, err := k.run(t, t.Context(), Options{}, k.dies, k.flood)
	var c *CellError
	if fault.ExitCode(err) != 1 || !errors.As(err, &c) || c.EName != "DeadKernelError" || !errors.Is(err, kernels.ErrDied) || statuses(r) != "failed pending" {
		t.Errorf("%v: %s", err, statuses(r))
	}
}

// TestKernelSpec: a spec's {resource_dir}, environment and interrupts by message, of a program that is no kernel itself.
func TestKernelSpec(t *testing.T) {
	python := testkit.UsePython(t)
	dir := filepath.Join(os.Getenv("JUPYTER_PATH"), "kernels", "wrapped")
	testkit.InstallKernel(t, os.Getenv("JUPYTER_PATH"), "wrapped", map[string]any{
		"argv": []string{"{resource_dir}/start", "{connection_file}"}, "language": "python", "display_name": "Wrapped", "interrupt_mode": "message",
		"env": map[string]string{"INTERPRETER": "${SUITE_PYTHON}", "GREETING": "hello, ${NOBODY}"},
	})
	t.Setenv("SUITE_PYTHON", python)
	start := "#!/bin/sh\nexec \"$INTERPRETER\" -m ipykernel_launcher -f \"$1\"\n"
	if err := os.WriteFile(filepath.Join(dir, "start"), []byte(start), 0o755); err != nil {
		t.Fatal(err)
	}
	k := trial{kernel: "wrapped", language: "python"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, nb, err := k.run(t, ctx, Options{Grace: time.Minute, OnOutput: func(_ *nbformat.Cell, out nbformat.Output) {
		if strings.Contains(out.Text, "begun") {
			cancel()
		}
	}}, "import os; os.environ['GREETING']", `import sys, time
try: # holds the output too: the interrupt comes as soon as that is seen
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    time.sleep(3600)
except KeyboardInterrupt:
    print("interrupted")`)
	if fault.ExitCode(err) != int(fault.Interrupted) || statuses(r) != "completed failed" {
		t.Errorf("%v: %s", err, statuses(r))
	}
	all := ""
	for _, c := range nb.Cells() {
		all += text(c) + "\n"
	}
	for _, want := range []string{"'hello, ${NOBODY}'", "begun\ninterrupted\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in %q", want, all)
		}
	}
}
