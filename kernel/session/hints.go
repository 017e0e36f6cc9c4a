package session

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gocell"
)

// hint adds to the errors of a cell what was probably meant.
func (s *Session) hint(u *universe, src *source, err error) error {
	var refused *CompileError
	if !errors.As(err, &refused) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range refused.Diagnostics {
		d := &refused.Diagnostics[i]
		if name, ok := strings.CutPrefix(d.Message, "undefined: "); ok && assigned(src, name, d.Line) && didYouMean(name, s.namesIn(u, src)) == "" {
			d.Message += fmt.Sprintf(" (%s := … declares it)", name)
			continue
		}
		d.Message += cmp.Or(builtinMeant(src, *d), s.meant(u, src, d.Message))
	}
	return err
}

// builtinNames are the names that other languages have for methods, by the function of Go's that does it.
var builtinNames = map[string]string{"append": "append", "push": "append", "add": "append", "len": "len", "length": "len", "size": "len", "cap": "cap", "delete": "delete",
	"remove": "delete", "clear": "clear"}

// builtinMeant is the call of Go's function that stands for a method which slices, maps, strings and the like do not have.
func builtinMeant(src *source, d Diagnostic) (hint string) {
	m := methodless.FindStringSubmatch(d.Message)
	if m == nil {
		return ""
	}
	value, of, f := m[1], m[2], builtinNames[strings.ToLower(m[3])]
	isSlice, isMap := strings.HasPrefix(of, "[]"), strings.HasPrefix(of, "map[")
	if f == "" || f == "append" && !isSlice || f == "delete" && !isMap || f == "clear" && !isSlice && !isMap {
		return ""
	}
	cell, err := gocell.Parse(src.name, src.cell.Source)
	if err != nil {
		return ""
	}
	args := []string{value}
	ast.Inspect(cell.File, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if selected, ok := call.Fun.(*ast.SelectorExpr); ok {
			if at := cell.Fset.Position(selected.Sel.Pos()); at.Line == d.Line && at.Column == d.Column {
				for _, arg := range call.Args {
					args = append(args, types.ExprString(arg))
				}
			}
		}
		return true
	})
	if f == "append" {
		hint = value + " = "
	}
	return " (in Go: " + hint + f + "(" + strings.Join(args, ", ") + "))"
}

var (
	methodless = regexp.MustCompile(`^(.+)\.\w+ undefined \(type (\[.+|map\[.+|chan .+|<-chan .+|(?:untyped )?string) has no field or method (\w+)\)$`)
	memberless = regexp.MustCompile(`undefined \(type (\S+) has no field or method (\w+)\)$`)
	fieldless  = regexp.MustCompile(`^unknown field (\w+) in struct literal of type (\S+)$`)
)

// meant is what may help with a message of the checker's.
func (s *Session) meant(u *universe, src *source, message string) string {
	if m := memberless.FindStringSubmatch(message); m != nil {
		short, _, _ := strings.Cut(path.Base(strings.TrimLeft(m[1], "*")), ".")
		if old := s.asLoaded(s.imported(u, src, short)); old != "" {
			return old
		}
		return didYouMean(m[2], s.membersOfNamed(u, src, m[1], false))
	}
	if m := fieldless.FindStringSubmatch(message); m != nil {
		return didYouMean(m[1], s.membersOfNamed(u, src, m[2], true))
	}
	name, ok := strings.CutPrefix(message, "undefined: ")
	if !ok || strings.Contains(name, " ") { // it is explained already
		return ""
	}
	short, member, selected := strings.Cut(name, ".")
	if !selected {
		return didYouMean(name, s.namesIn(u, src))
	}
	p := s.imported(u, src, short)
	if p == nil {
		return ""
	}
	if old := s.asLoaded(p); old != "" {
		return old
	}
	return didYouMean(member, slices.DeleteFunc(p.Scope().Names(), func(n string) bool { return !token.IsExported(n) }))
}

// assigned reports whether a line assigns to a name.
func assigned(src *source, name string, line int) (found bool) {
	cell, err := gocell.Parse(src.name, src.cell.Source)
	if err != nil {
		return false
	}
	ast.Inspect(cell.File, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.ASSIGN {
			for _, l := range a.Lhs {
				id, ok := l.(*ast.Ident)
				found = found || ok && id.Name == name && cell.Fset.Position(id.Pos()).Line == line
			}
		}
		return true
	})
	return found
}

// others are words that other languages begin a statement with.
var others = map[string]string{
	"let": "name := value declares a variable", "val": "name := value declares a variable", "auto": "name := value declares a variable",
	"def": "functions begin with func", "fn": "functions begin with func", "function": "functions begin with func",
	"while": "for condition { … } is Go's while", "elif": "write } else if", "class": "type Name struct { … } is Go's class",
	"throw": "return an error, or panic", "raise": "return an error, or panic", "try": "functions return errors: if err != nil { … }",
	"async": "go f() runs beside", "await": "receive from a channel", "yield": "an iterator is a function that gets yield", "from": "import \"path\" imports",
	"pip": "! runs a program: !pip …", "git": "! runs a program: !git …",
}

// syntaxHint explains a complaint of the parser's by the word that stands before the place of it.
func syntaxHint(text string, line, column int, message string) string {
	switch message {
	case "missing import path":
		return ": it stands in quotes, as in import \"fmt\""
	case "illegal rune literal", "more than one character in rune literal":
		return ": texts stand in \"double quotes\""
	case "expected statement, found 'else'":
		return " (else stands on the line of the } that it follows)"
	case "expression in go must be function call":
		return " (go f() runs f beside; %go runs the go command)"
	}
	if !strings.HasPrefix(message, "expected ") || line < 1 {
		return ""
	}
	at := min(offsetAt(text, line, column), len(text))
	before := words(text[strings.LastIndexByte(text[:at], '\n')+1 : at])
	if len(before) == 0 {
		return ""
	}
	word := before[len(before)-1]
	if why := others[word]; why != "" {
		return " (" + why + ")"
	}
	if !token.IsIdentifier(word) { // keywords are none
		return ""
	}
	var keywords []string
	for t := token.BREAK; t <= token.VAR; t++ {
		keywords = append(keywords, t.String())
	}
	if near := didYouMean(word, keywords); near != "" {
		return near
	}
	if found := strings.TrimPrefix(message, "expected ';', found "); strings.HasPrefix(found, "\"") || found != "" && found[0] >= '0' && found[0] <= '9' {
		return " (a call has brackets: " + word + "(…))"
	}
	return ""
}

// asLoaded says of a package that its source is another one by now.
func (s *Session) asLoaded(p *types.Package) string {
	if p == nil || s.outdated[p.Path()] == "" {
		return ""
	}
	return fmt.Sprintf(" (%s; the session goes on with what it has loaded: %%replay takes the change)", s.outdated[p.Path()])
}

// imported is the package that the cell has under a name.
func (s *Session) imported(u *universe, src *source, short string) *types.Package {
	path := src.imports[short]
	if path == "" {
		path = u.imports[short]
	}
	if path == "" {
		return nil
	}
	p, err := s.importer.Import(path)
	if err != nil {
		return nil
	}
	return p
}

// namesIn are the names that a cell may have meant: its own, those of the session, and Go's.
func (s *Session) namesIn(u *universe, src *source) []string {
	names := slices.Concat(types.Universe.Names(), slices.Collect(maps.Keys(src.imports)), slices.Collect(maps.Keys(u.imports)))
	for name, e := range u.names {
		if e.broken == "" {
			names = append(names, name)
		}
	}
	cell, err := gocell.Parse(src.name, src.cell.Source)
	if err != nil {
		return names
	}
	add := func(idents ...*ast.Ident) {
		for _, id := range idents {
			if id != nil {
				names = append(names, id.Name)
			}
		}
	}
	ast.Inspect(cell.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil {
				add(n.Name)
			}
		case *ast.StructType:
			return false
		case *ast.Field:
			add(n.Names...)
		case *ast.ValueSpec:
			add(n.Names...)
		case *ast.TypeSpec:
			add(n.Name)
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok && n.Tok == token.DEFINE {
					add(id)
				}
			}
		case *ast.RangeStmt:
			for _, x := range []ast.Expr{n.Key, n.Value} {
				if id, ok := x.(*ast.Ident); ok && n.Tok == token.DEFINE {
					add(id)
				}
			}
		}
		return true
	})
	return names
}

// membersOfNamed are the fields of a type, and its methods, by its name in a message.
func (s *Session) membersOfNamed(u *universe, src *source, name string, fieldsOnly bool) (names []string) {
	name, _, _ = strings.Cut(strings.TrimLeft(name, "*"), "[")
	var t types.Type
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		short := path.Base(name[:i]) // messages have the whole path, or the package's name
		if p := s.imported(u, src, short); p != nil && p.Scope().Lookup(name[i+1:]) != nil {
			t = p.Scope().Lookup(name[i+1:]).Type()
		}
	} else if o, ok := u.pkg.Scope().Lookup(name).(*types.TypeName); ok { // the cell's own, as it was checked last
		t = o.Type()
	} else if e := u.names[name]; e != nil && e.kind == kindType && !src.declares[name] {
		t = e.object.Type()
	}
	if t == nil {
		return nil
	}
	for _, c := range membersOf(t, false) {
		if !fieldsOnly || c.Kind == "field" {
			names = append(names, c.Text)
		}
	}
	return names
}

// didYouMean names those that are written nearly as a name is.
func didYouMean(name string, known []string) string {
	best := 1 + len(name)/5 // slips of the finger
	if len(name) < 3 {
		return ""
	}
	var near []string
	for _, k := range known {
		if k == name || k == "_" || strings.Contains(k, mark) {
			continue
		}
		n := slips(name, k)
		if len(name) == 3 && n > 0 && sorted(name) != sorted(k) && !lacks(name, k) { // a third of the letters is too much
			continue
		}
		if strings.EqualFold(name, k) {
			n = 0
		}
		if n < best {
			best, near = n, nil
		}
		if n == best {
			near = append(near, k)
		}
	}
	if slices.ContainsFunc(near, func(k string) bool { return lacks(name, k) }) { // a letter that is missing comes before one that is wrong
		near = slices.DeleteFunc(near, func(k string) bool { return !lacks(name, k) })
	}
	slices.Sort(near)
	if near = slices.Compact(near); len(near) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(near[:min(3, len(near))], " or ") + "?)"
}

// sorted are the letters of a name in their order.
func sorted(name string) string {
	letters := []byte(name)
	slices.Sort(letters)
	return string(letters)
}

// lacks reports whether a name is another one without some of its letters.
func lacks(name, whole string) bool {
	for i := range whole {
		if name != "" && whole[i] == name[0] {
			name = name[1:]
		}
	}
	return name == ""
}

// slips counts the letters that are wrong, missing, too many, or in the wrong order in one of two names.
func slips(a, b string) int {
	if d := len(a) - len(b); d > 4 || d < -4 {
		return 5
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// noPackage says what is there instead of a package that is not: one of the modules of the user's own, or of the standard library. The go command
// would ask the module proxy for the first.
func (s *Session) noPackage(p string) error {
	module := s.tools.module
	own, dir := "", "" // the innermost that the package may be of
	for m, folder := range module.Folders() {
		if within(p, m) && len(m) > len(own) {
			own, dir = m, folder
		}
	}
	if own == "" || hasGo(filepath.Join(dir, strings.TrimPrefix(p, own))) {
		return nil
	}
	for q := p; q != own; q = path.Dir(q) {
		if module.Names(q) { // a module within the module
			return nil
		}
	}
	for _, r := range module.File.Replace {
		if within(p, r.Old.Path) {
			return nil
		}
	}
	found := map[string]string{}
	walk(dir, own, found, 6)
	packages := sortedKeys(found)
	hint := "its packages are " + strings.Join(packages[:min(10, len(packages))], ", ")
	if len(packages) == 0 {
		hint = "it has no packages that can be imported"
	} else if len(packages) > 10 {
		hint += fmt.Sprintf(" and %d more", len(packages)-10)
	}
	return fault.New(fault.Input, hint+didYouMean(p, packages), "import %s: the module %s has no such package", p, own)
}

// oneLine is an error with its way out, in one line: of an import, which the cell's error tells.
func oneLine(err error) string {
	text := strings.TrimPrefix(err.Error(), "cellar: ")
	if hint := fault.Hint(err); hint != "" {
		text += ": " + hint
	}
	return text
}
