package mathml

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

type macro struct {
	arguments int
	optional  string // default of the first argument
	hasOption bool
	body      string
}

var errMacro = errors.New("a macro's definition is not understood")

// define reads a definition of a macro.
func (p *parser) define(command string) {
	var m macro
	star := ""
	if strings.HasPrefix(p.rest, "*") {
		star = p.take()
	}
	name := strings.TrimSpace(p.raw())
	switch command {
	case "DeclareMathOperator":
		m.body = `\operatorname` + star + "{" + p.raw() + "}"
	case "def":
		p.skipSpace()
		for strings.HasPrefix(p.rest, "#") {
			p.take()
			p.take()
			m.arguments++
		}
		m.body = p.raw()
	default:
		if count, ok := p.optional(); ok {
			fmt.Sscan(count, &m.arguments)
			m.optional, m.hasOption = p.optional()
		}
		m.body = p.raw()
	}
	name, isCommand := strings.CutPrefix(name, `\`)
	if !isCommand || name == "" || m.arguments < 0 || m.arguments > 9 {
		p.fail("%w", errMacro)
	}
	if p.err != nil {
		return
	}
	if p.converter.macros == nil {
		p.converter.macros = map[string]macro{}
	}
	p.converter.macros[name] = m
}

// expand puts a macro's body, with its arguments, before what is left to read.
func (p *parser) expand(m macro) {
	var arguments []string
	for i := range m.arguments {
		if i == 0 && m.hasOption {
			value, given := p.optional()
			if !given {
				value = m.optional
			}
			arguments = append(arguments, value)
			continue
		}
		arguments = append(arguments, p.raw())
	}
	body := m.body
	for i, argument := range slices.Backward(arguments) {
		body = strings.ReplaceAll(body, fmt.Sprintf("#%d", i+1), argument)
	}
	p.expanded++
	p.expansion += len(body)
	if p.expanded > maxExpanded || p.expansion > maxExpansion {
		p.fail("a macro expands without end")
		return
	}
	p.rest = body + " " + p.rest
}
