package session

import (
	"go/types"
	"slices"
)

// A type that is declared again with the same layout and more methods, or whose parts are, stays the type that it is: its values, wherever
// they are, have the new methods. The linker adds them to the descriptor in the worker; here the checker's types of all variables are made
// new ones under the names that the old ones have in compiled code.

// extended are the types, by name, of which that holds.
func (u *universe) extended(c *checked, a *attempt) map[string]bool {
	same := map[string]bool{}
	if u.renews || c.source.renews {
		return same
	}
	for _, name := range c.pkg.Scope().Names() {
		live := u.names[name]
		if live == nil || live.kind != kindType || live.broken != "" || u.entityOf(c.pkg.Scope().Lookup(name)) != nil || a.apart[name] {
			continue
		}
		if live.named() != nil && c.fresh(name) != nil {
			same[name] = true
		}
	}
	for again := true; again; {
		again = false
		_, hard := u.stale(c, *a, same)
		for _, name := range sortedKeys(same) {
			if !u.staysType(c, a, name, same, hard) {
				delete(same, name)
				again = true
			}
		}
	}
	return same
}

func (e *entity) named() *types.Named {
	n, _ := e.object.Type().(*types.Named)
	return n
}

// fresh is what a name is to the check, if that has declared it as a type.
func (c *checked) fresh(name string) *types.Named {
	o, ok := c.pkg.Scope().Lookup(name).(*types.TypeName)
	if !ok || o.IsAlias() {
		return nil
	}
	n, _ := o.Type().(*types.Named)
	return n
}

// staysType compares what the check has with what lives, where the types in same are taken to be those that live. Hard is what has become
// another thing.
func (u *universe) staysType(c *checked, a *attempt, name string, same map[string]bool, hard identities) bool {
	live, fresh := u.names[name], c.fresh(name)
	for x := range live.code.refs { // of methods that are repeated with the type, too
		if hard.has(x) && !(x.kind == kindType && same[x.name] && u.names[x.name] == x) {
			return false
		}
	}
	if !u.sameText(same, live.named(), fresh) {
		return false
	}
	declared := map[string]declaration{}
	for _, d := range c.decls {
		if d.base == name {
			declared[d.name] = d
		}
	}
	for _, d := range c.types { // the lengths of its arrays must follow the same constants
		if d.name == name && d.text != live.source.text && (c.needsConstant(name) || live.needsConstant()) {
			return false
		}
	}
	methods := map[string]*types.Func{}
	for m := range fresh.Methods() {
		methods[m.Name()] = m
	}
	for old := range live.named().Methods() {
		m := methods[old.Name()]
		if m == nil || !u.sameText(same, old.Signature(), m.Signature()) || isPointer(old) != isPointer(m) {
			return false
		}
	}
	for _, old := range live.methods {
		if d, ok := declared[old.name]; ok && (d.recovers != old.repeated && !live.generic() || old.repeated && d.text != old.source.text) {
			return false
		}
	}
	return samePaths(live.named(), fresh) && !u.embeddedApart(c, name)
}

func isPointer(method *types.Func) bool {
	_, ok := types.Unalias(receiver(method)).(*types.Pointer)
	return ok
}

// sameText compares a type that lives with one of the check.
func (u *universe) sameText(same map[string]bool, live, fresh types.Type) (is bool) {
	defer func() {
		if _, ok := recover().(unspeakable); ok {
			is = false
		}
	}()
	text := func(t types.Type) string {
		w := typeWriter{c: newCode(), alias: u.alias, any: true, name: func(o *types.TypeName) string {
			if e := u.entityOf(o); e != nil {
				return e.link
			}
			if same[o.Name()] && o.Parent() == u.pkg.Scope() {
				return u.names[o.Name()].link
			}
			return "new " + o.Name()
		}}
		if n, ok := t.(*types.Named); ok {
			for p := range n.TypeParams().TypeParams() {
				w.b.WriteString(p.Obj().Name() + " ")
				w.write(p.Constraint())
				w.b.WriteString(", ")
			}
			t = n.Underlying()
		}
		w.write(t)
		return w.b.String()
	}
	return text(live) == text(fresh)
}

// samePaths reports whether the methods that a type had come from where they came from: a method that is added to one embedded type may
// hide that of another.
func samePaths(live, fresh *types.Named) bool {
	if types.IsInterface(live) {
		return true
	}
	old, now := types.NewMethodSet(types.NewPointer(live)), types.NewMethodSet(types.NewPointer(fresh))
	for m := range old.Methods() {
		other := now.Lookup(m.Obj().Pkg(), m.Obj().Name())
		if other == nil || !slices.Equal(m.Index()[:len(m.Index())-1], other.Index()[:len(other.Index())-1]) {
			return false
		}
	}
	return true
}

// embeddedApart reports whether a variable or a type has the type embedded in a struct without a name: its descriptor has no room for methods.
func (u *universe) embeddedApart(c *checked, name string) bool {
	live := u.names[name]
	for _, e := range u.living() {
		if !e.code.refs[live] || e.object == nil || e.kind == kindConst {
			continue
		}
		t := e.object.Type()
		if n := e.named(); e.kind == kindType && n != nil {
			t = n.Underlying()
			if s, ok := t.(*types.Struct); ok { // the struct itself has a name
				for f := range s.Fields() {
					if embedsUnnamed(f.Type(), live) {
						return true
					}
				}
				continue
			}
		}
		if embedsUnnamed(t, live) {
			return true
		}
	}
	return false
}

func embedsUnnamed(t types.Type, e *entity) (found bool) {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		for a := range t.TypeArgs().Types() {
			found = found || embedsUnnamed(a, e)
		}
	case *types.Pointer:
		return embedsUnnamed(t.Elem(), e)
	case *types.Slice:
		return embedsUnnamed(t.Elem(), e)
	case *types.Array:
		return embedsUnnamed(t.Elem(), e)
	case *types.Chan:
		return embedsUnnamed(t.Elem(), e)
	case *types.Map:
		return embedsUnnamed(t.Key(), e) || embedsUnnamed(t.Elem(), e)
	case *types.Signature:
		return embedsUnnamed(t.Params(), e) || embedsUnnamed(t.Results(), e)
	case *types.Tuple:
		for v := range t.Variables() {
			found = found || embedsUnnamed(v.Type(), e)
		}
	case *types.Struct:
		for f := range t.Fields() {
			elem := f.Type()
			if p, ok := types.Unalias(elem).(*types.Pointer); ok {
				elem = p.Elem()
			}
			n, ok := types.Unalias(elem).(*types.Named)
			found = found || f.Embedded() && ok && n.Obj() == e.object || embedsUnnamed(f.Type(), e)
		}
	}
	return found
}

// retyped are the variables whose type is made of types that are extended.
func (u *universe) retyped(same map[string]bool) (names []string) {
	if len(same) == 0 {
		return nil
	}
	for _, e := range u.living() {
		if e.kind != kindVar {
			continue
		}
		for x := range e.code.refs {
			if x.kind == kindType && same[x.name] && u.names[x.name] == x {
				names = append(names, e.name)
				break
			}
		}
	}
	return names
}

// settleExtended finds the types that are extended. One that turned out not to be is not tried again.
func (u *universe) settleExtended(c *checked, a *attempt) bool {
	now := u.extended(c, a)
	changed := false
	for name := range a.extended {
		if !now[name] {
			a.apart[name] = true
			changed = true
		}
	}
	for name := range now {
		changed = changed || !a.extended[name]
	}
	for _, name := range u.retyped(now) { // what can't be written can't be declared to the check
		if _, err := c.spell(u, c.files[0], u.meant(name).object.Type()); err != nil {
			for x := range u.meant(name).code.refs {
				a.apart[x.name] = true
				changed = true
			}
		}
	}
	a.extended = now
	return changed
}

// retype gives the variables their new types, for the unit that is written.
func (r *rewriter) retype(out *unit) error {
	for _, name := range r.c.retyped {
		o := r.c.pkg.Scope().Lookup(name)
		e := *r.u.meant(name)
		e.object, e.code = o, newCode()
		if _, err := r.u.typeText(o.Type(), e.code); err != nil {
			return err
		}
		r.u.entities[o] = &e
		out.retyped[name] = &e
	}
	return nil
}
