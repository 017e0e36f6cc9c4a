package mathml

import "strings"

// delimiter reads what stands after \left, \right or \big.
func (p *parser) delimiter() string {
	token := p.next()
	switch token {
	case "(", ")", "[", "]", "|", "/":
		return token
	case "<":
		return "⟨"
	case ">":
		return "⟩"
	case ".":
		return ""
	}
	if s, ok := symbols()[strings.TrimPrefix(token, `\`)]; ok && strings.HasPrefix(token, `\`) && s.tag == "mo" {
		return s.text
	}
	p.fail("%q is no delimiter", token)
	return ""
}

func (p *parser) fenced() string {
	fence := func(form string) string {
		if d := p.delimiter(); d != "" {
			return element("mo", ` stretchy="true" fence="true" form="`+form+`"`, d)
		}
		return ""
	}
	parts := []string{fence("prefix")}
	for {
		parts = append(parts, p.row())
		switch stop := p.next(); stop {
		case `\middle`:
			parts = append(parts, fence("infix"))
		case `\right`:
			parts = append(parts, fence("postfix"))
			return "<mrow>" + strings.Join(parts, "") + "</mrow>"
		default:
			p.fail(`\left without \right`)
			return ""
		}
	}
}

// layout is how a table is set: the alignment of its columns, which repeats, and what it stands between.
type layout struct {
	columns     string // l, c, r, and | for a line before the next column
	display     bool   // an equation: in display style, columns in touching pairs
	left, right string
}

var environments = map[string]layout{
	"matrix": {}, "smallmatrix": {}, "pmatrix": {left: "(", right: ")"}, "bmatrix": {left: "[", right: "]"}, "Bmatrix": {left: "{", right: "}"},
	"vmatrix": {left: "|", right: "|"}, "Vmatrix": {left: "∥", right: "∥"}, "array": {}, "subarray": {},
	"cases": {columns: "l", left: "{"}, "dcases": {columns: "l", left: "{"}, "rcases": {columns: "l", right: "}"},
	"align": {columns: "rl", display: true}, "aligned": {columns: "rl", display: true}, "alignat": {columns: "rl", display: true}, "alignedat": {columns: "rl", display: true},
	"flalign": {columns: "rl", display: true}, "split": {columns: "rl", display: true}, "eqnarray": {columns: "rcl", display: true},
	"equation": {display: true}, "displaymath": {display: true}, "math": {}, "gather": {display: true}, "gathered": {display: true}, "multline": {display: true},
}

func (p *parser) environment() string {
	name := p.raw()
	l, ok := environments[strings.TrimSuffix(name, "*")]
	if !ok {
		p.fail("unknown environment %q", name)
		return ""
	}
	switch strings.TrimSuffix(name, "*") {
	case "array", "subarray":
		p.optional()
		l.columns = strings.Map(func(r rune) rune {
			if strings.ContainsRune("lcr|", r) {
				return r
			}
			return -1
		}, p.raw())
	case "alignat", "alignedat":
		p.raw()
	case "aligned", "gathered":
		p.optional()
	}
	table := p.table(l)
	if p.next() != `\end` || p.raw() != name {
		p.fail("environment %q is not closed", name)
	}
	if l.left == "" && l.right == "" {
		return table
	}
	fence := func(text, form string) string {
		if text == "" {
			return ""
		}
		return element("mo", ` stretchy="true" fence="true" form="`+form+`"`, text)
	}
	return "<mrow>" + fence(l.left, "prefix") + table + fence(l.right, "postfix") + "</mrow>"
}

// table reads rows up to what closes them.
func (p *parser) table(l layout) string {
	type column struct {
		align string
		line  bool
	}
	var columns []column
	line := false
	for _, c := range l.columns {
		if c == '|' {
			line = true
			continue
		}
		columns = append(columns, column{map[rune]string{'l': "left", 'c': "center", 'r': "right"}[c], line})
		line = false
	}
	if len(columns) == 0 {
		columns = []column{{align: "center"}}
	}
	var b strings.Builder
	b.WriteString("<mtable")
	if l.display {
		b.WriteString(` displaystyle="true"`)
	}
	b.WriteString(">")
	for last := false; !last; {
		var cells []string
		rule := false
		for p.peek() == `\hline` {
			p.next()
			rule = true
		}
		for {
			cells = append(cells, p.row())
			if p.peek() != "&" {
				break
			}
			p.next()
		}
		switch p.peek() {
		case `\\`, `\cr`, `\newline`:
			p.lineEnd()
		default:
			last = true
			if len(cells) == 1 && cells[0] == "<mrow></mrow>" { // nothing after the last \\
				continue
			}
		}
		b.WriteString("<mtr>")
		for i, cell := range cells {
			c := columns[i%len(columns)]
			style := "text-align:" + c.align
			if l.display && len(columns) > 1 { // the columns of an equation touch; its pairs do not
				style += map[bool]string{true: ";padding-left:2em", false: ";padding-left:0"}[i > 0 && i%len(columns) == 0]
				style += ";padding-right:0"
			}
			if c.line {
				style += ";border-left:1px solid"
			}
			if rule {
				style += ";border-top:1px solid"
			}
			b.WriteString(`<mtd style="` + style + `">` + cell + "</mtd>")
		}
		b.WriteString("</mtr>")
	}
	b.WriteString("</mtable>")
	return b.String()
}
