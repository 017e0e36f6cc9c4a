package gocell

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// Kind says what an item of a cell is.
type Kind int

const (
	Import Kind = iota
	Type
	Const
	Var
	Func      // functions and methods
	Statement // everything that stands in a function body, expressions included
)

func (k Kind) String() string {
	return [...]string{"import", "type", "const", "var", "func", "statement"}[k]
}

// Item is one declaration or one statement of a cell's top level, in the order of the page.
type Item struct {
	Kind  Kind
	Start int        // byte offset in the cell's source of its first comment or token
	End   int        // byte offset behind it
	Text  string     // source[Start:End], with spaces for commands among its first comments
	Decl  ast.Decl   // for all but statements
	Stmts []ast.Stmt // one, but of a last line `a, b`: there each expression is one
}

// Cell is a cell that parses.
type Cell struct {
	Name   string // stands as the file name in positions
	Source string // as given
	Items  []Item
	Magics []Magic
	text   string // Source with spaces for commands
	// Main is true for a cell that is a whole program: `package main`, or GoNB's %% line; its func main is what runs.
	Main bool
	Fset *token.FileSet
	// File holds the imports and declarations, then one function _ whose body holds the statements, all with positions in the cell
	// (Fset.Position). Its text is a rearrangement of the source: use the items for offsets.
	File *ast.File
}

// Parse reads a cell. Name is what positions name as the file. An error is a scanner.ErrorList whose positions are the cell's own.
func Parse(name, source string) (*Cell, error) {
	c := &Cell{Name: name, Source: source, Fset: token.NewFileSet()}
	code := c.stripMagics(source)
	c.text = code
	pieces, err := split(name, code)
	if err != nil {
		return nil, err
	}
	code = withoutLineDirectives(name, code)
	if n := len(pieces); n > 0 && len(pieces[n-1].commas) > 0 {
		if listed := c.listed(name, code, pieces); listed != nil {
			return listed, nil
		}
	}
	return c, c.build(name, code, pieces)
}

// listed is the cell if its last line is a list of expressions, else nil. Each is read as a statement: the commas become semicolons, so that
// all stand where they stood.
func (c *Cell) listed(name, code string, pieces []piece) *Cell {
	last := pieces[len(pieces)-1]
	text := []byte(code)
	for _, at := range last.commas {
		text[at] = ';'
	}
	l := &Cell{Name: c.Name, Source: c.Source, text: c.text, Magics: c.Magics, Main: c.Main, Fset: token.NewFileSet()}
	if l.build(name, string(text), pieces) != nil {
		return nil
	}
	stmts := l.Items[len(l.Items)-1].Stmts
	if len(stmts) != len(last.commas)+1 || slices.ContainsFunc(stmts, func(s ast.Stmt) bool { _, ok := s.(*ast.ExprStmt); return !ok }) {
		return nil
	}
	return l
}

// build makes the file and the items of the pieces of code.
func (c *Cell) build(name, code string, pieces []piece) (err error) {
	var imports, declarations, statements strings.Builder
	for _, p := range pieces {
		if p.packageClause {
			c.Main = true
			continue
		}
		out := &declarations
		switch p.kind {
		case Import:
			out = &imports
		case Statement:
			out = &statements
		}
		line, column := position(code, p.start)
		fmt.Fprintf(out, "/*line %s:%d:%d*/%s\n", name, line, column, code[p.start:p.end])
		c.Items = append(c.Items, Item{Kind: p.kind, Start: p.start, End: p.end, Text: c.text[p.start:p.end]})
	}
	// The clause is on a line of its own, or the comment above the first declaration would not be the declaration's.
	text := "package main\n" + imports.String() + declarations.String() + "func _() {\n" + statements.String() + "}\n"
	c.File, err = parser.ParseFile(c.Fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return ownErrors(err, name, code)
	}
	return c.assign(name)
}

// withoutLineDirectives makes plain comments of //line directives: positions are the cell's own.
func withoutLineDirectives(name, code string) string {
	if !strings.Contains(code, "line ") {
		return code
	}
	lexemes, _ := scan(name, code)
	out := []byte(code)
	for _, l := range lexemes {
		if text := code[l.start:]; l.tok == token.COMMENT && (strings.HasPrefix(text, "//line ") || strings.HasPrefix(text, "/*line ")) {
			out[l.start+2] = ' '
		}
	}
	return string(out)
}

// assign gives every item its nodes: declarations come in the order of the items, statements by position.
func (c *Cell) assign(name string) error {
	var imports, declarations []ast.Decl
	for _, d := range c.File.Decls[:len(c.File.Decls)-1] {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			imports = append(imports, d)
		} else {
			declarations = append(declarations, d)
		}
	}
	statements := c.Body().List
	for i := range c.Items {
		item := &c.Items[i]
		switch {
		case item.Kind == Import && len(imports) > 0:
			item.Decl, imports = imports[0], imports[1:]
		case item.Kind == Statement:
			for len(statements) > 0 && c.Offset(statements[0].Pos()) < item.End {
				item.Stmts = append(item.Stmts, statements[0])
				statements = statements[1:]
			}
		case item.Kind != Import && len(declarations) > 0:
			item.Decl, declarations = declarations[0], declarations[1:]
		default:
			return scanner.ErrorList{{Pos: token.Position{Filename: name, Line: 1, Column: 1}, Msg: "cell can't be read: unbalanced declarations"}}
		}
	}
	return nil
}

// Body is the function body that holds the cell's statements.
func (c *Cell) Body() *ast.BlockStmt {
	return c.File.Decls[len(c.File.Decls)-1].(*ast.FuncDecl).Body
}

// Offset is where a node of File stands in the source.
func (c *Cell) Offset(pos token.Pos) int {
	p := c.Fset.Position(pos)
	return offsetOf(c.Source, p.Line, p.Column)
}

// Token is where an item's first token stands in the source, behind its comments.
func (c *Cell) Token(i Item) int {
	if len(i.Stmts) > 0 {
		return c.Offset(i.Stmts[0].Pos())
	}
	return c.Offset(i.Decl.Pos())
}

// Position is the 1-based line and byte column of an offset of the source.
func (c *Cell) Position(offset int) (line, column int) { return position(c.Source, offset) }

// Line is the 1-based line of a byte offset of the source.
func (c *Cell) Line(offset int) int { line, _ := position(c.Source, offset); return line }

type piece struct {
	kind          Kind
	start, end    int
	packageClause bool
	commas        []int // where they stand between the expressions of a list
}

// lexeme is a token with its place.
type lexeme struct {
	tok        token.Token
	start, end int
	explicit   bool // a semicolon that is written
}

// scan reads the tokens of code, comments included.
func scan(name, code string) ([]lexeme, error) {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile(name, -1, len(code))
	var errors scanner.ErrorList
	s.Init(file, []byte(code), func(pos token.Position, msg string) { errors.Add(pos, msg) }, scanner.ScanComments)
	var all []lexeme
	for {
		pos, tok, lit := s.Scan()
		l := lexeme{tok: tok, start: file.Offset(pos)}
		switch {
		case tok == token.EOF:
			if len(errors) > 0 {
				return nil, errors
			}
			return all, nil
		case tok == token.SEMICOLON:
			l.explicit = lit == ";"
			l.end = l.start
		case tok == token.STRING && lit[0] == '`': // the scanner drops carriage returns from raw strings
			l.end = l.start + 1 + strings.IndexByte(code[l.start+1:], '`') + 1
		case lit == "":
			l.end = l.start + len(tok.String())
		default:
			l.end = l.start + len(lit)
		}
		all = append(all, l)
	}
}

// split cuts code at the semicolons of depth 0, those that the scanner puts in at line ends included, but not those in the headers of
// for, if and switch.
func split(name, code string) ([]piece, error) {
	lexemes, err := scan(name, code)
	if err != nil {
		return nil, err
	}
	var pieces []piece
	var tokens []token.Token // of the current piece, without comments
	start, last, depth := -1, -1, 0
	comment := -1 // where the comments before the next piece begin
	header := false
	var commas []int // of a piece that may be a list of expressions
	list := true
	flush := func() {
		if len(tokens) > 0 {
			p := piece{kind: classify(tokens), start: start, end: last, packageClause: tokens[0] == token.PACKAGE}
			if list && p.kind == Statement {
				p.commas = commas
			}
			pieces = append(pieces, p)
		}
		tokens, start, header, commas, list = nil, -1, false, nil, true
	}
	for i, l := range lexemes {
		switch l.tok {
		case token.COMMENT:
			switch {
			case start >= 0:
			case len(pieces) > 0 && !strings.Contains(code[pieces[len(pieces)-1].end:l.start], "\n"):
				pieces[len(pieces)-1].end = l.end // behind a statement, on its line
			case comment < 0:
				comment = l.start
			}
			continue
		case token.SEMICOLON:
			if depth == 0 && !header {
				flush()
				comment = -1
				continue
			}
		case token.FOR, token.IF, token.SWITCH:
			header = header || depth == 0
		case token.LBRACE:
			if depth == 0 && header {
				header = literal(lexemes, i)
			}
			depth++
		case token.LPAREN, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		}
		if start < 0 {
			start = l.start
			if comment >= 0 {
				start, comment = comment, -1
			}
		}
		switch {
		case depth > 0:
		case l.tok == token.COMMA:
			commas = append(commas, l.start)
		case l.tok.IsKeyword() && l.tok != token.FUNC && l.tok != token.MAP && l.tok != token.STRUCT && l.tok != token.CHAN && l.tok != token.INTERFACE,
			l.tok == token.ASSIGN, l.tok == token.DEFINE:
			list = false
		}
		tokens = append(tokens, l.tok)
		if l.tok != token.SEMICOLON {
			last = l.end
		}
	}
	flush()
	return pieces, nil
}

// literal reports whether the brace at i, in a header, begins a composite or function literal and not the body: then the header goes
// on behind its end, to another brace.
func literal(lexemes []lexeme, i int) bool {
	depth := 0
	for ; i < len(lexemes); i++ {
		switch lexemes[i].tok {
		case token.LBRACE:
			depth++
		case token.RBRACE:
			depth--
		}
		if depth == 0 {
			break
		}
	}
	for i++; i < len(lexemes); i++ {
		switch l := lexemes[i]; {
		case l.tok == token.COMMENT:
			continue
		case l.tok == token.ELSE, l.tok == token.SEMICOLON && !l.explicit:
			return false
		case l.tok == token.SEMICOLON: // for s := []int{1}; …; {
			for i++; i < len(lexemes) && (lexemes[i].tok != token.SEMICOLON || lexemes[i].explicit); i++ {
				if lexemes[i].tok == token.LBRACE {
					return true
				}
			}
			return false
		default:
			return true
		}
	}
	return false
}

// classify tells a piece by its first tokens. A func is a declaration if a name follows, or a receiver, a name and a parenthesis.
func classify(tokens []token.Token) Kind {
	switch tokens[0] {
	case token.IMPORT:
		return Import
	case token.TYPE:
		return Type
	case token.CONST:
		return Const
	case token.VAR:
		return Var
	case token.FUNC:
		if len(tokens) > 1 && tokens[1] == token.IDENT {
			return Func
		}
		depth := 0
		for i := 1; i < len(tokens); i++ {
			switch tokens[i] {
			case token.LPAREN:
				depth++
			case token.RPAREN:
				depth--
			}
			if depth == 0 {
				if i+2 < len(tokens) && tokens[i+1] == token.IDENT && tokens[i+2] == token.LPAREN {
					return Func
				}
				break
			}
		}
	}
	return Statement
}

// position is the 1-based line and byte column of an offset.
func position(s string, offset int) (line, column int) {
	before := s[:offset]
	return strings.Count(before, "\n") + 1, offset - strings.LastIndexByte(before, '\n')
}

func offsetOf(s string, line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(s[offset:], '\n')
		if i < 0 {
			break
		}
		offset += i + 1
	}
	return offset + column - 1
}

// ownErrors keeps the parser's messages within the cell: what it finds in the lines that Parse added stands at the cell's end.
func ownErrors(err error, name, code string) error {
	list, ok := err.(scanner.ErrorList)
	if !ok {
		return scanner.ErrorList{{Pos: token.Position{Filename: name, Line: 1, Column: 1}, Msg: err.Error()}}
	}
	lines, width := position(code, len(code))
	var own scanner.ErrorList // the others follow from them, or from what is not closed
	for _, e := range list {
		e.Pos.Offset = 0
		if e.Msg == "expected 1 expression" {
			e.Msg += ": several are shown where a cell ends with them"
		}
		if e.Pos.Line > lines || e.Pos.Line < 1 {
			e.Pos.Line, e.Pos.Column = lines, width
			e.Msg = strings.Replace(e.Msg, "found '}'", "found the end of the cell", 1)
		} else {
			own = append(own, e)
		}
	}
	at := unclosed(name, code)
	if at < 0 {
		if len(own) > 0 {
			return own
		}
		return list
	}
	line, column := position(code, at)
	first := &scanner.Error{Pos: token.Position{Filename: name, Line: line, Column: column}, Msg: fmt.Sprintf("this %c is not closed", code[at])}
	switch {
	case len(own) == 0:
		return scanner.ErrorList{first}
	case code[at] != '{' || own[0].Pos.Line <= line:
		return own
	case strings.HasPrefix(own[0].Msg, "expected '('"): // a function that is declared further down stands within
		return scanner.ErrorList{first}
	}
	return append(scanner.ErrorList{first}, own...)
}

// unclosed is where a bracket stands that nothing closes, or -1: the innermost, unless a brace before it was closed by one further left,
// which was meant for another.
func unclosed(name, code string) int {
	lexemes, err := scan(name, code)
	if err != nil {
		return -1
	}
	margin := func(at int) int { // of its line
		start := strings.LastIndexByte(code[:at], '\n') + 1
		return len(code[start:]) - len(strings.TrimLeft(code[start:], " \t"))
	}
	var open []int
	suspect := -1
	for _, l := range lexemes {
		switch l.tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			open = append(open, l.start)
		case token.RPAREN, token.RBRACE, token.RBRACK:
			if len(open) == 0 {
				return -1
			}
			at := open[len(open)-1]
			open = open[:len(open)-1]
			begins := strings.TrimSpace(code[strings.LastIndexByte(code[:l.start], '\n')+1:l.start]) == ""
			if suspect < 0 && l.tok == token.RBRACE && begins && margin(l.start) < margin(at) {
				suspect = at
			}
		}
	}
	switch {
	case len(open) == 0:
		return -1
	case suspect >= 0:
		return suspect
	}
	return open[len(open)-1]
}
