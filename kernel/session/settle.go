package session

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// settle learns from a try. It gives the next attempt, and whether this one was the last.
func (u *universe) settle(t tried) (attempt, bool) {
	c := t.checked
	a := attempt{maps.Clone(c.keep), maps.Clone(c.again), maps.Clone(c.broken), maps.Clone(c.shadows), c.asValue, maps.Clone(c.renewing), c.decided}
	changed := false
	if c.lastIsExpr && c.lastIsCall && !a.asValue {
		last := c.body.List[len(c.body.List)-1]
		for _, e := range t.errors {
			if e.Pos >= last.Pos() && e.Pos < last.End() && strings.Contains(e.Msg, "is not used") {
				a.asValue = true
				return a, false
			}
		}
	}
	if c.importCommon(t.errors) {
		return a, false
	}
	if !a.decided {
		a.decided = true
		a.keep = u.unchanged(c)
		return a, false
	}
	if u.settleMethods(c, &a) {
		return a, false
	}
	if u.settleShadows(t, &a) {
		return a, false
	}
	for _, e := range t.errors {
		for _, f := range c.files[1:] {
			if f.again == nil || e.Pos < f.ast.FileStart || e.Pos > f.ast.FileEnd || a.broken[f.again] != "" {
				continue
			}
			a.broken[f.again] = plainNames(e.Msg)
			delete(a.again, f.again)
			if f.again.kind == kindType {
				delete(a.renewing, f.again.name)
			}
			changed = true
		}
	}
	for _, e := range u.stale(c, a) {
		if e.kind == kindType && a.keep[e.name] { // what it refers to changes in the cell that declares it as it was
			delete(a.keep, e.name)
			changed = true
			continue
		}
		if !a.again[e] && a.broken[e] == "" {
			a.again[e] = true
			if e.kind == kindType && len(e.methods) > 0 {
				a.renewing[e.name] = true
			}
			changed = true
		}
	}
	return a, !changed
}

// importCommon imports what a cell uses without saying so, if it is of the standard library and in the worker anyway: notebooks made for
// GoNB leave that to the kernel.
func (c *checked) importCommon(errors []types.Error) bool {
	found := false
	for _, e := range errors {
		name, ok := strings.CutPrefix(e.Msg, "undefined: ")
		if !ok || c.imports[name] != "" || c.vars[name] || c.declares[name] {
			continue
		}
		for _, f := range c.files {
			if e.Pos < f.ast.FileStart || e.Pos > f.ast.FileEnd || !strings.HasPrefix(f.text[c.offset(e.Pos):], name+".") {
				continue
			}
			if p := packageCalled(name); p != "" {
				c.imports[name] = p
				found = true
			}
		}
	}
	return found
}

// unchanged are the types that the cell declares as they already are.
func (u *universe) unchanged(c *checked) map[string]bool {
	keep := map[string]bool{}
	for _, name := range u.unchangedCandidates(c.source) {
		keep[name] = true
	}
	for again := true; again; {
		again = false
		for name := range keep {
			if !u.sameType(c, name, keep) {
				delete(keep, name)
				again = true
			}
		}
	}
	return keep
}

// sameType compares what the cell declares with what lives, where the types in keep are taken to be the ones that live.
func (u *universe) sameType(c *checked, name string, keep map[string]bool) (same bool) {
	live := u.names[name]
	fresh, ok := c.pkg.Scope().Lookup(name).(*types.TypeName)
	old, ok2 := live.object.(*types.TypeName)
	if !ok || !ok2 {
		return false
	}
	defer func() {
		if _, ok := recover().(unspeakable); ok {
			same = false
		}
	}()
	text := func(o *types.TypeName) string {
		w := typeWriter{c: newCode(), alias: u.alias, name: func(o *types.TypeName) string {
			if e := u.entityOf(o); e != nil {
				return e.link
			}
			if keep[o.Name()] && o.Parent() == c.pkg.Scope() {
				return u.names[o.Name()].link
			}
			return "new " + o.Name()
		}}
		n, ok := o.Type().(*types.Named)
		if !ok {
			panic(unspeakable("an alias"))
		}
		for i := range n.TypeParams().Len() {
			p := n.TypeParams().At(i)
			w.b.WriteString(p.Obj().Name() + " ")
			w.write(p.Constraint())
			w.b.WriteString(", ")
		}
		w.write(n.Underlying())
		return w.b.String()
	}
	if live.generic() { // their methods are repeated in full
		for _, d := range c.decls {
			if d.base == name && (live.methods[d.name] == nil || live.methods[d.name].source.text != d.text) {
				return false
			}
		}
	}
	for _, d := range c.types { // the lengths of its arrays must follow the same constants
		if d.name == name && d.text != live.source.text && (c.needsConstant(name) || live.needsConstant()) {
			return false
		}
	}
	return text(fresh) == text(old)
}

func (e *entity) needsConstant() bool {
	for x := range e.code.refs {
		if x.kind == kindConst {
			return true
		}
	}
	return false
}

// needsConstant reports whether a type that the cell declares refers to a constant of a cell.
func (c *checked) needsConstant(name string) (found bool) {
	ast.Inspect(c.files[0].ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			return false
		case *ast.TypeSpec:
			return n.Name.Name == name
		case *ast.Ident:
			if o, ok := c.info.Uses[n].(*types.Const); ok && o.Pkg() == c.pkg {
				found = true
			}
		}
		return true
	})
	return found
}

// settleMethods finds the types whose set of methods changes: those get a new generation.
func (u *universe) settleMethods(c *checked, a *attempt) bool {
	renew := map[string]bool{}
	for _, d := range c.decls {
		if d.base == "" {
			continue
		}
		live := u.names[d.base]
		if live == nil || live.kind != kindType || c.declares[d.base] && !a.keep[d.base] {
			continue
		}
		old := live.methods[d.name]
		o, _ := c.pkg.Scope().Lookup("m" + mark + d.base + mark + d.name).(*types.Func)
		switch {
		case live.generic() || d.recovers:
			if old == nil || old.source.text != d.text {
				renew[d.base] = true
			}
		case old == nil || old.repeated:
			renew[d.base] = true
		case o != nil && !a.renewing[d.base]:
			code := newCode()
			slot, err := u.typeText(o.Signature(), code)
			if err == nil && slot != old.slot {
				renew[d.base] = true
			}
		}
	}
	for _, d := range c.types {
		live := u.names[d.name]
		if live == nil || live.kind != kindType {
			continue
		}
		for _, m := range live.methods {
			gone := m.cellID != "" && m.cellID == c.source.cell.ID && !c.hasMethod[d.name+"."+m.name]
			if a.keep[d.name] && gone || !a.keep[d.name] && !gone && !c.hasMethod[d.name+"."+m.name] && a.broken[m] == "" {
				renew[d.name] = true
			}
		}
	}
	changed := false
	for name := range renew {
		if !a.renewing[name] {
			a.renewing[name] = true
			changed = true
		}
		if a.keep[name] {
			delete(a.keep, name)
			changed = true
		}
	}
	return changed
}

// settleShadows finds the variables of the cell that its functions, or those compiled again, refer to.
func (u *universe) settleShadows(t tried, a *attempt) bool {
	c := t.checked
	scope := c.info.Scopes[c.body]
	changed := false
	for i, f := range c.files {
		text := f.text
		if i == 0 {
			text = f.text[:c.offset(c.run.Pos())]
		}
		for _, w := range words(text) {
			if !c.vars[w] || a.shadows[w] != nil {
				continue
			}
			o := scope.Lookup(w)
			if o == nil || o.Type() == nil || o.Type() == types.Typ[types.Invalid] {
				continue
			}
			if live := u.names[w]; live != nil && live.kind == kindVar && types.Identical(live.object.Type(), o.Type()) {
				continue
			}
			a.shadows[w] = o.Type()
			changed = true
		}
	}
	for _, e := range t.errors { // f := func() { f() }
		name, ok := strings.CutPrefix(e.Msg, "undefined: ")
		if !ok || !c.vars[name] || a.shadows[name] != nil {
			continue
		}
		if o := scope.Lookup(name); o != nil && o.Type() != nil {
			if _, ok := o.Type().(*types.Signature); ok {
				a.shadows[name] = o.Type()
				changed = true
			}
		}
	}
	return changed
}

// identities are entities, by what compiled code knows them by: a function behind a slot, a variable of a type and a constant of a value are
// the same ones when they have been declared again as they were, and what was compiled before refers to them.
type identities map[any]bool

func (p identities) key(e *entity) any {
	if e.link == "" {
		return e
	}
	return e.link
}

func (p identities) add(e *entity) {
	if e != nil {
		p[p.key(e)] = true
	}
}

func (p identities) has(e *entity) bool { return p[p.key(e)] }

// stale are the things of earlier cells that must be compiled again: what they refer to means something else now.
func (u *universe) stale(c *checked, a attempt) []*entity {
	hard, soft := identities{}, identities{} // soft: another function behind the same slot
	for e := range a.broken {
		hard.add(e)
	}
	for name := range a.renewing {
		hard.add(u.names[name])
	}
	scope := c.pkg.Scope()
	for name := range c.declares {
		live := u.names[name]
		if live == nil || a.keep[name] {
			continue
		}
		o := scope.Lookup(name)
		switch o := o.(type) {
		case *types.Func:
			if live.kind == kindFunc && live.slot != "" && o.Signature().TypeParams().Len() == 0 {
				if slot, err := u.typeText(o.Signature(), newCode()); err == nil && slot == live.slot {
					soft.add(live)
					continue
				}
			}
		case *types.Const:
			if sameConstant(live, o) {
				continue
			}
		}
		hard.add(live)
	}
	if s := c.info.Scopes[c.body]; s != nil {
		for _, name := range s.Names() {
			if live := u.names[name]; live != nil && !(live.kind == kindVar && types.Identical(live.object.Type(), s.Lookup(name).Type())) {
				hard.add(live)
			}
		}
	}
	if len(hard)+len(soft) == 0 {
		return nil
	}
	var out []*entity
	taken := map[*entity]bool{}
	for again := true; again; {
		again = false
		for _, e := range u.living() {
			if taken[e] || hard.has(e) || e.kind == kindVar || c.declaresAgain(e) {
				continue
			}
			hit := false
			for x := range e.code.refs {
				hit = hit || hard.has(x)
			}
			signature := hit
			for x := range e.body {
				hit = hit || hard.has(x)
			}
			for x := range e.direct {
				hit = hit || hard.has(x) || soft.has(x)
			}
			if !hit {
				continue
			}
			taken[e] = true
			again = true
			switch {
			case e.kind == kindConst: // what refers to it is stale when it is known to have another value
				if o, ok := scope.Lookup(e.name).(*types.Const); ok && a.again[e] && !sameConstant(e, o) {
					hard.add(e)
				}
			case e.base != nil && e.repeated || e.kind == kindType, e.kind == kindFunc && e.slot == "", signature && e.base == nil:
				hard.add(e)
			default:
				soft.add(e)
			}
			if e.base != nil && (e.repeated || signature) { // the type itself changes
				continue
			}
			out = append(out, e)
		}
	}
	return out
}

func sameConstant(live *entity, o *types.Const) bool {
	old, ok := live.object.(*types.Const)
	return ok && types.Identical(old.Type(), o.Type()) && o.Val().Kind() != constant.Unknown && constant.Compare(old.Val(), token.EQL, o.Val())
}

// declaresAgain reports whether the cell itself has a new declaration of e.
func (c *checked) declaresAgain(e *entity) bool {
	if e.base != nil {
		return c.hasMethod[e.base.name+"."+e.name]
	}
	return c.declares[e.name] && !c.keep[e.name]
}

// living are the current generations, methods included, in a fixed order.
func (u *universe) living() []*entity {
	var out []*entity
	for _, name := range sortedKeys(u.names) {
		e := u.names[name]
		out = append(out, e)
		out = append(out, sortedEntities(e.methods)...)
	}
	return out
}

// explain makes the error of a cell that does not compile.
func (u *universe) explain(t tried) error {
	e := &CompileError{}
	slices.SortStableFunc(t.errors, func(a, b types.Error) int { return int(a.Pos - b.Pos) })
	for _, x := range t.errors {
		d := t.checked.diagnostic(x.Pos, x.Msg)
		if name, ok := strings.CutPrefix(x.Msg, "undefined: "); ok {
			if live := u.names[name]; live != nil && live.broken != "" {
				d.Message = live.unusable(name)
			} else if live := u.names[name]; live != nil && t.checked.broken[live] != "" {
				d.Message = fmt.Sprintf("%s of %s does not compile with what this cell changes: %s", name, live.cell, t.checked.broken[live])
			}
		}
		d.Message += u.wayOut(t.checked, x)
		if d.Cell == "session" {
			d.Line, d.Column, d.Cell = t.checked.lines, 1, t.checked.name
		}
		e.Diagnostics = append(e.Diagnostics, d)
		if len(e.Diagnostics) == 10 {
			break
		}
	}
	return e
}

// mismatch are the errors that a type of the same name may explain.
var mismatch = regexp.MustCompile(`cannot use|mismatched types|missing method|no field or method`)

// wayOut says what Go's own words can't: that a name on the line of an error is not what its reader takes it for.
func (u *universe) wayOut(c *checked, x types.Error) (hint string) {
	own := c.files[0].ast
	if x.Pos < own.FileStart || x.Pos > own.FileEnd {
		return ""
	}
	at := c.fset.Position(x.Pos)
	ast.Inspect(own, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || hint != "" || c.fset.Position(id.Pos()).Line != at.Line {
			return hint == ""
		}
		e := u.entityOf(c.info.Uses[id])
		if e == nil || e.kind != kindVar {
			return true
		}
		if old := u.outdated(e); old != nil && mismatch.MatchString(x.Msg) && mentionsType(x.Msg, old.name) {
			hint = fmt.Sprintf(" (%s of %s is of the older %s, which was declared again since: run %[2]s again)", id.Name, e.cell, old.name)
			return false
		}
		if path := packageCalled(id.Name); path != "" && id.Pos() <= x.Pos && strings.HasPrefix(x.Msg, id.Name+".") {
			hint = fmt.Sprintf(" (%s is the variable of %s: import %q again to have the package)", id.Name, e.cell, path)
		}
		return true
	})
	return hint
}

// outdated is a type that a variable's type is made of and that has been declared again.
func (u *universe) outdated(e *entity) *entity {
	for _, x := range sortedSet(e.code.refs) {
		if live := u.names[x.name]; x.kind == kindType && live != nil && live != x && live.kind == kindType {
			return x
		}
	}
	return nil
}

func mentionsType(message, name string) bool {
	for _, w := range words(message) {
		if w == name {
			return true
		}
	}
	return false
}

// packageCalled is a package of the standard library that cells use under this name.
func packageCalled(name string) string {
	for _, p := range common {
		if (p == name || strings.HasSuffix(p, "/"+name)) && p != livePath && p != "math/rand/v2" {
			return p
		}
	}
	return ""
}
