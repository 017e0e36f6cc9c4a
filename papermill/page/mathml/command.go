package mathml

import (
	"fmt"
	"regexp"
	"strings"
)

func (p *parser) command(name string) atom {
	if m, ok := p.converter.macros[name]; ok {
		p.expand(m)
		if t := p.peek(); ends(t) {
			return atom{}
		}
		return p.atom()
	}
	if s, ok := symbols()[name]; ok {
		a := atom{limits: s.limits, function: s.function, opening: strings.HasPrefix(name, "l") && strings.Contains("{[⟨⌊⌈|∥", s.text) || s.text == "{"}
		if s.tag == "mi" && !s.function {
			a.ml = p.letter(s.text, s.attributes).ml
		} else {
			a.ml = element(s.tag, s.attributes, s.text)
		}
		return a
	}
	if width, ok := spaces[name]; ok {
		return space(width)
	}
	if font, ok := variants[name]; ok {
		was := p.variant
		p.variant = font
		ml := p.argument()
		p.variant = was
		return atom{ml: ml}
	}
	if accent, ok := accents[name]; ok {
		stretchy := ` stretchy="false"`
		if accent.wide {
			stretchy = ` stretchy="true"`
		}
		return atom{ml: `<mover accent="true">` + p.argument() + element("mo", stretchy, accent.text) + "</mover>", limits: name == "overbrace" || name == "overbracket"}
	}
	if mark, ok := underAccents[name]; ok {
		return atom{ml: `<munder accentunder="true">` + p.argument() + element("mo", ` stretchy="true"`, mark) + "</munder>", limits: name == "underbrace" || name == "underbracket"}
	}
	if size, ok := sizes[strings.TrimRight(name, "lrm")]; ok {
		return atom{ml: element("mo", ` stretchy="true" minsize="`+size+`" maxsize="`+size+`"`, p.delimiter()), opening: strings.HasSuffix(name, "l")}
	}
	if text, ok := strings.CutPrefix(name, "text"); ok || name == "mbox" || name == "hbox" {
		if attributes, known := textStyles[text]; known || !ok {
			return atom{ml: p.text(p.raw(), attributes)}
		}
	}
	return p.structure(name)
}

var textStyles = map[string]string{
	"": "", "rm": "", "normal": "", "up": "", "bf": ` style="font-weight:bold"`, "it": ` style="font-style:italic"`, "sf": ` style="font-family:sans-serif"`,
	"tt": ` style="font-family:monospace"`,
}

// text is what stands in \text, with the formulas in it.
func (p *parser) text(s, attributes string) string {
	var parts []string
	for s != "" {
		plain, after, found := strings.Cut(s, "$")
		for found && strings.HasSuffix(plain, `\`) {
			var more string
			more, after, found = strings.Cut(after, "$")
			plain = strings.TrimSuffix(plain, `\`) + "$" + more
		}
		if plain != "" {
			parts = append(parts, element("mtext", attributes, unescapeText.Replace(plain)))
		}
		if !found {
			break
		}
		formula, rest, closed := strings.Cut(after, "$")
		if !closed {
			p.fail("a $ in a text is not closed")
		}
		parts = append(parts, p.parse(formula))
		s = rest
	}
	return row(parts...)
}

// A space at an end of a text counts, and MathML would trim it.
var unescapeText = strings.NewReplacer(" ", "\u00A0", "~", "\u00A0", `\ `, "\u00A0", `\_`, "_", `\%`, "%", `\&`, "&", `\#`, "#", `\{`, "{", `\}`, "}", "``", "“", "''", "”", "{", "", "}", "")

// structure reads the commands that have a form of their own.
func (p *parser) structure(name string) atom {
	switch name {
	case "frac", "tfrac", "dfrac", "cfrac":
		above := p.argument()
		fraction := "<mfrac>" + above + p.argument() + "</mfrac>"
		switch name {
		case "dfrac", "cfrac":
			fraction = styles[`\displaystyle`] + fraction + "</mstyle>"
		case "tfrac":
			fraction = styles[`\textstyle`] + fraction + "</mstyle>"
		}
		return atom{ml: fraction}
	case "binom", "dbinom", "tbinom":
		above := p.argument()
		return atom{ml: binomial(above, p.argument())}
	case "sqrt":
		if index, ok := p.optional(); ok {
			degree := p.parse(index)
			return atom{ml: "<mroot>" + p.argument() + degree + "</mroot>"}
		}
		return atom{ml: "<msqrt>" + p.argument() + "</msqrt>"}
	case "overset", "stackrel":
		over := p.argument()
		return atom{ml: "<mover>" + p.argument() + over + "</mover>"}
	case "underset":
		under := p.argument()
		base := p.scripted()
		return atom{ml: "<munder>" + strings.Replace(orEmpty(base.ml), ` movablelimits="true"`, "", 1) + under + "</munder>", function: base.function}
	case "xrightarrow", "xleftarrow", "xleftrightarrow", "xRightarrow", "xmapsto":
		arrow := element("mo", ` stretchy="true"`, symbols()[name[1:]].text)
		under, both := p.optional()
		below := p.parse(under)
		if above := p.argument(); !both {
			return atom{ml: "<mover>" + arrow + padded(above) + "</mover>"}
		} else {
			return atom{ml: "<munderover>" + arrow + padded(below) + padded(above) + "</munderover>"}
		}
	case "left":
		return atom{ml: p.fenced()}
	case "begin":
		return atom{ml: p.environment()}
	case "substack":
		p.skipSpace()
		if !strings.HasPrefix(p.rest, "{") {
			p.fail(`\substack without a group`)
		}
		p.take()
		table := p.table(layout{})
		if p.next() != "}" {
			p.fail("a group is not closed")
		}
		return atom{ml: table}
	case "operatorname", "operatornamewithlimits":
		star := strings.HasPrefix(p.rest, "*")
		p.rest = strings.TrimPrefix(p.rest, "*")
		return p.operator(p.raw(), star || name != "operatorname")
	case "mathop":
		return atom{ml: p.argument(), limits: true}
	case "mathrel", "mathbin", "mathord", "mathopen", "mathclose", "mathpunct", "mathinner", "ensuremath", "smash":
		return atom{ml: p.argument()}
	case "mathstrut", "relax", "hfill", "nonumber", "notag", "allowbreak", "nobreak", "displaylimits", "hline", "centering": // nothing to see
		return atom{}
	case "phantom", "hphantom", "vphantom":
		return atom{ml: "<mphantom>" + p.argument() + "</mphantom>"}
	case "boxed", "fbox":
		return atom{ml: `<mrow style="border:1px solid;padding:0.2em">` + p.argument() + "</mrow>"}
	case "color", "textcolor":
		colour := p.colour()
		return atom{ml: "<mstyle" + colour + ">" + p.argument() + "</mstyle>"}
	case "label":
		p.raw()
		return atom{}
	case "tag":
		return atom{ml: row(space("2em").ml, element("mtext", "", "("+p.raw()+")"))}
	case "hspace", "mspace", "hskip", "kern", "mkern":
		return p.length()
	case "not":
		base := p.atom().ml
		if cut := strings.Index(base[min(1, len(base)):], "<"); cut > 0 { // into the element, after its text
			return atom{ml: base[:cut+1] + "\u0338" + base[cut+1:]}
		}
		p.fail(`\not without a relation`)
	case "pmod", "mod", "pod":
		modulus := p.argument()
		switch name {
		case "pmod":
			return atom{ml: row(space("1em").ml, `<mo stretchy="false">(</mo><mi>mod</mi>`, space("0.333em").ml, modulus, `<mo stretchy="false">)</mo>`)}
		case "pod":
			return atom{ml: row(space("1em").ml, `<mo stretchy="false">(</mo>`, modulus, `<mo stretchy="false">)</mo>`)}
		}
		return atom{ml: row(space("1em").ml, "<mi>mod</mi>", space("0.333em").ml, modulus)}
	case "newcommand", "renewcommand", "providecommand", "def", "DeclareMathOperator":
		p.define(name)
		return atom{}
	}
	p.fail(`unknown command \%s`, name)
	return atom{}
}

func (p *parser) operator(source string, limits bool) atom {
	name := strings.NewReplacer(`\,`, "\u2009", `\ `, " ", "~", " ", `\!`, "", "{", "", "}", "").Replace(source)
	name = strings.TrimPrefix(strings.TrimPrefix(name, `\mathrm`), `\rm `)
	if strings.Contains(name, `\`) {
		p.fail("an operator's name with commands")
	}
	if limits {
		return atom{ml: element("mo", ` movablelimits="true"`, name), limits: true, function: true}
	}
	return atom{ml: element("mi", ` mathvariant="normal"`, name), function: true}
}

var plainColour = regexp.MustCompile(`^(?:[a-zA-Z]+|#[0-9a-fA-F]{3,8})$`)

func (p *parser) colour() string {
	name := strings.TrimSpace(p.raw())
	if !plainColour.MatchString(name) {
		p.fail("unknown colour %q", name)
		return ""
	}
	return ` style="color:` + strings.ToLower(name) + `"`
}

var plainLength = regexp.MustCompile(`^\{?\s*(-?(?:\d+\.?\d*|\.\d+))\s*(em|ex|pt|px|cm|mm|in|mu)\s*\}?`)

func (p *parser) length() atom {
	p.rest = strings.TrimPrefix(p.rest, "*")
	p.skipSpace()
	m := plainLength.FindStringSubmatch(p.rest)
	if m == nil {
		p.fail("not a length")
		return atom{}
	}
	p.rest = p.rest[len(m[0]):]
	if m[2] == "mu" { // an 18th of an em
		var mu float64
		fmt.Sscan(m[1], &mu)
		return space(fmt.Sprintf("%.3gem", mu/18))
	}
	return space(m[1] + m[2])
}
