package parameters

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// bash is for bash_kernel. It has texts, lists of them, and (from version 4 on) maps of them.
var bash = &syntax{
	language: "bash",
	comment:  "# Parameters",
	name:     asciiName,
	keywords: wordSet("_ BASHOPTS BASH_VERSINFO EUID PPID SHELLOPTS UID"), // that can't be assigned to
	assign: func(name string, v any, written string) string {
		switch v.(type) {
		case nil:
			return name + "="
		case List:
			return "unset -v " + name + "; declare -A " + name + "=" + written // what is a list can't become a map
		}
		return name + "=" + written
	},
	null: "''", yes: "true", no: "false",
	nan: "nan", inf: "inf", minusInf: "-inf",
	integer: digits,
	text: func(s string) (string, error) {
		if strings.Contains(s, "\x00") {
			return "", errors.New("a text in bash can't hold the character NUL")
		}
		if bashPlain.MatchString(s) {
			return s, nil
		}
		if bashKeys.MatchString(s) {
			return bashEscaped(s), nil
		}
		return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'", nil
	},
	list: func(elements []any, written []string) (string, error) {
		if hasParts(elements) {
			return "", errors.New("a list in bash can't hold lists or maps; give it as JSON text (-r)")
		}
		return "(" + strings.Join(written, " ") + ")", nil
	},
	mapping: func(m List, keys, written []string) (string, error) {
		var values []any
		for i, e := range m {
			if e.Name == "" {
				return "", errors.New("a map in bash can't have an empty key")
			}
			keys[i] = "[" + keys[i] + "]"
			values = append(values, e.Value)
		}
		if hasParts(values) {
			return "", errors.New("a map in bash can't hold lists or maps; give it as JSON text (-r)")
		}
		return paired("(", "=", " ", ")")(m, keys, written)
	},
}

// bashPlain is what needs no quotes, by Python's shlex.
var bashPlain = regexp.MustCompile(`^[a-zA-Z0-9_@%+=:,./-]+$`)

// bashKeys finds what can't be typed: bash_kernel types a cell into an interactive bash, where a tab completes and others edit the line,
// and divides it at whatever Python takes for the end of a line. Line feeds are such ends, and come through.
var bashKeys = regexp.MustCompile(`[\x01-\x09\x0b-\x1f\x7f\x{85}\x{2028}\x{2029}]`)

// bashEscaped writes a text in the quotes that know escapes. History is expanded in them, so ! is escaped, and with ' its search for their end.
func bashEscaped(s string) string {
	var b strings.Builder
	b.WriteString("$'")
	for _, c := range s {
		switch {
		case c == '\\':
			b.WriteString(`\\`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\'' || c == '!' || bashKeys.MatchString(string(c)):
			for _, code := range []byte(string(c)) {
				fmt.Fprintf(&b, `\x%02x`, code)
			}
		default:
			b.WriteRune(c)
		}
	}
	return b.String() + "'"
}

func hasParts(values []any) bool {
	for _, v := range values {
		switch v.(type) {
		case []any, List:
			return true
		}
	}
	return false
}

// bashNames finds a=1, export a=1, declare -i a=1, and ${a:=1}.
var bashNames = regexp.MustCompile(`(?m)(?:^|[; \t])([A-Za-z_][A-Za-z0-9_]*)=|\$\{([A-Za-z_][A-Za-z0-9_]*):?[-=]`)
