package gocell

import (
	"errors"
	"go/scanner"
	"go/token"
	"strings"
)

// Place is where in a text the cursor stands, by its tokens.
type Place struct {
	Inside token.Token // STRING, CHAR or COMMENT: what the cursor is inside of; ILLEGAL if it is in code
	Start  int         // where that begins, or the word at the cursor
	Magic  bool        // the cursor's line is a command
}

// At tells where offset stands in source.
func At(source string, offset int) Place {
	var c Cell
	line := strings.LastIndexByte(source[:offset], '\n') + 1
	code := c.stripMagics(source[:offset])
	if strings.TrimSpace(source[line:offset]) != "" && strings.TrimSpace(code[line:]) == "" {
		return Place{Start: line, Magic: true}
	}
	if u := look(code); u.inside != token.ILLEGAL {
		return Place{Inside: u.inside, Start: u.opened}
	}
	start := offset
	for start > 0 && isWord(source[start-1]) {
		start--
	}
	return Place{Start: start}
}

func isWord(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// Call is a call whose arguments the offset is among.
type Call struct {
	Name int // where the last word of the function's name ends
	Arg  int // the number of the argument, from 0
}

// CallAt finds the innermost call that is open at offset. It looks no further out than the function's body that offset is in.
func CallAt(source string, offset int) (Call, bool) {
	var c Cell
	u := look(c.stripMagics(source[:offset]))
	for i := len(u.levels) - 1; i > 0; i-- {
		l := u.levels[i]
		if l.block {
			break
		}
		at := -1
		arg, depth := 0, 0
		for j, t := range u.tokens {
			switch {
			case t.start == l.bracket.start:
				at = j
			case at < 0:
			case t.tok == token.LPAREN || t.tok == token.LBRACK || t.tok == token.LBRACE:
				depth++
			case t.tok == token.RPAREN || t.tok == token.RBRACK || t.tok == token.RBRACE:
				depth--
			case t.tok == token.COMMA && depth == 0:
				arg++
			}
		}
		if at < 1 {
			continue
		}
		switch before := u.tokens[at-1]; {
		case l.closer == "]":
		case before.tok == token.IDENT, l.closer == ")" && (before.tok == token.RBRACK || before.tok == token.RPAREN):
			return Call{before.end, arg}, true
		}
	}
	return Call{}, false
}

// Mend makes a cell of a text that is being typed: what stands from start to end is replaced by word, which keeps its offset, and what does not
// parse is put right or left out, the less the better. It reports false if nothing can be made of the line.
func Mend(source string, start, end int, word string) (string, bool) {
	var c Cell
	code := c.stripMagics(source)
	if strings.TrimSpace(code[start:end]) == "" && start < end {
		return "", false
	}
	head, tail := code[:start], code[end:]
	t := trials{enough}
	for range 12 {
		if whole := head + word + tail; t.parses(whole) {
			return whole, true
		}
		if text, ok := t.finish(head, word); ok {
			return t.withTail(text, tail), true
		}
		next, ok := t.withoutFault(head, word)
		if !ok {
			break
		}
		head = next
	}
	// The line can't be read: the word alone, with what it is selected from.
	t.left = max(t.left, enough/4)
	from := operand(head)
	line := strings.LastIndexByte(head, '\n') + 1
	for _, keep := range []string{blank(head[:max(from, line)], line), blank(head[:from], 0)} {
		if text, ok := t.finish(keep+head[len(keep):], word); ok {
			return t.withTail(text, tail), true
		}
	}
	return "", false
}

// trials counts down the bytes that are parsed on trial: who types does not wait for a long text to be tried in all ways.
type trials struct{ left int }

const enough = 1 << 19

func (t *trials) parse(text string) (*Cell, error) {
	if t.left -= len(text) + 100; t.left < 0 {
		return nil, errors.New("tried enough")
	}
	return Parse("cell", text)
}

func (t *trials) parses(text string) bool { _, err := t.parse(text); return err == nil }

// finish closes what is open behind the word.
func (t *trials) finish(head, word string) (string, bool) {
	u := look(head + word)
	if u.inside != token.ILLEGAL {
		return "", false
	}
	for _, bodies := range []bool{true, false} {
		for _, e := range endings {
			if text := head + word + u.close(e, bodies); t.parses(text) {
				return text, true
			}
		}
	}
	return "", false
}

// withTail puts what comes behind the cursor's statement back: declarations that a notebook's author wrote further down.
func (t *trials) withTail(text, tail string) string {
	for tries := 0; tries < 20; tries++ {
		i := strings.IndexByte(tail, '\n')
		for i >= 0 && i+1 < len(tail) && !(tail[i+1] >= 'a' && tail[i+1] <= 'z' || tail[i+1] >= 'A' && tail[i+1] <= 'Z') {
			j := strings.IndexByte(tail[i+1:], '\n')
			if j < 0 {
				return text
			}
			i += 1 + j
		}
		if i < 0 || i+1 >= len(tail) {
			return text
		}
		tail = tail[i+1:]
		if t.parses(text + "\n" + tail) {
			return text + "\n" + tail
		}
	}
	return text
}

// withoutFault blanks the line before the cursor's that the parser complains about first, but for the braces that hold others.
func (t *trials) withoutFault(head, word string) (string, bool) {
	line, _ := position(head, len(head))
	_, err := t.parse(head + word + look(head+word).close("", true))
	var list scanner.ErrorList
	if !errors.As(err, &list) {
		return "", false
	}
	first := line
	for _, e := range list {
		first = min(first, e.Pos.Line)
	}
	if first >= line || first < 1 {
		return "", false
	}
	from := offsetOf(head, first, 1)
	to := lineEnd(head, from)
	text := strings.TrimRight(head[from:to], " \t\r")
	switch strings.TrimSpace(text) {
	case "":
		return "", false
	case "{", "}": // one too many
		return head[:from] + blank(head[from:to], 0) + head[to:], true
	}
	kept := []byte(blank(head[from:to], 0))
	if strings.HasSuffix(text, "{") {
		kept[len(text)-1] = '{'
	}
	if trimmed := strings.TrimLeft(text, " \t"); strings.HasPrefix(trimmed, "}") {
		kept[len(text)-len(trimmed)] = '}'
	}
	if string(kept) == head[from:to] {
		return "", false
	}
	return head[:from] + string(kept) + head[to:], true
}

// blank puts spaces for all from an offset on, but for line ends.
func blank(s string, from int) string {
	out := []byte(s)
	for i := from; i < len(out); i++ {
		if out[i] != '\n' {
			out[i] = ' '
		}
	}
	return string(out)
}

// operand is where the expression begins that text ends in: names, selectors, calls and indexes, and a dot behind.
func operand(text string) int {
	u := look(text)
	depth, i := 0, len(u.tokens)-1
	if i < 0 || u.tokens[i].tok != token.PERIOD || u.tokens[i].end != len(text) {
		return len(text)
	}
	at := u.tokens[i].start
	for i--; i >= 0; i-- {
		switch t := u.tokens[i]; t.tok {
		case token.RPAREN, token.RBRACK, token.RBRACE:
			depth++
		case token.LPAREN, token.LBRACK, token.LBRACE:
			if depth--; depth < 0 {
				return at
			}
		case token.IDENT, token.PERIOD, token.STRING:
			if depth == 0 && t.tok != token.PERIOD && i+1 < len(u.tokens) && (u.tokens[i+1].tok == token.IDENT) {
				return at
			}
		default:
			if depth == 0 {
				return at
			}
		}
		if depth == 0 {
			at = u.tokens[i].start
		}
	}
	return at
}
