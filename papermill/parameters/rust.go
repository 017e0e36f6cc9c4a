package parameters

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
)

// translateRust is for evcxr, where a later let takes a name's place. What the parameters cell declares keeps its mut and its type; other
// names get the type of their value.
func translateRust(p List, declared string) (string, error) {
	var b strings.Builder
	b.WriteString("// Parameters\n")
	for _, q := range p {
		if !asciiName.MatchString(q.Name) || rustKeywords[q.Name] {
			return "", fmt.Errorf("%q can't be the name of a variable in Rust", q.Name)
		}
		d := rustDeclaration(declared, q.Name)
		value, err := rustValue(q.Value, d.typ)
		if err != nil {
			return "", fmt.Errorf("parameter %s: %w", q.Name, err)
		}
		if d.annotation == "" && !d.found {
			if d.annotation, err = rustType(q.Value); err != nil {
				return "", fmt.Errorf("parameter %s: %w", q.Name, err)
			}
		}
		b.WriteString("let " + d.mut + q.Name)
		if d.annotation != "" {
			b.WriteString(": " + d.annotation)
		}
		b.WriteString(" = " + value + ";\n")
	}
	return b.String(), nil
}

var rustKeywords = wordSet(`_ Self abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if
	impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof unsafe unsized
	use virtual where while yield`)

// rustLet is how a cell declares a name.
type rustLet struct {
	found      bool
	mut        string // "mut " or ""
	annotation string // as written; "" without
	typ        string // of the annotation, or of a default that shows it; "" unknown
}

var (
	rustLets   = regexp.MustCompile(`(?m)^[ \t]*let[ \t]+(mut[ \t]+)?(\w+)[ \t]*(?::([^=;\n]+))?=[ \t]*([^;\n]*)`)
	rustFloat  = regexp.MustCompile(`^-?\d[\d_]*\.[\d_]*([eE][-+]?\d+)?$`)
	rustString = regexp.MustCompile(`^(?:String::from\(.*\)|".*"\.(?:to_string|to_owned|into)\(\))$`)
)

func rustDeclaration(source, name string) rustLet {
	var d rustLet
	for _, m := range rustLets.FindAllStringSubmatch(source, -1) {
		if m[2] != name {
			continue
		}
		d = rustLet{found: true, annotation: strings.TrimSpace(m[3])}
		if m[1] != "" {
			d.mut = "mut "
		}
		switch value := strings.TrimSpace(m[4]); {
		case d.annotation != "":
			d.typ = d.annotation
		case rustFloat.MatchString(value):
			d.typ = "f64"
		case rustString.MatchString(value):
			d.typ = "String"
		}
	}
	return d
}

// rustType is the type of what rustValue writes for v.
func rustType(v any) (string, error) {
	switch v := v.(type) {
	case bool:
		return "bool", nil
	case int64:
		return "i64", nil
	case *big.Int:
		if v.BitLen() > 127 {
			return "", fmt.Errorf("%s is too large for an i128", v)
		}
		return "i128", nil
	case float64:
		return "f64", nil
	case string:
		return "&str", nil
	case []any:
		t, err := rustCommonType(v)
		return "Vec<" + t + ">", err
	case List:
		var values []any
		for _, e := range v {
			values = append(values, e.Value)
		}
		t, err := rustCommonType(values)
		return "std::collections::HashMap<&str, " + t + ">", err
	}
	return "", errors.New("null has no type in Rust; declare an Option in the parameters cell, such as let limit: Option<i64> = None")
}

// rustCommonType is the one type of all values; whole numbers among floats are floats.
func rustCommonType(values []any) (string, error) {
	common := ""
	for _, v := range values {
		t, err := rustType(v)
		switch {
		case err != nil:
			return "", err
		case common == "" || common == t:
			common = t
		case common == "i64" && t == "f64" || common == "f64" && t == "i64":
			common = "f64"
		default:
			return "", fmt.Errorf("%s and %s can't stand in one list or map in Rust; give it as JSON text (-r)", common, t)
		}
	}
	if common == "" {
		return "", errors.New("what is empty has no type in Rust; declare its type in the parameters cell")
	}
	return common, nil
}

var rustGeneric = regexp.MustCompile(`^(?:\w+::)*(\w+)<(.*)>$`)

// rustValue writes an expression of a type; "" or one that isn't known here: of the type that the value has by itself.
func rustValue(v any, typ string) (string, error) {
	outer, inner := typ, ""
	if m := rustGeneric.FindStringSubmatch(typ); m != nil {
		outer, inner = m[1], strings.TrimSpace(m[2])
	}
	if outer == "Option" {
		if v == nil {
			return "None", nil
		}
		value, err := rustValue(v, inner)
		return "Some(" + value + ")", err
	}
	float := typ
	if typ != "f32" {
		float = "f64"
	}
	switch v := v.(type) {
	case bool:
		return fmt.Sprint(v), nil
	case int64, *big.Int:
		if typ == "f64" || typ == "f32" {
			return fmt.Sprint(v) + ".0", nil
		}
		return fmt.Sprint(v), nil
	case float64:
		switch {
		case math.IsNaN(v):
			return float + "::NAN", nil
		case math.IsInf(v, 1):
			return float + "::INFINITY", nil
		case math.IsInf(v, -1):
			return float + "::NEG_INFINITY", nil
		}
		return FloatText(v), nil
	case string:
		text := escaped(v, backslashes, func(c rune) string { return fmt.Sprintf(`\u{%x}`, c) })
		if typ == "String" {
			return "String::from(" + text + ")", nil
		}
		return text, nil
	case []any:
		if inner == "" {
			inner, _ = rustCommonType(v) // "" where the types differ: the compiler says so
		}
		return rustList(v, inner)
	case List:
		return rustMap(v, inner)
	}
	_, err := rustType(v)
	return "", err
}

func rustList(v []any, inner string) (string, error) {
	parts := make([]string, len(v))
	for i, e := range v {
		var err error
		if parts[i], err = rustValue(e, inner); err != nil {
			return "", fmt.Errorf("element %d: %w", i+1, err)
		}
	}
	return "vec![" + strings.Join(parts, ", ") + "]", nil
}

func rustMap(m List, inner string) (string, error) {
	keys, values, _ := strings.Cut(inner, ",")
	values = strings.TrimSpace(values)
	if inner == "" {
		var all []any
		for _, e := range m {
			all = append(all, e.Value)
		}
		values, _ = rustCommonType(all)
	}
	parts := make([]string, len(m))
	for i, e := range m {
		key, err := rustValue(e.Name, strings.TrimSpace(keys))
		if err != nil {
			return "", err
		}
		value, err := rustValue(e.Value, values)
		if err != nil {
			return "", fmt.Errorf("key %q: %w", e.Name, err)
		}
		parts[i] = "(" + key + ", " + value + ")"
	}
	return "std::collections::HashMap::from([" + strings.Join(parts, ", ") + "])", nil
}

var rustNames = regexp.MustCompile(`\blet[ \t]+(?:mut[ \t]+)?(\w+)`)
