package golang

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// readers are functions, and packages, whose calls write into none of their arguments although their results are not used.
var readers = map[string]bool{"fmt": true, "log": true, "display": true, "println": true, "print": true, "panic": true, "must": true, "len": true, "cap": true, "close": true}

// writers are functions of std that write into their first argument although a result may be used.
var writers = map[string]bool{
	"append": true, "copy": true, "clear": true, "delete": true,
	"sort.Slice": true, "sort.SliceStable": true, "sort.Sort": true, "sort.Stable": true, "sort.Ints": true, "sort.Strings": true, "sort.Float64s": true,
	"slices.Sort": true, "slices.SortFunc": true, "slices.SortStableFunc": true, "slices.Reverse": true, "slices.Delete": true, "slices.DeleteFunc": true,
	"slices.Compact": true, "slices.CompactFunc": true, "slices.Insert": true, "slices.Replace": true, "maps.DeleteFunc": true, "maps.Copy": true,
}

// effects are functions of std that change the whole process.
var processWide = map[string]bool{
	"os.Setenv": true, "os.Unsetenv": true, "os.Clearenv": true, "os.Chdir": true, "rand.Seed": true, "flag.Set": true, "flag.Parse": true,
	"log.SetFlags": true, "log.SetOutput": true, "log.SetPrefix": true, "slog.SetDefault": true, "runtime.GOMAXPROCS": true, "debug.SetGCPercent": true,
	"debug.SetMemoryLimit": true, "gob.Register": true, "gob.RegisterName": true, "expvar.Publish": true, "http.Handle": true, "http.HandleFunc": true,
	"image.RegisterFormat": true, "mime.AddExtensionType": true, "sql.Register": true,
}

// call walks a call; statement says that its result is not used, so that it is made for what it does to its arguments.
func (w *walker) call(x *ast.CallExpr, statement bool) {
	name, base := callee(x.Fun)
	if name == "load" && !w.local("load") && (w.callees == nil || w.byName["load"] == nil) && w.load(x) {
		return
	}
	w.expr(x.Fun)
	if processWide[name] {
		w.effects = append(w.effects, name)
	}
	if s, ok := x.Fun.(*ast.SelectorExpr); ok && !readers[base] {
		writes, known := w.changes(s.Sel.Name)
		switch {
		case !known && draws[s.Sel.Name] || known && writes && !statement:
			w.write(part(s.X))
		case statement:
			w.mutate(s.X) // x.Method() made for its effect; for a package this is no variable and does nothing
			fallthrough
		case !known && advances(s.Sel.Name):
			w.touch(part(s.X))
		}
	}
	var written, perhaps []int
	if base == "" && !w.local(name) {
		written, perhaps = w.arguments(name)
		if statement && written == nil && w.callees != nil {
			w.touch(part(x.Fun)) // a variable: a method's value writes into what it is of
		}
	}
	for i, a := range x.Args {
		id := root(a)
		switch {
		case id == nil:
		case i == 0 && writers[name] && !(name == "append" || strings.HasPrefix(name, "slices.Insert")):
			w.write(part(a))
		case slices.Contains(written, i):
			w.write(part(a))
		case slices.Contains(perhaps, i):
			w.touch(part(a))
		case statement && written == nil && !readers[name] && !readers[base] && !writers[name] && w.callees != nil:
			w.mutate(part(a))
			w.touch(part(a))
		case written == nil && base != "" && advances(name[strings.LastIndex(name, ".")+1:]):
			w.touch(part(a))
		}
		w.expr(a)
	}
}

// part marks an argument as written into, not replaced: the callee has a copy of the variable, and shares what it points to.
func part(e ast.Expr) ast.Expr {
	if id, ok := e.(*ast.Ident); ok {
		return &ast.StarExpr{X: id}
	}
	return e
}

// callee names what is called: f, or pkg.F with its base pkg.
func callee(fun ast.Expr) (name, base string) {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name, ""
	case *ast.ParenExpr:
		return callee(f.X)
	case *ast.IndexExpr:
		return callee(f.X)
	case *ast.IndexListExpr:
		return callee(f.X)
	case *ast.SelectorExpr:
		if id, ok := f.X.(*ast.Ident); ok {
			return id.Name + "." + f.Sel.Name, id.Name
		}
	}
	return "", "?"
}

// load notes load("key") and load("key", at("rev")) with literal arguments.
func (w *walker) load(x *ast.CallExpr) bool {
	if len(x.Args) == 0 {
		return false
	}
	key, ok := literal(x.Args[0])
	if !ok {
		return false
	}
	l := load{key: key, call: x}
	for _, a := range x.Args[1:] {
		c, ok := a.(*ast.CallExpr)
		if !ok {
			return false
		}
		if name, _ := callee(c.Fun); name == "at" && len(c.Args) == 1 {
			if l.at, ok = literal(c.Args[0]); ok {
				continue
			}
		}
		return false
	}
	w.loads = append(w.loads, l)
	return true
}

func literal(e ast.Expr) (string, bool) {
	b, ok := e.(*ast.BasicLit)
	if !ok || b.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(b.Value)
	return s, err == nil
}

// summary are the places of the parameters that a function writes into, by syntax, aliases within it followed, and of those that it may.
func (f *callees) summary(d *ast.FuncDecl) (written, perhaps []int) {
	places := map[string]int{}
	n := 0
	for _, field := range d.Type.Params.List {
		if len(field.Names) == 0 {
			n++
		}
		for _, name := range field.Names {
			places["local "+name.Name] = n
			n++
		}
	}
	w := &walker{names: newNames(), callees: f}
	w.function(d.Type, d.Recv, d.Body)
	find := func(names map[string]bool) []int {
		found := []int{}
		for name := range names {
			if place, ok := places[name]; ok {
				found = append(found, place)
			}
		}
		slices.Sort(found)
		return found
	}
	return find(reach(w.mutates, w.aliases, "local ")), find(reach(w.parts, w.holds, "local "))
}

// reach is what is written into, directly or through another name, among the names with the prefix.
func reach(mutates map[string]bool, links map[string][]string, prefix string) map[string]bool {
	all := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if all[name] {
			return
		}
		all[name] = true
		for _, other := range links[name] {
			visit(other)
		}
	}
	for name := range mutates {
		visit(name)
	}
	for name := range all {
		if !strings.HasPrefix(name, prefix) {
			delete(all, name)
		}
	}
	return all
}
