package session

import (
	"fmt"
	"strings"
)

// What is left of a session when its worker ends: declarations, which have no effects, are compiled again with the next cell. Variables
// are gone, and what uses one of them can't be used until it is there again.

// survive makes u what is left, and gives the variables that are not.
func (u *universe) survive() (lost []*entity) {
	for _, e := range u.living() {
		if e.kind == kindVar {
			if u.names[e.name] == e {
				lost = append(lost, e)
			}
			delete(u.names, e.name)
			delete(u.removed, e.name)
		}
	}
	clear(u.stretches)
	living := u.living()
	needs := map[*entity]map[string]string{} // variables by name, with their cells
	for _, e := range living {
		needs[e] = map[string]string{}
		for name, cell := range e.needs {
			needs[e][name] = cell
		}
	}
	for again := true; again; {
		again = false
		add := func(e *entity, name, cell string) {
			if _, ok := needs[e][name]; !ok {
				needs[e][name] = cell
				again = true
			}
		}
		for _, e := range living {
			for _, refs := range []map[*entity]bool{e.code.refs, e.body, e.direct} {
				for x := range refs {
					if x.kind == kindVar {
						add(e, x.name, x.cell)
					} else if x = u.current(x); x != nil {
						for name, cell := range needs[x] {
							add(e, name, cell)
						}
					}
				}
			}
			for _, m := range e.methods {
				for name, cell := range needs[m] {
					add(e, name, cell)
				}
			}
		}
	}
	for _, e := range living {
		e.unloaded = e.unloaded || e.slot != "" || len(needs[e]) > 0
		if len(needs[e]) > 0 && (e.broken == "" || e.needs != nil) {
			e.needs = needs[e]
			e.broken = "it uses " + uses(e.needs)
		}
	}
	return lost
}

// uses tells of variables that are gone.
func uses(needs map[string]string) string {
	var list []string
	for _, name := range sortedKeys(needs) {
		list = append(list, name+" of "+needs[name])
	}
	return strings.Join(list, ", ") + ", which went with the process that ended"
}

// current is the generation of x that counts now.
func (u *universe) current(x *entity) *entity {
	if x.base != nil {
		if base := u.meant(x.base.name); base != nil {
			return base.methods[x.name]
		}
		return nil
	}
	return u.meant(x.name)
}

// revive finds what a worker does not hold yet and a cell may use: the cell's unit brings it along. What waited for variables is among it
// once they are there.
func (u *universe) revive(a *attempt, src *source) {
	living := u.living()
	declared := map[string]bool{}
	for _, d := range src.decls {
		if d.base != "" {
			declared[d.name] = true
		}
	}
	for found := true; found; { // what no longer compiled may do so again when a name in it is declared again, and then what calls it
		found = false
		for _, e := range living {
			if e.broken == "" || e.needs != nil || e.base != nil || a.again[e] {
				continue
			}
			for _, w := range words(e.source.text) {
				if src.declares[w] || src.vars[w] || src.imports[w] != "" || declared[w] {
					a.again[e], declared[e.name], found = true, true, true
					break
				}
			}
		}
	}
	for _, e := range living {
		if e.needs == nil {
			continue
		}
		waits := false
		for name := range e.needs {
			v := u.names[name]
			waits = waits || v == nil || v.kind != kindVar
		}
		if !waits {
			e.needs, e.broken = nil, ""
		}
	}
	for _, e := range living {
		if !e.unloaded || e.broken != "" || e.base != nil && e.base.broken != "" {
			continue
		}
		a.again[e] = true
		if e.kind == kindType {
			a.renewing[e.name] = true
		}
	}
}

// unusable says of a broken thing what is the matter and the way out.
func (e *entity) unusable(name string) string {
	if e.needs == nil {
		return fmt.Sprintf("%s of %s no longer compiles: %s; run its cell again", name, e.cell, e.broken)
	}
	cells := map[string]bool{}
	for _, cell := range e.needs {
		cells[cell] = true
	}
	return fmt.Sprintf("%s of %s can't be used: %s; run %s again", name, e.cell, e.broken, strings.Join(sortedKeys(cells), " and "))
}
