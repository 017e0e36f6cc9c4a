package mathml

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parser reads one formula. The first error stays, and ends the reading: what is read after it is void.
type parser struct {
	converter *Converter
	rest      string
	variant   string // the font of letters
	depth     int
	expanded  int // macros so far
	expansion int // length of what they expanded to
	err       error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.rest = ""
}

// next takes a token: a command with its backslash, or a character; "" at the end. Space and comments before it are skipped.
func (p *parser) next() string {
	p.skipSpace()
	return p.take()
}

func (p *parser) take() string {
	if p.rest == "" {
		return ""
	}
	size := 0
	if p.rest[0] == '\\' {
		size = 1
		for size < len(p.rest) && isLetter(p.rest[size]) {
			size++
		}
		if size == 1 && len(p.rest) > 1 {
			_, n := utf8.DecodeRuneInString(p.rest[1:])
			size += n
		}
	} else {
		_, size = utf8.DecodeRuneInString(p.rest)
	}
	token := p.rest[:size]
	p.rest = p.rest[size:]
	return token
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func (p *parser) skipSpace() {
	for {
		p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
		if !strings.HasPrefix(p.rest, "%") {
			return
		}
		_, p.rest, _ = strings.Cut(p.rest, "\n")
	}
}

func (p *parser) peek() string {
	rest := p.rest
	token := p.next()
	p.rest = rest
	return token
}

// ends are the tokens that a row ends before.
func ends(token string) bool {
	switch token {
	case "", "}", "&", `\\`, `\cr`, `\newline`, `\end`, `\right`, `\middle`:
		return true
	}
	return false
}

// argument reads a group or a single atom, as one element.
func (p *parser) argument() string {
	switch token := p.peek(); {
	case token == "{":
		return p.group()
	case ends(token):
		p.fail("an argument is missing before %q", token)
		return ""
	case '0' <= token[0] && token[0] <= '9': // x^12 is x¹2
		p.next()
		return element("mn", "", inFont(token, p.variant))
	}
	return orEmpty(p.atom().ml)
}

func (p *parser) group() string {
	p.next()
	content := p.row()
	if stop := p.next(); stop != "}" {
		p.fail("a group is not closed")
	}
	return content
}

// raw reads a group as text.
func (p *parser) raw() string {
	p.skipSpace()
	if !strings.HasPrefix(p.rest, "{") {
		return p.take()
	}
	depth := 0
	for i := 0; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				text := p.rest[1:i]
				p.rest = p.rest[i+1:]
				return text
			}
		}
	}
	p.fail("a group is not closed")
	return ""
}

// optional reads an argument in square brackets as text.
func (p *parser) optional() (string, bool) {
	rest := p.rest
	p.skipSpace()
	if strings.HasPrefix(p.rest, "[") {
		depth := 0
		for i := 1; i < len(p.rest); i++ {
			switch c := p.rest[i]; {
			case c == '\\':
				i++
			case c == '{':
				depth++
			case c == '}':
				depth--
			case c == ']' && depth == 0:
				text := p.rest[1:i]
				p.rest = p.rest[i+1:]
				return text, true
			}
		}
	}
	p.rest = rest
	return "", false
}

// parse reads another text as a row in the same circumstances.
func (p *parser) parse(latex string) string {
	rest := p.rest
	p.rest = latex
	ml := p.row()
	if p.rest != "" {
		p.fail("%q is misplaced", p.peek())
	}
	if p.err == nil {
		p.rest = rest
	}
	return ml
}
