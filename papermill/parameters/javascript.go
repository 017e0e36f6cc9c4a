package parameters

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// translateJavaScript is for ijavascript: what var and let declared there is assigned to, for let can't stand twice in a session and a
// name without either would be global. A const can be neither assigned to nor declared again.
func translateJavaScript(p List, declared string) (string, error) {
	keywords := javaScriptDeclarations(declared)
	for _, q := range p {
		if keywords[q.Name] == "const" {
			return "", fmt.Errorf("parameter %s: the parameters cell declares it with const, which no later cell can change; declare it with let", q.Name)
		}
	}
	return writeJavaScript(p, keywords)
}

// translateTypeScript is for Deno and tslab, where a later cell may declare a const again, with the type of its new value.
func translateTypeScript(p List, declared string) (string, error) {
	return writeJavaScript(p, javaScriptDeclarations(declared))
}

func writeJavaScript(p List, keywords map[string]string) (string, error) {
	s := *javaScript
	s.assign = func(name string, _ any, written string) string {
		switch keywords[name] {
		case "":
			return "var " + name + " = " + written + ";"
		case "const":
			return "const " + name + " = " + written + ";"
		}
		return name + " = " + written + ";"
	}
	return s.translate(p, "")
}

var javaScript = &syntax{
	language: "JavaScript",
	comment:  "// Parameters",
	name:     regexp.MustCompile(`^[\p{L}_$][\p{L}\p{N}_$]*$`),
	keywords: wordSet(`arguments await break case catch class const continue debugger default delete do else enum eval export extends false
		finally for function if implements import in instanceof interface let new null package private protected public return static
		super switch this throw true try typeof undefined var void while with yield Infinity NaN`),
	null: "null", yes: "true", no: "false",
	nan: "NaN", inf: "Infinity", minusInf: "-Infinity",
	integer: doubles("JavaScript"),
	text:    func(s string) (string, error) { return escaped(s, backslashes, utf16Escape), nil },
	list:    joined("[", ", ", "]"),
	mapping: func(m List, keys, written []string) (string, error) {
		for i, e := range m {
			if e.Name == "__proto__" {
				keys[i] = "[" + keys[i] + "]" // without brackets it would be the object's prototype
			}
		}
		return paired("{", ": ", ", ", "}")(m, keys, written)
	},
}

// javaScriptDeclarations finds with which word a cell declares each name of its top level.
func javaScriptDeclarations(source string) map[string]string {
	found := map[string]string{}
	depth := 0
	keyword := "" // of the declaration that we are in
	name := false // the next word is a name
	for len(source) > 0 {
		token := javaScriptToken.FindString(source)
		source = source[len(token):]
		switch {
		case token == "var" || token == "let" || token == "const":
			if depth == 0 {
				keyword, name = token, true
			}
		case strings.ContainsAny(token[:1], "([{"):
			depth++
			name = false // a pattern: {a, b} = …
		case strings.ContainsAny(token[:1], ")]}"):
			depth = max(0, depth-1)
		case depth > 0 || strings.HasPrefix(token, "//") || strings.HasPrefix(token, "/*"):
		case token == ",":
			name = keyword != ""
		case token == ";" || token == "\n" && !name:
			keyword, name = "", false
		case name && javaScript.name.MatchString(token):
			found[token] = keyword
			name = false
		}
	}
	return found
}

// javaScriptToken is as much as must be told apart to find declarations: words, strings, comments, single characters.
var javaScriptToken = regexp.MustCompile("^(?s:[\\p{L}\\p{N}_$]+|//[^\\n]*|/\\*.*?\\*/|\"(?:\\\\.|[^\"\\\\\\n])*\"|'(?:\\\\.|[^'\\\\\\n])*'|`(?:\\\\.|[^`\\\\])*`|.)")

func javaScriptDeclared(source string) ([]declaration, error) {
	var all []declaration
	for _, name := range slices.Sorted(maps.Keys(javaScriptDeclarations(source))) {
		all = append(all, untyped(name))
	}
	return all, nil
}
