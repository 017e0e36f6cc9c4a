package page

import (
	"fmt"
	"regexp"
	"strings"
)

// formula is a formula of a text.
type formula struct {
	source  string // with its delimiters
	latex   string
	display bool
}

// mark stands for a formula in a text that goes through Markdown: two private characters around its number. In the address of a link,
// Markdown writes them with percent signs.
var mark = regexp.MustCompile("(?:\uE000|%EE%80%80)([0-9]{1,9})(?:\uE001|%EE%80%81)")

// longestFormula bounds the search for a formula's end.
const longestFormula = 1 << 14

// formula writes a formula; one that can't be drawn is shown as its text.
func (p *writer) formula(f formula) {
	if ml, err := p.math.Convert(f.latex, f.display); err == nil {
		p.WriteString(ml)
		return
	}
	p.undrawn(f.source)
}

func (p *writer) undrawn(latex string) {
	p.WriteString(`<code class="formula">`)
	p.text(latex)
	p.WriteString("</code>")
}

// latex writes an output of LaTeX: text with formulas, as MathJax finds them. Text with commands outside formulas is shown as it is.
func (p *writer) latex(source string) {
	plain, formulas := cutFormulas(source)
	if strings.Contains(plain, `\`) || len(formulas) == 0 {
		p.undrawn(source)
		return
	}
	fragment{formulas: formulas}.text(p, []byte(escape(plain)), false)
}

// restore puts the sources of formulas back.
func restore(s string, formulas []formula) string {
	return mark.ReplaceAllStringFunc(s, func(m string) string {
		if f := (fragment{formulas: formulas}).formula([]byte(mark.FindStringSubmatch(m)[1])); f != nil {
			return f.source
		}
		return m
	})
}

// cutFormulas replaces the formulas of a Markdown text by marks: $…$, $$…$$, \\(…\\), \\[…\\] and environments, which are what MathJax looks
// for in a notebook. Code is left alone. A formula does not go over an empty line, except in an environment; a $ before a digit does
// not end one, so that prices are none.
func cutFormulas(source string) (string, []formula) {
	if !strings.ContainsAny(source, `$\`) {
		return source, nil
	}
	var b strings.Builder
	var formulas []formula
	lineStart := true
	for i := 0; i < len(source); {
		rest := source[i:]
		if lineStart {
			if n := fenceLength(rest); n > 0 {
				b.WriteString(rest[:n])
				i += n
				continue
			}
		}
		lineStart = rest[0] == '\n'
		f, size := formula{}, 0
		switch rest[0] {
		case '`':
			size = spanLength(rest)
			b.WriteString(rest[:size])
			i += size
			continue
		case '$':
			f, size = dollars(rest)
		case '\\':
			f, size = backslash(rest)
			if size == 0 && len(rest) > 1 && rest[1] != '\n' { // an escaped character begins nothing
				b.WriteString(rest[:2])
				i += 2
				continue
			}
		}
		if size == 0 {
			b.WriteByte(rest[0])
			i++
			continue
		}
		f.source = rest[:size]
		fmt.Fprintf(&b, "\uE000%d\uE001", len(formulas))
		formulas = append(formulas, f)
		i += size
	}
	return b.String(), formulas
}

// fenceLength is the length of the fenced code block at the start of s, 0 without.
func fenceLength(s string) int {
	line, _, _ := strings.Cut(s, "\n")
	body := strings.TrimLeft(line, " \t>")
	fence := ""
	for _, c := range "`~" {
		if n := len(body) - len(strings.TrimLeft(body, string(c))); n >= 3 {
			fence = body[:n]
		}
	}
	if fence == "" || fence[0] == '`' && strings.Contains(body[len(fence):], "`") {
		return 0
	}
	for at := len(line) + 1; at < len(s); {
		line, _, _ := strings.Cut(s[at:], "\n")
		at += len(line) + 1
		if end := strings.TrimSpace(strings.TrimLeft(line, " \t>")); strings.HasPrefix(end, fence) && strings.Trim(end, fence[:1]) == "" {
			return min(at, len(s))
		}
	}
	return len(s)
}

// spanLength is the length of the code span at the start of s, or of its backticks if they begin none.
func spanLength(s string) int {
	run := len(s) - len(strings.TrimLeft(s, "`"))
	within := paragraph(s)
	for at := run; at < len(within); {
		next := strings.IndexByte(within[at:], '`')
		if next < 0 {
			break
		}
		at += next
		n := len(within[at:]) - len(strings.TrimLeft(within[at:], "`"))
		at += n
		if n == run {
			return at
		}
	}
	return run
}

var emptyLine = regexp.MustCompile(`\n[ \t]*\n`)

// paragraph is s up to the next empty line.
func paragraph(s string) string {
	s = s[:min(len(s), longestFormula)]
	if at := emptyLine.FindStringIndex(s); at != nil {
		return s[:at[0]]
	}
	return s
}

func dollars(s string) (formula, int) {
	within := paragraph(s)
	if strings.HasPrefix(s, "$$") {
		for at := 2; at < len(within); at++ {
			switch {
			case within[at] == '\\':
				at++
			case strings.HasPrefix(within[at:], "$$") && strings.TrimSpace(within[2:at]) != "":
				return formula{latex: within[2:at], display: true}, at + 2
			}
		}
		return formula{}, 0
	}
	for at := 1; at < len(within); at++ {
		switch within[at] {
		case '`': // code goes before formulas
			return formula{}, 0
		case '\\':
			at++
		case '$':
			if strings.TrimSpace(within[1:at]) == "" || at+1 < len(within) && '0' <= within[at+1] && within[at+1] <= '9' {
				return formula{}, 0
			}
			return formula{latex: within[1:at]}, at + 1
		}
	}
	return formula{}, 0
}

var beginning = regexp.MustCompile(`^\\begin\{([a-zA-Z]+\*?)\}`)

func backslash(s string) (formula, int) {
	for _, d := range []struct {
		open, close string
		display     bool
	}{{`\\(`, `\\)`, false}, {`\\[`, `\\]`, true}} {
		if !strings.HasPrefix(s, d.open) {
			continue
		}
		within := paragraph(s)[len(d.open):]
		if end := strings.Index(within, d.close); end > 0 {
			return formula{latex: within[:end], display: d.display}, len(d.open) + end + len(d.close)
		}
	}
	m := beginning.FindStringSubmatch(s)
	if m == nil {
		return formula{}, 0
	}
	within := s[:min(len(s), longestFormula)]
	open, end := `\begin{`+m[1]+"}", `\end{`+m[1]+"}"
	for depth, at := 0, 0; ; {
		next := strings.IndexByte(within[at:], '\\')
		if next < 0 {
			return formula{}, 0
		}
		at += next
		switch {
		case strings.HasPrefix(within[at:], open):
			depth++
		case strings.HasPrefix(within[at:], end):
			if depth--; depth == 0 {
				at += len(end)
				return formula{latex: within[:at], display: true}, at
			}
		}
		at++
	}
}
