package commands

import (
	"errors"
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gocell"
	"github.com/cellar-go/cellar/internal/gomod"
	"github.com/cellar-go/cellar/kernel/session"
)

const celltestPath = gomod.Path + "/kernel/celltest"

func timing(t session.Timings) string {
	return fmt.Sprintf("Wall time: %s (compiled and loaded in %s)", rounded(t.Run), rounded(t.Check+t.Compile+t.Link+t.Load))
}

// rounded has three digits that count.
func rounded(d time.Duration) time.Duration {
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit)
		}
	}
}

// timeCell is %time: how long a statement takes, or the cell when it stands alone.
func timeCell(x *call) error {
	if x.rest == "" || x.name == "%%time" {
		x.run.timed = true
		return nil
	}
	// Spaces in front keep the statement's place in the cell.
	text := x.magic.Text
	source := strings.Repeat("\n", x.magic.Line-1) + strings.Repeat(" ", len(text)-len(x.rest)) + x.rest
	result, err := x.c.Session.Run(x.ctx, session.Cell{Name: x.cell.Name, Source: source}, x.io.Show)
	x.result(result)
	if err == nil {
		x.print("%s", timing(result.Timings))
	}
	return err
}

// result shows what a command's own cell has to say.
func (x *call) result(r session.Result) {
	if r.Value != nil {
		x.io.Show(session.Event{Kind: session.Display, Bundle: *r.Value})
	}
	for _, n := range r.Notices {
		x.notice("%s", n)
	}
}

// timeit is %timeit: what a statement costs, by package testing. The cell magic measures the rest of the cell, with the line as set-up.
func timeit(x *call) (failed error) {
	statement, setup, runs := x.rest, "", 3
	for strings.HasPrefix(statement, "-") {
		option, rest, _ := strings.Cut(statement, " ")
		value := strings.TrimPrefix(option, "-r")
		if value == "" {
			value, rest, _ = strings.Cut(strings.TrimSpace(rest), " ")
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || !strings.HasPrefix(option, "-r") {
			return x.mistake("write "+x.command.usage+"; package testing chooses the number of loops", "%s is given wrongly", x.name)
		}
		runs, statement = n, strings.TrimSpace(rest)
	}
	line := x.magic.Line
	if x.name == "%%timeit" {
		setup, statement = statement, x.magic.Body
		line++
	}
	if strings.TrimSpace(statement) == "" {
		return x.usage()
	}
	parsed, err := gocell.Parse(x.cell.Name, strings.Repeat("\n", line-1)+statement)
	if err != nil {
		_, err = x.c.Session.Run(x.ctx, session.Cell{Name: x.cell.Name, Source: strings.Repeat("\n", line-1) + statement, Passing: true}, x.io.Show)
		return err
	}
	for _, item := range parsed.Items {
		if item.Kind != gocell.Statement && item.Kind != gocell.Var {
			return x.mistake("put declarations into a cell above", "only statements can be measured")
		}
	}
	added := 0
	if n := len(parsed.Items); n > 0 && len(parsed.Items[n-1].Stmts) > 0 {
		last := parsed.Items[n-1]
		if e, ok := last.Stmts[0].(*ast.ExprStmt); ok {
			if !isStatement(e.X) || len(last.Stmts) > 1 { // a value that is not used is no statement
				at := last.Start - (line - 1)
				unused := strings.Repeat("_, ", len(last.Stmts)-1) + "_ = "
				statement, added = statement[:at]+unused+statement[at:], len(unused)
			}
		}
	}
	written := x.cell.Source
	head := fmt.Sprintf("import cellar_test %q; import cellar_testing \"testing\"; cellar_test.Time(%d, func(cellar_b *cellar_testing.B) { %s; for cellar_b.Loop() {", celltestPath, runs, setup)
	if x.name == "%%timeit" {
		written = x.magic.Text + "\n" + x.magic.Body
		head += "\n"
	} else {
		head = strings.Repeat("\n", line-1) + head
	}
	defer func() { // what the compiler says of the line is meant for the user's part of it
		var wrong *session.CompileError
		if errors.As(failed, &wrong) {
			for i, d := range wrong.Diagnostics {
				if d.Line == x.magic.Line {
					wrong.Diagnostics[i].Column = max(1, d.Column-added-len(strings.TrimLeft(head, "\n"))+len(x.magic.Text)-len(x.rest))
				}
			}
		}
	}()
	_, err = x.c.Session.Run(x.ctx, session.Cell{Name: x.cell.Name, Source: head + statement + "\n}})", Written: written, Passing: true}, x.io.Show)
	var panicked *session.PanicError
	if errors.As(err, &panicked) && len(panicked.Frames) > 0 { // the value has the places in what was measured; that may stand on the line of the call
		panicked.Value = strings.TrimSuffix(panicked.Value, fmt.Sprintf("\n\t%s:%d", panicked.Frames[0].File, panicked.Frames[0].Line))
	}
	return err
}

// valued are the built-in functions whose calls are no statements.
var valued = []string{"append", "cap", "complex", "imag", "len", "make", "max", "min", "new", "real"}

// isStatement reports whether an expression may stand as a statement, as far as its look tells.
func isStatement(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, ok := call.Fun.(*ast.Ident)
	return !ok || !slices.Contains(valued, name.Name)
}

var testFunc = regexp.MustCompile(`^func\((?:\w+ )?\*testing\.([TB])\)$`)

// test is %test: the Test and Benchmark functions of the cell, or of the session when the cell has none or -run or -bench chooses.
func test(x *call) error {
	chosen, bench := false, false
	var args []string
	for _, a := range x.args {
		if a == "" { // GoNB's way to say: without -v
			continue
		}
		name := strings.TrimPrefix(strings.TrimLeft(a, "-"), "test.")
		if strings.HasPrefix(a, "-") {
			a = "-test." + name
		}
		args = append(args, a)
		chosen = chosen || strings.HasPrefix(name, "run") || strings.HasPrefix(name, "bench=") || name == "bench"
		bench = bench || strings.HasPrefix(name, "bench=") || name == "bench"
	}
	var all, own []session.Declaration
	for _, d := range x.c.Session.Declarations() {
		m := testFunc.FindStringSubmatch(d.Type)
		if d.Kind == "func" && m != nil && strings.HasPrefix(d.Name, map[string]string{"T": "Test", "B": "Benchmark"}[m[1]]) {
			all = append(all, d)
			if d.Cell == x.cell.Name {
				own = append(own, d)
			}
		}
	}
	if len(own) > 0 && !chosen {
		all = own
	}
	if len(all) == 0 {
		return x.mistake("declare `func TestName(t *testing.T)` in a cell", "the session has no tests")
	}
	if len(x.args) == 0 {
		args = append(args, "-test.v")
	}
	if !bench && !chosen {
		args = append(args, "-test.bench=.")
	}
	var tests, benchmarks strings.Builder
	for _, d := range all {
		if strings.HasPrefix(d.Name, "Test") {
			fmt.Fprintf(&tests, "{%q, %s}, ", d.Name, d.Name)
		} else {
			fmt.Fprintf(&benchmarks, "{%q, %s}, ", d.Name, d.Name)
		}
	}
	source := fmt.Sprintf("import cellar_test %q; cellar_test.Run(%#v, cellar_test.Tests{%s}, cellar_test.Benchmarks{%s})", celltestPath, args, tests.String(), benchmarks.String())
	_, err := x.c.Session.Run(x.ctx, session.Cell{Name: x.cell.Name, Source: source, Written: x.cell.Source, Passing: true}, x.io.Show)
	var panicked *session.PanicError
	if errors.As(err, &panicked) {
		return fault.New(fault.Failed, "", "%s:%d: %s", x.cell.Name, x.magic.Line, strings.TrimPrefix(panicked.Value, "%test: "))
	}
	return err
}

// arguments is %args, and GoNB's %% and %main, which also parse the flags.
func arguments(x *call) error {
	if len(x.args) == 0 && !x.c.hasArgs {
		return nil
	}
	x.c.hasArgs = true
	if err := x.c.Session.SetArgs(x.ctx, x.args, x.name != "%args"); err != nil {
		return x.mistake("declare the flag in a cell above, or before the line", "%w", err)
	}
	return nil
}

// exec is GoNB's %exec: a function is called behind all else of the cell, with arguments.
func (x *call) exec() error {
	if len(x.args) == 0 || !regexp.MustCompile(`^\w+$`).MatchString(x.args[0]) {
		return x.usage()
	}
	name := x.args[0]
	x.args = x.args[1:]
	r := x.run
	r.cell.Source += "\n" + name + "();"
	r.between(x, strings.Count(r.cell.Source, "\n")+1)
	return nil
}
