package parameters

import (
	"fmt"
	"regexp"
	"strings"
)

// matlab is for MATLAB's own kernel.
var matlab = &syntax{
	language: "MATLAB",
	comment:  "% Parameters",
	name:     regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`),
	keywords: wordSet(`break case catch classdef continue else elseif end for function global if otherwise parfor persistent return
		spmd switch try while`),
	assign: assignment("", " = ", ";"),
	null:   "NaN", yes: "true", no: "false",
	nan: "nan", inf: "inf", minusInf: "-inf",
	integer: doubles("MATLAB"),
	text:    func(s string) (string, error) { return matlabText(s, `"`, " + ", "", ""), nil },
	list:    joined("{", ", ", "}"),
	mapping: func(m List, _, written []string) (string, error) {
		keys := make([]string, len(m))
		for i, e := range m {
			keys[i] = matlabText(e.Name, "'", " ", "[", "]")
		}
		return "containers.Map({" + strings.Join(keys, ", ") + "}, {" + strings.Join(written, ", ") + "})", nil
	},
}

// octave is for octave_kernel. Its texts are bytes and know escapes, and + adds their numbers.
var octave = func() *syntax {
	s := *matlab
	s.language = "Octave"
	s.text = func(t string) (string, error) {
		return escaped(t, backslashes, func(c rune) string {
			var b strings.Builder
			for _, code := range []byte(string(c)) {
				fmt.Fprintf(&b, `\%03o`, code)
			}
			return b.String()
		}), nil
	}
	s.mapping = func(_ List, keys, written []string) (string, error) {
		return "containers.Map({" + strings.Join(keys, ", ") + "}, {" + strings.Join(written, ", ") + "})", nil
	}
	return &s
}()

// matlabText writes a text in quotes. There are no escapes in them but the quote twice: control characters are put between texts.
func matlabText(s, quote, and, open, end string) string {
	var b strings.Builder
	b.WriteString(quote)
	parts := 1
	for _, c := range s {
		switch {
		case string(c) == quote:
			b.WriteString(quote + quote)
		case c < ' ' || c == 0x7F || c == 0x85 || c == 0x2028 || c == 0x2029:
			fmt.Fprintf(&b, "%s%schar(%d)%s%s", quote, and, c, and, quote)
			parts++
		default:
			b.WriteRune(c)
		}
	}
	b.WriteString(quote)
	if parts == 1 {
		return b.String()
	}
	return open + b.String() + end
}

var matlabNames = regexp.MustCompile(`(?m)(?:^|[;,])[ \t]*([A-Za-z][A-Za-z0-9_]*)[ \t]*=(?:[^=]|$)`)
