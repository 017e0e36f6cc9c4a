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
	return string(appendDecoded(make([]byte, 0, len(s)), token))
}

// appendDecoded appends what decode returns.
func appendDecoded(b []byte, token string) []byte {
	s := token[1 : len(token)-1]
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
	return b
}

func hex4(s string) rune {
	v, _ := strconv.ParseUint(s[:4], 16, 16)
	return rune(v)
}

// encode writes a JSON string token as Python's json module does.
func encode(s string, ascii bool) string {
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	b = appendEncoded(b, s, ascii)
	return string(append(b, '"'))
}

// Escape is a text as it stands within a string of a notebook; ascii: of one that is written in ASCII only.
func Escape(text string, ascii bool) string { return string(appendEncoded(nil, text, ascii)) }

// appendEncoded is encode without the quotes.
func appendEncoded(b []byte, s string, ascii bool) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < 0x80 {
			i++
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c >= ' ':
				b = append(b, c)
			case c == '\n':
				b = append(b, `\n`...)
			case c == '\r':
				b = append(b, `\r`...)
			case c == '\t':
				b = append(b, `\t`...)
			case c == '\b':
				b = append(b, `\b`...)
			case c == '\f':
				b = append(b, `\f`...)
			default:
				b = unicodeEscape(b, rune(c))
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			if half, ok := surrogate(s[i:]); ok {
				b = unicodeEscape(b, half)
				i += 3
				continue
			}
		}
		switch {
		case !ascii:
			b = utf8.AppendRune(b, r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			b = unicodeEscape(unicodeEscape(b, high), low)
		default:
			b = unicodeEscape(b, r)
		}
		i += size
	}
	return b
}

// surrogate reads half a surrogate pair as decode writes it.
func surrogate(s string) (rune, bool) {
	if len(s) < 3 || s[0] != 0xED || s[1] < 0xA0 || s[1] > 0xBF || s[2] < 0x80 || s[2] > 0xBF {
		return 0, false
	}
	return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), true
}

func unicodeEscape(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	b = append(b, `\u`...)
	for shift := 12; shift >= 0; shift -= 4 {
		b = append(b, digits[r>>shift&0xF])
	}
	return b
}

// lines cuts a text where Python's str.splitlines(keepends=True) does, because that is what nbformat writes.
func lines(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range cutLines(s) {
			if !yield(line) {
				return
			}
		}
	}
}

// cutLines is lines that says of each whether it has its end; the last one may not.
func cutLines(s string) iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		start := 0
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c > 0x1E && c < 0x80, c == '\t':
				continue
			case c == '\n', c == '\v', c == '\f', c >= 0x1C && c <= 0x1E, c == '\r' && !strings.HasPrefix(s[i+1:], "\n"):
			case strings.HasPrefix(s[i:], "\u0085"):
				i++
			case strings.HasPrefix(s[i:], "\u2028"), strings.HasPrefix(s[i:], "\u2029"):
				i += 2
			default:
				continue
			}
			if !yield(s[start:i+1], true) {
				return
			}
			start = i + 1
		}
		if start < len(s) {
			yield(s[start:], false)
		}
	}
}
