package nbformat

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds nesting; no notebook comes near it, and a hostile file must not exhaust the stack.
const maxDepth = 1000

// syntaxError says where a text stops being JSON.
type syntaxError struct {
	at   int
	what string
	path []any // keys and indexes from the root to the place
}

func (e *syntaxError) Error() string { return e.what }

type parser struct {
	text    string
	at      int
	depth   int
	escaped bool // a character beyond ASCII is written as an escape
}

// parseTree reads one JSON value that fills the text, and the space around it.
func parseTree(text string) (before string, root *node, after string, escaped bool, err error) {
	p := &parser{text: text}
	before = p.space()
	if root, err = p.value(); err != nil {
		return "", nil, "", false, err
	}
	after = p.space()
	if p.at < len(text) {
		return "", nil, "", false, p.fail("text after the end of the JSON")
	}
	return before, root, after, p.escaped, nil
}

func (p *parser) fail(format string, args ...any) error {
	return &syntaxError{at: p.at, what: fmt.Sprintf(format, args...)}
}

// under adds a step to the path of an error.
func under(err error, step any) error {
	if e, ok := err.(*syntaxError); ok {
		e.path = slices.Insert(e.path, 0, step)
	}
	return err
}

func (p *parser) space() string {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	return p.text[start:p.at]
}

func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) value() (*node, error) {
	switch c := p.peek(); {
	case c == '{' || c == '[':
		return p.container(kind(c))
	case c == '"':
		n := &node{kind: text, at: p.at}
		var err error
		n.raw, err = p.token()
		return n, err
	case p.at >= len(p.text):
		return nil, p.fail("the file ends in the middle")
	}
	return p.atom()
}

func (p *parser) container(k kind) (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("nested more than %d levels deep", maxDepth)
	}
	defer func() { p.depth-- }()
	n := &node{kind: k, at: p.at}
	closing := byte(k) + 2
	p.at++
	lead := p.space()
	if p.peek() == closing {
		p.at++
		n.raw = lead
		return n, nil
	}
	for {
		it := item{lead: lead}
		var err error
		var step any = len(n.items)
		if k == object {
			if p.peek() != '"' {
				return nil, p.unexpected(`a "name"`)
			}
			if it.key, err = p.token(); err != nil {
				return nil, err
			}
			start := p.at
			p.space()
			if p.peek() != ':' {
				return nil, p.unexpected("a colon")
			}
			p.at++
			p.space()
			it.colon = p.text[start:p.at]
			step = decode(it.key)
		}
		if it.value, err = p.value(); err != nil {
			return nil, under(err, step)
		}
		it.trail = p.space()
		n.items = append(n.items, it)
		switch p.peek() {
		case ',':
			p.at++
			lead = p.space()
		case closing:
			p.at++
			return n, nil
		default:
			return nil, under(p.unexpected(fmt.Sprintf("a comma or %q", closing)), step)
		}
	}
}

func (p *parser) unexpected(wanted string) error {
	if p.at >= len(p.text) {
		return p.fail("the file ends in the middle")
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return p.fail("found %q instead of %s", r, wanted)
}

// token reads a string.
func (p *parser) token() (string, error) {
	start := p.at
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return p.text[start:p.at], nil
		case c == '\\':
			p.at++
			if err := p.escape(); err != nil {
				return "", err
			}
		case c < ' ':
			return "", p.fail("a line break or control character (%#02x) inside a string", c)
		}
	}
	return "", p.fail("the file ends inside a string")
}

// escape checks what follows a backslash and stops at its last character.
func (p *parser) escape() error {
	c := p.peek()
	if c != 'u' {
		if c == 0 || strings.IndexByte(`"\/bfnrt`, c) < 0 {
			return p.fail("unknown escape \\%c in a string", c)
		}
		return nil
	}
	for i := 1; i <= 4; i++ {
		if p.at+i >= len(p.text) || strings.IndexByte("0123456789abcdefABCDEF", p.text[p.at+i]) < 0 {
			return p.fail("\\u without four hexadecimal digits")
		}
	}
	if hex4(p.text[p.at+1:]) >= 0x80 {
		p.escaped = true
	}
	p.at += 4
	return nil
}

// atom reads a number or a word.
func (p *parser) atom() (*node, error) {
	end := p.at
	for end < len(p.text) && strings.IndexByte(" \t\r\n,]}:\"[{", p.text[end]) < 0 {
		end++
	}
	n := &node{kind: atom, at: p.at, raw: p.text[p.at:end]}
	switch n.raw {
	case "true", "false", "null", "NaN", "Infinity", "-Infinity":
	default:
		if !isNumber(n.raw) {
			return nil, p.unexpected("a value")
		}
	}
	p.at = end
	return n, nil
}

// isNumber follows the grammar of RFC 8259, section 6.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	digits := func() int {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n
	}
	zero := strings.HasPrefix(s, "0")
	if n := digits(); n == 0 || zero && n > 1 {
		return false
	}
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		if digits() == 0 {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return s == ""
}
