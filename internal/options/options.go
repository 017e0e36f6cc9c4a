// Package options reads the options of a cell: comment lines at its top, `//| key: value` in Go, `#| key: value` in Python, as Quarto
// and nbdev write them.
//
// It knows lines and YAML scalars and lists; what a key means is decided elsewhere. Lines that other tools put there are left alone.
// Start reading at Parse.
package options

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// Option is one line: a key and its value, which is a scalar or a list of scalars.
type Option struct {
	Key    string
	Values []string // one for a scalar
	List   bool     // written as a YAML list
	Line   int      // 1-based, in the cell
}

// Set holds a cell's options in the order of the page.
type Set []Option

// Get is the option of that key, the last one if it is given twice.
func (s Set) Get(key string) (Option, bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].Key == key {
			return s[i], true
		}
	}
	return Option{}, false
}

// Value is the scalar of that key, or "".
func (s Set) Value(key string) string {
	if o, ok := s.Get(key); ok && len(o.Values) > 0 {
		return o.Values[0]
	}
	return ""
}

// All is every value given for that key, over all its lines.
func (s Set) All(key string) []string {
	var all []string
	for _, o := range s {
		if o.Key == key {
			all = append(all, o.Values...)
		}
	}
	return all
}

// gofmt writes `//| x` as `// | x` where it stands above a declaration.
var line = regexp.MustCompile(`^(?://|#) ?\|\s*(.*?)\s*$`)
var pair = regexp.MustCompile(`^([A-Za-z][\w-]*)\s*:(?:\s+(.*))?$`)

// Parse reads the options among the first lines of a cell: it stops at the first line that is neither an option, a plain comment of
// another tool in the same form, a magic, nor empty. A line whose value is not YAML is an error that names the line.
func Parse(source string) (Set, error) {
	var set Set
	for i, text := range strings.Split(source, "\n") {
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "%") {
			continue
		}
		m := line.FindStringSubmatch(text)
		if m == nil {
			break
		}
		p := pair.FindStringSubmatch(m[1])
		if p == nil {
			continue // nbdev's `#| export` and the like
		}
		o := Option{Key: p[1], Line: i + 1}
		var value any
		if err := yaml.Unmarshal([]byte(p[2]), &value); err != nil {
			return nil, fmt.Errorf("line %d: option %s: %q is not YAML", i+1, o.Key, p[2])
		}
		switch v := value.(type) {
		case nil:
		case []any:
			o.List = true
			for _, e := range v {
				o.Values = append(o.Values, fmt.Sprint(e))
			}
		case map[string]any:
			return nil, fmt.Errorf("line %d: option %s: a map is not a value here", i+1, o.Key)
		default:
			o.Values = []string{fmt.Sprint(v)}
		}
		set = append(set, o)
	}
	return set, nil
}
