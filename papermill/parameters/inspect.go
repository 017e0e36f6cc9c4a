package parameters

import (
	"regexp"
	"strings"
)

// Declared is what a parameters cell says of a name, as Papermill infers it.
type Declared struct {
	Name    string
	Type    string // "None": not known
	Default string // source text
	Help    string
}

// String shows it in the way of the messages of Papermill.
func (d Declared) String() string {
	text := d.Name
	if d.Type != "None" {
		text += ": " + d.Type
	}
	if d.Default != "" {
		text += " = " + d.Default
	}
	return text
}

// declaration is a name that a value can be checked against.
type declaration struct {
	Declared
	fits func(q Parameter) error // why the value doesn't fit
}

// named finds declarations by a pattern whose groups are names: any value may be given to them.
func named(pattern *regexp.Regexp) func(source string) ([]declaration, error) {
	return func(source string) ([]declaration, error) {
		var all []declaration
		for _, m := range pattern.FindAllStringSubmatch(source, -1) {
			all = append(all, untyped(strings.Join(m[1:], ""))) // one of them matches
		}
		return all, nil
	}
}

func untyped(name string) declaration {
	return declaration{Declared{Name: name, Type: "None"}, func(Parameter) error { return nil }}
}

// Inspect reads what the cell tagged parameters declares; nil for languages of which only names are seen, and for cells that declare nothing.
func Inspect(language, source string) []Declared {
	if l, err := find(language); err == nil && l.inspect != nil {
		return l.inspect(source)
	}
	return nil
}

// Inspects reports whether Inspect sees more of a language than names.
func Inspects(language string) bool {
	l, err := find(language)
	return err == nil && l.inspect != nil
}

// Unknown names the parameters that the cell doesn't declare; none where it can't be read.
func Unknown(language, declared string, p List) []string {
	l, err := find(language)
	if err != nil {
		return nil
	}
	known, err := l.declarations(declared)
	if err != nil {
		return nil
	}
	var unknown []string
	for _, q := range p {
		if lastDeclaration(known, q.Name) < 0 {
			unknown = append(unknown, q.Name)
		}
	}
	return unknown
}
