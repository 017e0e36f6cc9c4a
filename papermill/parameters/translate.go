package parameters

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cellar-go/cellar/internal/fault"
)

// language is what can be done in a language.
type language struct {
	// names are the language's, in lower case, and then those of kernels that speak it whatever language they say.
	names []string
	// translate writes parameters as source. declared is the source of the parameters cell, for what depends on it.
	translate func(p List, declared string) (string, error)
	// declarations reads the parameters cell. A later declaration of a name counts more.
	declarations func(source string) ([]declaration, error)
	// inspect reads it for people, as Papermill does; nil: names are all that is seen there.
	inspect func(source string) []Declared
}

// languages, each in a file of its own.
var languages = []language{
	{[]string{"go"}, translateGo, goDeclared, inspectGo},
	{[]string{"python", "pysparkkernel"}, python.translate, pythonDeclared, inspectPython},
	{[]string{"r", "sparkrkernel"}, r.translate, named(rNames), nil},
	{[]string{"julia"}, julia.translate, named(juliaNames), nil},
	{[]string{"scala", "sparkkernel"}, scala.translate, named(scalaNames), nil},
	{[]string{"c#", "csharp", ".net-csharp"}, csharp.translate, named(csharpNames), nil},
	{[]string{"f#", "fsharp", ".net-fsharp"}, fsharp.translate, named(fsharpNames), nil},
	{[]string{"powershell", "pwsh", ".net-powershell"}, powershell.translate, named(powershellNames), nil},
	{[]string{"bash"}, bash.translate, named(bashNames), nil},
	{[]string{"matlab"}, matlab.translate, named(matlabNames), nil},
	{[]string{"octave"}, octave.translate, named(matlabNames), nil},
	{[]string{"javascript"}, translateJavaScript, javaScriptDeclared, nil},
	{[]string{"typescript", "deno", "tslab", "jslab"}, translateTypeScript, javaScriptDeclared, nil},
	{[]string{"rust"}, translateRust, named(rustNames), nil},
	{[]string{"sql"}, translateSQL, sqlDeclared, nil},
}

func find(name string) (language, error) {
	i := slices.IndexFunc(languages, func(l language) bool { return slices.Contains(l.names, name) })
	if i >= 0 {
		return languages[i], nil
	}
	return language{}, fault.New(fault.Input, "parameters can be given to notebooks in "+strings.Join(Languages(), ", ")+
		"; name the language with -l if it is one of them", "no way to write parameters in language %q", name)
}

// Languages are the names of all languages that parameters can be written in.
func Languages() []string {
	var all []string
	for _, l := range languages {
		all = append(all, l.names[0])
	}
	slices.Sort(all)
	return all
}

// Language names the language that parameters are written in for a kernel: like in Papermill, the kernel's name counts more than the
// language that it or the notebook says.
func Language(kernel, said string) string {
	for _, name := range []string{kernel, said} {
		if l, err := find(strings.ToLower(name)); err == nil {
			return l.names[0]
		}
	}
	return strings.ToLower(said)
}

// Translate writes parameters as the source of a cell in the given language. declared is the source of the cell tagged parameters, ""
// without: languages in which it matters how a name was declared look there.
func Translate(language string, p List, declared string) (string, error) {
	l, err := find(language)
	if err != nil {
		return "", err
	}
	for _, q := range p {
		if !validText(q.Value) {
			return "", fault.New(fault.Input, "encode it as UTF-8", "parameter %s: the text is not UTF-8", q.Name)
		}
	}
	return l.translate(p, declared)
}

// Comment puts another comment in the place of the one with which Translate begins. Each of its lines is a comment.
func Comment(source, comment string) (string, error) {
	first, rest, _ := strings.Cut(source, "\n")
	opening, closing, found := strings.Cut(first, "Parameters")
	if !found {
		return "", fault.New(fault.Input, "leave it out", "no place for a comment in %q", first)
	}
	if closing != "" && (strings.Contains(comment, strings.TrimSpace(opening)) || strings.Contains(comment, strings.TrimSpace(closing))) {
		return "", fault.New(fault.Input, "choose other words", "comment %q: it would end before its last word", comment)
	}
	var b strings.Builder
	for _, line := range lineEnd.Split(comment, -1) {
		b.WriteString(strings.TrimRight(opening+line+closing, " ") + "\n")
	}
	return b.String() + rest, nil
}

// lineEnd is what ends a line, and so a comment, in any of the languages.
var lineEnd = regexp.MustCompile("\r\n|[\n\r\v\f\u0085\u2028\u2029]")

// validText is true for what a notebook can hold: JSON is UTF-8.
func validText(v any) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v)
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !validText(e) })
	case List:
		return !slices.ContainsFunc(v, func(q Parameter) bool { return !utf8.ValidString(q.Name) || !validText(q.Value) })
	}
	return true
}
