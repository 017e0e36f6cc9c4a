package golang

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"

	"github.com/cellar-go/cellar/extract"
)

// divide splits the target's statements behind the last one that has a part in the value: what follows shows it, and stays on the page.
// The set-up statements go into the function, or to the package if functions read what they define.
func (x *extraction) divide(*extract.Function) error {
	links, made := map[string][]string{}, map[string]bool{}
	var statements []*item
	for i := range x.target.items {
		if it := &x.target.items[i]; variables(it) {
			statements = append(statements, it)
			for a, others := range it.links {
				links[a] = append(links[a], others...)
			}
		}
	}
	for _, r := range x.results {
		made[r.Name] = true
	}
	makes := reach(made, links, "") // the values under all their names
	cut := 0
	for i, it := range statements {
		touched := reach(it.mutates, it.links, "")
		for name := range makes {
			if it.defines[name] && made[name] || touched[name] {
				cut = i + 1
			}
		}
	}
	x.head, x.tail = statements[:cut], statements[cut:]
	inside := map[string]*item{}
	for _, it := range x.head {
		for name := range it.defines {
			if !made[name] {
				inside[name] = it
			}
		}
	}
	known := map[string]bool{}
	for _, it := range x.tail {
		for _, name := range sorted(it.uses) {
			if inside[name] != nil && !known[name] {
				return x.refuse(it, fmt.Sprintf("move what shows it to a cell of its own, and make %s an asset too, or compute it there", name),
					"it reads %s, which moves into the function, and is itself no part of the value", name)
			}
		}
		for name := range it.defines {
			known[name] = true
		}
	}
	if err := x.reach(); err != nil {
		return err
	}
	return x.setUp(inside)
}

// closed finds the names that functions of the slice read, and refuses those that have no meaning outside of the page.
func (x *extraction) closed(inside map[string]*item) (shared map[string]*item, err error) {
	shared = map[string]*item{}
	for _, p := range x.parts {
		for name := range p.uses {
			if p.item != nil && p.item.Kind.String() == "func" {
				shared[name] = p.item
			}
		}
	}
	for _, in := range x.Slice.inputs {
		if d := shared[in.Name]; d != nil && in.Name != "" {
			return nil, x.refuse(d, fmt.Sprintf("give it a parameter for %s", in.Name), "the function reads the asset %s as a variable of the notebook", in.Name)
		}
	}
	for _, name := range sorted(keysOf(inside)) {
		if d := shared[name]; d != nil {
			return nil, x.refuse(d, fmt.Sprintf("give the function a parameter for %s", name), "a function reads %s, a variable of the cell", name)
		}
	}
	for _, r := range x.results {
		if d := shared[r.Name]; d != nil {
			return nil, x.refuse(d, fmt.Sprintf("give the function a parameter for %s", r.Name), "a function reads %s, the asset's own variable", r.Name)
		}
	}
	return shared, nil
}

// setUp sorts the set-up statements, and refuses package variables that would not be constant.
func (x *extraction) setUp(inside map[string]*item) error {
	shared, err := x.closed(inside)
	if err != nil {
		return err
	}
	mutated := func(name string) *item {
		for _, it := range x.running() {
			if it.mutates[name] {
				return it
			}
		}
		for _, p := range x.parts {
			if p.item != nil && p.mutates[name] {
				return p.item
			}
		}
		return nil
	}
	definitions := map[string]int{}
	for _, it := range x.running() {
		for name := range it.defines {
			definitions[name]++
		}
	}
	local := map[string]bool{}
	for _, c := range x.setup {
		for i := range c.items {
			it := &c.items[i]
			if !x.runs(it) {
				continue
			}
			read, constant := "", it.Decl != nil
			for name := range it.defines {
				if shared[name] != nil {
					read = name
				}
				constant = constant && mutated(name) == nil && definitions[name] == 1
			}
			for name := range it.uses {
				constant = constant && !local[name] && x.variables[name] == ""
			}
			switch {
			case read != "":
				if m := mutated(read); m != nil || definitions[read] > 1 {
					if m == nil {
						m = it
					}
					return x.refuse(m, fmt.Sprintf("give the functions that read %s a parameter for it", read), "it changes %s, which functions read: state that a package would share", read)
				}
				for _, name := range sorted(it.uses) {
					if local[name] || x.variables[name] != "" {
						return x.refuse(it, fmt.Sprintf("give the functions that read %s a parameter for it", read), "functions read %s, and it is computed from %s, which a package variable can't see", read, name)
					}
				}
				if !plainDefinition(it) {
					return x.refuse(it, fmt.Sprintf("define it with one var, or give the functions that read %s a parameter for it", read), "functions read %s, and it is not defined by one expression", read)
				}
				x.globals = append(x.globals, it)
			case constant && x.idle(it):
			case constant:
				x.globals = append(x.globals, it)
			default:
				x.locals = append(x.locals, it)
				for name := range it.defines {
					local[name] = true
				}
			}
		}
	}
	return nil
}

// idle reports whether nothing of the function needs a variable that is defined beside others, and that calls nothing.
func (x *extraction) idle(it *item) bool {
	for _, n := range it.nodes() {
		calls := false
		ast.Inspect(n, func(n ast.Node) bool {
			_, call := n.(*ast.CallExpr)
			calls = calls || call
			return !calls
		})
		if calls {
			return false
		}
	}
	for name := range it.defines {
		for _, other := range x.running() {
			if other.uses[name] && (other.cell != x.target || slices.Contains(x.head, other)) {
				return false
			}
		}
		for _, p := range x.parts {
			if p.uses[name] {
				return false
			}
		}
	}
	return true
}

// plainDefinition reports whether an item can stand at a package's top level, := written as var.
func plainDefinition(it *item) bool {
	if it.Decl != nil {
		return true
	}
	a, ok := it.Stmts[0].(*ast.AssignStmt)
	return ok && a.Tok == token.DEFINE
}

func keysOf(m map[string]*item) map[string]bool {
	all := map[string]bool{}
	for k := range m {
		all[k] = true
	}
	return all
}
