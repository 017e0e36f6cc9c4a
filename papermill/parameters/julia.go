package parameters

import (
	"maps"
	"regexp"
)

// julia is for IJulia.
var julia = &syntax{
	language: "Julia",
	comment:  "# Parameters",
	name:     unicodeName,
	keywords: wordSet(`baremodule begin break catch const continue do else elseif end export false finally for function global if
		import let local macro module quote return struct true try using while`),
	assign: assignment("", " = ", ""),
	null:   "nothing", yes: "true", no: "false",
	nan: "NaN", inf: "Inf", minusInf: "-Inf",
	integer: digits, // a literal has the type that it needs
	text: func(s string) (string, error) {
		return escaped(s, juliaEscapes, func(c rune) string {
			if c < 0x80 {
				return unicodeEscape(c)
			}
			return wideEscape(c) // \xe9 is a byte
		}), nil
	},
	list:    joined("[", ", ", "]"),
	mapping: paired("Dict(", " => ", ", ", ")"),
}

// juliaEscapes: $ would insert a variable, or run code.
var juliaEscapes = func() map[rune]string {
	escapes := maps.Clone(backslashes)
	escapes['$'] = `\$`
	return escapes
}()

var juliaNames = regexp.MustCompile(`(?m)(?:^|;)[ \t]*(?:const[ \t]+|global[ \t]+)?([\p{L}_][\p{L}\p{N}_]*)(?:::[^=\n]+)?[ \t]*=(?:[^=>]|$)`)
