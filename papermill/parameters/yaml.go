package parameters

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseYAML reads a mapping of parameters in YAML or JSON. Plain scalars mean what they mean to PyYAML, and so to Papermill: YAML
// 1.1 without dates. One difference is on purpose: 12:30 is a text, not 750.
func parseYAML(text string) (List, error) {
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil, err
	}
	r := yamlReader{anchors: map[string]any{}}
	var all List
	for i, doc := range file.Docs {
		if i > 0 {
			return nil, errors.New("more than one YAML document")
		}
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		v, err := r.value(doc.Body)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case nil:
		case List:
			all = v
		default:
			return nil, fmt.Errorf("line %d: not a mapping of names to values", doc.Body.GetToken().Position.Line)
		}
	}
	return all, nil
}

type yamlReader struct {
	anchors map[string]any
	values  int
}

// maxValues bounds what aliases of aliases can grow to.
const maxValues = 1_000_000

func (r *yamlReader) value(n ast.Node) (any, error) {
	if r.values++; r.values > maxValues {
		return nil, errors.New("too many values")
	}
	switch n := n.(type) {
	case nil:
		return nil, nil
	case *ast.MappingNode:
		return r.mapping(n.Values)
	case *ast.MappingValueNode:
		return r.mapping([]*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for _, e := range n.Values {
			v, err := r.value(e)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.AnchorNode:
		v, err := r.value(n.Value)
		r.anchors[n.Name.GetToken().Value] = v
		return v, err
	case *ast.AliasNode:
		v, ok := r.anchors[n.Value.GetToken().Value]
		if !ok {
			return nil, fmt.Errorf("line %d: unknown alias *%s", n.GetToken().Position.Line, n.Value.GetToken().Value)
		}
		r.values += size(v)
		return v, nil
	case *ast.TagNode:
		return nil, fmt.Errorf("line %d: tag %s is not allowed in parameters", n.GetToken().Position.Line, n.GetToken().Value)
	case *ast.StringNode:
		if t := n.GetToken().Type; t == token.SingleQuoteType || t == token.DoubleQuoteType {
			return n.Value, nil
		}
		return plainScalar(n.Value), nil
	case ast.ScalarNode:
		return plainScalar(strings.TrimSpace(n.GetToken().Value)), nil
	}
	return nil, fmt.Errorf("line %d: %s is not allowed in parameters", n.GetToken().Position.Line, n.Type())
}

func size(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += size(e)
		}
	case List:
		for _, e := range v {
			n += size(e.Value)
		}
	}
	return n
}

func (r *yamlReader) mapping(values []*ast.MappingValueNode) (any, error) {
	own, merged := List{}, List{}
	for _, entry := range values {
		v, err := r.value(entry.Value)
		if err != nil {
			return nil, err
		}
		if entry.Key.IsMergeKey() {
			m, ok := v.(List)
			if !ok {
				return nil, fmt.Errorf("line %d: << needs a mapping", entry.GetToken().Position.Line)
			}
			for _, p := range m {
				merged.Put(p)
			}
			continue
		}
		key, err := r.value(entry.Key)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			name = strings.TrimSpace(entry.Key.GetToken().Value)
		}
		own.Set(name, v)
	}
	for _, p := range own { // what stands in the mapping itself counts more
		merged.Put(p)
	}
	return merged, nil
}

// The implicit resolvers of PyYAML.
var (
	yamlInt   = regexp.MustCompile(`^[-+]?(0b[01_]+|0[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$`)
	yamlFloat = regexp.MustCompile(`^([-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?)$`)
)

func plainScalar(s string) any {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nil
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return math.Inf(1)
	case "-.inf", "-.Inf", "-.INF":
		return math.Inf(-1)
	case ".nan", ".NaN", ".NAN":
		return math.NaN()
	}
	bare := strings.ReplaceAll(s, "_", "")
	switch {
	case yamlInt.MatchString(s):
		return yamlInteger(bare)
	case yamlFloat.MatchString(s):
		if f, ok := pythonFloat(bare); ok {
			return f
		}
	}
	return s
}

func yamlInteger(s string) any {
	digits := strings.TrimLeft(s, "+-")
	sign := strings.TrimPrefix(s[:len(s)-len(digits)], "+")
	base := 10
	switch {
	case strings.HasPrefix(digits, "0b"):
		base, digits = 2, digits[2:]
	case strings.HasPrefix(digits, "0x"):
		base, digits = 16, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base = 8
	}
	if n := integer(sign+digits, base); n != nil {
		return n
	}
	return s
}
