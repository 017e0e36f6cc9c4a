package graph

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cellar-go/cellar/internal/fault"
)

// Select picks definitions by Dagster's selection syntax: `a`, `+a` (with all upstream), `a+` (downstream), `2+a` (two levels),
// `group:x`, `tag:x`, `kind:x` (the language), wildcards `flights/*`, `*`, with `and`, `or`, `not`, parentheses and commas (= or).
// Extra words, such as `stale`, are answered by the caller through word, which may be nil. The result is ordered upstream first.
//
// A key comes first: where one stands in the expression it is meant, whatever characters it has ("my shop/orders", "1+1/a"). Quotes
// keep together what is no key: 'group:"my group"' and '"my shop/*"'.
func (g *Graph) Select(expression string, word func(string) (func(*Definition) bool, bool)) ([]*Definition, error) {
	p := &selection{g: g, word: word, text: expression}
	var err error
	if p.tokens, err = p.tokenise(); err != nil {
		return nil, err
	}
	if len(p.tokens) == 0 {
		return nil, fault.New(fault.Usage, "`*` selects every asset", "empty selection")
	}
	set, err := p.or()
	if err == nil && len(p.tokens) > 0 {
		err = p.mistake("unexpected " + p.tokens[0].text)
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
	tokens []token
	text   string
}

// token is an operator, or a term: what it names, with how far upstream and downstream of it.
type token struct {
	text      string // as it stands in the expression
	up, down  string // "", "+" or a number and a plus, in the order in which they are written
	attribute string // group of group:x, "" if there is none
	name      string // without quotes
	literal   bool   // a key or a quotation: no operator, and no extra word
}

var (
	lexeme    = regexp.MustCompile(`^(?:[(),]|[^\s(),]+(?:\([^()]*\))?)`)
	quotation = regexp.MustCompile(`^(\d*\+)?([a-z]+:)?(?:"([^"]*)"|'([^']*)')(\+\d*)?`)
	opening   = regexp.MustCompile(`^(?:\d*\+)?(?:[a-z]+:)?["']`)
	upward    = regexp.MustCompile(`^\d*\+`)
	downward  = regexp.MustCompile(`^\+\d*`)
	term      = regexp.MustCompile(`^(\d*\+)?(.+?)(\+\d*)?$`)
)

func (p *selection) tokenise() ([]token, error) {
	odd := p.g.oddKeys()
	var all []token
	for rest := strings.TrimSpace(p.text); rest != ""; rest = strings.TrimSpace(rest) {
		t, ok := oddKey(odd, rest)
		if !ok {
			if m := quotation.FindStringSubmatch(rest); m != nil && ends(rest[len(m[0]):]) {
				t = token{text: m[0], up: m[1], attribute: strings.TrimSuffix(m[2], ":"), name: m[3] + m[4], down: m[5], literal: true}
			} else if opening.MatchString(rest) {
				return nil, p.mistake("a quotation is not closed: " + rest)
			} else {
				t.text = lexeme.FindString(rest)
				if m := term.FindStringSubmatch(t.text); m != nil {
					t.up, t.name, t.down = m[1], m[2], m[3]
					if attribute, value, ok := strings.Cut(t.name, ":"); ok {
						t.attribute, t.name = attribute, value
					}
				}
			}
		}
		all = append(all, t)
		rest = rest[len(t.text):]
	}
	return all, nil
}

// oddKeys are the keys, by their folded form, that the grammar would take apart or for something else.
func (g *Graph) oddKeys() map[string]string {
	var odd map[string]string
	for k := range g.byKey {
		if strings.ContainsFunc(k, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("(),+*?:\"'", r) }) {
			if odd == nil {
				odd = map[string]string{}
			}
			odd[Fold(k)] = k
		}
	}
	return odd
}

// oddKey is the longest such key that a text begins with, with what stands before and behind it.
func oddKey(odd map[string]string, text string) (token, bool) {
	if len(odd) == 0 {
		return token{}, false
	}
	for end := len(text); end > 0; end-- {
		if !ends(text[end:]) && !ends(strings.TrimPrefix(text[end:], downward.FindString(text[end:]))) {
			continue
		}
		for _, up := range []string{"", upward.FindString(text)} {
			if len(up) >= end {
				continue
			}
			if key, ok := odd[Fold(text[len(up):end])]; ok {
				down := downward.FindString(text[end:])
				return token{text: text[:end+len(down)], up: up, name: key, down: down, literal: true}, true
			}
		}
	}
	return token{}, false
}

// ends reports whether a term may end before a text.
func ends(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return text == "" || unicode.IsSpace(r) || strings.ContainsRune("(),", r)
}

// Named reports whether an expression selects all that it does by names that there are.
func (g *Graph) Named(expression string) bool {
	p := &selection{g: g, text: expression}
	tokens, err := p.tokenise()
	for _, t := range tokens {
		if !t.literal && slices.Contains([]string{"and", "or", "(", ")", ","}, t.text) {
			continue
		}
		if _, _, unknown := g.Find(t.name); unknown != nil || t.attribute != "" && t.attribute != "key" {
			return false
		}
	}
	return err == nil
}

// Typed is a text as it is typed in a shell.
func Typed(text string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-+./:@%,=", r)
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func (p *selection) mistake(why string) error {
	return fault.New(fault.Usage, "for example: features, +model, group:core, 'flights/* and not tag:slow'", "selection %q: %s", p.text, why)
}

func (p *selection) take(words ...string) bool {
	for _, w := range words {
		if len(p.tokens) > 0 && p.tokens[0].text == w && !p.tokens[0].literal {
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
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	if t.name == "" {
		return nil, p.mistake("unexpected " + t.text)
	}
	core, err := p.core(t)
	if err != nil {
		return nil, err
	}
	out := set{}
	for d := range core {
		out[d] = true
		if t.up != "" {
			walk(d, depth(t.up), p.g.Upstream, out)
		}
		if t.down != "" {
			walk(d, depth(t.down), p.g.Downstream, out)
		}
	}
	return out, nil
}

func depth(s string) int {
	if n, err := strconv.Atoi(strings.Trim(s, "+")); err == nil {
		return n
	}
	return -1
}

func (p *selection) core(t token) (set, error) {
	out, s := set{}, t.name
	pick := func(match func(*Definition) bool) {
		for _, d := range p.g.order {
			if match(d) {
				out[d] = true
			}
		}
	}
	switch t.attribute {
	case "", "key":
	case "group":
		pick(func(d *Definition) bool { return glob(s, d.Group) })
		return out, nil
	case "tag":
		pick(func(d *Definition) bool {
			return slices.ContainsFunc(d.Tags, func(tag string) bool { return glob(s, tag) })
		})
		return out, nil
	case "kind":
		pick(func(d *Definition) bool { return glob(s, d.Language) })
		return out, nil
	default:
		return nil, p.mistake("unknown attribute " + t.attribute)
	}
	if d, ok := p.g.byKey[s]; ok {
		out[d] = true
		return out, nil
	}
	if p.word != nil && !t.literal && t.attribute == "" {
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
