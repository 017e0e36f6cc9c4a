package golang

import (
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"strings"
)

// callees are the functions of a page, and its methods, with what they do to their arguments.
type callees struct {
	byName  map[string]*ast.FuncDecl
	methods map[string][]*ast.FuncDecl
	found   map[string][2][]int
	writes  map[string]bool
	given   map[string][]string
	others  map[string]bool // names of types, constants, packages
}

func newCallees() *callees {
	return &callees{byName: map[string]*ast.FuncDecl{}, methods: map[string][]*ast.FuncDecl{}, found: map[string][2][]int{}, writes: map[string]bool{}, given: map[string][]string{}, others: map[string]bool{}}
}

func (f *callees) add(d *ast.FuncDecl) {
	if d.Recv == nil {
		f.byName[d.Name.Name] = d
	} else {
		f.methods[d.Name.Name] = append(f.methods[d.Name.Name], d)
	}
}

// arguments are the places of the arguments that a function of the page writes into, and of those that it may; nil for other functions.
func (f *callees) arguments(name string) (written, perhaps []int) {
	if f == nil || f.byName[name] == nil {
		return nil, nil
	}
	if found, ok := f.found[name]; ok {
		return found[0], found[1]
	}
	f.found[name] = [2][]int{{}, {}} // while it is looked at: it may call itself
	written, perhaps = f.summary(f.byName[name])
	f.found[name] = [2][]int{written, perhaps}
	return written, perhaps
}

// changes reports whether a method of that name of the page writes into its receiver, and whether there is one.
func (f *callees) changes(method string) (writes, known bool) {
	if f == nil || f.methods[method] == nil {
		return false, false
	}
	if writes, ok := f.writes[method]; ok {
		return writes, true
	}
	f.writes[method] = false
	for _, d := range f.methods[method] {
		w := &walker{names: newNames(), callees: f}
		w.function(d.Type, d.Recv, d.Body)
		reached := reach(w.parts, w.holds, "local ")
		for _, field := range d.Recv.List {
			for _, name := range field.Names {
				writes = writes || reached["local "+name.Name]
			}
		}
	}
	f.writes[method] = writes
	return writes, true
}

// results are the page's variables that a function's result may share memory with.
func (f *callees) results(name string) []string {
	if found, ok := f.given[name]; ok {
		return found
	}
	f.given[name] = nil
	d := f.byName[name]
	w := &walker{names: newNames(), callees: f}
	w.function(d.Type, nil, d.Body)
	var found []string
	for variable := range reach(w.returns, w.holds, "") {
		if !strings.HasPrefix(variable, "local ") {
			found = append(found, variable)
		}
	}
	f.given[name] = found
	return found
}

// isOther reports whether a name of the page is no variable's.
func (f *callees) isOther(name string) bool {
	return f != nil && (f.others[name] || f.byName[name] != nil)
}

// draws are methods of random generators: each call changes what the next one gives.
var draws = func() map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields("Int Intn IntN Int31 Int31n Int32 Int32N Int63 Int63n Int64N Uint32 Uint32N Uint64 Uint64N UintN Float32 Float64 NormFloat64 ExpFloat64 Perm Shuffle Rand") {
		all[name] = true
	}
	return all
}()

var advancing = regexp.MustCompile(`^(Read|Write|Scan|Sscan|Fscan|Next|Pop|Push|Copy|Decode|Unmarshal|Discard|Seek|Add|Set|Put|Delete|Remove|Store|Swap|LoadOr|CompareAnd|Fill|Do$)`)

// advances tells by its name a function of a library whose result may be used and which changes what it is called on, or given.
func advances(name string) bool { return advancing.MatchString(name) }

// key names a variable apart from a local one of the same name.
func (w *walker) key(id *ast.Ident) string {
	if w.local(id.Name) {
		return "local " + id.Name
	}
	return id.Name
}

// hold notes that a variable may share memory with what an expression holds.
func (w *walker) hold(left, right ast.Expr) {
	l := root(left)
	if l == nil || l.Name == "_" || l.Name == "err" || l.Name == "ok" { // names for everything join nothing
		return
	}
	a := w.key(l)
	if _, whole := left.(*ast.Ident); whole && w.flat(right) {
		w.plain[a] = true
		return
	}
	w.deep[a] = true
	for _, b := range w.sources(right) {
		if a != b {
			w.holds[a] = append(w.holds[a], b)
			w.holds[b] = append(w.holds[b], a)
		}
	}
	if f, ok := right.(*ast.FuncLit); ok {
		inner := &walker{names: newNames(), callees: w.callees, types: w.types, scopes: append([]map[string]bool{}, w.scopes...)}
		inner.function(f.Type, nil, f.Body)
		w.funcs[a] = inner.names
	}
}

// flat reports whether a value surely shares no memory with any other.
func (w *walker) flat(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.BasicLit, *ast.BinaryExpr:
		return true
	case *ast.Ident:
		return universe[x.Name] && !w.local(x.Name)
	case *ast.ParenExpr:
		return w.flat(x.X)
	case *ast.UnaryExpr:
		return x.Op != token.AND && x.Op != token.ARROW
	case *ast.CompositeLit:
		s, ok := x.Type.(*ast.SelectorExpr)
		if !ok || len(x.Elts) == 0 {
			return false
		}
		base, _ := s.X.(*ast.Ident)
		return base != nil && base.Name == "color" && s.Sel.Name != "Palette"
	case *ast.CallExpr:
		name, base := callee(x.Fun)
		switch name {
		case "append", "new", "make", "any", "error", "recover":
			return false
		}
		return (universe[name] || base == "math" || base == "time" || base == "strconv" || base == "fmt") && !w.local(name)
	}
	return false
}

// makers are packages whose results share nothing with what they are given.
var makers = map[string]bool{"fmt": true, "strings": true, "strconv": true, "math": true, "errors": true, "time": true, "filepath": true, "path": true, "unicode": true}

// sources are the variables that an expression's value may share memory with.
func (w *walker) sources(e ast.Expr) []string {
	switch x := e.(type) {
	case *ast.Ident:
		if w.local(x.Name) || x.Name != "_" && !universe[x.Name] && !w.isOther(x.Name) {
			return []string{w.key(x)}
		}
	case *ast.CompositeLit:
		var all []string
		for _, element := range x.Elts {
			if kv, ok := element.(*ast.KeyValueExpr); ok {
				element = kv.Value
				all = append(all, w.sources(kv.Key)...)
			}
			all = append(all, w.sources(element)...)
		}
		return all
	case *ast.FuncLit:
		var all []string
		inner := &walker{names: newNames(), callees: w.callees, types: w.types}
		inner.push()
		inner.function(x.Type, nil, x.Body)
		for _, name := range sorted(inner.uses) {
			all = append(all, w.sources(ast.NewIdent(name))...)
		}
		return all
	case *ast.CallExpr:
		name, base := callee(x.Fun)
		if makers[base] || universe[name] && name != "append" {
			return nil
		}
		var all []string
		if base == "" && !w.local(name) && w.callees != nil && w.byName[name] != nil {
			all = append(all, w.results(name)...)
		} else if base == "" {
			all = append(all, w.sources(x.Fun)...)
		} else if s, ok := x.Fun.(*ast.SelectorExpr); ok {
			all = append(all, w.sources(s.X)...)
		}
		for _, a := range x.Args {
			all = append(all, w.sources(a)...)
		}
		return all
	case *ast.SelectorExpr:
		return w.sources(x.X)
	case *ast.IndexExpr:
		return w.sources(x.X)
	case *ast.SliceExpr:
		return w.sources(x.X)
	case *ast.StarExpr:
		return w.sources(x.X)
	case *ast.ParenExpr:
		return w.sources(x.X)
	case *ast.TypeAssertExpr:
		return w.sources(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.AND || x.Op == token.ARROW {
			return w.sources(x.X)
		}
	}
	return nil
}

// effect is what running an item may do to variables of the page, the functions that it names included.
type effect struct {
	parts   map[string]bool // may be written into
	assigns map[string]bool // surely assigned or written into
	inside  map[string]bool // surely written into
}

// effects answers what items do. A function is named where it is called, or handed on to be called.
type effects struct {
	funcs   map[string][]*names // functions and variables that hold function literals
	methods map[string][]*names
	shared  map[string]bool
	plain   map[string]bool
	deep    map[string]bool
	known   map[*item]effect
}

func newEffects() effects {
	return effects{funcs: map[string][]*names{}, methods: map[string][]*names{}, shared: map[string]bool{}, plain: map[string]bool{}, deep: map[string]bool{}, known: map[*item]effect{}}
}

func (e effects) add(it *item) {
	if f, ok := it.Decl.(*ast.FuncDecl); ok {
		if it.receiver != "" {
			e.methods[f.Name.Name] = append(e.methods[f.Name.Name], it.names)
		} else {
			e.funcs[f.Name.Name] = append(e.funcs[f.Name.Name], it.names)
		}
	}
	for name, f := range it.funcs {
		e.funcs[name] = append(e.funcs[name], f)
	}
	maps.Copy(e.shared, it.shared)
	maps.Copy(e.plain, it.plain)
	maps.Copy(e.deep, it.deep)
}

// alone reports whether a variable changes by its own name only.
func (e effects) alone(name string) bool { return e.plain[name] && !e.deep[name] && !e.shared[name] }

func (e effects) of(it *item) effect {
	if known, ok := e.known[it]; ok {
		return known
	}
	all := effect{parts: map[string]bool{}, assigns: map[string]bool{}, inside: map[string]bool{}}
	seen := map[*names]bool{}
	var visit func(n *names)
	visit = func(n *names) {
		if seen[n] {
			return
		}
		seen[n] = true
		for name := range reach(n.parts, n.holds, "") {
			all.parts[name] = true
		}
		maps.Copy(all.assigns, n.written)
		maps.Copy(all.inside, n.inside)
		for name := range n.uses {
			for _, f := range e.funcs[name] {
				visit(f)
			}
		}
		for sel := range n.selects {
			for _, f := range e.methods[sel.name] {
				visit(f)
			}
		}
	}
	visit(it.names)
	e.known[it] = all
	return all
}
