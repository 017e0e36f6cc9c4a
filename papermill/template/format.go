package template

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// spec is Python's mini-language of formats: [[fill]align][sign][#][0][width][grouping][.precision][type].
type spec struct {
	fill, align, sign string
	alternate, zero   bool
	width             int
	grouping          string
	precision         int // -1 without
	kind              string
}

var specPattern = regexp.MustCompile(`^(?:(.)?([<>=^]))?([-+ ]?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?(.?)$`)

func readSpec(text, typ string) (spec, error) {
	m := specPattern.FindStringSubmatch(text)
	if m == nil {
		return spec{}, raise("ValueError", "Invalid format specifier '%s' for object of type '%s'", text, typ)
	}
	s := spec{fill: m[1], align: m[2], sign: m[3], alternate: m[4] != "", zero: m[5] != "", grouping: m[7], precision: -1, kind: m[9]}
	for i, into := range map[int]*int{6: &s.width, 8: &s.precision} {
		if m[i] == "" {
			continue
		}
		var err error
		if *into, err = strconv.Atoi(m[i]); err != nil || *into > widest {
			return spec{}, raise("ValueError", "Too many decimal digits in format string")
		}
	}
	return s, nil
}

// widest is beyond what any path can have; Python takes what memory takes.
const widest = 10_000

// pad brings a text to the width; of a number, signs stay in front of zeros.
func (s spec) pad(sign, text, align string) string {
	fill := s.fill
	if fill == "" {
		fill = " "
		if s.zero {
			fill = "0"
		}
	}
	switch {
	case s.align != "":
		align = s.align
	case s.zero && align == ">":
		align = "="
	}
	room := s.width - utf8.RuneCountInString(sign+text)
	if room <= 0 {
		return sign + text
	}
	switch align {
	case "<":
		return sign + text + strings.Repeat(fill, room)
	case "^":
		return strings.Repeat(fill, room/2) + sign + text + strings.Repeat(fill, room-room/2)
	case "=":
		return sign + strings.Repeat(fill, room) + text
	}
	return strings.Repeat(fill, room) + sign + text
}

// formatValue is Python's format().
func formatValue(value any, text string) (string, error) {
	if text == "" {
		return str(value), nil
	}
	typ := typeName(value)
	switch v := value.(type) {
	case datetime:
		return strftime(v, text), nil
	case string:
		return formatString(v, text)
	case bool:
		n := int64(boolInt(v))
		return formatInteger(big.NewInt(n), text, typ)
	case int64:
		return formatInteger(big.NewInt(v), text, typ)
	case *big.Int:
		return formatInteger(v, text, typ)
	case float64:
		s, err := readSpec(text, typ)
		if err != nil {
			return "", err
		}
		return s.float(v, typ)
	}
	return "", raise("TypeError", "unsupported format string passed to %s.__format__", typ)
}

func formatString(v, text string) (string, error) {
	s, err := readSpec(text, "str")
	switch {
	case err != nil:
		return "", err
	case s.kind != "" && s.kind != "s":
		return "", raise("ValueError", "Unknown format code '%s' for object of type 'str'", s.kind)
	case s.sign != "":
		return "", raise("ValueError", "Sign not allowed in string format specifier")
	case s.alternate:
		return "", raise("ValueError", "Alternate form (#) not allowed in string format specifier")
	case s.align == "=":
		return "", raise("ValueError", "'=' alignment not allowed in string format specifier")
	case s.grouping != "":
		return "", raise("ValueError", "Cannot specify '%s' with 's'.", s.grouping)
	}
	if runes := []rune(v); s.precision >= 0 && s.precision < len(runes) {
		v = string(runes[:s.precision])
	}
	return s.pad("", v, "<"), nil
}

func formatInteger(n *big.Int, text, typ string) (string, error) {
	s, err := readSpec(text, typ)
	if err != nil {
		return "", err
	}
	base, prefix := 10, ""
	switch s.kind {
	case "", "d", "n":
	case "b":
		base, prefix = 2, "0b"
	case "o":
		base, prefix = 8, "0o"
	case "x", "X":
		base, prefix = 16, "0"+s.kind
	case "c":
		return s.pad("", string(rune(n.Int64())), "<"), nil
	case "e", "E", "f", "F", "g", "G", "%":
		f, _ := new(big.Float).SetInt(n).Float64()
		return s.float(f, typ)
	default:
		return "", raise("ValueError", "Unknown format code '%s' for object of type '%s'", s.kind, typ)
	}
	if s.precision >= 0 {
		return "", raise("ValueError", "Precision not allowed in integer format specifier")
	}
	digits := new(big.Int).Abs(n).Text(base)
	if s.kind == "X" {
		digits = strings.ToUpper(digits)
	}
	every := 3
	if base != 10 {
		every = 4
	}
	sign := s.signOf(n.Sign() < 0)
	if s.alternate {
		sign += prefix
	}
	return s.pad(sign, s.group(digits, every, len(sign)), ">"), nil
}

func (s spec) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case s.sign == "-":
		return ""
	}
	return s.sign
}

// group sets separators between digits; zeros that fill the width are digits too.
func (s spec) group(digits string, every, before int) string {
	whole, fraction, _ := strings.Cut(digits, ".")
	if strings.Contains(digits, ".") {
		fraction = "." + fraction
	}
	if s.grouping == "" {
		return digits
	}
	grouped := func() string {
		var b strings.Builder
		for i, c := range whole {
			if i > 0 && (len(whole)-i)%every == 0 {
				b.WriteString(s.grouping)
			}
			b.WriteRune(c)
		}
		return b.String()
	}
	for s.zero && s.align == "" && before+len(grouped())+len(fraction) < s.width {
		whole = "0" + whole
	}
	return grouped() + fraction
}

func (s spec) float(f float64, typ string) (string, error) {
	sign := s.signOf(math.Signbit(f) && !math.IsNaN(f))
	a := math.Abs(f)
	precision := s.precision
	if precision < 0 {
		precision = 6
	}
	var digits string
	switch kind := s.kind; {
	case !strings.Contains("eEfFgGn%", kind):
		return "", raise("ValueError", "Unknown format code '%s' for object of type '%s'", kind, typ)
	case math.IsInf(f, 0) || math.IsNaN(f):
		digits = strings.TrimPrefix(floatRepr(f), "-")
		if kind == "%" {
			digits += "%"
		}
	case kind == "" && s.precision < 0:
		digits = floatRepr(a)
	case kind == "":
		if digits = general(a, max(precision, 1), s.alternate, true); !strings.ContainsAny(digits, ".e") {
			digits += ".0"
		}
	case kind == "%":
		digits = strconv.FormatFloat(a*100, 'f', precision, 64) + "%"
	case strings.Contains("gGn", kind):
		digits = general(a, max(precision, 1), s.alternate, false)
	default:
		digits = strconv.FormatFloat(a, kind[0]|0x20, precision, 64)
	}
	if s.kind == "E" || s.kind == "F" || s.kind == "G" {
		digits = strings.ToUpper(digits)
	}
	return s.pad(sign, s.group(digits, 3, len(sign)), ">"), nil
}

// general is C's %g; early: the exponent begins one digit sooner, as in Python's format without a type.
func general(a float64, precision int, alternate, early bool) string {
	e := strconv.FormatFloat(a, 'e', precision-1, 64)
	mantissa, exponent, _ := strings.Cut(e, "e")
	x, _ := strconv.Atoi(exponent)
	trim := func(s string) string {
		if alternate || !strings.Contains(s, ".") {
			return s
		}
		return strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if x < -4 || x >= precision-boolInt(early) {
		return fmt.Sprintf("%se%s", trim(mantissa), exponent)
	}
	return trim(strconv.FormatFloat(a, 'f', precision-1-x, 64))
}

// strftime is Python's with the codes of the C locale.
func strftime(d datetime, layout string) string {
	codes := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'h': "Jan", 'B': "January",
		'a': "Mon", 'A': "Monday", 'p': "PM", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06", 'R': "15:04", 'e': "_2",
		'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05"}
	if d.aware {
		codes['z'], codes['Z'] = "-0700", "UTC"
	}
	var b strings.Builder
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' || i+1 == len(layout) {
			b.WriteByte(layout[i])
			continue
		}
		i++
		_, week := d.ISOWeek()
		switch c := layout[i]; c {
		case '%':
			b.WriteByte('%')
		case 'f':
			fmt.Fprintf(&b, "%06d", d.Nanosecond()/1000)
		case 's':
			b.WriteString(strconv.FormatInt(d.Unix(), 10))
		case 'u':
			b.WriteString(strconv.Itoa((int(d.Weekday())+6)%7 + 1))
		case 'w':
			b.WriteString(strconv.Itoa(int(d.Weekday())))
		case 'G':
			year, _ := d.ISOWeek()
			fmt.Fprintf(&b, "%04d", year)
		case 'V':
			fmt.Fprintf(&b, "%02d", week)
		case 'z', 'Z':
			if d.aware {
				b.WriteString(d.Format(codes[c]))
			}
		default:
			if code, ok := codes[c]; ok {
				b.WriteString(d.Format(code))
			} else {
				b.WriteString("%" + string(c))
			}
		}
	}
	return b.String()
}
