package mathml

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// atom is an element with what its surroundings must know of it.
type atom struct {
	ml       string
	limits   bool // scripts go below and above
	function bool
	opening  bool // an opening fence
}

// document reads all: one row, or several that are separated by \\.
func (p *parser) document() (string, error) {
	var rows []string
	for {
		line := p.row()
		if stop := p.peek(); stop == `\\` || stop == `\newline` {
			p.lineEnd()
			rows = append(rows, line)
			continue
		}
		if stop := p.next(); stop != "" {
			p.fail("%s where nothing is open", stop)
		}
		if line != "<mrow></mrow>" || len(rows) == 0 {
			rows = append(rows, line)
		}
		break
	}
	if p.err != nil {
		return "", p.err
	}
	if len(rows) == 1 {
		return row(rows...), nil
	}
	var b strings.Builder
	b.WriteString(`<mtable displaystyle="true">`)
	for _, r := range rows {
		b.WriteString("<mtr><mtd>" + r + "</mtd></mtr>")
	}
	b.WriteString("</mtable>")
	return b.String(), nil
}

// lineEnd takes a \\ with the extra space that may follow it at once.
func (p *parser) lineEnd() {
	p.next()
	p.rest = strings.TrimPrefix(p.rest, "*")
	if strings.HasPrefix(p.rest, "[") {
		p.optional()
	}
}

// row reads atoms up to what ends them, as one element.
func (p *parser) row() string {
	if p.depth++; p.depth > maxDepth {
		p.fail("nested too deeply")
	}
	variant := p.variant
	defer func() { p.depth--; p.variant = variant }()

	var done []string
	gap := false // the last atom is a function's name
	for {
		token := p.peek()
		if ends(token) {
			break
		}
		switch token {
		case `\over`, `\choose`, `\atop`:
			p.next()
			above, below := row(done...), p.row()
			switch token {
			case `\over`:
				return "<mfrac>" + above + below + "</mfrac>"
			case `\atop`:
				return `<mfrac linethickness="0">` + above + below + "</mfrac>"
			}
			return binomial(above, below)
		case `\displaystyle`, `\textstyle`, `\scriptstyle`, `\scriptscriptstyle`:
			p.next()
			done = append(done, styles[token]+p.row()+"</mstyle>")
			continue
		case `\color`:
			rest := p.rest
			p.next()
			colour := p.colour()
			if p.peek() != "{" { // it holds for the rest of the row; with a group, for the group
				done = append(done, "<mstyle"+colour+">"+p.row()+"</mstyle>")
				continue
			}
			p.rest = rest
		}
		switch token {
		case `\rm`, `\it`, `\bf`, `\cal`, `\sf`, `\tt`: // to the end of the group
			p.next()
			p.variant = variants[token[1:]]
			continue
		}
		a := p.scripted()
		if gap && !a.opening && a.ml != "" {
			done = append(done, `<mspace width="0.167em"></mspace>`)
		}
		if a.ml != "" {
			done = append(done, a.ml)
			gap = a.function
		}
	}
	return row(done...)
}

var styles = map[string]string{
	`\displaystyle`: `<mstyle displaystyle="true" scriptlevel="0">`, `\textstyle`: `<mstyle displaystyle="false" scriptlevel="0">`,
	`\scriptstyle`: `<mstyle displaystyle="false" scriptlevel="1">`, `\scriptscriptstyle`: `<mstyle displaystyle="false" scriptlevel="2">`,
}

// scripted reads an atom with its scripts.
func (p *parser) scripted() atom {
	base := atom{ml: "<mrow></mrow>"}
	if t := p.peek(); t != "^" && t != "_" && t != "'" {
		base = p.atom()
	}
	var sub, sup string
	primes := 0
	for {
		switch token := p.peek(); token {
		case `\limits`, `\nolimits`:
			p.next()
			base.limits = token == `\limits`
			if base.limits {
				base.ml = strings.Replace(base.ml, ` movablelimits="true"`, "", 1)
			}
		case "'", "’":
			p.next()
			primes++
		case "^":
			p.next()
			if sup != "" {
				p.fail("two superscripts")
			}
			sup = p.argument()
		case "_":
			p.next()
			if sub != "" {
				p.fail("two subscripts")
			}
			sub = p.argument()
		default:
			if primes > 0 {
				mark := "<mo>" + strings.Repeat("′", primes) + "</mo>"
				if sup != "" {
					mark = row(mark, sup)
				}
				sup = mark
			}
			return script(base, sub, sup)
		}
	}
}

// letter is an identifier in the font that is set.
func (p *parser) letter(text, attributes string) atom {
	switch p.variant {
	case "", "italic":
		return atom{ml: element("mi", attributes, text)}
	case "normal":
		return atom{ml: element("mi", ` mathvariant="normal"`, text)}
	}
	return atom{ml: element("mi", ` mathvariant="normal"`, inFont(text, p.variant))}
}

var number = regexp.MustCompile(`^(?:\d+(?:\.\d+)?|\.\d+)`)

func (p *parser) atom() atom {
	p.skipSpace()
	if digits := number.FindString(p.rest); digits != "" {
		p.rest = p.rest[len(digits):]
		return atom{ml: element("mn", "", inFont(digits, p.variant))}
	}
	switch token := p.peek(); {
	case ends(token):
		p.fail("something is missing before %q", token)
		return atom{}
	case token == "{":
		return atom{ml: p.group()}
	case token[0] == '\\':
		p.next()
		return p.command(token[1:])
	}
	token := p.take()
	r, _ := utf8.DecodeRuneInString(token)
	if unicode.IsLetter(r) {
		for p.variant != "" && p.variant != "italic" && p.rest != "" && isLetter(p.rest[0]) { // a word
			token += p.take()
		}
		return p.letter(token, "")
	}
	switch token {
	case "(", "[":
		return atom{ml: element("mo", ` stretchy="false"`, token), opening: true}
	case ")", "]":
		return atom{ml: element("mo", ` stretchy="false"`, token)}
	case "|":
		return atom{ml: element("mo", ` stretchy="false" lspace="0" rspace="0"`, token)}
	case "-":
		token = "−"
	case "*":
		token = "∗"
	case "/":
		return atom{ml: element("mo", ` lspace="0" rspace="0"`, token)}
	case "~":
		return space(spaces["~"])
	case "#", "$":
		p.fail("%s is misplaced", token)
	}
	return atom{ml: element("mo", "", token)}
}
