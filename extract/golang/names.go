package golang

import (
	"go/ast"
	"go/token"
)

// names is what a piece of code does with names that it does not declare in an inner scope.
type names struct {
	defines map[string]bool // at its top level
	uses    map[string]bool
	mutates map[string]bool     // assigned, written into, or handed to something that may write
	links   map[string][]string // other names for (parts of) the same value: p := &x
	aliases map[string][]string // links that surely share memory: y := x, p := &x[i], z := x[a:b]
	written map[string]bool     // of mutates, those that are surely written into, or assigned anew
	inside  map[string]bool     // of written, those whose parts are
	parts   map[string]bool     // what may be written into, not replaced
	holds   map[string][]string // what may share memory: more than links, for calls may return what they were given
	shared  map[string]bool     // variables whose place others know: by &x, or in a function literal
	plain   map[string]bool     // variables that were given a value which shares no memory: a number, a text
	deep    map[string]bool     // variables that were given another
	returns map[string]bool     // what a function's result may share memory with
	funcs   map[string]*names   // variables that hold function literals
	bases   map[string]bool     // stand before a dot: may be packages
	selects map[selection]bool  // names behind a dot: may be methods
	loads   []load
	strings []string // constants that may name files
	effects []string // what it changes in the whole process
	spawns  token.Pos
	defers  bool // at its top level
}

// selection is base.name, base being "" unless it is a free name.
type selection struct{ base, name string }

// load is a call load("key") or load("key", at("rev")).
type load struct {
	key, at string
	call    *ast.CallExpr
}

func newNames() *names {
	return &names{defines: map[string]bool{}, uses: map[string]bool{}, mutates: map[string]bool{}, links: map[string][]string{}, aliases: map[string][]string{}, written: map[string]bool{}, inside: map[string]bool{}, parts: map[string]bool{}, holds: map[string][]string{}, shared: map[string]bool{}, plain: map[string]bool{}, deep: map[string]bool{}, returns: map[string]bool{}, funcs: map[string]*names{},
		bases: map[string]bool{}, selects: map[selection]bool{}}
}
