package parameters

import (
	"fmt"
	"iter"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// pythonDeclared reads the assignments of a cell: what Papermill sees, and what it doesn't, such as `a = b == 3` and `a, b = 1, 2`.
func pythonDeclared(source string) ([]declaration, error) {
	var all []declaration
	for _, d := range inspectPython(source) {
		all = append(all, pythonDeclaration(d, ""))
	}
	for _, statement := range pythonStatements(source) {
		parts := splitAssignment(statement)
		value := ""
		if len(parts) > 1 {
			value = strings.TrimSpace(parts[len(parts)-1])
			parts = parts[:len(parts)-1]
		} else if !strings.Contains(statement, ":") {
			continue // no assignment and no annotation
		}
		for _, target := range parts {
			target, annotation, _ := strings.Cut(target, ":")
			names := strings.FieldsFunc(target, func(r rune) bool { return strings.ContainsRune(" \t,()[]*", r) })
			if slices.ContainsFunc(names, func(n string) bool { return python.checkName(n) != nil }) {
				continue // no name: a.b = 1
			}
			for _, name := range names {
				d := Declared{Name: name, Type: strings.Trim(strings.TrimSpace(annotation), `"'`), Default: value}
				if len(names) > 1 {
					d.Default = ""
				}
				if d.Type == "" {
					d.Type = "None"
					if i := lastDeclaration(all, name); i >= 0 {
						d.Type = all[i].Type // of a type comment
					}
				}
				all = append(all, pythonDeclaration(d, pythonLiteral(d.Default)))
			}
		}
	}
	return all, nil
}

// pythonDeclaration takes the type from the annotation, else from the default's literal.
func pythonDeclaration(d Declared, literal string) declaration {
	declared := d.Type
	if declared == "None" {
		declared = literal
	}
	t := parsePythonType(declared)
	return declaration{d, func(q Parameter) error {
		if q.Value == nil && d.Default == "None" || t.fits(q.Value) {
			return nil
		}
		written, err := python.value(q.Value)
		if err != nil {
			return err
		}
		hint := ""
		switch text, isText := q.Value.(string); {
		case !isText && q.text != "" && t.fits(q.text):
			hint = "; give it as text with -r"
		case q.text != "" && t.fits(true) && (text == "true" || text == "false"):
			hint = "; write True or False"
		}
		return fmt.Errorf("%s is no value of its type %s%s", written, declared, hint)
	}}
}

// pythonStatements splits a cell into its statements that aren't indented, each on a line and without comments.
func pythonStatements(source string) []string {
	var all []string
	var b strings.Builder
	depth := 0
	end := func() {
		if s := b.String(); strings.TrimSpace(s) != "" && s[0] != ' ' && s[0] != '\t' {
			all = append(all, strings.TrimSpace(s))
		}
		b.Reset()
	}
	for i := 0; i < len(source); {
		c := source[i]
		switch {
		case c == '"' || c == '\'':
			n := pythonStringLength(source[i:])
			b.WriteString(source[i : i+n])
			i += n
			continue
		case c == '#':
			for i < len(source) && source[i] != '\n' {
				i++
			}
			continue
		case c == '\\' && i+1 < len(source) && source[i+1] == '\n':
			b.WriteByte(' ')
			i += 2
			continue
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth = max(0, depth-1)
		case depth == 0 && c == '\n':
			end()
			i++
			continue
		case depth == 0 && c == ';':
			end()
			for i++; i < len(source) && (source[i] == ' ' || source[i] == '\t'); {
				i++
			}
			continue
		case depth > 0 && (c == '\n' || c == '\r'):
			b.WriteByte(' ')
			i += len(source[i:]) - len(strings.TrimLeft(source[i:], " \t\r\n"))
			continue
		}
		b.WriteByte(c)
		i++
	}
	end()
	return all
}

// pythonStringLength is the length of the string literal that s begins with; one that isn't closed ends with its line, or with s.
func pythonStringLength(s string) int {
	quote := s[:1]
	if strings.HasPrefix(s, strings.Repeat(quote, 3)) {
		quote = s[:3]
	}
	for i := len(quote); i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote)
		case s[i] == '\n' && len(quote) == 1:
			return i
		}
	}
	return len(s)
}

// pythonCode goes over the bytes of a line that stand in no string, with the number of brackets that are open behind each.
func pythonCode(s string) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		depth := 0
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c == '"' || c == '\'':
				i += pythonStringLength(s[i:]) - 1
				continue
			case strings.IndexByte("([{", c) >= 0:
				depth++
			case strings.IndexByte(")]}", c) >= 0:
				depth--
			}
			if !yield(i, depth) {
				return
			}
		}
	}
}

// splitAssignment splits a statement at each = that assigns.
func splitAssignment(s string) []string {
	return splitPython(s, func(i int) bool {
		return s[i] == '=' && !strings.HasPrefix(s[i+1:], "=") && (i == 0 || strings.IndexByte("=!<>:+-*/%&|^@", s[i-1]) < 0)
	})
}

// splitPython splits at the bytes that stand in no brackets, and for which at is true.
func splitPython(s string, at func(i int) bool) []string {
	var parts []string
	start := 0
	for i, depth := range pythonCode(s) {
		if depth == 0 && at(i) {
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

var (
	pythonIntLiteral   = regexp.MustCompile(`^[-+]?(\d[\d_]*|0[xXoObB][\da-fA-F_]+)$`)
	pythonFloatLiteral = regexp.MustCompile(`^[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d[\d_]*)?$|^float\(["'][-+]?\w+["']\)$`)
	pythonStringPrefix = regexp.MustCompile(`^[rRuUfF]?["']`)
)

// pythonLiteral is the type of a default that is a literal, else "".
func pythonLiteral(s string) string {
	whole := func(open, end string) bool {
		return strings.HasPrefix(s, open) && closing(s) == len(s) && strings.HasSuffix(s, end)
	}
	switch {
	case s == "True" || s == "False":
		return "bool"
	case pythonIntLiteral.MatchString(s):
		return "int"
	case pythonFloatLiteral.MatchString(s):
		return "float"
	case pythonStringPrefix.MatchString(s):
		if quote := strings.IndexAny(s, `"'`); quote+pythonStringLength(s[quote:]) == len(s) {
			return "str"
		}
	case whole("[", "]"), whole("(", ")") && strings.Contains(s, ","):
		return "list"
	case whole("{", "}") && (strings.Contains(s, ":") || strings.TrimSpace(s[1:len(s)-1]) == ""):
		return "dict"
	}
	return ""
}

// closing is the offset behind the bracket that closes the first one; 0 without.
func closing(s string) int {
	for i, depth := range pythonCode(s) {
		if depth == 0 {
			return i + 1
		}
	}
	return 0
}

// pythonType is an annotation: a name with its arguments, or a union of several. One that isn't understood has no name.
type pythonType struct {
	name string
	args []pythonType
}

// parsePythonType reads what says something of JSON's values; everything else is a type that fits all.
func parsePythonType(s string) pythonType {
	s = strings.Trim(strings.TrimSpace(s), `"'`)
	if parts := splitPython(s, func(i int) bool { return s[i] == '|' }); len(parts) > 1 {
		return pythonType{"Union", parsePythonTypes(parts)}
	}
	name, args, generic := strings.Cut(s, "[")
	name = strings.TrimSpace(name)
	name = name[strings.LastIndexByte(name, '.')+1:] // typing.List
	if !generic {
		return pythonType{name: name}
	}
	if !strings.HasSuffix(args, "]") {
		return pythonType{}
	}
	args = strings.TrimSuffix(args, "]")
	return pythonType{name, parsePythonTypes(splitPython(args, func(i int) bool { return args[i] == ',' }))}
}

func parsePythonTypes(parts []string) []pythonType {
	var all []pythonType
	for _, part := range parts {
		all = append(all, parsePythonType(part))
	}
	return all
}

// fits says whether a value may be given for the type.
func (t pythonType) fits(v any) bool {
	argument := func(i int) pythonType {
		if i < len(t.args) {
			return t.args[i]
		}
		return pythonType{}
	}
	switch t.name {
	case "bool":
		_, ok := v.(bool)
		return ok
	case "int":
		switch v.(type) {
		case int64, *big.Int:
			return true
		}
		return false
	case "float":
		switch v.(type) {
		case int64, *big.Int, float64:
			return true
		}
		return false
	case "str":
		_, ok := v.(string)
		return ok
	case "None", "NoneType":
		return v == nil
	case "Optional":
		return v == nil || argument(0).fits(v)
	case "Union":
		return slices.ContainsFunc(t.args, func(a pythonType) bool { return a.fits(v) })
	case "list", "List", "tuple", "Tuple", "set", "Set", "Sequence", "Collection", "Iterable":
		elements, ok := v.([]any)
		each := strings.EqualFold(t.name, "tuple") && len(t.args) > 0 && !(len(t.args) == 2 && t.args[1].name == "") // not tuple[int, ...]
		if each && len(elements) != len(t.args) {
			return false
		}
		for i, e := range elements {
			if !each {
				i = 0
			}
			ok = ok && argument(i).fits(e)
		}
		return ok
	case "dict", "Dict", "Mapping", "MutableMapping":
		entries, ok := v.(List)
		for _, e := range entries {
			ok = ok && argument(1).fits(e.Value)
		}
		return ok
	}
	return true
}
