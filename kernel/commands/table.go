package commands

import (
	"fmt"
	"html"
	"strings"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/kernel/session"
)

// command is one thing that a line can say to the kernel.
type command struct {
	name  string
	usage string
	about string
	alone bool // can't stand between Go statements
	do    func(*call) error
}

// table is every command, in the order in which %help shows them.
var table []command

func init() { // %help lists the table that it stands in
	table = []command{
		{"!", "!COMMAND", "runs a shell command; gophernotes' `$ COMMAND` is the same. A line that ends in `\\` goes on", false, shell},
		{"!*", "!*COMMAND", "the same in the session's module: `!*go get PACKAGE` is `%go get PACKAGE`", false, inModule},
		{"%%bash", "%%bash", "runs the rest of the cell as a shell script", false, script},
		{"%%sh", "%%sh", "the same with sh", false, script},
		{"%%script", "%%script PROGRAM [ARGUMENTS]", "gives the rest of the cell to a program's standard input", false, script},
		{"%%writefile", "%%writefile [-a] FILE", "writes the rest of the cell to a file; -a appends", false, writefile},
		{"%capture", "%capture [-a] FILE", "copies what the cell shows into a file", false, capture},
		{"%%capture", "%%capture [-a] FILE", "the same", false, capture},
		{"%with_inputs", "%with_inputs", "asks for lines while the next shell command runs", false, func(x *call) error { x.c.asks = lines; return nil }},
		{"%with_password", "%with_password", "the same, without showing what is typed", false, func(x *call) error { x.c.asks = secrets; return nil }},

		{"%cd", "%cd [FOLDER]", "changes the folder of cells and commands; alone it says which it is", false, cd},
		{"%pwd", "%pwd", "says which folder it is", false, pwd},
		{"%env", "%env [NAME[=VALUE]]", "sets an environment variable (also `%env NAME VALUE`), or shows one, or all", false, env},

		{"%go", "%go COMMAND [ARGUMENTS]", "runs the go command in the session's module: `%go get PACKAGE@VERSION`", true, goCommand},
		{"%goflags", "%goflags [FLAGS]", "flags for `%go build`, `run`, `test` and `vet`; `\"\"` clears them", false, goflags},
		{"%autoget", "%autoget", "adds modules to go.mod for imports that need them, without asking", false, autoget(true)},
		{"%noautoget", "%noautoget", "adds none; `%go get` does", false, autoget(false)},
		{"%goworkfix", "%goworkfix", "accepted: a go.work is respected as it is", false, nothing},
		{"%track", "%track [FILE]", "accepted: the module's own packages are always watched", false, nothing},
		{"%untrack", "%untrack [FILE]", "accepted", false, nothing},
		{"%go111module", "%go111module on", "accepted: modules are always on", false, go111module},

		{"%%", "%% [FLAGS]", "what follows is the main function, as in GoNB: arguments are set and flags parsed", false, arguments},
		{"%main", "%main [FLAGS]", "the same", false, arguments},
		{"%args", "%args [FLAGS]", "sets os.Args for the cells that follow", false, arguments},
		{"%exec", "%exec FUNCTION [FLAGS]", "calls a function with arguments, behind the cell's Go", false, arguments},
		{"%test", "%test [FLAGS]", "runs the tests and benchmarks of the cell, or of the session: `%test -run=NAME -v`", true, test},
		{"%time", "%time [STATEMENT]", "says how long a statement takes, or the cell", true, timeCell},
		{"%%time", "%%time", "says how long the cell takes", true, timeCell},
		{"%timeit", "%timeit [-r RUNS] STATEMENT", "measures a statement by package testing: time and memory of one loop", true, timeit},
		{"%%timeit", "%%timeit [-r RUNS] [SET-UP]", "measures the rest of the cell", true, timeit},

		{"%who", "%who [KIND]", "lists the names that are declared: `%who func`", false, who},
		{"%whos", "%whos [KIND]", "the same with types and values", false, whos},
		{"%list", "%list", "the same, as GoNB calls it", false, whos},
		{"%ls", "%ls", "the same", false, whos},
		{"%rm", "%rm NAME…", "takes names away", true, remove},
		{"%remove", "%remove NAME…", "the same", true, remove},
		{"%replay", "%replay", "runs the cells of the session again, from the first, in a fresh process", true, replay},
		{"%reset", "%reset [go.mod]", "begins again with nothing declared; go.mod: the scratch module too", true, reset},

		{"%help", "%help", "shows this list", false, help},
		{"%lsmagic", "%lsmagic", "the same", false, help},
		{"%version", "%version", "says which kernel this is", false, version},
		{"%widgets", "%widgets", "accepted: widgets need no preparation", false, nothing},
		{"%widgets_hb", "%widgets_hb", "accepted", false, nothing},
		{"%wasm", "", "", false, refuse("cells are not compiled to WebAssembly", "show HTML with `display.HTML`")},
		{"%%gx", "", "", false, refuse("Go+ is another language", "write it in Go")},
	}
}

func lookup(name string) (command, bool) {
	for _, c := range table {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

// nothing is a command of another kernel's that asks for what is so here anyway.
func nothing(*call) error { return nil }

func refuse(why, hint string) func(*call) error {
	return func(x *call) error { return x.mistake(hint, "%s is not possible: %s", x.name, why) }
}

func help(x *call) error {
	var text, table_ strings.Builder
	table_.WriteString("<table><tbody>")
	for _, c := range table {
		if c.usage == "" {
			continue
		}
		fmt.Fprintf(&text, "%-30s %s\n", c.usage, c.about)
		fmt.Fprintf(&table_, "<tr><td style=\"text-align:left\"><code>%s</code></td><td style=\"text-align:left\">%s</td></tr>", html.EscapeString(c.usage), html.EscapeString(c.about))
	}
	table_.WriteString("</tbody></table>")
	x.io.Show(session.Event{Kind: session.Display, Bundle: display.Bundle{Data: map[string]any{
		"text/plain": strings.TrimRight(text.String(), "\n"), "text/html": table_.String()}}})
	return nil
}

func version(x *call) error {
	around, err := x.c.Session.Surroundings(x.ctx)
	if err != nil {
		return err
	}
	x.print("Cellar %s", x.c.Version)
	return told(x, x.run.start(program{argv: []string{"go", "version"}, dir: around.Dir}, around.Env))
}
