package gocell

import (
	"go/scanner"
	"go/token"
	"strings"
)

// unfinished is what the tokens of a text that may stop anywhere say of its end.
type unfinished struct {
	code   string
	tokens []lexeme // without comments, and without the semicolons that the scanner puts in
	levels []level  // of brackets; the first is the text itself
	inside token.Token
	opened int  // where the literal or comment begins that the end is inside of
	closed bool // a bracket that was not open is closed: nothing can put that right
}

// level is an open bracket and the statement, or the element, that stands unfinished in it.
type level struct {
	bracket  lexeme
	closer   string
	block    bool        // a brace that holds statements
	lead     token.Token // the first token of the statement
	start    int         // where it stands
	header   token.Token // if, for, switch, select, else: the block is still to come
	function bool        // a signature that may want a body
	assigned bool        // since the last semicolon
	commas   bool
	ranges   bool
	clauses  bool // a switch whose first case has come
	key      bool // the bracket of map[, type T[ or func f[: more must follow it
	generic  bool // of func f[: a signature must follow
}

// look reads code up to its end.
func look(code string) *unfinished {
	u := &unfinished{code: code, levels: []level{{block: true, start: -1}}, opened: -1}
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(code))
	s.Init(file, []byte(code), nil, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return u
		}
		l := lexeme{tok: tok, start: file.Offset(pos)}
		switch {
		case tok == token.SEMICOLON && lit != ";":
			if l.start < len(code) { // at the very end the statement may go on
				u.endStatement()
			}
			continue
		case tok == token.SEMICOLON:
			l.end, l.explicit = l.start+1, true
		case tok == token.STRING && code[l.start] == '`':
			if i := strings.IndexByte(code[l.start+1:], '`'); i >= 0 {
				l.end = l.start + i + 2
			} else {
				l.end = len(code)
				u.inside, u.opened = tok, l.start
			}
		case tok == token.STRING, tok == token.CHAR:
			l.end = l.start + len(lit)
			if l.end >= len(code) && !closed(code[l.start:]) {
				u.inside, u.opened = tok, l.start
			}
		case tok == token.COMMENT:
			l.end = l.start + len(lit)
			if block := strings.HasPrefix(code[l.start:], "/*"); block {
				i := strings.Index(code[l.start+2:], "*/")
				if i >= 0 {
					continue
				}
			} else if strings.IndexByte(code[l.start:], '\n') >= 0 {
				continue
			}
			u.inside, u.opened = tok, l.start
			continue
		case lit == "":
			l.end = l.start + len(tok.String())
		default:
			l.end = l.start + len(lit)
		}
		u.take(l)
	}
}

// closed reports whether a string or rune literal has its second quote.
func closed(lit string) bool {
	for i := 1; i < len(lit); i++ {
		switch lit[i] {
		case '\\':
			i++
		case lit[0]:
			return true
		}
	}
	return false
}

func (u *unfinished) top() *level { return &u.levels[len(u.levels)-1] }

// last is the token before the end; its tok is ILLEGAL if there is none.
func (u *unfinished) last() lexeme {
	if len(u.tokens) == 0 {
		return lexeme{}
	}
	return u.tokens[len(u.tokens)-1]
}

func (u *unfinished) endStatement() {
	t := u.top()
	*t = level{bracket: t.bracket, closer: t.closer, block: t.block, start: -1, clauses: t.clauses, key: t.key, generic: t.generic}
}

func (u *unfinished) take(l lexeme) {
	t := u.top()
	before := u.last()
	u.tokens = append(u.tokens, l)
	if t.start < 0 {
		t.lead, t.start = l.tok, l.start
	}
	switch l.tok {
	case token.IF, token.FOR, token.SWITCH, token.SELECT, token.ELSE:
		t.header, t.assigned, t.ranges = l.tok, false, false
	case token.FUNC:
		t.function = true
	case token.CASE, token.DEFAULT:
		t.clauses = true
	case token.COLON:
		if t.lead == token.CASE || t.lead == token.DEFAULT || t.block && t.lead == token.IDENT && before.start == t.start { // or a label
			u.endStatement()
		}
	case token.ASSIGN, token.DEFINE:
		t.assigned = true
	case token.RANGE:
		t.ranges = true
	case token.COMMA:
		t.commas = true
		if !t.block {
			t.function, t.start = false, -1
		}
	case token.SEMICOLON:
		if t.header == token.ILLEGAL {
			u.endStatement()
		}
		t.assigned, t.ranges = false, false
	case token.LPAREN:
		u.levels = append(u.levels, level{bracket: l, closer: ")", start: -1})
	case token.LBRACK:
		declares := len(u.tokens) > 2 && before.tok == token.IDENT
		u.levels = append(u.levels, level{bracket: l, closer: "]", start: -1,
			key:     before.tok == token.MAP || declares && u.tokens[len(u.tokens)-3].tok == token.TYPE,
			generic: declares && u.tokens[len(u.tokens)-3].tok == token.FUNC})
	case token.LBRACE:
		n := level{bracket: l, closer: "}", start: -1}
		switch {
		case before.tok == token.STRUCT, before.tok == token.INTERFACE:
			n.block = true
		case t.header != token.ILLEGAL && !u.isLiteral():
			n.block, t.header = true, token.ILLEGAL
		case t.function:
			n.block, t.function = true, false
		default:
			n.block = t.block && (t.start == l.start)
		}
		u.levels = append(u.levels, n)
	case token.RPAREN, token.RBRACK, token.RBRACE:
		if len(u.levels) > 1 {
			u.levels = u.levels[:len(u.levels)-1]
		} else {
			u.closed = true
		}
	}
}

// isLiteral reports whether the brace that was just read begins a literal though a header stands open: []string{ and map[string]int{.
func (u *unfinished) isLiteral() bool {
	i := len(u.tokens) - 2
	for i > 1 && u.tokens[i].tok == token.IDENT && u.tokens[i-1].tok == token.PERIOD {
		i -= 2
	}
	return i > 0 && u.tokens[i].tok == token.IDENT && u.tokens[i-1].tok == token.RBRACK
}

// close is what may stand behind the text, and behind that what its last statement wants, so that all that is open ends. bodies says
// whether a signature gets a body: without one it is a type.
func (u *unfinished) close(statement string, bodies bool) string {
	var b strings.Builder
	b.WriteString(statement)
	for i := len(u.levels) - 1; i >= 0; i-- {
		t := u.levels[i]
		if i < len(u.levels)-1 || statement == "" {
			b.WriteString(t.rest(bodies))
		}
		b.WriteString(t.closer)
		switch {
		case t.key:
			b.WriteString(" int")
		case t.generic:
			b.WriteString("()")
		}
	}
	return b.String()
}

// rest is what the level's statement lacks behind what stands there.
func (t level) rest(bodies bool) string {
	switch {
	case t.header == token.FOR && t.assigned && !t.ranges:
		return ";; {}"
	case (t.header == token.IF || t.header == token.SWITCH) && t.assigned:
		return "; _ {}"
	case t.header != token.ILLEGAL, t.function && bodies:
		return " {}"
	case t.lead == token.CASE || t.lead == token.DEFAULT:
		return ":"
	case t.block && t.commas && !t.assigned && t.lead == token.IDENT:
		return " = _"
	}
	return ""
}

// endings are what an unfinished statement may go on with, the likeliest first; what stands open is closed behind it.
var endings = []string{"", " _", "()", " {}", ":", " = _", ": _", "; _ {}", " _; _ {}", " int", " _ int", " := _", " := range _ {}", " := _; _ {}", " := <-_:", " _() {}", "() {}", ".(type) {}", " \"_\"", " _:"}
