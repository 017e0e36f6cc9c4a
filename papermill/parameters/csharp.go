package parameters

import (
	"math/big"
	"regexp"
	"strings"
)

// csharp is for .NET Interactive.
var csharp = &syntax{
	language: "C#",
	comment:  "// Parameters",
	name:     unicodeName,
	keywords: wordSet(`abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else
		enum event explicit extern false finally fixed float for foreach goto if implicit in int interface internal is lock long namespace
		new null object operator out override params private protected public readonly ref return sbyte sealed short sizeof stackalloc
		static string struct switch this throw true try typeof uint ulong unchecked unsafe ushort using virtual void volatile while _`),
	assign: func(name string, v any, written string) string {
		if v == nil {
			return "object " + name + " = null;" // null alone has no type
		}
		return "var " + name + " = " + written + ";"
	},
	null: "null", yes: "true", no: "false",
	nan: "double.NaN", inf: "double.PositiveInfinity", minusInf: "double.NegativeInfinity",
	integer: int64s(func(n *big.Int) string { return `System.Numerics.BigInteger.Parse("` + n.String() + `")` }),
	text: func(s string) (string, error) {
		return escaped(s, backslashes, wideEscape), nil // \x takes up to four digits
	},
	list: func(elements []any, written []string) (string, error) {
		open := "new [] { "
		if csharpTypes.of(elements) == "object[]" {
			open = "new object[] { " // the compiler finds no common type
		}
		return open + strings.Join(written, ", ") + " }", nil
	},
	mapping: func(m List, keys, written []string) (string, error) {
		entries := make([]string, len(keys))
		for i := range keys {
			entries[i] = "{ " + keys[i] + " , " + written[i] + " }"
		}
		return "new Dictionary<string,Object>{ " + strings.Join(entries, ", ") + " }", nil
	},
}

// csharpTypes: an array has the type of its elements if that is one, or one that holds all numbers.
var csharpTypes = &typeNames{null: "null", truth: "bool", small: "int", large: "long", huge: "BigInteger", float: "double", text: "string",
	mapping: "Dictionary", list: "[]", any: "object", common: csharpCommon}

func csharpCommon(a, b string) string {
	wide := map[string]int{"int": 1, "long": 2, "double": 3}
	if wide[a] > 0 && wide[b] > 0 {
		if wide[a] > wide[b] {
			return a
		}
		return b
	}
	nullable := func(t string) bool { return t == "string" || t == "Dictionary" || strings.HasSuffix(t, "[]") }
	switch {
	case a == "null" && nullable(b):
		return b
	case b == "null" && nullable(a):
		return a
	}
	return "object"
}

var csharpNames = regexp.MustCompile(`(?m)(?:^|;)[ \t]*[\p{L}_][\p{L}\p{N}_.<>\[\],?]*(?:[ \t]+[\p{L}\p{N}_.<>\[\],?]+)*[ \t]+([\p{L}_][\p{L}\p{N}_]*)[ \t]*=(?:[^=>]|$)`)
