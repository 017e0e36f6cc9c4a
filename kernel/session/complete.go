package session

import (
	"go/ast"
	"go/scanner"
	"go/token"
	"go/types"
	"maps"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Completion is what may stand between Start and End, byte offsets of the source.
type Completion struct {
	Start, End int
	Items      []Item
}

// Item is one continuation.
type Item struct{ Text, Kind, Type, Doc string } // Kind: func, var, type, const, package, field, method, keyword

// Complete lists what can stand at the cursor, a byte offset. It does not wait for a running cell.
func (s *Session) Complete(src string, cursor int) Completion {
	cursor = max(0, min(cursor, len(src)))
	start := cursor
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(src[:start])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		start -= size
	}
	c := Completion{Start: start, End: cursor}
	prefix := src[start:cursor]
	line := src[strings.LastIndexByte(src[:start], '\n')+1 : start]
	if i := strings.LastIndexByte(line, '"'); i >= 0 && strings.HasPrefix(strings.TrimSpace(line), "import") && strings.Count(line, `"`) == 1 {
		return s.importPaths(src, cursor-len(line[i+1:])-len(prefix), cursor)
	}
	var items []Item
	if strings.HasSuffix(line, ".") {
		p := s.look(src, start, operand(line[:len(line)-1]))
		s.mu.Lock() // what lives is shared with the checks of cells
		items = p.members()
		s.mu.Unlock()
	} else {
		p, literal := s.look(src, start, "0"), s.look(src, start, literalType(line))
		s.mu.Lock()
		items = append(literal.fields(), p.names()...)
		s.mu.Unlock()
	}
	seen := map[string]bool{}
	for _, it := range items {
		if !seen[it.Text] && it.Text != "_" && !strings.Contains(it.Text, mark) && strings.HasPrefix(strings.ToLower(it.Text), strings.ToLower(prefix)) {
			seen[it.Text] = true
			c.Items = append(c.Items, it)
		}
	}
	sort.SliceStable(c.Items, func(i, j int) bool { // fields of a literal first, keywords last, the exact case before the other
		a, b := c.Items[i], c.Items[j]
		if (a.Kind == "keyword") != (b.Kind == "keyword") {
			return b.Kind == "keyword"
		}
		if x, y := strings.HasPrefix(a.Text, prefix), strings.HasPrefix(b.Text, prefix); x != y {
			return x
		}
		return a.Text < b.Text
	})
	return c
}

func (s *Session) importPaths(src string, start, end int) Completion {
	c := Completion{Start: start, End: end}
	select {
	case <-s.ready:
	default:
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ps == nil {
		return c
	}
	for _, path := range sortedKeys(s.ps.snapshot()) {
		if strings.HasPrefix(path, src[start:end]) && !strings.Contains(path, "internal/") && !strings.HasPrefix(path, "vendor/") {
			c.Items = append(c.Items, Item{Text: path, Kind: "package"})
		}
	}
	return c
}

// operand is the expression that ends line: names, selectors, calls and indexes.
func operand(line string) string {
	depth := 0
	for i := len(line) - 1; i >= 0; i-- {
		switch b := line[i]; {
		case b == ')' || b == ']' || b == '}':
			depth++
		case b == '(' || b == '[' || b == '{':
			if depth--; depth < 0 {
				return line[i+1:]
			}
		case depth > 0 || b == '.' || b == '_' || b >= 0x80 || unicode.IsLetter(rune(b)) || unicode.IsDigit(rune(b)):
		default:
			return line[i+1:]
		}
	}
	return line
}

// literalType is the type of the composite literal that is open at the end of line, or "".
func literalType(line string) string {
	depth := 0
	for i := len(line) - 1; i >= 0; i-- {
		switch line[i] {
		case ')', ']', '}':
			depth++
		case '(', '[', '{':
			if depth--; depth < 0 {
				if line[i] == '{' {
					return operand(line[:i])
				}
				return ""
			}
		}
	}
	return ""
}

// spot is a place in a cell, as far as it can be understood, with an expression there.
type spot struct {
	c     *checked
	u     *universe
	scope *types.Scope
	expr  ast.Expr
	pos   token.Pos
}

// look checks what stands before the line of offset, and expr there. Nil if nothing is known yet.
func (s *Session) look(src string, offset int, expr string) (p *spot) {
	if expr == "" {
		return nil
	}
	select {
	case <-s.ready:
	default:
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.universe == nil {
		return nil
	}
	defer func() {
		if recover() != nil { // half a cell may be more than go/types can take
			p = nil
		}
	}()
	u := *s.universe
	u.pkg = types.NewPackage("main", "main")
	u.names, u.imports, u.entities = maps.Clone(u.names), maps.Clone(u.imports), maps.Clone(u.entities) // the cell that runs may end meanwhile
	before := src[:strings.LastIndexByte(src[:offset], '\n')+1]
	for _, text := range []string{before, ""} {
		if p := s.lookIn(&u, text, expr); p != nil {
			return p
		}
	}
	return nil
}

func (s *Session) lookIn(u *universe, before, expr string) *spot {
	line := strings.Count(before, "\n") + 1
	name := func(path string) (string, error) {
		if p := s.ps.get(path); p != nil {
			return p.Name, nil
		}
		return path[strings.LastIndexByte(path, '/')+1:], nil
	}
	src, err := read(Cell{Source: before + "_ = " + expr + "\n" + closers(before)}, "cell", name)
	if err != nil {
		return nil
	}
	t := u.try(src, attempt{}, s.importer)
	if t.parse != nil || t.run == nil {
		return nil
	}
	p := &spot{c: t.checked, u: u}
	for _, f := range t.files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && t.fset.Position(a.Pos()).Line == line && len(a.Rhs) == 1 {
				p.expr, p.pos = a.Rhs[0], a.Pos()
			}
			return true
		})
	}
	if p.expr == nil {
		return nil
	}
	p.scope = t.pkg.Scope().Innermost(p.pos)
	return p
}

// closers ends the brackets that are open at the end of text.
func closers(text string) string {
	var sc scanner.Scanner
	fset := token.NewFileSet()
	sc.Init(fset.AddFile("", -1, len(text)), []byte(text), func(token.Position, string) {}, 0)
	open := ""
	for {
		_, tok, _ := sc.Scan()
		switch tok {
		case token.EOF:
			return open
		case token.LBRACE:
			open = "}" + open
		case token.LPAREN:
			open = ")" + open
		case token.LBRACK:
			open = "]" + open
		case token.RBRACE, token.RPAREN, token.RBRACK:
			open = open[min(1, len(open)):]
		}
	}
}

func item(o types.Object) Item {
	it := Item{Text: o.Name(), Kind: "var", Type: typeString(o.Type())}
	switch o := o.(type) {
	case *types.Func:
		it.Kind = "func"
		if o.Signature().Recv() != nil {
			it.Kind = "method"
		}
	case *types.TypeName:
		it.Kind = "type"
		it.Type = typeString(o.Type().Underlying())
	case *types.Const:
		it.Kind = "const"
		if v := o.Val().String(); len(v) < 40 {
			it.Type += " = " + v
		}
	case *types.PkgName:
		it.Kind, it.Type = "package", o.Imported().Path()
	case *types.Var:
		if o.IsField() {
			it.Kind = "field"
		}
	case *types.Builtin:
		it.Kind, it.Type = "func", ""
	}
	return it
}

// members of the expression: of a package, of a value or a type.
func (p *spot) members() (items []Item) {
	if p == nil {
		return nil
	}
	if id, ok := p.expr.(*ast.Ident); ok {
		if pkg, ok := p.c.info.Uses[id].(*types.PkgName); ok {
			for _, name := range pkg.Imported().Scope().Names() {
				if o := pkg.Imported().Scope().Lookup(name); o.Exported() {
					items = append(items, item(o))
				}
			}
			return items
		}
	}
	t := p.c.info.TypeOf(p.expr)
	if t == nil {
		return nil
	}
	return membersOf(t, p.c.info.Types[p.expr].IsType())
}

func membersOf(t types.Type, onlyMethods bool) (items []Item) {
	seen := map[types.Type]bool{}
	visible := func(o types.Object) bool {
		return o.Exported() || o.Pkg() != nil && o.Pkg().Path() == "main"
	}
	var fields func(t types.Type)
	fields = func(t types.Type) {
		if ptr, ok := t.Underlying().(*types.Pointer); ok {
			t = ptr.Elem()
		}
		st, ok := t.Underlying().(*types.Struct)
		if !ok || seen[t] {
			return
		}
		seen[t] = true
		for i := range st.NumFields() {
			if visible(st.Field(i)) {
				items = append(items, item(st.Field(i)))
			}
			if st.Field(i).Embedded() {
				fields(st.Field(i).Type())
			}
		}
	}
	if !onlyMethods {
		fields(t)
	}
	if _, isPointer := t.(*types.Pointer); !isPointer && !types.IsInterface(t) {
		t = types.NewPointer(t)
	}
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		if o := set.At(i).Obj(); visible(o) {
			items = append(items, item(o))
		}
	}
	return items
}

// fields that a composite literal of the type may set.
func (p *spot) fields() (items []Item) {
	if p == nil || !p.c.info.Types[p.expr].IsType() {
		return nil
	}
	st, ok := p.c.info.TypeOf(p.expr).Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	for i := range st.NumFields() {
		if f := st.Field(i); f.Exported() || f.Pkg().Path() == "main" {
			items = append(items, item(f))
		}
	}
	return items
}

// names that can be said at the spot.
func (p *spot) names() (items []Item) {
	if p != nil {
		for scope := p.scope; scope != nil && scope != types.Universe; scope = scope.Parent() {
			for _, name := range scope.Names() {
				if _, o := scope.LookupParent(name, p.pos); o != nil && o.Type() != nil {
					items = append(items, item(o))
				}
			}
		}
		for name, e := range p.u.names {
			if e.broken == "" {
				items = append(items, item(e.object))
				items[len(items)-1].Text = name
			}
		}
		for name, path := range p.u.imports {
			if token.IsIdentifier(name) {
				items = append(items, Item{Text: name, Kind: "package", Type: path})
			}
		}
	}
	for _, name := range types.Universe.Names() {
		items = append(items, item(types.Universe.Lookup(name)))
	}
	for t := token.BREAK; t <= token.VAR; t++ {
		items = append(items, Item{Text: t.String(), Kind: "keyword"})
	}
	return items
}

// Inspection is what is known of a name.
type Inspection struct{ Signature, Doc, Value, Source string }

// Inspect tells of the name at the cursor; with level 1 also its source. It does not wait for a running cell.
func (s *Session) Inspect(src string, cursor, level int) (Inspection, bool) {
	cursor = max(0, min(cursor, len(src)))
	word := func(r rune) bool { return r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	end := cursor
	for end < len(src) {
		r, size := utf8.DecodeRuneInString(src[end:])
		if !word(r) || r == '.' {
			break
		}
		end += size
	}
	line := src[strings.LastIndexByte(src[:end], '\n')+1 : end]
	line = strings.TrimRight(line, "( \t.")
	expr := operand(line)
	if expr == "" {
		return Inspection{}, false
	}
	p := s.look(src, min(cursor, end), expr)
	if p == nil {
		return Inspection{}, false
	}
	i, e, ok := s.describe(p)
	if !ok {
		return i, false
	}
	if e != nil {
		if level > 0 {
			i.Source = e.source.lead + e.source.text
		}
		if e.kind == kindVar {
			i.Value = plainNames(s.values([]string{e.link})[e.link])
		}
	}
	return i, true
}

// describe says what the spot's expression names.
func (s *Session) describe(p *spot) (i Inspection, e *entity, ok bool) {
	s.mu.Lock() // what lives is shared with the checks of cells
	defer s.mu.Unlock()
	id, ok := p.expr.(*ast.Ident)
	if sel, is := p.expr.(*ast.SelectorExpr); is {
		id, ok = sel.Sel, true
	}
	if !ok {
		t := p.c.info.TypeOf(p.expr)
		if t == nil {
			return i, nil, false
		}
		return Inspection{Signature: typeString(t)}, nil, true
	}
	o := p.c.info.Uses[id]
	if o == nil {
		return i, nil, false
	}
	i.Signature = types.ObjectString(o, func(p *types.Package) string {
		if p.Path() == "main" {
			return ""
		}
		return p.Name()
	})
	i.Doc = s.doc(o)
	return i, p.u.entityOf(o), true
}
