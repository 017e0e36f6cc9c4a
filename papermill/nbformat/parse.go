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

	checking bool // the text is checked only: no nodes are made
}

// place is what a value is to a notebook, as far as that matters to the parser: it leaves the objects and lists of outputs unread, which are
// most of what a notebook has and seldom asked for.
type place byte

const (
	inside     place = iota // any other value
	notebook                // the whole
	cellList                // its cells
	cell                    // one of them
	outputList              // its outputs, or anything else of which the items are left unread
	closed                  // left unread, if it has items
)

// item is the place of an item; key as it is written, or empty.
func (in place) item(key string) place {
	is := func(name string) bool { return key != "" && decode(key) == name }
	switch {
	case in == notebook && is("cells"):
		return cellList
	case in == cellList:
		return cell
	case in == cell && is("outputs"):
		return outputList
	case in == outputList:
		return closed
	}
	return inside
}

// parseTree reads one JSON value that fills the text, and the space around it.
func parseTree(text string, in place) (before string, root *node, after string, escaped bool, err error) {
	p := &parser{text: text}
	before = p.space()
	if root, err = p.value(in); err != nil {
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

func (p *parser) value(in place) (*node, error) {
	switch c, start := p.peek(), p.at; {
	case (c == '{' || c == '[') && in == closed && !p.checking:
		p.checking = true
		_, err := p.container(kind(c), inside)
		p.checking = false
		return p.node(unread, start, p.text[start:p.at], nil), err
	case c == '{' || c == '[':
		return p.container(kind(c), in)
	case c == '"':
		raw, err := p.token()
		return p.node(text, start, raw, nil), err
	case p.at >= len(p.text):
		return nil, p.fail("the file ends in the middle")
	}
	return p.atom()
}

// node makes a node that starts there.
func (p *parser) node(k kind, start int, raw string, items []item) *node {
	if p.checking {
		return nil
	}
	return &node{kind: k, at: start, raw: raw, items: items}
}

func (p *parser) container(k kind, in place) (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("nested more than %d levels deep", maxDepth)
	}
	defer func() { p.depth-- }()
	start, closing := p.at, byte(k)+2
	p.at++
	lead := p.space()
	if p.peek() == closing {
		p.at++
		return p.node(k, start, lead, nil), nil
	}
	var items []item
	for i := 0; ; i++ {
		it := item{lead: lead}
		step := func() any {
			if k == object {
				return decode(it.key)
			}
			return i
		}
		var err error
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
		}
		if it.value, err = p.value(in.item(it.key)); err != nil {
			return nil, under(err, step())
		}
		it.trail = p.space()
		if !p.checking {
			items = append(items, it)
		}
		switch p.peek() {
		case ',':
			p.at++
			lead = p.space()
		case closing:
			p.at++
			return p.node(k, start, "", items), nil
		default:
			return nil, under(p.unexpected(fmt.Sprintf("a comma or %q", closing)), step())
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
	start, raw := p.at, p.text[p.at:end]
	switch raw {
	case "true", "false", "null", "NaN", "Infinity", "-Infinity":
	default:
		if !isNumber(raw) {
			return nil, p.unexpected("a value")
		}
	}
	p.at = end
	return p.node(atom, start, raw, nil), nil
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
