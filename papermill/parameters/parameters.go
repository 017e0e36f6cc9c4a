package parameters

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cellar-go/cellar/internal/fault"
)

// List is named values in the order in which they were given first. A value is nil, bool, int64, *big.Int, float64, string, []any or
// List (a map).
type List []Parameter

// Parameter is a named value.
type Parameter struct {
	Name  string
	Value any
	text  string // as typed on the command line with -p, which may mean more than the guess: 007 for a string
}

// Set gives a parameter a value; one that is there keeps its place.
func (p *List) Set(name string, value any) { p.Put(Parameter{Name: name, Value: value}) }

// Put is Set of a parameter that was read, with what was typed.
func (p *List) Put(param Parameter) {
	i := slices.IndexFunc(*p, func(q Parameter) bool { return q.Name == param.Name })
	if i < 0 {
		*p = append(*p, param)
	} else {
		(*p)[i] = param
	}
}

// Text is the value as it was typed, else as JSON; a text as it is.
func (p Parameter) Text() string {
	if p.text != "" {
		return p.text
	}
	if s, ok := p.Value.(string); ok {
		return s
	}
	return jsonText(p.Value)
}

// WithPaths are parameters over those of the paths of a notebook and its output that are given, as Papermill injects them.
func (p List) WithPaths(input, output *string) List {
	var all List
	if input != nil {
		all.Set("PAPERMILL_INPUT_PATH", *input)
	}
	if output != nil {
		all.Set("PAPERMILL_OUTPUT_PATH", *output)
	}
	for _, q := range p {
		all.Put(q)
	}
	return all
}

// Flags are parameters as Papermill's command line takes them. A later kind overrides an earlier one, wherever it stands on the
// line; within a kind the last wins.
type Flags struct {
	Base64 []string    // -b: YAML in base64
	Files  []string    // -f: paths of YAML or JSON files
	YAML   []string    // -y
	Typed  [][2]string // -p NAME VALUE: True, False, None, numbers, else a string
	Raw    [][2]string // -r NAME VALUE: always a string

	Read func(path string) ([]byte, error) // reads the files of -f; default os.ReadFile
}

// Parse reads the parameters.
func (f Flags) Parse() (List, error) {
	var all List
	add := func(flag, text string) error {
		if !utf8.ValidString(text) { // YAML's parser would take U+FFFD for what it can't read
			return fault.New(fault.Usage, "write it in UTF-8", "%s: not UTF-8", flag)
		}
		m, err := parseYAML(text)
		if err != nil {
			return fault.New(fault.Usage, "give a mapping, such as {alpha: 0.1, name: x}", "%s: %w", flag, err)
		}
		for _, p := range m {
			all.Put(p)
		}
		return nil
	}
	for _, text := range f.Base64 {
		yaml, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			return nil, fault.New(fault.Usage, "encode it: base64 -w0 file.yaml", "-b: not base64: %w", err)
		}
		if err := add("-b", string(yaml)); err != nil {
			return nil, err
		}
	}
	read := f.Read
	if read == nil {
		read = os.ReadFile
	}
	for _, path := range f.Files {
		data, err := read(path)
		if err != nil {
			return nil, fault.New(fault.Input, cmp.Or(fault.Hint(err), "check the path"), "-f: %w", err)
		}
		if err := add("-f "+path, string(data)); err != nil {
			return nil, err
		}
	}
	for _, text := range f.YAML {
		if err := add("-y", text); err != nil {
			return nil, err
		}
	}
	for _, p := range f.Typed {
		all.Put(Parameter{Name: p[0], Value: guess(p[1]), text: p[1]})
	}
	for _, p := range f.Raw {
		all.Put(Parameter{Name: p[0], Value: p[1]})
	}
	return all, nil
}

// guess reads a value of -p as Papermill does: by Python's int() and float().
func guess(s string) any {
	switch s {
	case "True":
		return true
	case "False":
		return false
	case "None":
		return nil
	}
	if n := pythonInt(s); n != nil {
		return n
	}
	if f, ok := pythonFloat(s); ok {
		return f
	}
	return s
}

// pythonNumber is what int() and float() allow around digits: spaces outside, single underscores inside.
func pythonNumber(s string) (string, bool) {
	s = strings.TrimSpace(s)
	for i := range len(s) {
		if s[i] == '_' && !(i > 0 && i+1 < len(s) && isDigit(s[i-1]) && isDigit(s[i+1])) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, "_", ""), s != ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// pythonInt returns an int64, a *big.Int, or nil for what is no integer.
func pythonInt(s string) any {
	s, ok := pythonNumber(s)
	if !ok {
		return nil
	}
	return integer(s, 10)
}

func integer(s string, base int) any {
	n, ok := new(big.Int).SetString(s, base)
	switch {
	case !ok:
		return nil
	case n.IsInt64():
		return n.Int64()
	}
	return n
}

func pythonFloat(s string) (float64, bool) {
	s, ok := pythonNumber(s)
	if !ok || strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0) // too large is infinity, as in Python
}

// FloatText is a finite float as Python's repr writes it, which is also valid Go.
func FloatText(f float64) string {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		format = 'e'
	}
	s := strconv.FormatFloat(f, format, -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// JSON is the parameters as metadata holds them. Like Python's json module it writes NaN and Infinity.
func (p List) JSON() json.RawMessage {
	var b strings.Builder
	writeJSON(&b, p)
	return json.RawMessage(b.String())
}

func writeJSON(b *strings.Builder, v any) {
	quote := func(s string) {
		text, _ := json.Marshal(s) // a string always encodes
		b.Write(text)
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case *big.Int:
		b.WriteString(v.String())
	case float64:
		switch {
		case math.IsNaN(v):
			b.WriteString("NaN")
		case math.IsInf(v, 1):
			b.WriteString("Infinity")
		case math.IsInf(v, -1):
			b.WriteString("-Infinity")
		default:
			b.WriteString(FloatText(v))
		}
	case string:
		quote(v)
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, e)
		}
		b.WriteByte(']')
	case List:
		b.WriteByte('{')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			quote(e.Name)
			b.WriteByte(':')
			writeJSON(b, e.Value)
		}
		b.WriteByte('}')
	}
}
