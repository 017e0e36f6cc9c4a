package mathml

import (
	"html"
	"strings"
)

func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF { // what XML can't have
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return html.EscapeString(s)
}

func element(tag, attributes, text string) string {
	return "<" + tag + attributes + ">" + escape(text) + "</" + tag + ">"
}

func row(ml ...string) string {
	if len(ml) == 1 {
		return ml[0]
	}
	return "<mrow>" + strings.Join(ml, "") + "</mrow>"
}

func binomial(above, below string) string {
	return `<mrow><mo>(</mo><mfrac linethickness="0">` + above + below + `</mfrac><mo>)</mo></mrow>`
}

func script(base atom, sub, sup string) atom {
	tags := [3]string{"msub", "msup", "msubsup"}
	if base.limits {
		tags = [3]string{"munder", "mover", "munderover"}
	}
	tag := ""
	switch {
	case sub != "" && sup != "":
		tag = tags[2]
	case sub != "":
		tag = tags[0]
	case sup != "":
		tag = tags[1]
	default:
		return base
	}
	base.ml = "<" + tag + ">" + orEmpty(base.ml) + sub + sup + "</" + tag + ">"
	base.limits = false
	return base
}

// orEmpty is an element in any case: MathML counts the children of a fraction or a script.
func orEmpty(ml string) string {
	if ml == "" {
		return "<mrow></mrow>"
	}
	return ml
}

func inFont(text, variant string) string {
	return strings.Map(func(r rune) rune { return inVariant(r, variant) }, text)
}

func space(width string) atom { return atom{ml: `<mspace width="` + width + `"></mspace>`} }

func padded(ml string) string {
	return `<mpadded lspace="0.4em" width="+0.8em">` + ml + "</mpadded>"
}
