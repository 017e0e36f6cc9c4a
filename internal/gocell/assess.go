package gocell

import (
	"errors"
	"go/ast"
	"go/scanner"
	"go/token"
	"strconv"
	"strings"
)

// State says what may become of a text that somebody types.
type State int

const (
	Complete   State = iota // it is a cell
	Incomplete              // something can be put behind it so that it is one
	Invalid                 // whatever follows, it never is
)

func (s State) String() string { return [...]string{"complete", "incomplete", "invalid"}[s] }

// Assess says what a text is. Where it is incomplete, indent is what the next line begins with, as gofmt would have it.
func Assess(source string) (state State, indent string) {
	var c Cell
	code := c.stripMagics(source)
	last := source[strings.LastIndexByte(source, '\n')+1:]
	if isMagic(strings.TrimSpace(last)) && strings.HasSuffix(last, `\`) && strings.TrimSpace(code[len(code)-len(last):]) == "" {
		return Incomplete, ""
	}
	parsed, err := Parse("cell", source)
	if err == nil {
		lacks := parsed.lacking()
		if lacks < 0 {
			return Complete, ""
		}
		if strings.ContainsRune(code[lacks:], '\n') {
			return Invalid, ""
		}
		return Incomplete, "\t"
	}
	u := look(code)
	if u.closed || !viable(code) {
		return Invalid, ""
	}
	return Incomplete, u.indent()
}

// lacking is the end of the first declaration that the parser takes and a cell can't have: a function without a body, a variable without
// type and value, a constant without a value, a function's type as a value. It is -1 if there is none.
func (c *Cell) lacking() int {
	at := -1
	note := func(n ast.Node) {
		if end := c.Offset(n.End()); at < 0 || end < at {
			at = end
		}
	}
	values := func(list []ast.Expr) {
		for _, x := range list {
			if _, ok := x.(*ast.FuncType); ok {
				note(x)
			}
		}
	}
	ast.Inspect(c.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			values(n.Rhs)
		case *ast.ValueSpec:
			values(n.Values)
		case *ast.ReturnStmt:
			values(n.Results)
		case *ast.FuncDecl:
			if n.Body == nil && !strings.Contains(c.Source[c.Offset(n.End()):], "\n") { // else it is one that assembly has, to the grammar
				note(n)
			}
		case *ast.GenDecl:
			for i, spec := range n.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && len(v.Values) == 0 && (n.Tok == token.VAR && v.Type == nil || n.Tok == token.CONST && (i == 0 || v.Type != nil)) {
					note(v)
				}
			}
		}
		return true
	})
	return at
}

// viable reports whether something can be put behind code so that it parses. A parser that reads from left to right complains where it
// can't go on; so it is enough to find a continuation with which its first complaint is not about code itself. There are only few that
// it makes late, at the beginning of a statement: endings avoid them.
func viable(code string) bool {
	t := trials{4 * enough}
	for _, v := range variants(code) {
		pieces, err := split("cell", v)
		if err != nil && complainsBefore(err, v) {
			continue
		}
		head, piece := "", v
		if n := len(pieces); err == nil && n > 0 {
			head, piece = v[:pieces[n-1].start], v[pieces[n-1].start:]
		}
		if c, err := t.parse(head); err != nil || c.lacking() >= 0 || len(c.Items) > 0 && len(c.Items[len(c.Items)-1].Stmts) > 1 {
			continue
		}
		u := look(piece)
		for _, bodies := range []bool{true, false} {
			for _, e := range endings {
				if _, err := t.parse(piece + u.close(e, bodies)); err == nil || !complainsBefore(err, piece) {
					return true
				}
			}
		}
	}
	return false
}

// complainsBefore reports whether the first complaint is about code, rather than about what was put behind it.
func complainsBefore(err error, code string) bool {
	var list scanner.ErrorList
	if !errors.As(err, &list) {
		return true
	}
	line, column := position(code, len(code))
	for _, e := range list {
		if e.Pos.Line < line || e.Pos.Line == line && e.Pos.Column < column {
			return true
		}
	}
	return false
}

// variants are what code may become when its last token goes on: fo is also for, and an open string is closed.
func variants(code string) []string {
	u := look(code)
	if u.inside != token.ILLEGAL {
		lit := code[u.opened:]
		switch {
		case u.inside == token.COMMENT && strings.HasPrefix(lit, "/*"):
			return []string{code + "*/"}
		case u.inside == token.COMMENT:
			return []string{code + "\n"}
		case lit[0] == '`':
			return []string{code + "`"}
		}
		for _, middle := range []string{"", "n", "x", "0", "00", "000", "0000", "00000", "000000", "0000000", "00000000"} {
			if text, err := strconv.Unquote(lit + middle + lit[:1]); err == nil && (text != "" || lit[0] == '"') {
				return []string{code + middle + lit[:1]}
			}
		}
		return nil
	}
	all := []string{code}
	last := u.last()
	if last.end != len(code) || len(u.tokens) == 0 {
		return all
	}
	text := code[last.start:]
	switch {
	case last.tok == token.IDENT || last.tok.IsKeyword():
		for t := token.BREAK; t <= token.VAR; t++ {
			if rest, ok := strings.CutPrefix(t.String(), text); ok && rest != "" {
				all = append(all, code+rest)
			}
		}
		all = append(all, code+"_")
	case last.tok == token.INT, last.tok == token.FLOAT, last.tok == token.IMAG:
		for _, more := range []string{"0", "p0", "0p0", ".0"} {
			all = append(all, code+more)
		}
	case last.tok.IsOperator():
		if strings.HasSuffix(code, "..") && !strings.HasSuffix(code, "...") {
			return append(all, code+".")
		}
		for t := token.ADD; t <= token.TILDE; t++ {
			if rest, ok := strings.CutPrefix(t.String(), text); ok && rest != "" {
				all = append(all, code+rest)
			}
		}
		switch text {
		case "/":
			all = append(all, code[:last.start])
		case ".":
			all = append(all, code+"5")
		}
	}
	return all
}

// indent is what the line behind the text begins with.
func (u *unfinished) indent() string {
	if u.inside == token.STRING || u.inside == token.COMMENT && strings.HasPrefix(u.code[u.opened:], "/*") {
		return ""
	}
	t := u.top()
	indent := ""
	if len(u.levels) > 1 {
		at := t.bracket.start
		if outer := u.levels[len(u.levels)-2]; t.block && outer.start >= 0 && (outer.lead == token.IF || outer.lead == token.FOR || outer.lead == token.SWITCH || outer.lead == token.SELECT || outer.lead == token.FUNC && outer.block) {
			at = outer.start
		}
		indent = u.margin(at)
		if !t.isSwitch(u) || t.clauses {
			indent += "\t"
		}
	}
	if u.continues() && (t.block || strings.Contains(u.code[t.bracket.start:t.start], "\n")) {
		indent += "\t"
	}
	return indent
}

// margin is the white space at the beginning of the line of an offset.
func (u *unfinished) margin(at int) string {
	line := u.code[strings.LastIndexByte(u.code[:at], '\n')+1 : at]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// isSwitch reports whether the level is the block of a switch or a select.
func (t *level) isSwitch(u *unfinished) bool {
	if !t.block || len(u.levels) < 2 {
		return false
	}
	lead := u.levels[len(u.levels)-2].lead
	return lead == token.SWITCH || lead == token.SELECT
}

// continues reports whether the statement goes on over the end of the line.
func (u *unfinished) continues() bool {
	t, last := u.top(), u.last()
	if t.start < 0 || last.start < t.start || t.lead == token.CASE || t.header != token.ILLEGAL && last.tok == t.header {
		return false
	}
	switch last.tok {
	case token.COMMA:
		return t.block
	case token.IDENT, token.INT, token.FLOAT, token.IMAG, token.CHAR, token.STRING, token.RPAREN, token.RBRACK, token.RBRACE, token.INC, token.DEC, token.SEMICOLON, token.COLON:
		return false
	}
	return last.tok.IsOperator() || last.tok == token.RANGE
}
