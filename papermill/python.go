package papermill

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// translatePython writes assignments as Papermill does, without black's line breaks.
func translatePython(p Parameters, declared string) (string, []string, error) {
	known := map[string]bool{}
	for _, m := range pythonAssignment.FindAllStringSubmatch(declared, -1) {
		known[m[1]] = true
	}
	var unknown []string
	b := strings.Builder{}
	b.WriteString("# Parameters\n")
	for _, q := range p {
		if !pythonName.MatchString(q.Name) || pythonKeywords[q.Name] {
			return "", nil, fmt.Errorf("%q can't be the name of a Python variable", q.Name)
		}
		if !known[q.Name] {
			unknown = append(unknown, q.Name)
		}
		fmt.Fprintf(&b, "%s = %s\n", q.Name, pythonValue(q.Value))
	}
	return b.String(), unknown, nil
}

var (
	pythonAssignment = regexp.MustCompile(`(?m)^(\w+)\s*(?::[^=\n]+)?=(?:[^=]|$)`)
	pythonName       = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)
	pythonKeywords   = wordSet(`False None True and as assert async await break class continue def del elif else except finally for from
		global if import in is lambda nonlocal not or pass raise return try while with yield`)
)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

func pythonValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case *big.Int:
		return v.String()
	case float64:
		switch {
		case math.IsNaN(v):
			return "float('nan')"
		case math.IsInf(v, 1):
			return "float('inf')"
		case math.IsInf(v, -1):
			return "float('-inf')"
		}
		return floatText(v)
	case string:
		return pythonString(v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, pythonValue(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case Parameters:
		var parts []string
		for _, e := range v {
			parts = append(parts, pythonString(e.Name)+": "+pythonValue(e.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	panic(fmt.Sprintf("a parameter of type %T", v))
}

// pythonString is a string literal in ASCII, by the rules of Python's unicode_escape.
func pythonString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r >= ' ' && r < 0x7F:
			b.WriteRune(r)
		case r <= 0xFF:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
