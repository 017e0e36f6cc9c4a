package parameters

import (
	"math/big"
	"regexp"
)

// scala is for Almond, Toree and Sparkmagic's.
var scala = &syntax{
	language: "Scala",
	comment:  "// Parameters",
	name:     unicodeName,
	keywords: wordSet(`abstract case catch class def do else enum export extends false final finally for forSome given if implicit import
		lazy macro match new null object override package private protected return sealed super then this throw trait true try type val
		var while with yield _`),
	assign: assignment("val ", " = ", ""),
	null:   "None", yes: "true", no: "false",
	nan: "Double.NaN", inf: "Double.PositiveInfinity", minusInf: "Double.NegativeInfinity",
	integer: int64s(func(n *big.Int) string { return `BigInt("` + n.String() + `")` }),
	text:    func(s string) (string, error) { return escaped(s, backslashes, utf16Escape), nil },
	list:    joined("Seq(", ", ", ")"),
	mapping: paired("Map(", " -> ", ", ", ")"),
}

var scalaNames = regexp.MustCompile(`\b(?:val|var|def)[ \t]+([\p{L}_][\p{L}\p{N}_]*)`)
