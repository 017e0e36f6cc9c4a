package parameters

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// r is for IRkernel and Sparkmagic's.
var r = &syntax{
	language: "R",
	comment:  "# Parameters",
	name:     regexp.MustCompile(`^_*([\p{L}]|\.([\p{L}._]|$))[\p{L}\p{N}._]*$`),
	keywords: wordSet("if else repeat while function for next break in TRUE FALSE NULL Inf NaN NA NA_integer_ NA_real_ NA_complex_ NA_character_"),
	assign: func(name string, _ any, written string) string {
		return strings.TrimLeft(name, "_") + " = " + written // a name can't begin with _, so Papermill leaves it out
	},
	null: "NULL", yes: "TRUE", no: "FALSE",
	nan: "NaN", inf: "Inf", minusInf: "-Inf",
	integer: doubles("R"),
	text: func(s string) (string, error) {
		if strings.Contains(s, "\x00") {
			return "", errors.New("a text in R can't hold the character NUL")
		}
		return escaped(s, backslashes, wideEscape), nil // \xe9 is a byte, and \x can't stand beside \u
	},
	list: joined("list(", ", ", ")"),
	mapping: func(m List, keys, written []string) (string, error) {
		if slices.ContainsFunc(m, func(q Parameter) bool { return q.Name == "" }) {
			return "", fmt.Errorf("a list in R can't have an empty name")
		}
		return paired("list(", " = ", ", ", ")")(m, keys, written)
	},
}

var rNames = regexp.MustCompile(`(?m)(?:^|;)[ \t]*([\p{L}.][\p{L}\p{N}._]*)[ \t]*(?:<<?-|=(?:[^=]|$))`)
