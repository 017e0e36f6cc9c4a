package parameters

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf16"
)

// syntax is how a language writes a value by itself, whatever the parameters cell declares. Where Papermill has the language, the texts are
// Papermill's, but for those that would mean another value or nothing at all: TestLikePapermill lists them.
type syntax struct {
	language string // as people write it
	comment  string // the first line of the cell
	name     *regexp.Regexp
	keywords map[string]bool // words that can't be names
	assign   func(name string, v any, written string) string

	null, yes, no      string
	nan, inf, minusInf string
	integer            func(n *big.Int) (string, error)
	text               func(s string) (string, error)
	list               func(elements []any, written []string) (string, error)
	mapping            func(m List, keys, written []string) (string, error)
}

func (s *syntax) translate(p List, _ string) (string, error) {
	var b strings.Builder
	b.WriteString(s.comment + "\n")
	for _, q := range p {
		if err := s.checkName(q.Name); err != nil {
			return "", err
		}
		written, err := s.value(q.Value)
		if err != nil {
			return "", fmt.Errorf("parameter %s: %w", q.Name, err)
		}
		b.WriteString(s.assign(q.Name, q.Value, written) + "\n")
	}
	return b.String(), nil
}

func (s *syntax) checkName(name string) error {
	if !s.name.MatchString(name) || s.keywords[name] {
		return fmt.Errorf("%q can't be the name of a variable in %s", name, s.language)
	}
	return nil
}

func (s *syntax) value(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return s.null, nil
	case bool:
		if v {
			return s.yes, nil
		}
		return s.no, nil
	case int64:
		return s.integer(big.NewInt(v))
	case *big.Int:
		return s.integer(v)
	case float64:
		switch {
		case math.IsNaN(v):
			return s.nan, nil
		case math.IsInf(v, 1):
			return s.inf, nil
		case math.IsInf(v, -1):
			return s.minusInf, nil
		}
		return FloatText(v), nil
	case string:
		return s.text(v)
	case []any:
		written := make([]string, len(v))
		for i, e := range v {
			var err error
			if written[i], err = s.value(e); err != nil {
				return "", fmt.Errorf("element %d: %w", i+1, err)
			}
		}
		return s.list(v, written)
	case List:
		keys, written := make([]string, len(v)), make([]string, len(v))
		for i, e := range v {
			var err error
			if keys[i], err = s.text(e.Name); err == nil {
				written[i], err = s.value(e.Value)
			}
			if err != nil {
				return "", fmt.Errorf("key %q: %w", e.Name, err)
			}
		}
		return s.mapping(v, keys, written)
	}
	panic(fmt.Sprintf("a parameter of type %T", v))
}

// What many languages have in common.

var (
	asciiName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	unicodeName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)
)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// assignment writes `before name between value after`.
func assignment(before, between, after string) func(string, any, string) string {
	return func(name string, _ any, written string) string { return before + name + between + written + after }
}

// joined writes the elements of a list.
func joined(open, separator, end string) func([]any, []string) (string, error) {
	return func(_ []any, written []string) (string, error) {
		return open + strings.Join(written, separator) + end, nil
	}
}

// paired writes the entries of a map.
func paired(open, arrow, separator, end string) func(List, []string, []string) (string, error) {
	return func(_ List, keys, written []string) (string, error) {
		entries := make([]string, len(keys))
		for i := range keys {
			entries[i] = keys[i] + arrow + written[i]
		}
		return open + strings.Join(entries, separator) + end, nil
	}
}

func digits(n *big.Int) (string, error) { return n.String(), nil }

// doubles writes the integers of a language whose only numbers are doubles.
func doubles(language string) func(*big.Int) (string, error) {
	return func(n *big.Int) (string, error) {
		f, _ := new(big.Float).SetInt(n).Float64()
		if back, accuracy := big.NewFloat(f).Int(nil); accuracy != big.Exact || back.Cmp(n) != 0 {
			return "", fmt.Errorf("%s is too large to be exact in %s, whose numbers are floats; give it as text (-r)", n, language)
		}
		return n.String(), nil
	}
}

// int64s writes the integers of a language that has 32 bits by default, 64 with an L, and more with beyond.
func int64s(beyond func(n *big.Int) string) func(*big.Int) (string, error) {
	return func(n *big.Int) (string, error) {
		switch {
		case !n.IsInt64():
			return beyond(n), nil
		case n.Int64() > math.MaxInt32 || n.Int64() < math.MinInt32:
			return n.String() + "L", nil
		}
		return n.String(), nil
	}
}

// escaped writes a string in double quotes and in ASCII: special has the escapes of single characters, other writes the rest.
func escaped(s string, special map[rune]string, other func(r rune) string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		if e, ok := special[c]; ok {
			b.WriteString(e)
		} else if c >= ' ' && c < 0x7F {
			b.WriteRune(c)
		} else {
			b.WriteString(other(c))
		}
	}
	b.WriteByte('"')
	return b.String()
}

var backslashes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

// unicodeEscape is Python's unicode_escape.
func unicodeEscape(c rune) string {
	if c <= 0xFF {
		return fmt.Sprintf(`\x%02x`, c)
	}
	return wideEscape(c)
}

// wideEscape is for languages in which \xe9 is a byte, or takes more digits than two.
func wideEscape(c rune) string {
	if c <= 0xFFFF {
		return fmt.Sprintf(`\u%04x`, c)
	}
	return fmt.Sprintf(`\U%08x`, c)
}

// utf16Escape is for languages whose characters are 16 bits.
func utf16Escape(c rune) string {
	if c <= 0xFFFF {
		return fmt.Sprintf(`\u%04x`, c)
	}
	high, low := utf16.EncodeRune(c)
	return fmt.Sprintf(`\u%04x\u%04x`, high, low)
}

// typeNames are what a language calls the types of values, where a list needs to know the type of its elements.
type typeNames struct {
	null, truth, small, large, huge, float, text, mapping string
	list                                                  string // what follows the type of the elements
	any                                                   string
	common                                                func(a, b string) string // of two types that differ
}

func (n *typeNames) of(v any) string {
	switch v := v.(type) {
	case nil:
		return n.null
	case bool:
		return n.truth
	case int64:
		if int64(int32(v)) == v {
			return n.small
		}
		return n.large
	case *big.Int:
		return n.huge
	case float64:
		return n.float
	case string:
		return n.text
	case []any:
		return n.ofAll(v) + n.list
	}
	return n.mapping
}

func (n *typeNames) ofAll(elements []any) string {
	all := ""
	for _, e := range elements {
		if t := n.of(e); all == "" || all == t {
			all = t
		} else {
			all = n.common(all, t)
		}
	}
	if all == "" || all == "null" {
		return n.any
	}
	return all
}
