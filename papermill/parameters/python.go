package parameters

// python is Papermill's, without black's line breaks.
var python = &syntax{
	language: "Python",
	comment:  "# Parameters",
	name:     unicodeName,
	keywords: wordSet(`False None True and as assert async await break class continue def del elif else except finally for from
		global if import in is lambda nonlocal not or pass raise return try while with yield`),
	assign: assignment("", " = ", ""),
	null:   "None", yes: "True", no: "False",
	nan: "float('nan')", inf: "float('inf')", minusInf: "float('-inf')",
	integer: digits,
	text:    func(s string) (string, error) { return escaped(s, backslashes, unicodeEscape), nil },
	list:    joined("[", ", ", "]"),
	mapping: paired("{", ": ", ", ", "}"),
}
