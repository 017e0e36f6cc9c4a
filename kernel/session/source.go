package session

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gocell"
	"github.com/cellar-go/cellar/internal/options"
)

// source is a cell that parses: its declarations, one by one, and its statements in order.
type source struct {
	cell       Cell
	name       string // stands as the file in positions
	lines      int
	imports    map[string]string // name → path, those without a name under what their package is called
	decls      []declaration
	types      []declaration     // of decls
	declares   map[string]bool   // names of its types, functions and constants
	hasMethod  map[string]bool   // T.m
	vars       map[string]bool   // declared by its statements
	via        map[string]string // aliases that receivers of methods are written with → the type
	helped     map[string]bool   // types that a helper brought
	docs       map[string]string // the comments of declarations: T, T.m, f
	statements []piece
	lastExprs  int // that the cell ends with: a, b are two
	lastIsCall bool
	called     bool // a statement calls live
	notices    []string
	quiet      bool // a semicolon behind the last expression: its value is not shown
	unchecked  bool // the option checks: off
	renews     bool // a type that gets methods is another one: the worker could not give it any
	checksOff  bool // by the option, or because the compiler refused the checks
}

// declaration is one type, function or method, or a group of constants.
type declaration struct {
	piece
	kind     kind
	name     string
	names    []string
	base     string // of a method: the name of its type
	alias    bool
	of       string        // of an alias: the name that it stands for, if it is one
	recovers bool          // calls recover itself: no trampoline may stand between it and a deferred call
	fun      *ast.FuncDecl // of a method, with offset giving places in the piece
	receiver *ast.Ident    // the name in it
	offset   func(token.Pos) int
}

// read parses a cell.
func read(cell Cell, name string, packageName func(path string) (string, error)) (*source, error) {
	s := &source{cell: cell, name: name, lines: strings.Count(cell.Source, "\n") + 1, imports: map[string]string{}, declares: map[string]bool{},
		hasMethod: map[string]bool{}, vars: map[string]bool{}, helped: map[string]bool{}, docs: map[string]string{}}
	if i := strings.Index(cell.Source, mark); i >= 0 {
		line, column := place(cell.Source, i)
		return nil, &CompileError{[]Diagnostic{{name, line, column, fmt.Sprintf("the letter %s is kept for the session's own names", mark)}}}
	}
	if !utf8.ValidString(cell.Source) {
		return nil, &CompileError{[]Diagnostic{{name, 1, 1, "the cell is not valid UTF-8"}}}
	}
	if err := s.parse(name, cell.Source, packageName); err != nil {
		return nil, err
	}
	set, _ := options.Parse(cell.Source) // a line that is no option is for another tool, or kernel/assets says what is wrong
	switch checks := set.Value("checks"); checks {
	case "", "on":
	case "off":
		s.unchecked, s.checksOff = true, true
	default:
		return nil, fault.New(fault.Input, "write `checks: off` or leave the line out", "%s: the option checks is on or off, not %s", name, checks)
	}
	if s.declares["main"] {
		s.statements = append(s.statements, piece{text: "main()", file: "session", line: 1, column: 1})
		s.lastExprs, s.lastIsCall = 0, false
	}
	return s, nil
}

func (s *source) parse(name, text string, packageName func(string) (string, error)) error {
	cell, err := gocell.Parse(name, text)
	if err != nil {
		return compileError(name, text, err)
	}
	if err := elsewhere(cell); err != nil {
		return err
	}
	var runs [][]variable // of variables that stand side by side
	aside := false
	bodies := map[string][]string{} // what the cell's functions and methods mention
	for i, item := range cell.Items {
		line, column := place(text, item.Start)
		p := piece{text: item.Text, file: name, line: line, column: column}
		at := func(pos token.Pos) (int, int) { q := cell.Fset.Position(pos); return q.Line, q.Column }
		slice := func(n ast.Node) string {
			l, c := at(n.Pos())
			start := offsetAt(text, l, c)
			return text[start : start+int(n.End()-n.Pos())]
		}
		bad := func(n ast.Node, message string) error {
			l, c := at(n.Pos())
			return &CompileError{[]Diagnostic{{name, l, c, message}}}
		}
		switch item.Kind {
		case gocell.Import:
			for _, spec := range item.Decl.(*ast.GenDecl).Specs {
				spec := spec.(*ast.ImportSpec)
				path := importPath(spec)
				if path == "C" {
					return bad(spec, `import "C" does not work in a cell: put the C code in a package of your module`)
				}
				short, err := packageName(path)
				if err != nil {
					return bad(spec, oneLine(err))
				}
				if spec.Name != nil {
					short = spec.Name.Name
				}
				switch short {
				case ".":
					short = "." + path
				case "_":
					short = "_" + path
				}
				s.imports[short] = path
			}
		case gocell.Type:
			for _, spec := range item.Decl.(*ast.GenDecl).Specs {
				spec := spec.(*ast.TypeSpec)
				l, c := at(spec.Pos())
				d := declaration{piece: piece{lead: "type ", text: slice(spec), file: name, line: l, column: c}, kind: kindType, name: spec.Name.Name,
					names: []string{spec.Name.Name}, alias: spec.Assign.IsValid()}
				if id, ok := ast.Unparen(spec.Type).(*ast.Ident); ok && d.alias {
					d.of = id.Name
				}
				s.note(d.name, spec.Doc, item.Decl.(*ast.GenDecl).Doc, spec.Comment)
				s.decls, s.types = append(s.decls, d), append(s.types, d)
			}
		case gocell.Const:
			d := declaration{piece: p, kind: kindConst}
			for _, spec := range item.Decl.(*ast.GenDecl).Specs {
				v := spec.(*ast.ValueSpec)
				for _, n := range v.Names {
					d.names = append(d.names, n.Name)
					s.note(n.Name, v.Doc, v.Comment, item.Decl.(*ast.GenDecl).Doc)
				}
			}
			s.decls = append(s.decls, d)
		case gocell.Func:
			f := item.Decl.(*ast.FuncDecl)
			l, c := at(f.Pos())
			var pragmas string
			for _, line := range strings.Split(text[item.Start:offsetAt(text, l, c)], "\n") {
				line = strings.TrimRight(line, "\r")
				switch {
				case strings.HasPrefix(line, "//go:uintptr"): // callers go through a place, where the compiler does not see it
					return bad(f, line+" does not work in a cell: put the function in a package of your module")
				case strings.HasPrefix(line, "//go:"):
					pragmas += line + "\n"
				}
			}
			if _, predeclared := types.Universe.Lookup(f.Name.Name).(*types.TypeName); predeclared && f.Body == nil && f.Recv != nil {
				return bad(f, "to Go this is the head of a method; a conversion to a function's type has brackets: (func(…) "+f.Name.Name+")(…)")
			}
			if f.Body == nil { // gophernotes' notebooks describe packages so
				s.notices = append(s.notices, fmt.Sprintf("%s has no body: it can't be called", f.Name.Name))
				continue
			}
			bodies[f.Name.Name] = append(bodies[f.Name.Name], mentions(f.Body)...)
			d := declaration{piece: piece{text: slice(f), file: name, line: l, column: c, pragmas: pragmas}, kind: kindFunc, name: f.Name.Name, names: []string{f.Name.Name}}
			if f.Recv != nil && len(f.Recv.List) == 1 {
				d = parsedMethod(d.piece)
				s.hasMethod[d.base+"."+d.name] = true
				s.note(d.base+"."+d.name, f.Doc)
			} else {
				s.note(d.name, f.Doc)
			}
			s.decls = append(s.decls, d)
		case gocell.Var:
			if !aside {
				runs = append(runs, nil)
			}
			last := &runs[len(runs)-1]
			for _, spec := range item.Decl.(*ast.GenDecl).Specs {
				l, c := at(spec.Pos())
				*last = append(*last, s.variable(spec.(*ast.ValueSpec), piece{lead: "var ", text: slice(spec), file: name, line: l, column: c}))
			}
			aside = true
		case gocell.Statement:
			aside = false
			for _, stmt := range item.Stmts {
				for l, ok := stmt.(*ast.LabeledStmt); ok; l, ok = stmt.(*ast.LabeledStmt) {
					stmt = l.Stmt
				}
				if assign, ok := stmt.(*ast.AssignStmt); ok && assign.Tok == token.DEFINE {
					for _, l := range assign.Lhs {
						if id, ok := l.(*ast.Ident); ok {
							s.vars[id.Name] = true
						}
					}
				}
			}
			s.returns(cell, item, &p)
			s.statements = append(s.statements, p)
			if i == len(cell.Items)-1 && len(item.Stmts) > 0 {
				if x, ok := item.Stmts[0].(*ast.ExprStmt); ok {
					s.lastExprs = len(item.Stmts)
					s.quiet = strings.HasPrefix(strings.TrimSpace(text[item.End:]), ";")
					_, s.lastIsCall = x.X.(*ast.CallExpr)
					s.lastIsCall = s.lastIsCall && s.lastExprs == 1
				}
			}
		}
	}
	if slices.ContainsFunc(cell.Magics, gocell.Magic.IsMain) {
		s.lastCount()
	}
	for _, d := range s.decls {
		if d.base == "" {
			for _, n := range d.names {
				if n != "_" && n != "init" {
					s.declares[n] = true
				}
			}
		}
	}
	delete(s.vars, "_")
	for _, run := range runs {
		s.orderVars(run, bodies)
	}
	s.addCalls(cell)
	return nil
}

// lastCount leaves out functions that a cell of GoNB's, with its %% line, declares again further down: there the last one counts.
func (s *source) lastCount() {
	later := map[string]bool{}
	for i := len(s.decls) - 1; i >= 0; i-- {
		d := s.decls[i]
		if d.kind != kindFunc || d.name == "_" || d.name == "init" {
			continue
		}
		name := strings.TrimPrefix(d.base+"."+d.name, ".")
		if later[name] {
			s.decls = slices.Delete(s.decls, i, i+1)
			s.notices = append(s.notices, fmt.Sprintf("%s is declared twice in this cell: the last one counts", name))
		}
		later[name] = true
	}
}

// liveName stands for package live in statements that the session adds.
const liveName = "live" + mark

// addCalls puts the cell's calls between its statements.
func (s *source) addCalls(cell *gocell.Cell) {
	if s.cell.Source != cell.Source {
		return // a helper's declarations
	}
	for _, call := range s.cell.Calls {
		at := 0
		for _, p := range s.statements {
			if p.line < call.Line {
				at++
			}
		}
		p := piece{text: fmt.Sprintf("%s.Do(%q, %q)", liveName, call.Method, call.Arg), file: s.name, line: call.Line, column: 1}
		s.statements = slices.Insert(s.statements, at, p)
		s.called = true
	}
}

// returns makes `return x` of a cell's statements show x and end the cell, as a test of an error in a function that becomes a cell has it.
func (s *source) returns(cell *gocell.Cell, item gocell.Item, p *piece) {
	var changes edits
	at := func(pos token.Pos) (offset int, directive string) {
		q := cell.Fset.Position(pos)
		return cell.Offset(pos) - item.Start, fmt.Sprintf("/*line %s:%d:%d*/", p.file, q.Line, q.Column)
	}
	for _, stmt := range item.Stmts {
		ast.Inspect(stmt, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.ReturnStmt:
				if len(n.Results) == 0 {
					break
				}
				from, _ := at(n.Pos())
				first, here := at(n.Results[0].Pos())
				end, behind := at(n.End())
				changes.replace(from, first, "{/*line session:1:1*/"+liveName+".ShowCall("+here)
				changes.insert(end, ");return}"+behind)
				s.called = true
			}
			return true
		})
	}
	p.text = changes.render(p.text, 0, len(p.text))
}

// note keeps the first comment that there is of a declaration, without the cell's options in it.
func (s *source) note(key string, comments ...*ast.CommentGroup) {
	for _, c := range comments {
		if c == nil {
			continue
		}
		list := slices.DeleteFunc(slices.Clone(c.List), func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "/*line ") })
		if len(list) == 0 {
			continue
		}
		c = &ast.CommentGroup{List: list}
		var lines []string
		for line := range strings.SplitSeq(c.Text(), "\n") {
			if !strings.HasPrefix(strings.TrimSpace(line), "|") {
				lines = append(lines, line)
			}
		}
		if text := strings.TrimSpace(strings.Join(lines, "\n")); text != "" && s.docs != nil {
			s.docs[key] = text
			return
		}
	}
}

// variable is one line of a var declaration among the cell's statements.
type variable struct {
	at           int // in statements
	names, needs []string
}

func (s *source) variable(spec *ast.ValueSpec, p piece) variable {
	v := variable{at: len(s.statements)}
	for _, n := range spec.Names {
		s.vars[n.Name] = true
		v.names = append(v.names, n.Name)
	}
	for _, x := range spec.Values {
		v.needs = append(v.needs, mentions(x)...)
	}
	s.statements = append(s.statements, p)
	return v
}

// mentions are the names in a tree.
func mentions(root ast.Node) (names []string) {
	ast.Inspect(root, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			names = append(names, id.Name)
		}
		return true
	})
	return names
}

// orderVars puts variables that stand side by side in an order in which each finds those it needs, `var a = f(b)` before `var b = 1`.
// It is that of a package: the next one is the one that waits for the fewest, the first of those on the page.
func (s *source) orderVars(run []variable, bodies map[string][]string) {
	owner := map[string]int{}
	for i, v := range run {
		for _, n := range v.names {
			owner[n] = i
		}
	}
	waits := make([]map[int]bool, len(run))
	for i, v := range run {
		waits[i] = map[int]bool{}
		seen := map[string]bool{}
		var need func(name string)
		need = func(name string) {
			if seen[name] {
				return
			}
			seen[name] = true
			if j, ok := owner[name]; ok && j != i {
				waits[i][j] = true
			}
			for _, n := range bodies[name] {
				need(n)
			}
		}
		for _, n := range v.needs {
			need(n)
		}
	}
	var order []piece
	done := make([]bool, len(run))
	for range run {
		next := -1
		for i := range run {
			if !done[i] && (next < 0 || len(waits[i]) < len(waits[next])) {
				next = i
			}
		}
		done[next] = true
		order = append(order, s.statements[run[next].at])
		for i := range waits {
			delete(waits[i], next)
		}
	}
	if len(run) > 0 {
		copy(s.statements[run[0].at:], order)
	}
}

// parsedMethod reads a method's declaration by itself.
func parsedMethod(p piece) declaration {
	const head = "package p;"
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", head+p.text, parser.SkipObjectResolution)
	d := declaration{piece: p, kind: kindFunc}
	if err != nil || len(file.Decls) != 1 {
		return d // it was parsed before; go/types would say what is wrong
	}
	f := file.Decls[0].(*ast.FuncDecl)
	d.name, d.names, d.fun = f.Name.Name, []string{f.Name.Name}, f
	d.offset = func(pos token.Pos) int { return fset.File(pos).Offset(pos) - len(head) }
	d.recovers = callsRecover(f.Body)
	base := f.Recv.List[0].Type
	for {
		switch t := base.(type) {
		case *ast.StarExpr:
			base = t.X
			continue
		case *ast.ParenExpr:
			base = t.X
			continue
		case *ast.IndexExpr:
			base = t.X
			continue
		case *ast.IndexListExpr:
			base = t.X
			continue
		case *ast.Ident:
			d.base, d.receiver = t.Name, t
		}
		return d
	}
}

// callsRecover looks for recover() outside function literals.
func callsRecover(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "recover" {
				found = true
			}
		}
		return true
	})
	return found
}

// place is the line and byte column of an offset, both from 1.
func place(s string, offset int) (line, column int) {
	before := s[:offset]
	return strings.Count(before, "\n") + 1, offset - strings.LastIndexByte(before, '\n')
}

func offsetAt(s string, line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		offset += strings.IndexByte(s[offset:], '\n') + 1
	}
	return offset + column - 1
}

func compileError(name, text string, err error) error {
	list, ok := err.(scanner.ErrorList)
	if !ok {
		return err
	}
	e := &CompileError{}
	for _, x := range list {
		e.Diagnostics = append(e.Diagnostics, Diagnostic{name, x.Pos.Line, x.Pos.Column, x.Msg + syntaxHint(text, x.Pos.Line, x.Pos.Column, x.Msg)})
	}
	return e
}
