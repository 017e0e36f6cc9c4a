package session

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/kernel/session/internal/sources"
)

func choose(o types.Object) choice { return choice{Item: item(o), object: o, group: groupName} }

// members of an expression: of a package, of a value or a type.
func (p *spot) members(s *Session, x ast.Expr) (list []choice) {
	if id, ok := x.(*ast.Ident); ok {
		switch o := p.c.info.Uses[id].(type) {
		case *types.PkgName:
			return packageMembers(s, o.Imported())
		case nil:
			if p.c.info.TypeOf(x) == nil || p.c.info.TypeOf(x) == types.Typ[types.Invalid] {
				for _, path := range s.browser.called(id.Name) {
					list = append(list, sourceMembers(s.browser.sources(path))...)
				}
				return list
			}
		}
	}
	tv := p.c.info.Types[x]
	if tv.Type == nil {
		return nil
	}
	return membersOf(tv.Type, tv.IsType())
}

func packageMembers(s *Session, pkg *types.Package) (list []choice) {
	for _, name := range pkg.Scope().Names() {
		if o := pkg.Scope().Lookup(name); o.Exported() {
			list = append(list, choose(o))
		}
	}
	if list == nil { // it is not known to the checker yet
		return sourceMembers(s.browser.sources(pkg.Path()))
	}
	return list
}

func sourceMembers(pkg *sources.Package) (list []choice) {
	if pkg == nil {
		return nil
	}
	for key, d := range pkg.Decls {
		if key == d.Name && token.IsExported(key) {
			list = append(list, choice{Item: Item{Text: d.Name, Kind: d.Kind, Type: d.Brief(), Doc: d.Doc}, group: groupName})
		}
	}
	return list
}

func visible(o types.Object) bool { return o.Exported() || o.Pkg() != nil && o.Pkg().Path() == "main" }

// membersOf are the fields and methods of a type, those of embedded ones after its own.
func membersOf(t types.Type, onlyMethods bool) (list []choice) {
	seen := map[string]bool{}
	add := func(o types.Object, depth int) {
		if visible(o) && !seen[o.Name()] {
			seen[o.Name()] = true
			c := choose(o)
			c.depth = depth
			list = append(list, c)
		}
	}
	if !onlyMethods {
		visited := map[types.Type]bool{}
		for level, depth := []types.Type{t}, 0; len(level) > 0; depth++ {
			var next []types.Type
			for _, t := range level {
				st := structOf(t)
				if st == nil || visited[st] {
					continue
				}
				visited[st] = true
				for i := range st.NumFields() {
					f := st.Field(i)
					add(f, depth)
					if f.Embedded() {
						next = append(next, f.Type())
					}
				}
			}
			level = next
		}
	}
	if _, isPointer := t.Underlying().(*types.Pointer); !isPointer && !types.IsInterface(t) {
		t = types.NewPointer(t)
	}
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		add(set.At(i).Obj(), len(set.At(i).Index())-1)
	}
	return list
}

// fields that a composite literal may still set.
func (p *spot) fields(lit *ast.CompositeLit, st *types.Struct) (list []choice) {
	var set []string
	colon := ":"
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := kv.Key.(*ast.Ident); ok {
			set = append(set, key.Name)
		}
		if e == p.parent(1) {
			colon = ""
		}
	}
	for i := range st.NumFields() {
		if f := st.Field(i); visible(f) && !slices.Contains(set, f.Name()) {
			c := choose(f)
			c.Text += colon
			c.group, c.depth = groupField, i
			list = append(list, c)
		}
	}
	return list
}

// names that can be said at the spot: those of the cell, innermost first, then those of the session.
func (p *spot) names() (list []choice) {
	pos, depth := p.ident().Pos(), 0
	for scope := p.scope; scope != nil && scope != types.Universe; scope = scope.Parent() {
		for _, name := range scope.Names() {
			if _, o := scope.LookupParent(name, pos); o != nil && o.Type() != nil {
				c := choose(o)
				c.depth = depth
				if c.Kind == "package" {
					c.depth += 10
				}
				list = append(list, c)
			}
		}
		depth++
	}
	if body := p.c.info.Scopes[p.c.body]; body != nil && (pos < p.c.body.Pos() || pos > p.c.body.End()) { // variables of the cell, to its functions
		for name := range p.c.vars {
			if o := body.Lookup(name); o != nil && o.Type() != nil {
				c := choose(o)
				c.depth = depth
				list = append(list, c)
			}
		}
	}
	for name, e := range p.u.names {
		if e.broken == "" {
			c := choose(e.object)
			c.Text, c.depth = name, depth
			list = append(list, c)
		}
	}
	for _, imports := range []map[string]string{p.u.imports, p.c.imports} {
		for name, path := range imports {
			if token.IsIdentifier(name) {
				list = append(list, choice{Item: Item{Text: name, Kind: "package", Type: path}, group: groupName, depth: depth + 10})
			}
		}
	}
	return universal(append(list, p.values()...))
}

// values are the constants and variables of the package of the type that is wanted: time.Sunday behind case.
func (p *spot) values() (list []choice) {
	named, ok := types.Unalias(p.expected()).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() == "main" || types.IsInterface(named) {
		return nil
	}
	pkg := named.Obj().Pkg()
	alias := pkg.Name()
	for _, imports := range []map[string]string{p.u.imports, p.c.imports} {
		for name, path := range imports {
			if path == pkg.Path() && token.IsIdentifier(name) {
				alias = name
			}
		}
	}
	for _, name := range pkg.Scope().Names() {
		switch o := pkg.Scope().Lookup(name).(type) {
		case *types.Const, *types.Var:
			if o.Exported() && types.Identical(o.Type(), named) {
				c := choose(o)
				c.Text, c.depth = alias+"."+name, 20
				list = append(list, c)
			}
		}
	}
	return list
}

// helpers are functions that the session does not declare and Expand knows.
func (p *spot) helpers(s *Session) (list []choice) {
	for _, name := range s.o.Helpers {
		list = append(list, choice{Item: Item{Text: name, Kind: "func"}, group: groupName, depth: 15})
	}
	return list
}

// foreign are the packages of the standard library that the cell does not import.
func (p *spot) foreign(s *Session) (list []choice) {
	std, _ := s.browser.paths(0)
	for _, path := range sortedKeys(std) {
		name := path[strings.LastIndexByte(path, '/')+1:]
		if s.browser.importable(path) && len(name) > 2 {
			c := choice{Item: Item{Text: name, Kind: "package", Type: path}, group: groupForeign, depth: 1}
			if slices.Contains(common, path) {
				c.depth = 0
			}
			list = append(list, c)
		}
	}
	return list
}

// labels of the function around the spot.
func (p *spot) labels() (list []choice) {
	for _, n := range slices.Backward(p.path) {
		var body *ast.BlockStmt
		switch n := n.(type) {
		case *ast.FuncDecl:
			body = n.Body
		case *ast.FuncLit:
			body = n.Body
		default:
			continue
		}
		ast.Inspect(body, func(n ast.Node) bool {
			if l, ok := n.(*ast.LabeledStmt); ok {
				list = append(list, choice{Item: Item{Text: l.Label.Name, Kind: "label"}, group: groupName})
			}
			_, inner := n.(*ast.FuncLit)
			return !inner
		})
		return list
	}
	return nil
}

// keywords that may stand at the spot.
func (p *spot) keywords() []choice {
	switch n := p.parent(1).(type) {
	case *ast.ExprStmt:
		return keywords(token.BREAK, token.VAR)
	case *ast.AssignStmt:
		if p.c.fset.Position(n.Pos()).Filename != p.c.name { // the cell's last line, whose value is shown
			return keywords(token.BREAK, token.VAR)
		}
		if _, ok := p.parent(2).(*ast.ForStmt); ok {
			return append(keywords(token.FUNC, token.FUNC), append(keywords(token.RANGE, token.RANGE), typeKeywords()...)...)
		}
	case *ast.ForStmt:
		return keywords(token.RANGE, token.RANGE)
	case *ast.Field:
		if n.Type != ast.Expr(p.ident()) {
			return nil
		}
	}
	return append(keywords(token.FUNC, token.FUNC), typeKeywords()...)
}

func typeKeywords() (list []choice) {
	for _, t := range []token.Token{token.CHAN, token.INTERFACE, token.MAP, token.STRUCT} {
		list = append(list, keywords(t, t)...)
	}
	return list
}

func keywords(from, to token.Token) (list []choice) {
	for t := from; t <= to; t++ {
		list = append(list, choice{Item: Item{Text: t.String(), Kind: "keyword"}, group: groupKeyword})
	}
	return list
}

func universal(list []choice) []choice {
	for _, name := range types.Universe.Names() {
		if name == "iota" {
			continue
		}
		c := choose(types.Universe.Lookup(name))
		c.depth = 30
		list = append(list, c)
	}
	return list
}
