package session

import (
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cellar-go/cellar/internal/gocell"
)

// Completion is what may stand between Start and End, byte offsets of the source.
type Completion struct {
	Start, End int
	Items      []Item
}

// Item is one continuation.
type Item struct{ Text, Kind, Type, Doc string } // Kind: func, var, type, const, package, field, method, keyword, label, file, or one of Suggest's

// Typed is what is being typed where the session knows no Go.
type Typed struct {
	Line string // the line up to the cursor: of a command, or of a comment
	Call string // or the function in whose argument a string is open, as it is written
	Arg  int    // and the number of the argument
	Text string // the string up to the cursor
}

// Complete lists what can stand at the cursor, a byte offset: the likeliest first. It does not wait for a running cell.
func (s *Session) Complete(src string, cursorAt int) Completion {
	end := max(0, min(cursorAt, len(src)))
	at := gocell.At(src, end)
	c := Completion{Start: end, End: end}
	if !s.isReady() {
		return c
	}
	line := src[strings.LastIndexByte(src[:end], '\n')+1 : end]
	switch {
	case at.Magic, at.Inside == token.COMMENT && strings.HasPrefix(src[at.Start:], "//"):
		c.Start = end - len(line) + strings.LastIndexAny(line, " \t[,=") + 1
		if c.Items = s.suggest(Typed{Line: line}); at.Magic && c.Items == nil {
			c.Items = s.files(src[c.Start:end])
		}
	case at.Inside == token.STRING:
		c.Start = at.Start + 1
		c.Items = s.inString(src, at.Start, end)
	case at.Inside != token.ILLEGAL:
	default:
		c.Start = at.Start
		c.Items = s.inCode(src, at.Start, end)
	}
	return c
}

func (s *Session) suggest(t Typed) []Item {
	if s.o.Suggest == nil {
		return nil
	}
	word := t.Text + t.Line[strings.LastIndexAny(t.Line, " \t[,=")+1:]
	var items []Item
	for _, it := range s.o.Suggest(t) {
		text := strings.ToLower(it.Text)
		if strings.HasPrefix(text, strings.ToLower(word)) || strings.HasPrefix(text[strings.LastIndexByte(text, '/')+1:], strings.ToLower(word)) {
			items = append(items, it)
		}
	}
	return items
}

var importing = regexp.MustCompile(`(?:^|[\n;])\s*import\s*(?:\([^)]*|[\w.]*\s*)$`)

// opening are the functions whose first string names a file.
var opening = regexp.MustCompile(`(?:^|\.)(?:Open|OpenFile|ReadFile|ReadDir|WriteFile|Create|Stat|Lstat|Chdir|Mkdir|MkdirAll|Remove|RemoveAll|Rename|DirFS|Glob|WalkDir|Walk|ParseFiles|ServeFile|FileServer|Dir|Command|OpenReader|LoadFile)$`)

// inString completes the string that begins at start.
func (s *Session) inString(src string, start, end int) []Item {
	text := src[start+1 : end]
	if importing.MatchString(src[:start]) {
		return s.importPaths(text)
	}
	call, ok := gocell.CallAt(src, start)
	if ok {
		name := callee(src[:call.Name])
		if items := s.suggest(Typed{Call: name, Arg: call.Arg, Text: text}); items != nil {
			return items
		}
		if opening.MatchString(name) {
			return s.files(text)
		}
	}
	if strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") || strings.HasPrefix(text, "/") {
		return s.files(text)
	}
	return nil
}

// callee is the name that text ends in, with what it is selected from.
func callee(text string) string {
	i := strings.LastIndexFunc(text, func(r rune) bool { return r != '.' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	_, size := utf8.DecodeRuneInString(text[max(i, 0):])
	if i < 0 {
		return text
	}
	return text[i+size:]
}

// files are those whose path begins with text.
func (s *Session) files(text string) (items []Item) {
	dir, name := filepath.Split(text)
	entries, err := os.ReadDir(filepath.Join(s.o.Dir, dir))
	if filepath.IsAbs(dir) {
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), name) || name == "" && strings.HasPrefix(e.Name(), ".") {
			continue
		}
		it := Item{Text: dir + e.Name(), Kind: "file"}
		if info, err := os.Stat(filepath.Join(s.o.Dir, dir, e.Name())); err == nil && info.IsDir() {
			it.Text += "/"
		}
		items = append(items, it)
		if len(items) == most {
			break
		}
	}
	return items
}

// most is how many items are offered: more nobody reads.
const most = 1000

// patience is how long a completion waits for what is found out behind it.
const patience = 60 * time.Millisecond

func (s *Session) importPaths(text string) (items []Item) {
	std, own := s.browser.paths(patience)
	tools, _ := s.browser.now()
	module := tools.module.Path
	paths := slices.Concat(sortedKeys(own), sortedKeys(std))
	sort.SliceStable(paths, func(i, j int) bool { // the module's own first
		return within(paths[i], module) && !within(paths[j], module)
	})
	for _, path := range paths {
		if strings.HasPrefix(path, text) && s.browser.importable(path) && len(items) < most {
			items = append(items, Item{Text: path, Kind: "package"})
		}
	}
	return items
}

// within reports whether a package is of a module.
func within(path, module string) bool {
	return module != "" && (path == module || strings.HasPrefix(path, module+"/"))
}

// choice is an item with what speaks for it.
type choice struct {
	Item
	object types.Object // what it names; nil if the checker does not know it
	group  int          // fields of the literal, values of the wanted type by name, all others, keywords, packages that are not imported
	match  int          // how well its type fits
	depth  int          // how far away it is declared
}

const (
	groupField = iota
	groupName
	groupKeyword
	groupForeign
)

// inCode completes the word from start to end.
func (s *Session) inCode(src string, start, end int) []Item {
	prefix := src[start:end]
	s.mu.Lock()
	p := s.look(src, start, end, cursor)
	var choices []choice
	switch {
	case p == nil && start > 0 && src[start-1] == '.':
	case p == nil:
		choices = append(universal(nil), keywords(token.BREAK, token.VAR)...)
	default:
		choices = p.choices(s)
	}
	s.mu.Unlock()
	if call, ok := gocell.CallAt(src, start); ok && prefix == "" { // load(, before the quote
		for _, it := range s.suggest(Typed{Call: callee(src[:call.Name]), Arg: call.Arg}) {
			it.Text = strconv.Quote(it.Text)
			choices = append(choices, choice{Item: it, group: groupField, depth: len(choices)})
		}
	}
	lower := strings.ToLower(prefix)
	seen := map[string]bool{}
	var fit []choice
	for _, c := range choices {
		name := c.Text[strings.LastIndexByte(strings.TrimSuffix(c.Text, "."), '.')+1:]
		if c.Text == "_" || strings.Contains(c.Text, mark) || strings.Contains(c.Text, cursor) || !strings.HasPrefix(strings.ToLower(c.Text), lower) && !strings.HasPrefix(strings.ToLower(name), lower) {
			continue
		}
		fit = append(fit, c)
	}
	exact := func(c choice) bool { return strings.HasPrefix(c.Text, prefix) }
	sort.SliceStable(fit, func(i, j int) bool {
		a, b := fit[i], fit[j]
		switch {
		case a.group != b.group:
			return a.group < b.group
		case exact(a) != exact(b):
			return exact(a)
		case a.match != b.match:
			return a.match > b.match
		case a.depth != b.depth:
			return a.depth < b.depth
		}
		return a.Text < b.Text
	})
	var items []Item
	for _, c := range fit {
		if !seen[c.Text] && len(items) < most {
			seen[c.Text] = true
			items = append(items, c.Item)
		}
	}
	return items
}

// choices are what may stand at the spot.
func (p *spot) choices(s *Session) []choice {
	if sel := p.selector(); sel != nil {
		return p.fit(p.members(s, sel.X))
	}
	switch n := p.parent(1).(type) {
	case *ast.BranchStmt:
		if n.Tok != token.GOTO || n.Label != nil {
			return p.labels()
		}
	case *ast.FuncDecl, *ast.LabeledStmt:
		return nil
	case *ast.TypeSpec:
		if n.Name == p.ident() {
			return nil
		}
	}
	var list []choice
	if lit, st := p.literal(); st != nil {
		keyed := false
		for _, e := range lit.Elts {
			_, isKey := e.(*ast.KeyValueExpr)
			keyed = keyed || isKey && e != p.parent(1)
		}
		list = append(list, p.fields(lit, st)...)
		if keyed || p.parent(1) != ast.Node(lit) {
			return list
		}
	}
	list = append(list, p.names()...)
	list = append(list, p.helpers(s)...)
	list = append(list, p.foreign(s)...)
	return append(p.fit(list), p.keywords()...)
}

// fit marks what has the type that the spot wants.
func (p *spot) fit(list []choice) []choice {
	wantType, want := p.isType(), p.expected()
	if want != nil {
		if i, ok := want.Underlying().(*types.Interface); ok && i.Empty() {
			want = nil
		}
	}
	for i := range list {
		c := &list[i]
		switch {
		case wantType && (c.Kind == "type" || c.Kind == "package"):
			c.match = 2
		case wantType:
		case want != nil && c.object != nil:
			c.match = match(c.object, want)
		}
	}
	return list
}

// match says how well an object serves where a type is wanted.
func match(o types.Object, want types.Type) int {
	switch o := o.(type) {
	case *types.Var, *types.Const:
		if types.AssignableTo(o.Type(), want) {
			return 2
		}
	case *types.Func:
		if types.AssignableTo(o.Type(), want) {
			return 2
		}
		if r := o.Signature().Results(); r.Len() == 1 && types.AssignableTo(r.At(0).Type(), want) {
			return 1
		}
	}
	return 0
}

func item(o types.Object) Item {
	it := Item{Text: o.Name(), Kind: "var", Type: typeString(o.Type())}
	if o.Type() == types.Typ[types.Invalid] {
		it.Type = ""
	}
	switch o := o.(type) {
	case *types.Func:
		it.Kind = "func"
		if o.Signature().Recv() != nil {
			it.Kind = "method"
		}
	case *types.TypeName:
		it.Kind = "type"
		it.Type = outline(o.Type().Underlying())
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

// outline is a type as another package sees it: without the fields that are not exported.
func outline(t types.Type) string {
	st, ok := t.(*types.Struct)
	if !ok {
		return typeString(t)
	}
	var fields []string
	hidden := false
	for i := range st.NumFields() {
		f := st.Field(i)
		switch {
		case !visible(f):
			hidden = true
		case f.Embedded():
			fields = append(fields, typeString(f.Type()))
		default:
			fields = append(fields, f.Name()+" "+typeString(f.Type()))
		}
	}
	if hidden {
		fields = append(fields, "…")
	}
	return "struct{" + strings.Join(fields, "; ") + "}"
}
