package parameters

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// goKinds classes the predeclared types by what can be assigned to them.
var goKinds = map[string]string{
	"bool": "bool", "string": "string", "float32": "float", "float64": "float", "any": "any", "error": "nil",
	"int": "int", "int8": "int", "int16": "int", "int32": "int", "int64": "int", "rune": "int",
	"uint": "uint", "uint8": "uint", "uint16": "uint", "uint32": "uint", "uint64": "uint", "uintptr": "uint", "byte": "uint",
	"complex64": "float", "complex128": "float",
}

var goBits = map[string]uint{
	"int8": 8, "int16": 16, "int32": 32, "rune": 32, "uint8": 8, "byte": 8, "uint16": 16, "uint32": 32,
}

// goValue writes a value as an expression of the given type; without a type, of the type that Go would infer. text is what the
// user typed where the value is a guess.
func goValue(v any, text string, typ ast.Expr) (string, error) {
	switch t := typ.(type) {
	case nil:
		if _, big := v.(*big.Int); big {
			return "", fmt.Errorf("%s is too large for an int; declare its type in the parameters cell", jsonText(v))
		}
		return goUntyped(v), nil
	case *ast.ParenExpr:
		return goValue(v, text, t.X)
	case *ast.Ident:
		return goNamed(v, text, t.Name)
	case *ast.SelectorExpr:
		if types.ExprString(t) == "time.Duration" {
			return goDuration(v)
		}
		return goUntyped(v), nil
	case *ast.StarExpr:
		if v == nil {
			return "nil", nil
		}
		value, err := goValue(v, text, t.X)
		return "func() " + types.ExprString(t) + " { v := " + types.ExprString(t.X) + "(" + value + "); return &v }()", err
	case *ast.InterfaceType:
		return goUntyped(v), nil
	case *ast.ArrayType:
		if v == nil && t.Len == nil {
			return "nil", nil
		}
		list, ok := v.([]any)
		if !ok {
			return "", misfit(v, typ)
		}
		var parts []string
		for i, e := range list {
			part, err := goValue(e, "", t.Elt)
			if err != nil {
				return "", fmt.Errorf("element %d: %w", i+1, err)
			}
			parts = append(parts, part)
		}
		return types.ExprString(t) + "{" + strings.Join(parts, ", ") + "}", nil
	case *ast.MapType:
		if v == nil {
			return "nil", nil
		}
		m, ok := v.(List)
		if !ok {
			return "", misfit(v, typ)
		}
		var parts []string
		for _, e := range m {
			key, err := goValue(guess(e.Name), e.Name, t.Key)
			if err != nil {
				return "", fmt.Errorf("key %q: %w", e.Name, err)
			}
			value, err := goValue(e.Value, e.text, t.Value)
			if err != nil {
				return "", fmt.Errorf("key %q: %w", e.Name, err)
			}
			parts = append(parts, key+": "+value)
		}
		return types.ExprString(t) + "{" + strings.Join(parts, ", ") + "}", nil
	}
	return "", misfit(v, typ)
}

// goNamed writes a value for a type with a name. Of types that aren't predeclared only the kernel knows more.
func goNamed(v any, text, name string) (string, error) {
	misfit := misfit(v, ast.NewIdent(name))
	switch goKinds[name] {
	case "any", "":
		return goUntyped(v), nil
	case "nil":
		if v == nil {
			return "nil", nil
		}
	case "string":
		if s, ok := v.(string); ok {
			return strconv.Quote(s), nil
		}
		if text != "" { // -p version 007: the guess was a number, the notebook says text
			return strconv.Quote(text), nil
		}
	case "bool":
		if b, ok := v.(bool); ok {
			return strconv.FormatBool(b), nil
		}
		if s, ok := v.(string); ok && text != "" && (s == "true" || s == "false") {
			return s, nil
		}
	case "float":
		switch v := v.(type) {
		case int64, *big.Int:
			return fmt.Sprint(v), nil
		case float64:
			if name == "float32" && !math.IsInf(v, 0) && math.Abs(v) > math.MaxFloat32 {
				return "", misfit
			}
			if special := goSpecial(v); special != "" && name != "float64" {
				return name + "(" + special + ")", nil
			}
			return goUntyped(v), nil
		}
	case "int", "uint":
		n, ok := wholeNumber(v)
		if !ok || goKinds[name] == "uint" && n.Sign() < 0 {
			return "", misfit
		}
		bits := goBits[name]
		if bits == 0 {
			bits = 64
		}
		low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), bits)
		if goKinds[name] == "int" {
			high.Rsh(high, 1)
			low.Neg(high)
		}
		if n.Cmp(low) < 0 || n.Cmp(high) >= 0 {
			return "", misfit
		}
		return n.String(), nil
	}
	return "", misfit
}

// wholeNumber is the integer that v is; 5.0 is one too.
func wholeNumber(v any) (*big.Int, bool) {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return big.NewInt(int64(v)), true
		}
	}
	return nil, false
}

func goDuration(v any) (string, error) {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case string:
		if d, err := time.ParseDuration(v); err == nil {
			return strconv.FormatInt(int64(d), 10), nil
		}
		return "", fmt.Errorf("%q is no duration; write it like 90s or 1h30m", v)
	}
	t, _ := parser.ParseExpr("time.Duration")
	return "", misfit(v, t)
}

func misfit(v any, typ ast.Expr) error {
	return fmt.Errorf("%s is no value of its type %s", jsonText(v), types.ExprString(typ))
}

func jsonText(v any) string {
	var b strings.Builder
	writeJSON(&b, v)
	return b.String()
}

// goUntyped writes a value with the type that it has by itself.
func goUntyped(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case *big.Int:
		return v.String()
	case float64:
		if s := goSpecial(v); s != "" {
			return s
		}
		return FloatText(v)
	case string:
		return strconv.Quote(v)
	case []any:
		t := "[]" + commonType(v)
		var parts []string
		for _, e := range v {
			parts = append(parts, goUntyped(e))
		}
		return t + "{" + strings.Join(parts, ", ") + "}"
	case List:
		var values []any
		for _, e := range v {
			values = append(values, e.Value)
		}
		var parts []string
		for _, e := range v {
			parts = append(parts, strconv.Quote(e.Name)+": "+goUntyped(e.Value))
		}
		return "map[string]" + commonType(values) + "{" + strings.Join(parts, ", ") + "}"
	}
	panic(fmt.Sprintf("a parameter of type %T", v))
}

// goSpecial writes what has no literal, without an import; "" for ordinary numbers.
func goSpecial(f float64) string {
	switch {
	case math.IsNaN(f):
		return "func() float64 { z := 0.0; return z / z }()"
	case math.IsInf(f, 1):
		return "func() float64 { z := 0.0; return 1 / z }()"
	case math.IsInf(f, -1):
		return "func() float64 { z := 0.0; return -1 / z }()"
	}
	return ""
}

// commonType is the one type that all values have, else any. Whole numbers among floats are floats.
func commonType(values []any) string {
	common := ""
	for _, v := range values {
		t := "any"
		switch v.(type) {
		case bool:
			t = "bool"
		case int64:
			t = "int"
		case float64:
			t = "float64"
		case string:
			t = "string"
		}
		switch {
		case common == "" || common == t:
			common = t
		case common == "int" && t == "float64" || common == "float64" && t == "int":
			common = "float64"
		default:
			return "any"
		}
	}
	if common == "" {
		return "any"
	}
	return common
}
