package graph

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
)

// Select picks definitions by Dagster's selection syntax: `a`, `+a` (with all upstream), `a+` (downstream), `2+a` (two levels),
// `group:x`, `tag:x`, `kind:x` (the language), wildcards `flights/*`, `*`, with `and`, `or`, `not`, parentheses and commas (= or).
// Extra words, such as `stale`, are answered by the caller through word, which may be nil. The result is ordered upstream first.
func (g *Graph) Select(expression string, word func(string) (func(*Definition) bool, bool)) ([]*Definition, error) {
	p := &selection{g: g, word: word, tokens: tokenise(expression), text: expression}
	if len(p.tokens) == 0 {
		return nil, fault.New(fault.Usage, "`*` selects every asset", "empty selection")
	}
	set, err := p.or()
	if err == nil && len(p.tokens) > 0 {
		err = p.mistake("unexpected " + p.tokens[0])
	}
	if err != nil {
		return nil, err
	}
	var picked []*Definition
	for _, d := range g.order {
		if set[d] {
			picked = append(picked, d)
		}
	}
	return picked, nil
}

type set map[*Definition]bool

type selection struct {
	g      *Graph
	word   func(string) (func(*Definition) bool, bool)
	tokens []string
	text   string
}

var lexeme = regexp.MustCompile(`[(),]|[^\s(),]+(?:\([^()]*\))?`)

func tokenise(s string) []string { return lexeme.FindAllString(s, -1) }

func (p *selection) mistake(why string) error {
	return fault.New(fault.Usage, "for example: features, +model, group:core, 'flights/* and not tag:slow'", "selection %q: %s", p.text, why)
}

func (p *selection) take(words ...string) bool {
	for _, w := range words {
		if len(p.tokens) > 0 && p.tokens[0] == w {
			p.tokens = p.tokens[1:]
			return true
		}
	}
	return false
}

func (p *selection) or() (set, error) {
	left, err := p.and()
	for err == nil && p.take("or", ",") {
		var right set
		if right, err = p.and(); err == nil {
			for d := range right {
				left[d] = true
			}
		}
	}
	return left, err
}

func (p *selection) and() (set, error) {
	left, err := p.not()
	for err == nil && p.take("and") {
		var right set
		if right, err = p.not(); err == nil {
			for d := range left {
				if !right[d] {
					delete(left, d)
				}
			}
		}
	}
	return left, err
}

func (p *selection) not() (set, error) {
	if !p.take("not") {
		return p.term()
	}
	inner, err := p.not()
	outer := set{}
	for _, d := range p.g.order {
		if !inner[d] {
			outer[d] = true
		}
	}
	return outer, err
}

var term = regexp.MustCompile(`^(?:(\d*)(\+))?(.+?)(?:(\+)(\d*))?$`)

func (p *selection) term() (set, error) {
	if p.take("(") {
		inner, err := p.or()
		if err == nil && !p.take(")") {
			err = p.mistake("a parenthesis is not closed")
		}
		return inner, err
	}
	if len(p.tokens) == 0 {
		return nil, p.mistake("it ends too soon")
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	m := term.FindStringSubmatch(token)
	if m == nil {
		return nil, p.mistake("unexpected " + token)
	}
	core, err := p.core(m[3])
	if err != nil {
		return nil, err
	}
	out := set{}
	for d := range core {
		out[d] = true
		if m[2] != "" {
			walk(d, depth(m[1]), p.g.Upstream, out)
		}
		if m[4] != "" {
			walk(d, depth(m[5]), p.g.Downstream, out)
		}
	}
	return out, nil
}

func depth(s string) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return -1
}

func (p *selection) core(s string) (set, error) {
	out := set{}
	pick := func(match func(*Definition) bool) {
		for _, d := range p.g.order {
			if match(d) {
				out[d] = true
			}
		}
	}
	attribute, value, ok := strings.Cut(s, ":")
	if ok {
		switch attribute {
		case "group":
			pick(func(d *Definition) bool { return glob(value, d.Group) })
		case "tag":
			pick(func(d *Definition) bool {
				for _, t := range d.Tags {
					if glob(value, t) {
						return true
					}
				}
				return false
			})
		case "kind":
			pick(func(d *Definition) bool { return glob(value, d.Language) })
		case "key":
			return p.core(value)
		default:
			return nil, p.mistake("unknown attribute " + attribute)
		}
		return out, nil
	}
	if p.word != nil {
		if match, known := p.word(s); known {
			pick(match)
			return out, nil
		}
	}
	if strings.ContainsAny(s, "*?") {
		pick(func(d *Definition) bool {
			for _, k := range d.Keys() {
				if s == "*" || glob(s, k) || glob(s, k[strings.LastIndex(k, "/")+1:]) {
					return true
				}
			}
			return false
		})
		if len(out) == 0 && s != "*" {
			return nil, fault.New(fault.Input, "`cellar list` shows the assets that there are", "selection %q: no asset is named so", s)
		}
		return out, nil
	}
	d, _, err := p.g.Find(s)
	if err != nil {
		return nil, err
	}
	out[d] = true
	return out, nil
}

func glob(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return err == nil && ok && s != ""
}
