package parameters

import (
	"math/big"
	"regexp"
	"strings"
)

// fsharp is for .NET Interactive.
var fsharp = &syntax{
	language: "F#",
	comment:  "(* Parameters *)",
	name:     unicodeName,
	keywords: wordSet(`abstract and as assert base begin class const default delegate do done downcast downto elif else end exception extern
		false finally fixed for fun function global if in inherit inline interface internal lazy let match member module mutable namespace
		new not null of open or override private public rec return sig static struct then to true try type upcast use val void when while
		with yield _`),
	assign: assignment("let ", " = ", ""),
	null:   "None", yes: "true", no: "false",
	nan: "nan", inf: "infinity", minusInf: "-infinity",
	integer: int64s(func(n *big.Int) string { return n.String() + "I" }),
	text:    func(s string) (string, error) { return escaped(s, backslashes, unicodeEscape), nil },
	list: func(elements []any, written []string) (string, error) {
		if fsharpTypes.of(elements) == "obj list" { // all elements must be of one type
			boxed := make([]string, len(written))
			for i, w := range written {
				boxed[i] = "box (" + w + ")"
			}
			written = boxed
		}
		return "[ " + strings.Join(written, "; ") + " ]", nil
	},
	mapping: func(m List, keys, written []string) (string, error) {
		if len(m) == 0 {
			return "Map.empty<string, IComparable>", nil // [  ] |> Map.ofList has no type
		}
		entries := make([]string, len(keys))
		for i := range keys {
			entries[i] = "(" + keys[i] + ", " + written[i] + " :> IComparable)"
		}
		return "[ " + strings.Join(entries, "; ") + " ] |> Map.ofList", nil
	},
}

var fsharpTypes = &typeNames{null: "option", truth: "bool", small: "int", large: "int64", huge: "bigint", float: "float", text: "string",
	mapping: "Map", list: " list", any: "obj", common: func(string, string) string { return "obj" }}

var fsharpNames = regexp.MustCompile(`\blet[ \t]+(?:mutable[ \t]+)?([\p{L}_][\p{L}\p{N}_]*)`)
