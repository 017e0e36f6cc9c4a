package nbformat

import (
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode returns the text of a JSON string token that the parser has checked. Half a surrogate pair, which JSON can
// write and UTF-8 can't, becomes the three bytes that UTF-8 would use, so that encode can give it back.
func decode(token string) string {
	s := token[1 : len(token)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r := hex4(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && strings.HasPrefix(s[i+1:], `\u`) {
				if pair := utf16.DecodeRune(r, hex4(s[i+3:])); pair != utf8.RuneError {
					r, i = pair, i+6
				}
			}
			if utf16.IsSurrogate(r) {
				b = append(b, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
			} else {
				b = utf8.AppendRune(b, r)
			}
		default: // " \ /
			b = append(b, s[i])
		}
	}
	return string(b)
}

func hex4(s string) rune {
	v, _ := strconv.ParseUint(s[:4], 16, 16)
	return rune(v)
}

// encode writes a JSON string token as Python's json module does.
func encode(s string, ascii bool) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < 0x80 {
			i++
			switch {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c >= ' ':
				b.WriteByte(c)
			case c == '\n':
				b.WriteString(`\n`)
			case c == '\r':
				b.WriteString(`\r`)
			case c == '\t':
				b.WriteString(`\t`)
			case c == '\b':
				b.WriteString(`\b`)
			case c == '\f':
				b.WriteString(`\f`)
			default:
				unicodeEscape(&b, rune(c))
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			if half, ok := surrogate(s[i:]); ok {
				unicodeEscape(&b, half)
				i += 3
				continue
			}
		}
		switch {
		case !ascii:
			b.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			unicodeEscape(&b, high)
			unicodeEscape(&b, low)
		default:
			unicodeEscape(&b, r)
		}
		i += size
	}
	b.WriteByte('"')
	return b.String()
}

// surrogate reads half a surrogate pair as decode writes it.
func surrogate(s string) (rune, bool) {
	if len(s) < 3 || s[0] != 0xED || s[1] < 0xA0 || s[1] > 0xBF || s[2] < 0x80 || s[2] > 0xBF {
		return 0, false
	}
	return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), true
}

func unicodeEscape(b *strings.Builder, r rune) {
	const digits = "0123456789abcdef"
	b.WriteString(`\u`)
	for shift := 12; shift >= 0; shift -= 4 {
		b.WriteByte(digits[r>>shift&0xF])
	}
}

// lines cuts a text where Python's str.splitlines(keepends=True) does, because that is what nbformat writes.
func lines(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start := 0
		for i, r := range s {
			switch r {
			case '\n', '\v', '\f', 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029:
			case '\r':
				if strings.HasPrefix(s[i+1:], "\n") {
					continue
				}
			default:
				continue
			}
			end := i + utf8.RuneLen(r)
			if !yield(s[start:end]) {
				return
			}
			start = end
		}
		if start < len(s) {
			yield(s[start:])
		}
	}
}
