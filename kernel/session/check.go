package session

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"sort"
	"strconv"
	"strings"
)

// checkFile is a part of the package that go/types checks: the cell's own file, or one for each declaration of an earlier cell that is
// checked again, with the imports that were in force there.
type checkFile struct {
	imports map[string]string
	hidden  map[string]bool // paths imported under the universe's alias
	decls   strings.Builder
	again   *entity // what the file checks again; nil for the cell's own
	text    string
	ast     *ast.File
}

func (f *checkFile) add(p piece) { f.decls.WriteString(p.code() + "\n") }

// attempt is one try to make sense of a cell. What it finds out (types that did not change, functions that must be compiled again)
// makes the next one, until nothing new is found.
type attempt struct {
	keep     map[string]bool       // types that the cell declares as they are: only their methods are compiled
	again    map[*entity]bool      // of earlier cells: compiled again, because something under them changed
	broken   map[*entity]string    // those of again that no longer compile
	shadows  map[string]types.Type // variables of the cell that its functions refer to and that no cell declared before with this type
	asValue  bool                  // the last expression is no statement
	renewing map[string]bool       // live types that get a new generation because of a method that a cell adds or changes
	decided  bool                  // keep is known
	extended map[string]bool       // types that stay what they are and get methods, or whose parts do
	apart    map[string]bool       // types that can't stay what they are
	freed    map[string]bool       // removed names that the cell itself uses: they are no one's, or Go's own, or a dot import's
}

// checked is a cell that compiles.
type checked struct {
	*source
	attempt
	fset    *token.FileSet
	files   []*checkFile
	pkg     *types.Package
	info    *types.Info
	run     *ast.FuncDecl
	body    *ast.BlockStmt      // of the cell's statements
	unused  []token.Pos         // local variables and imports that nothing uses: no error in a notebook
	methods map[string]methodOf // by the name of the function that stands for it
	retyped []string            // variables that the check has declared anew: their types are extended
}

// methodOf is a method of a live type, written as a function of this name.
type methodOf struct {
	base *entity
	name string
}

const runName = "run" + mark

// inOwn reports whether a place is in the cell itself, not in what is checked again.
func (c *checked) inOwn(p token.Pos) bool {
	own := c.files[0].ast
	return p >= own.FileStart && p <= own.FileEnd
}

func (c *checked) offset(p token.Pos) int { return c.fset.File(p).Offset(p) }

// check tries until the cell's meaning is settled.
func (u *universe) check(src *source, importer types.Importer) (*checked, error) {
	a := u.begin(src)
	for round := 0; ; round++ {
		c := u.try(src, a, importer)
		if c.parse != nil {
			return nil, c.parse
		}
		next, settled := u.settle(c)
		if settled || round > 30 {
			if len(c.errors) > 0 {
				return nil, u.explain(c)
			}
			return c.checked, nil
		}
		a = next
	}
}

// receivers finds the types of the cell's methods whose receivers are written with an alias.
func (u *universe) receivers(src *source) {
	src.via = map[string]string{}
	aliased := map[string]string{}
	for _, d := range src.types {
		if d.alias {
			aliased[d.name] = d.of
		}
	}
	for i, d := range src.decls {
		if d.base == "" {
			continue
		}
		for range 100 { // longer chains are circles
			of, own := aliased[d.base]
			if live := u.names[d.base]; !own && !src.declares[d.base] && live != nil && live.kind == kindType {
				if alias, ok := live.object.Type().(*types.Alias); ok {
					if named, ok := types.Unalias(alias).(*types.Named); ok {
						if e := u.entityOf(named.Obj()); e != nil && u.names[e.name] == e {
							of = e.name
						}
					}
				}
			}
			if of == "" {
				break
			}
			if !own {
				src.via[d.base] = of
			}
			d.base = of
		}
		if src.decls[i].base != d.base {
			src.decls[i] = d
			src.hasMethod[d.base+"."+d.name] = true
		}
	}
}

// begin is the first attempt.
func (u *universe) begin(src *source) attempt {
	a := attempt{keep: map[string]bool{}, again: map[*entity]bool{}, broken: map[*entity]string{}, shadows: map[string]types.Type{}, renewing: map[string]bool{},
		extended: map[string]bool{}, apart: map[string]bool{}, freed: map[string]bool{}}
	u.revive(&a, src)
	u.receivers(src)
	for _, d := range src.decls {
		if d.base != "" && !src.declares[d.base] { // go/types wants to see its declaration
			a.freed[d.base] = u.removed[d.base] != nil
		}
	}
	a.decided = len(u.unchangedCandidates(src)) == 0
	return a
}

// unchangedCandidates are the types of the cell that have a namesake which lives.
func (u *universe) unchangedCandidates(src *source) (names []string) {
	for _, d := range src.types {
		if live := u.names[d.name]; live != nil && live.kind == kindType && live.broken == "" && !d.alias {
			names = append(names, d.name)
		}
	}
	return names
}

type tried struct {
	*checked
	errors []types.Error
	parse  error
}

func (u *universe) try(src *source, a attempt, imp types.Importer) tried {
	c := &checked{source: src, attempt: a, fset: token.NewFileSet(), methods: map[string]methodOf{}}
	// One package and one scope for all checks, emptied each time: go/types tells unexported fields apart by the package's address, and
	// local types by the scope's.
	*u.pkg.Scope() = *types.NewPackage("main", "main").Scope()
	c.pkg = u.pkg
	own := &checkFile{imports: map[string]string{}, hidden: map[string]bool{}}
	c.files = append(c.files, own)

	declared := map[string]bool{} // at package level by this check
	for _, d := range src.decls {
		switch {
		case d.kind == kindType && a.keep[d.name]:
			continue
		case d.base != "":
			if live := u.names[d.base]; live != nil && live.kind == kindType && !a.renewing[d.base] && (a.keep[d.base] || !src.declares[d.base]) {
				if live.generic() || d.recovers {
					continue // as it was, or settle will have the type renewed
				}
				name := "m" + mark + d.base + mark + d.name
				own.add(methodPiece(d, name))
				c.methods[name] = methodOf{live, d.name}
				continue
			}
		default:
			for _, n := range d.names {
				declared[n] = true
			}
		}
		own.add(d.piece)
	}
	for _, name := range sortedKeys(a.renewing) { // the type and those of its methods that the cell does not declare
		live := u.meant(name)
		if a.freed[name] {
			continue
		}
		if src.declares[name] && !a.keep[name] { // the cell has the type itself: methods of other cells come along
		} else {
			f := &checkFile{imports: live.scope, again: live}
			f.add(live.source)
			c.files = append(c.files, f)
			declared[name] = true
		}
		for _, m := range sortedEntities(live.methods) {
			if a.broken[m] != "" || src.hasMethod[name+"."+m.name] || m.cellID != "" && m.cellID == src.cell.ID && src.declares[name] {
				continue
			}
			f := &checkFile{imports: m.scope, again: m}
			f.add(received(m.source, name))
			c.files = append(c.files, f)
		}
	}
	for alias, base := range src.via {
		if a.renewing[base] { // go/types wants to see the declarations of both
			a.again[u.names[alias]] = true
		}
	}
	for _, e := range sortedSet(a.again) {
		if e.base != nil {
			if a.renewing[e.base.name] || src.hasMethod[e.base.name+"."+e.name] {
				continue
			}
			f := &checkFile{imports: e.scope, again: e}
			name := "m" + mark + e.base.name + mark + e.name
			f.add(methodPiece(parsedMethod(e.source), name))
			c.methods[name] = methodOf{e.base, e.name}
			c.files = append(c.files, f)
			continue
		}
		if src.declares[e.name] || a.renewing[e.name] || a.freed[e.name] {
			continue
		}
		f := &checkFile{imports: e.scope, again: e}
		if e.kind == kindConst {
			f.add(e.alone())
		} else {
			f.add(e.source)
		}
		c.files = append(c.files, f)
		declared[e.name] = true
	}

	outer := map[string]types.Type{}
	for _, name := range sortedKeys(a.shadows) {
		text, err := c.spell(u, own, a.shadows[name])
		if err != nil {
			continue
		}
		own.add(piece{text: "var " + name + " " + text, file: "session", line: 1, column: 1})
		declared[name] = true
		if live := u.names[name]; live != nil && live.kind == kindVar {
			outer[name] = live.object.Type()
		}
	}

	vars := &checkFile{imports: map[string]string{}, hidden: map[string]bool{}}
	for _, name := range u.retyped(a.extended) {
		if e := u.meant(name); !declared[name] && e.broken == "" && src.imports[name] == "" && !a.freed[name] {
			text, err := c.spell(u, vars, e.object.Type())
			if err != nil {
				continue // settleExtended has seen it
			}
			vars.add(piece{text: "var " + name + " " + text, file: "session", line: 1, column: 1})
			declared[name] = true
			c.retyped = append(c.retyped, name)
		}
	}
	if len(c.retyped) > 0 {
		c.files = append(c.files, vars)
	}

	// What lives, under the user's names.
	for name, e := range u.names {
		if !declared[name] && e.broken == "" && a.broken[e] == "" && src.imports[name] == "" {
			c.pkg.Scope().Insert(e.object)
		}
	}
	for name, e := range u.removed {
		if !declared[name] && e.broken == "" && a.broken[e] == "" && src.imports[name] == "" && u.imports[name] == "" && !a.freed[name] {
			c.pkg.Scope().Insert(e.object)
		}
	}
	for name, path := range u.imports {
		if !declared[name] && u.names[name] == nil {
			own.imports[name] = path
		}
	}
	for name, path := range src.imports {
		own.imports[name] = path
	}
	if src.called {
		own.imports[liveName] = livePath
	}

	var b strings.Builder
	b.WriteString(own.decls.String())
	fmt.Fprintf(&b, "/*line session:1:1*/func %s() {", runName)
	for _, name := range sortedKeys(outer) {
		if text, err := c.spell(u, own, outer[name]); err == nil {
			fmt.Fprintf(&b, "var %s %s; _ = %s;", name, text, name)
		}
	}
	b.WriteString("{\n")
	for i, s := range src.statements {
		if i == len(src.statements)-1 && src.lastExprs > 0 && (a.asValue || !src.lastIsCall) {
			b.WriteString("/*line session:1:1*/" + strings.Repeat("_, ", src.lastExprs-1) + "_ = ")
		}
		b.WriteString(s.code() + "\n")
	}
	fmt.Fprintf(&b, "\n/*line %s:%d:1*/}}\n", src.name, src.lines)
	own.decls.Reset()
	own.decls.WriteString(b.String())

	mentioned := map[string]bool{}
	for _, f := range c.files {
		for _, w := range words(f.decls.String()) {
			mentioned[w] = true
		}
	}
	var asts []*ast.File
	for i, f := range c.files {
		var t strings.Builder
		t.WriteString("package main;")
		for _, name := range sortedKeys(f.imports) {
			switch {
			case strings.HasPrefix(name, "."):
				c.dot(imp, f.imports[name], declared)
			case name != "_" && mentioned[name] && !(i > 0 && c.pkg.Scope().Lookup(name) != nil):
				fmt.Fprintf(&t, "import %s %q;", name, f.imports[name])
			}
		}
		for path := range f.hidden {
			fmt.Fprintf(&t, "import %s %q;", u.alias(path), path)
		}
		t.WriteString(f.decls.String())
		f.text = t.String()
		parsed, err := parser.ParseFile(c.fset, src.name, f.text, parser.SkipObjectResolution)
		if err != nil {
			return tried{parse: syntaxError(err)}
		}
		f.ast = parsed
		asts = append(asts, parsed)
	}
	c.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}, Scopes: map[ast.Node]*types.Scope{},
		Instances: map[*ast.Ident]types.Instance{}}
	t := tried{checked: c}
	conf := types.Config{Importer: imp, Sizes: types.SizesFor("gc", goarch), Error: func(err error) {
		var e types.Error
		if !errors.As(err, &e) {
			return
		}
		switch {
		case e.Soft && (strings.HasPrefix(e.Msg, "declared and not used") || strings.HasSuffix(e.Msg, "imported and not used") || strings.Contains(e.Msg, "imported as") && strings.HasSuffix(e.Msg, "and not used")):
			c.unused = append(c.unused, e.Pos)
		case strings.HasPrefix(e.Msg, "\t"): // the other half of the error before it
		default:
			t.errors = append(t.errors, e)
		}
	}}
	for _, f := range asts { // go/types looks for circles among the package's declarations, and those of earlier cells and dot imports are none
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				for _, s := range g.Specs {
					s := s.(*ast.TypeSpec)
					if id, ok := s.Type.(*ast.Ident); ok && !declared[id.Name] && c.pkg.Scope().Lookup(id.Name) != nil {
						s.Type = &ast.ParenExpr{Lparen: id.Pos(), X: id, Rparen: id.End() - 1}
					}
				}
			}
		}
	}
	types.NewChecker(&conf, c.fset, c.pkg, c.info).Files(asts)
	for _, d := range own.ast.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == runName {
			c.run = f
			c.body = f.Body.List[len(f.Body.List)-1].(*ast.BlockStmt)
		}
	}
	return t
}

// dot puts what a package exports into the scope. As in a file of Go it stands under the universe's names only; unlike there, a name of
// the session is no conflict: it comes first.
func (c *checked) dot(imp types.Importer, path string, declared map[string]bool) {
	p, err := imp.Import(path)
	if err != nil {
		return // it was listed before
	}
	for _, name := range p.Scope().Names() {
		if o := p.Scope().Lookup(name); o.Exported() && !declared[name] && c.imports[name] == "" {
			c.pkg.Scope().Insert(o)
		}
	}
}

func hiddenName(e *entity) string { return "T" + mark + e.link }

// spell writes a type into a file of the check.
func (c *checked) spell(u *universe, f *checkFile, t types.Type) (text string, err error) {
	defer func() {
		if e, ok := recover().(unspeakable); ok {
			err = e
		}
	}()
	w := typeWriter{c: newCode(), alias: func(path string) string { f.hidden[path] = true; return u.alias(path) }, name: func(o *types.TypeName) string {
		if e := u.entityOf(o); e != nil {
			if u.names[e.name] == e && (c.renewing[e.name] || c.again[e] || c.source.declares[e.name] && !c.keep[e.name]) {
				return e.name
			}
			c.pkg.Scope().Insert(types.NewTypeName(token.NoPos, c.pkg, hiddenName(e), e.object.Type()))
			return hiddenName(e)
		}
		if o.Parent() != nil && o.Parent().Parent() != types.Universe {
			panic(unspeakable("local type"))
		}
		return o.Name()
	}}
	w.write(t)
	return w.b.String(), nil
}

// methodPiece writes a method as a function with the receiver as its first parameter, on the same lines.
func methodPiece(d declaration, name string) piece {
	p := d.piece
	var e edits
	methodEdits(&e, d.fun, name, d.offset)
	p.text = e.render(d.piece.text, 0, len(d.piece.text))
	return p
}

// received writes a method with its receiver under the type's own name: go/types wants to see the declaration of an alias, which may mean
// something else by now.
func received(method piece, base string) piece {
	d := parsedMethod(method)
	if d.base == base || d.receiver == nil {
		return method
	}
	var e edits
	e.replace(d.offset(d.receiver.Pos()), d.offset(d.receiver.End()), base)
	method.text = e.render(method.text, 0, len(method.text))
	return method
}

// methodEdits turn func (p T) name(a int) into func name(p T, a int).
func methodEdits(e *edits, f *ast.FuncDecl, name string, offset func(token.Pos) int) {
	e.insert(offset(f.Recv.Opening), name)
	receiver := f.Recv.List[0]
	if len(receiver.Names) == 0 {
		e.insert(offset(receiver.Type.Pos()), "_ ")
	}
	glue := ", "
	if len(f.Type.Params.List) == 0 {
		glue = ""
	}
	e.replace(offset(receiver.Type.End()), offset(f.Type.Params.Opening)+1, glue)
	for _, p := range f.Type.Params.List {
		if len(p.Names) == 0 {
			e.insert(offset(p.Type.Pos()), "_ ")
		}
	}
}

// alone is the declaration of a constant in which the others of its group have neither name nor value: each is compiled again for itself.
func (e *entity) alone() piece {
	const head = "package p;"
	fset := token.NewFileSet()
	p := e.source
	file, err := parser.ParseFile(fset, "", head+p.text, parser.SkipObjectResolution)
	if err != nil || len(file.Decls) != 1 {
		return p // it was parsed before
	}
	offset := func(p token.Pos) int { return fset.File(p).Offset(p) - len(head) }
	group := file.Decls[0].(*ast.GenDecl)
	own := constantSpec(group, e.name)
	var blanked edits
	for _, s := range group.Specs {
		v := s.(*ast.ValueSpec)
		if valuesOf(group, v) != valuesOf(group, own) {
			blanked.replace(offset(v.Pos()), offset(v.End()), "_ = 0")
			continue
		}
		for _, id := range v.Names {
			if id.Name != e.name {
				blanked.replace(offset(id.Pos()), offset(id.End()), "_")
			}
		}
	}
	p.text = blanked.render(p.text, 0, len(p.text))
	return p
}

// constantSpec is the line of a group that declares a constant.
func constantSpec(group *ast.GenDecl, name string) *ast.ValueSpec {
	for _, s := range group.Specs {
		v := s.(*ast.ValueSpec)
		for _, id := range v.Names {
			if id.Name == name {
				return v
			}
		}
	}
	return nil
}

// valuesOf is the line of a group whose values a line has: its own, or those that it repeats.
func valuesOf(group *ast.GenDecl, spec *ast.ValueSpec) (values *ast.ValueSpec) {
	for _, s := range group.Specs {
		v := s.(*ast.ValueSpec)
		if v.Type != nil || len(v.Values) > 0 {
			values = v
		}
		if v == spec {
			break
		}
	}
	return values
}

func (e *entity) generic() bool {
	switch o := e.object.(type) {
	case *types.TypeName:
		switch t := o.Type().(type) {
		case *types.Named:
			return t.TypeParams().Len() > 0
		case *types.Alias:
			return t.TypeParams().Len() > 0
		}
	case *types.Func:
		return o.Signature().TypeParams().Len() > 0
	}
	return false
}

// syntaxError should not come: gocell has parsed the cell.
func syntaxError(err error) error {
	return fmt.Errorf("cellar: session: the cell does not parse: %w", err)
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return !(r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127)
	})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func sortedSet[V any](m map[*entity]V) []*entity {
	out := make([]*entity, 0, len(m))
	for e := range m {
		out = append(out, e)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].link+out[i].name < out[j].link+out[j].name })
	return out
}

func sortedEntities(m map[string]*entity) []*entity {
	out := make([]*entity, 0, len(m))
	for _, name := range sortedKeys(m) {
		out = append(out, m[name])
	}
	return out
}

func importPath(s *ast.ImportSpec) string { path, _ := strconv.Unquote(s.Path.Value); return path }
