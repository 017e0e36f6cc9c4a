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
	a := c.attempt
	a.keep, a.again, a.broken, a.shadows, a.renewing = maps.Clone(c.keep), maps.Clone(c.again), maps.Clone(c.broken), maps.Clone(c.shadows), maps.Clone(c.renewing)
	a.apart, a.freed = maps.Clone(c.apart), maps.Clone(c.freed)
	changed := false
	for id, o := range c.info.Uses { // what is checked again may declare it
		if e := u.removed[id.Name]; e != nil && !a.freed[id.Name] && o.Parent() == c.pkg.Scope() && (u.entityOf(o) == e || !c.declares[id.Name] && !c.vars[id.Name]) && c.inOwn(id.Pos()) {
			a.freed[id.Name] = true
			changed = true
		}
	}
	if changed {
		return a, false
	}
	for _, f := range c.files[1:] {
		if name := c.mistaken(f); name != "" && a.broken[f.again] == "" {
			a.broken[f.again] = fmt.Sprintf("%s of %s was removed, and is Go's own or an import's in this cell", name, u.removed[name].cell)
			delete(a.again, f.again)
			if f.again.kind == kindType {
				delete(a.renewing, f.again.name)
			}
			return a, false
		}
	}
	if c.lastIsCall && !a.asValue {
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
	if u.settleExtended(c, &a) {
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
	again, _ := u.stale(c, a, nil)
	for _, e := range again {
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

// mistaken is a removed name that what is checked again would take for what this cell takes it for.
func (c *checked) mistaken(f *checkFile) (name string) {
	if f.again == nil || len(c.freed) == 0 {
		return ""
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && c.freed[id.Name] {
			if o := c.info.Uses[id]; o != nil && o.Parent() != nil && (o.Pkg() == nil || o.Parent() == o.Pkg().Scope() && o.Pkg() != c.pkg) {
				name = id.Name
			}
		}
		return name == ""
	})
	return name
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
func (u *universe) sameType(c *checked, name string, keep map[string]bool) bool {
	live := u.names[name]
	old, fresh := live.named(), c.fresh(name)
	if old == nil || fresh == nil {
		return false
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
	return u.sameText(keep, old, fresh)
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
		if i > 0 && f.again == nil { // it declares variables
			continue
		}
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
			if live := u.names[w]; live != nil && live.kind == kindVar && u.sameText(a.extended, live.object.Type(), o.Type()) {
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

// stale are the things of earlier cells that must be compiled again: what they refer to means something else now. Hard are those that
// become something else themselves, in compiled code too, but for the types in same.
func (u *universe) stale(c *checked, a attempt, same map[string]bool) (out []*entity, hard identities) {
	hard, soft := identities{}, identities{} // soft: another function behind the same slot
	for e := range a.broken {
		hard.add(e)
	}
	for name := range a.renewing {
		if !same[name] {
			hard.add(u.meant(name))
		}
	}
	scope := c.pkg.Scope()
	for name := range c.declares {
		live := u.meant(name)
		if live == nil || a.keep[name] || same[name] {
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
	for _, d := range c.decls {
		if live := u.names[d.base]; d.base != "" && live != nil && live.methods[d.name] != nil {
			soft.add(live.methods[d.name])
		}
	}
	if s := c.info.Scopes[c.body]; s != nil {
		for _, name := range s.Names() {
			if live := u.meant(name); live != nil && !(live.kind == kindVar && u.sameText(a.extended, live.object.Type(), s.Lookup(name).Type())) {
				hard.add(live)
			}
		}
	}
	if len(hard)+len(soft) == 0 {
		return nil, hard
	}
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
	return out, hard
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

// living are the current generations, methods included, in a fixed order: the session's, and what was removed and earlier cells still use.
func (u *universe) living() []*entity {
	var out []*entity
	for _, names := range []map[string]*entity{u.names, u.removed} {
		for _, name := range sortedKeys(names) {
			e := names[name]
			out = append(out, e)
			out = append(out, sortedEntities(e.methods)...)
		}
	}
	return out
}

// explain makes the error of a cell that does not compile.
func (u *universe) explain(t tried) error {
	e := &CompileError{}
	slices.SortStableFunc(t.errors, func(a, b types.Error) int { return int(a.Pos - b.Pos) })
	for _, x := range t.errors {
		d := t.checked.diagnostic(x.Pos, strings.Replace(x.Msg, " in assignment to _ identifier", "", 1)) // that is the session's
		if name, ok := strings.CutPrefix(x.Msg, "undefined: "); ok {
			if live := u.names[name]; live != nil && live.broken != "" {
				d.Message = live.unusable(name)
			} else if live := u.names[name]; live != nil && t.checked.broken[live] != "" {
				d.Message = fmt.Sprintf("%s of %s does not compile with what this cell changes: %s", name, live.cell, t.checked.broken[live])
			} else if old := u.removed[name]; old != nil {
				d.Message += fmt.Sprintf(" (that of %s was removed)", old.cell)
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
var mismatch = regexp.MustCompile(`cannot use|mismatched types|does not match|missing method|no field or method`)

// wayOut says what Go's own words can't: that a name in the statement of an error is not what its reader takes it for.
func (u *universe) wayOut(c *checked, x types.Error) (hint string) {
	if !c.inOwn(x.Pos) {
		return ""
	}
	ast.Inspect(c.statementAt(x.Pos), func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok || hint != "" {
			return hint == ""
		}
		id := rootOf(e)
		if id == nil {
			return true
		}
		v, ok := c.info.Uses[id].(*types.Var)
		if !ok {
			return true
		}
		held := u.entityOf(v)
		if held != nil && e == ast.Expr(id) && id.Pos() <= x.Pos && strings.HasPrefix(x.Msg, id.Name+".") {
			if path := packageCalled(id.Name); path != "" {
				hint = fmt.Sprintf(" (%s is the variable of %s: import %q again to have the package)", id.Name, held.cell, path)
				return false
			}
		}
		t := c.info.TypeOf(e)
		if t == nil || !mismatch.MatchString(x.Msg) {
			return true
		}
		for _, old := range u.outdated(c, t) {
			if !mentionsType(x.Msg, old.name) {
				continue
			}
			from, of := u.holders(old), ""
			if held != nil {
				from, of = []string{held.cell}, " of "+held.cell
			}
			hint = fmt.Sprintf(" (%s%s is of the older %s, which was declared again since", types.ExprString(e), of, old.name)
			if len(from) > 0 {
				hint += ": run " + strings.Join(from, " and ") + " again"
			}
			hint += ")"
			return false
		}
		return true
	})
	return hint
}

// statementAt is the innermost statement without a block of its own, or else the declaration, at a place of the cell.
func (c *checked) statementAt(p token.Pos) (found ast.Node) {
	found = c.files[0].ast
	ast.Inspect(c.files[0].ast, func(n ast.Node) bool {
		if n == nil || p < n.Pos() || p > n.End() {
			return false
		}
		switch n.(type) {
		case *ast.AssignStmt, *ast.ExprStmt, *ast.SendStmt, *ast.ReturnStmt, *ast.DeclStmt, *ast.GoStmt, *ast.DeferStmt, *ast.IncDecStmt, *ast.GenDecl, *ast.FuncDecl,
			*ast.IfStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.RangeStmt, *ast.ForStmt, *ast.CaseClause, *ast.CommClause:
			found = n
		}
		return true
	})
	return found
}

// rootOf is the variable that an expression takes its value from: a of a.b[i].c().
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.TypeAssertExpr:
			return nil
		case *ast.UnaryExpr:
			e = x.X
		case *ast.CallExpr:
			f, ok := x.Fun.(*ast.SelectorExpr)
			if !ok {
				return nil
			}
			e = f.X
		default:
			return nil
		}
	}
}

// outdated are the types that a type is made of and that have been declared again since, or are by this cell.
func (u *universe) outdated(c *checked, t types.Type) (old []*entity) {
	made := newCode()
	u.typeText(t, made) // one that can't be written in a cell is made of others too
	for _, e := range sortedSet(made.refs) {
		if now, ok := c.pkg.Scope().Lookup(e.name).(*types.TypeName); ok && e.kind == kindType && u.entityOf(now) != e {
			old = append(old, e)
		}
	}
	return old
}

// holders are the cells of the variables whose types are made of a type.
func (u *universe) holders(of *entity) (cells []string) {
	for _, name := range sortedKeys(u.names) {
		if v := u.names[name]; v.kind == kindVar && reaches(v, of, map[*entity]bool{}) && !slices.Contains(cells, v.cell) {
			cells = append(cells, v.cell)
		}
	}
	return cells
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
