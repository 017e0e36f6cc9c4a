package parameters

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// powershell is for .NET Interactive, whose PowerShell is 7.
var powershell = &syntax{
	language: "PowerShell",
	comment:  "# Parameters",
	name:     unicodeName,
	keywords: wordSet("true false null _ args error Error ExecutionContext false HOME Host input PID PSHOME PSVersionTable ShellId this"),
	assign:   assignment("$", " = ", ""),
	null:     "$Null", yes: "$True", no: "$False",
	nan: "[double]::NaN", inf: "[double]::PositiveInfinity", minusInf: "[double]::NegativeInfinity",
	integer: func(n *big.Int) (string, error) {
		if n.BitLen() > 96 { // a decimal holds 96 bits; what is beyond would be a float
			return `[bigint]"` + n.String() + `"`, nil
		}
		return n.String(), nil
	},
	text: func(s string) (string, error) {
		return escaped(s, powershellEscapes, func(c rune) string { return fmt.Sprintf("`u{%x}", c) }), nil
	},
	list: func(elements []any, written []string) (string, error) {
		if len(elements) == 1 {
			if _, ok := elements[0].([]any); ok {
				return "@(," + written[0] + ")", nil // @(@(1, 2)) is @(1, 2)
			}
		}
		return "@(" + strings.Join(written, ", ") + ")", nil
	},
	mapping: func(m List, keys, written []string) (string, error) {
		names := map[string]string{}
		for _, e := range m {
			if other, ok := names[strings.ToLower(e.Name)]; ok {
				return "", fmt.Errorf("the keys %q and %q are one in PowerShell, which takes small letters for large ones", other, e.Name)
			}
			names[strings.ToLower(e.Name)] = e.Name
		}
		return paired("@{", " = ", "\n ", "}")(m, keys, written)
	},
}

// powershellEscapes: the escape is the backtick; $ would insert a variable, or run code.
var powershellEscapes = map[rune]string{'"': "`\"", '`': "``", '$': "`$", '\n': "`n", '\r': "`r", '\t': "`t"}

var powershellNames = regexp.MustCompile(`\$(?:\w+:)?([\p{L}_][\p{L}\p{N}_]*)[ \t]*=`)
