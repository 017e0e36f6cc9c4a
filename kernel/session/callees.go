package session

import (
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// Function values and goroutines run code that is not compiled again. It calls functions through their places, so it follows a new body; one
// with another signature has another place, and what is held stays with the old one. Whoever holds such code is told of.

// stretch is a function, or a function literal, in code that was compiled, with the functions that it calls.
type stretch struct {
	cell     string
	from, to int             // lines
	calls    map[string]bool // callees
}

// callee is what compiled code knows a function by: its place, or its name if it is generic, since each generation of that is repeated where
// it is used.
func (e *entity) callee() string {
	if e.slot == "" {
		return e.name
	}
	return e.link
}

// stretches finds those of a declaration, and of the function literals in it, that call functions. What a function calls in its own unit it
// calls without a place.
func (r *rewriter) stretches(root ast.Node) (out []stretch) {
	var walk func(n ast.Node)
	walk = func(n ast.Node) {
		s := stretch{calls: map[string]bool{}}
		from, to := r.c.fset.Position(n.Pos()), r.c.fset.Position(n.End())
		s.cell, s.from, s.to = from.Filename, from.Line, to.Line
		_, literal := n.(*ast.FuncLit)
		ast.Inspect(n, func(x ast.Node) bool {
			if lit, ok := x.(*ast.FuncLit); ok && x != n {
				walk(lit)
				return false
			}
			if id, ok := x.(*ast.Ident); ok {
				if e := r.u.entityOf(r.c.info.Uses[id]); e != nil && e.kind == kindFunc && e.base == nil && (literal || r.impls[e] == "") {
					s.calls[e.callee()] = true
				}
			}
			return true
		})
		if len(s.calls) > 0 && n != ast.Node(r.c.body) {
			out = append(out, s)
		}
	}
	walk(root)
	return out
}

// outgrown are the functions, by what code knows them by, that a unit leaves to what is held: declared with another signature, as something else, or
// compiled no more.
func (u *universe) outgrown(c *checked, out *unit) map[string]string {
	old := map[string]string{}
	for _, e := range out.declared {
		live := u.meant(e.name)
		if e.base == nil && live != nil && live.kind == kindFunc && live.link != e.link && live.source.text != e.source.text {
			old[live.callee()] = e.name
		}
	}
	for name := range out.vars {
		if live := u.meant(name); live != nil && live.kind == kindFunc {
			old[live.callee()] = name
		}
	}
	for e := range c.broken {
		if e.kind == kindFunc && e.base == nil && e.broken == "" {
			old[e.callee()] = e.name
		}
	}
	return old
}

// heldCalls names the variables and the goroutines that call functions which were outgrown.
func (s *Session) heldCalls(p *process, old map[string]string) (notices []string) {
	if len(old) == 0 {
		return nil
	}
	s.mu.Lock()
	vars := map[string]*entity{}
	for _, e := range s.universe.names {
		if e.kind == kindVar {
			vars[e.link] = e
		}
	}
	request := wire.Request{Op: "code", Names: sortedKeys(vars), Quiet: s.routines == 0}
	s.mu.Unlock()
	var code map[string]string
	select {
	case r := <-p.request(request):
		code = r.Values
	case <-p.dead:
	case <-time.After(2 * time.Second):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, link := range sortedKeys(code) {
		told := map[string]bool{}
		for place := range strings.Lines(code[link]) {
			for called, cell := range s.universe.callsAt(strings.TrimSpace(place)) {
				holder := "a goroutine of " + cell
				if e := vars[link]; e != nil {
					holder, cell = e.name, e.cell
				}
				if name := old[called]; name != "" {
					told[fmt.Sprintf("%s goes on with the old %s; run %s again to have the new one", holder, name, cell)] = true
				}
			}
		}
		notices = append(notices, slices.Sorted(maps.Keys(told))...)
	}
	return notices
}

var codePlace = regexp.MustCompile(`^(\S+) (.+):(\d+)$`)

// callsAt are the functions that the code at a place calls, with its cell: given as main.Run7.func1 cell[3]:2, of which the
// name has that of the unit's function in it, also where the compiler has put one function into another.
func (u *universe) callsAt(place string) map[string]string {
	calls := map[string]string{}
	m := codePlace.FindStringSubmatch(place)
	if m == nil {
		return nil
	}
	line, _ := strconv.Atoi(m[3])
	for _, name := range strings.FieldsFunc(m[1], func(r rune) bool { return r == '.' || r == '[' }) {
		shortest := -1
		for _, s := range u.stretches[name] {
			if s.cell != m[2] || line < s.from || line > s.to {
				continue
			}
			if n := s.to - s.from; shortest < 0 || n < shortest { // the innermost
				shortest = n
				clear(calls)
			} else if n > shortest {
				continue
			}
			for called := range s.calls {
				calls[called] = s.cell
			}
		}
	}
	return calls
}
