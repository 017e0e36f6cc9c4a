package template

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/cellar-go/cellar/papermill/parameters"
)

// datetime is Python's: without a zone where it is local.
type datetime struct {
	time.Time
	aware bool
}

// Error is what Python would raise.
type Error struct{ Class, Message string }

func (e *Error) Error() string { return e.Class + ": " + e.Message }

func raise(class, format string, args ...any) error {
	return &Error{class, fmt.Sprintf(format, args...)}
}

// Record is a map whose keys are attributes, too: {pm.run_uuid} where Python has {pm[run_uuid]} only.
type Record parameters.List

// Run is what Papermill tells a path of the run that begins now, as pm.
func Run() parameters.List {
	now := time.Now()
	return parameters.List{
		{Name: "run_uuid", Value: newUUID()},
		{Name: "current_datetime_local", Value: datetime{now, false}},
		{Name: "current_datetime_utc", Value: datetime{now.UTC(), true}},
	}
}

// newUUID is a random one (version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Format is Python's str.format with named fields, which Papermill applies to its two paths. An error is an Error.
func Format(path string, fields parameters.List) (string, error) {
	return formatText([]rune(path), fields, 2)
}

func formatText(s []rune, fields parameters.List, depth int) (string, error) {
	if depth == 0 {
		return "", raise("ValueError", "Max string recursion exceeded")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		double := i+1 < len(s) && s[i+1] == s[i]
		switch {
		case s[i] != '{' && s[i] != '}':
			b.WriteRune(s[i])
		case double:
			b.WriteRune(s[i])
			i++
		case s[i] == '}':
			return "", raise("ValueError", "Single '}' encountered in format string")
		case i+1 == len(s):
			return "", raise("ValueError", "Single '{' encountered in format string")
		default:
			f, length, err := readField(s[i+1:])
			if err != nil {
				return "", err
			}
			text, err := f.format(fields, depth)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			i += length
		}
	}
	return b.String(), nil
}

// field is what stands between { and }.
type field struct {
	name       []rune
	conversion rune // r, s or a; 0 without
	spec       []rune
}

// readField reads a field up to its }, and says how long it is with that.
func readField(s []rune) (f field, length int, err error) {
	i, index := 0, false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '{':
			return f, 0, raise("ValueError", "unexpected '{' in field name")
		case c == '[':
			index = true
		case c == ']':
			index = false
		case !index && (c == '}' || c == ':' || c == '!'):
			goto named
		}
	}
	return f, 0, raise("ValueError", "expected '}' before end of string")
named:
	f.name = s[:i]
	if s[i] == '!' {
		switch {
		case i+1 == len(s):
			return f, 0, raise("ValueError", "end of string while looking for conversion specifier")
		case i+2 == len(s):
			return f, 0, raise("ValueError", "unmatched '{' in format spec")
		}
		f.conversion = s[i+1]
		if i += 2; s[i] != ':' && s[i] != '}' {
			return f, 0, raise("ValueError", "expected ':' after conversion specifier")
		}
	}
	if s[i] == '}' {
		return f, i + 1, nil
	}
	start := i + 1
	for open := 1; ; {
		if i++; i == len(s) {
			return f, 0, raise("ValueError", "unmatched '{' in format spec")
		}
		switch s[i] {
		case '{':
			open++
		case '}':
			open--
		}
		if open == 0 {
			f.spec = s[start:i]
			return f, i + 1, nil
		}
	}
}

func (f field) format(fields parameters.List, depth int) (string, error) {
	value, err := f.value(fields)
	if err != nil {
		return "", err
	}
	switch f.conversion {
	case 0:
	case 's':
		value = str(value)
	case 'r':
		value = repr(value)
	case 'a':
		value = asciiOnly(repr(value))
	default:
		return "", raise("ValueError", "Unknown conversion specifier %c", f.conversion)
	}
	spec := ""
	if len(f.spec) > 0 {
		if spec, err = formatText(f.spec, fields, depth-1); err != nil {
			return "", err
		}
	}
	return formatValue(value, spec)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// value follows a field's name: parameter, .attribute, [index].
func (f field) value(fields parameters.List) (any, error) {
	name := string(f.name)
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	first, rest := name[:end], name[end:]
	if _, err := strconv.Atoi(cmp.Or(first, "0")); err == nil {
		return nil, raise("IndexError", "Replacement index %s out of range for positional args tuple", cmp.Or(first, "0"))
	}
	value, ok := lookup(fields, first)
	if !ok {
		return nil, missing(Quote(first))
	}
	for rest != "" {
		if attribute, is := strings.CutPrefix(rest, "."); is {
			end := strings.IndexAny(attribute, ".[")
			if end < 0 {
				end = len(attribute)
			}
			attribute, rest = attribute[:end], attribute[end:]
			if attribute == "" {
				return nil, raise("ValueError", "Empty attribute in format string")
			}
			if value, ok = attributeOf(value, attribute); !ok {
				return nil, raise("AttributeError", "'%s' object has no attribute '%s'", typeName(value), attribute)
			}
			continue
		}
		index, after, closed := strings.Cut(rest[1:], "]")
		if !closed {
			return nil, raise("ValueError", "Missing ']' in format string")
		}
		if index == "" {
			return nil, raise("ValueError", "Empty attribute in format string")
		}
		if rest = after; rest != "" && rest[0] != '.' && rest[0] != '[' {
			return nil, raise("ValueError", "Only '.' or '[' may follow ']' in format field specifier")
		}
		var err error
		if value, err = item(value, index); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// missing is a key that isn't there, as Papermill says it.
func missing(key string) error {
	return raise("papermill.exceptions.PapermillMissingParameterException", "Missing parameter %s", key)
}

func lookup(fields parameters.List, name string) (any, bool) {
	i := slices.IndexFunc(fields, func(p parameters.Parameter) bool { return p.Name == name })
	if i < 0 {
		return nil, false
	}
	return fields[i].Value, true
}

// attributeOf knows the attributes that make sense in a path. If there is none, the value stays what it is.
func attributeOf(value any, name string) (any, bool) {
	switch v := value.(type) {
	case Record:
		if found, ok := lookup(parameters.List(v), name); ok {
			return found, true
		}
	case datetime:
		parts := map[string]int{"year": v.Year(), "month": int(v.Month()), "day": v.Day(), "hour": v.Hour(), "minute": v.Minute(), "second": v.Second(), "microsecond": v.Nanosecond() / 1000}
		if n, ok := parts[name]; ok {
			return int64(n), true
		}
	case int64, *big.Int:
		if name == "real" || name == "numerator" {
			return v, true
		}
	case float64:
		if name == "real" {
			return v, true
		}
	}
	return value, false
}

func item(value any, index string) (any, error) {
	n, err := strconv.Atoi(index)
	number := err == nil && n >= 0 && index[0] != '+'
	switch v := value.(type) {
	case Record:
		return item(parameters.List(v), index)
	case parameters.List:
		if !number {
			if found, ok := lookup(v, index); ok {
				return found, nil
			}
			return nil, missing(Quote(index))
		}
		return nil, missing(strconv.Itoa(n))
	case []any:
		if !number {
			return nil, raise("TypeError", "list indices must be integers or slices, not str")
		}
		if n >= len(v) {
			return nil, raise("IndexError", "list index out of range")
		}
		return v[n], nil
	case string:
		if !number {
			return nil, raise("TypeError", "string indices must be integers, not 'str'")
		}
		if runes := []rune(v); n < len(runes) {
			return string(runes[n]), nil
		}
		return nil, raise("IndexError", "string index out of range")
	}
	return nil, raise("TypeError", "'%s' object is not subscriptable", typeName(value))
}

func typeName(value any) string {
	switch value.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	case datetime:
		return "datetime.datetime"
	}
	return "dict"
}

// str is Python's str().
func str(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	if d, ok := value.(datetime); ok {
		layout := "2006-01-02 15:04:05"
		if d.Nanosecond()/1000 > 0 {
			layout += ".000000"
		}
		if d.aware {
			layout += "-07:00"
		}
		return d.Format(layout)
	}
	return repr(value)
}

// repr is Python's repr().
func repr(value any) string {
	switch v := value.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case *big.Int:
		return v.String()
	case float64:
		return floatRepr(v)
	case string:
		return Quote(v)
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, repr(e))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case Record:
		return repr(parameters.List(v))
	case parameters.List:
		var all []string
		for _, e := range v {
			all = append(all, Quote(e.Name)+": "+repr(e.Value))
		}
		return "{" + strings.Join(all, ", ") + "}"
	case datetime:
		zone := ""
		if v.aware {
			zone = ", tzinfo=datetime.timezone.utc"
		}
		return fmt.Sprintf("datetime.datetime(%d, %d, %d, %d, %d, %d, %d%s)", v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute(), v.Second(), v.Nanosecond()/1000, zone)
	}
	return fmt.Sprint(value)
}

func floatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(fmt.Sprint(f)), "+")
	}
	return parameters.FloatText(f)
}

// Quote is Python's repr() of a text.
func Quote(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, c := range s {
		switch {
		case c == quote || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == ' ' || unicode.IsPrint(c):
			b.WriteRune(c)
		default:
			b.WriteString(escape(c))
		}
	}
	b.WriteRune(quote)
	return b.String()
}

func escape(c rune) string {
	switch {
	case c < 0x100:
		return fmt.Sprintf(`\x%02x`, c)
	case c < 0x10000:
		return fmt.Sprintf(`\u%04x`, c)
	}
	return fmt.Sprintf(`\U%08x`, c)
}

func asciiOnly(s string) string {
	var b strings.Builder
	for _, c := range s {
		if c < 0x80 {
			b.WriteRune(c)
		} else {
			b.WriteString(escape(c))
		}
	}
	return b.String()
}
