package session

import (
	"go/types"
	"maps"
)

// An instance of a generic type may be nowhere but in an interface, where no variable's type tells of it. So those that cells have made are
// kept, by how they are written: when the generic type gets methods, so do they.

// made is what an instance is written with: types of the session, with their names in compiled code, and imports.
type made struct {
	links   map[string]string
	imports map[string]bool
}

// instantiated notes the instances that a cell has made of generic types of the session.
func (u *universe) instantiated(c *checked) {
	seen := map[types.Type]bool{}
	for _, tv := range c.info.Types {
		if tv.Type != nil {
			u.instancesIn(tv.Type, seen)
		}
	}
}

func (u *universe) instancesIn(t types.Type, seen map[types.Type]bool) {
	t = types.Unalias(t)
	if seen[t] {
		return
	}
	seen[t] = true
	switch t := t.(type) {
	case *types.Named:
		if e := u.entityOf(t.Obj()); e == nil || t.TypeArgs().Len() == 0 || hasParameter(t) {
			return
		}
		code := newCode()
		text, err := u.typeText(t, code)
		if err != nil {
			return
		}
		i := made{links: map[string]string{}, imports: code.imports}
		for e := range code.refs {
			i.links[e.name] = e.link
		}
		u.instances[text] = i
	case *types.Map:
		u.instancesIn(t.Key(), seen)
		u.instancesIn(t.Elem(), seen)
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		u.instancesIn(t.Elem(), seen)
	}
}

// hasParameter reports whether an instance is one of a generic function's or type's own text.
func hasParameter(t types.Type) bool {
	switch t := types.Unalias(t).(type) {
	case *types.TypeParam:
		return true
	case *types.Named:
		for a := range t.TypeArgs().Types() {
			if hasParameter(a) {
				return true
			}
		}
	case *types.Map:
		return hasParameter(t.Key()) || hasParameter(t.Elem())
	case *types.Signature:
		return hasParameter(t.Params()) || hasParameter(t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			if hasParameter(v.Type()) {
				return true
			}
		}
	case *types.Struct:
		for f := range t.Fields() {
			if hasParameter(f.Type()) {
				return true
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			if hasParameter(m.Signature()) {
				return true
			}
		}
	case interface{ Elem() types.Type }:
		return hasParameter(t.Elem())
	}
	return false
}

// extendedInstances are those of types that are extended, with what they refer to now.
func (r *rewriter) extendedInstances() map[string]code {
	out := map[string]code{}
	if len(r.c.extended) == 0 {
		return out
	}
	for text, i := range r.u.instances {
		code, of := newCode(), false
		for name, link := range i.links {
			e := r.u.names[name]
			if r.c.extended[name] {
				e, of = r.u.entityOf(r.c.pkg.Scope().Lookup(name)), true
			}
			if e == nil || e.kind != kindType || e.link != link || e.broken != "" || r.c.broken[e] != "" || r.c.declares[name] && !r.c.extended[name] {
				of = false
				break
			}
			code.refs[e] = true
		}
		if of {
			maps.Copy(code.imports, i.imports)
			out[text] = code
		}
	}
	return out
}
