package terminal

import (
	"html"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// How much can still be written over: a terminal's screen, more or less. What is before it is written out.
const (
	windowLines  = 64
	windowGlyphs = 1 << 16
)

// Write writes text as HTML: escaped, spans for what is coloured, no element around it. Controls that have no sense on a page (titles,
// bells, clearing the screen) are left out; no text is. The error is the first of w.
func Write(w io.Writer, text string) error {
	t := writer{out: w, lines: [][]glyph{nil}, nextEscape: len(text)}
	t.read(text)
	t.flush(len(t.lines))
	return t.err
}

// plain reports whether a line has no controls.
func plain(line string) bool {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7F || c == 0xC2 { // 0xC2 may begin a C1 control
			return false
		}
	}
	return true
}

type glyph struct {
	char  rune
	style style
}

// writer is the end of the text that was read, as a screen.
type writer struct {
	out    io.Writer
	err    error
	shown  style // of what was written last
	buffer []byte

	nextEscape, reachable int // how long the text is from the next escape sequence, and from the first line that it can reach

	lines    [][]glyph // that can still change
	glyphs   int       // in them
	row, col int       // of the cursor, in lines
	style    style
}

func (t *writer) read(text string) {
	for text != "" {
		if len(t.lines) == 1 && t.col == 0 && len(t.lines[0]) == 0 && t.style == (style{}) {
			// The greater part of most texts: whole lines without controls, far enough from the end that nothing can return to them.
			text = t.pass(text)
			if text == "" {
				return
			}
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '\x1b':
			text = t.escape(text)
			continue
		case r == '\n':
			t.newline()
		case r == '\r':
			t.col = 0
		case r == '\b':
			t.col = max(0, t.col-1)
		case r < ' ' && r != '\t', 0x7F <= r && r < 0xA0: // no other control shows
		default:
			t.put(r)
		}
		text = text[size:]
	}
}

// pass writes lines that no later cursor movement can reach, and returns the rest.
func (t *writer) pass(text string) string {
	if len(text) <= t.nextEscape {
		end := strings.IndexByte(text, '\x1b') // what moves up is an escape sequence
		if end < 0 {
			end = len(text)
		}
		t.nextEscape = len(text) - end
		for range windowLines + 1 {
			end = strings.LastIndexByte(text[:max(0, end-1)], '\n') + 1
		}
		t.reachable = len(text) - end
	}
	done, end := 0, len(text)-t.reachable
	for done < end {
		size := strings.IndexByte(text[done:], '\n') + 1
		if !plain(text[done : done+size-1]) {
			break
		}
		done += size
	}
	if done > 0 {
		t.setStyle(style{})
		t.print(html.EscapeString(strings.ToValidUTF8(text[:done], "\uFFFD")))
	}
	return text[done:]
}

func (t *writer) put(r rune) {
	line := t.lines[t.row]
	before := len(line)
	for len(line) < t.col {
		line = append(line, glyph{char: ' '})
	}
	if g := (glyph{r, t.style}); t.col < len(line) {
		line[t.col] = g
	} else {
		line = append(line, g)
	}
	t.glyphs += len(line) - before
	t.lines[t.row] = line
	t.col++
	t.limit()
}

func (t *writer) newline() {
	t.row++
	t.col = 0
	if t.row == len(t.lines) {
		t.lines = append(t.lines, nil)
	}
	t.limit()
}

// limit writes out what has left the window: the first lines, or the first part of a very long one.
func (t *writer) limit() {
	if over := len(t.lines) - windowLines; over > 0 && t.row >= over {
		t.flush(over)
	}
	for t.glyphs > windowGlyphs && len(t.lines) > 1 && t.row > 0 {
		t.flush(1)
	}
	if line := t.lines[t.row]; len(line) > windowGlyphs && t.row == 0 && len(t.lines) == 1 {
		t.show(line)
		t.glyphs -= len(line)
		t.col = max(0, t.col-len(line))
		t.lines[0] = line[:0]
	}
}

// flush writes out the first n lines.
func (t *writer) flush(n int) {
	for i, line := range t.lines[:n] {
		t.show(line)
		t.glyphs -= len(line)
		if i < len(t.lines)-1 {
			t.setStyle(style{})
			t.print("\n")
		}
	}
	t.setStyle(style{})
	t.print("")
	t.lines = t.lines[:copy(t.lines, t.lines[n:])]
	t.row -= n
}

func (t *writer) show(line []glyph) {
	for _, g := range line {
		if g.style != t.shown {
			t.setStyle(g.style)
		}
		switch g.char {
		case '<', '>', '&', '\'', '"':
			t.buffer = append(t.buffer, html.EscapeString(string(g.char))...)
		default:
			t.buffer = utf8.AppendRune(t.buffer, g.char)
		}
	}
	t.print("")
}

func (t *writer) setStyle(s style) {
	if s == t.shown {
		return
	}
	if t.shown != (style{}) {
		t.buffer = append(t.buffer, "</span>"...)
	}
	t.buffer = s.append(t.buffer)
	t.shown = s
}

// print writes what is buffered, and then s.
func (t *writer) print(s string) {
	if t.err == nil && len(t.buffer) > 0 {
		_, t.err = t.out.Write(t.buffer)
	}
	t.buffer = t.buffer[:0]
	if t.err == nil && s != "" {
		_, t.err = io.WriteString(t.out, s)
	}
}

// escape carries out the escape sequence at the start of text, and returns what follows it. Half a sequence is left out.
func (t *writer) escape(text string) string {
	if len(text) < 2 {
		return ""
	}
	switch text[1] {
	case '[': // CSI: parameters, intermediates, one final byte (ECMA-48, 5.4)
		i := 2
		for i < len(text) && 0x30 <= text[i] && text[i] <= 0x3F {
			i++
		}
		parameters := text[2:i]
		for i < len(text) && 0x20 <= text[i] && text[i] <= 0x2F {
			i++
		}
		if i == len(text) {
			return ""
		}
		if text[i] < 0x40 || text[i] > 0x7E { // broken off: the text goes on here
			return text[i:]
		}
		if i == 2+len(parameters) {
			t.control(text[i], parameters)
		}
		return text[i+1:]
	case ']', 'P', 'X', '^', '_': // OSC and other strings, up to BEL or ST; one that is not closed on its line is no string
		end := strings.IndexAny(text[2:], "\a\n\x1b") + 2
		switch {
		case end < 2 || text[end] == '\n':
			return text[2:]
		case text[end] == '\a':
			return text[end+1:]
		}
		if after, closed := strings.CutPrefix(text[end:], "\x1b\\"); closed {
			return after
		}
		return text[2:]
	}
	i := 1
	for i < len(text) && 0x20 <= text[i] && text[i] <= 0x2F { // such as ESC ( B, a character set
		i++
	}
	if i < len(text) && 0x30 <= text[i] && text[i] <= 0x7E {
		i++
	}
	return text[i:]
}

func (t *writer) control(final byte, parameters string) {
	count := func() int {
		n, _ := strconv.Atoi(parameters)
		return min(max(n, 1), windowGlyphs)
	}
	switch final {
	case 'm':
		t.style.set(parameters)
	case 'A':
		t.row = max(0, t.row-count())
	case 'B':
		t.row = min(len(t.lines)-1, t.row+count())
	case 'C':
		t.col = min(t.col+count(), 1000)
	case 'D':
		t.col = max(0, t.col-count())
	case 'E':
		t.row, t.col = min(len(t.lines)-1, t.row+count()), 0
	case 'F':
		t.row, t.col = max(0, t.row-count()), 0
	case 'G':
		t.col = min(count()-1, 1000)
	case 'K':
		t.eraseLine(parameters)
	case 'J':
		if parameters == "" || parameters == "0" {
			t.eraseLine("")
			for i := t.row + 1; i < len(t.lines); i++ {
				t.glyphs -= len(t.lines[i])
				t.lines[i] = t.lines[i][:0]
			}
			t.lines = t.lines[:t.row+1]
		}
	}
}

func (t *writer) eraseLine(how string) {
	line := t.lines[t.row]
	switch how {
	case "", "0":
		t.glyphs -= len(line) - min(t.col, len(line))
		t.lines[t.row] = line[:min(t.col, len(line))]
	case "1":
		for i := range min(t.col+1, len(line)) {
			line[i] = glyph{char: ' '}
		}
	case "2":
		t.glyphs -= len(line)
		t.lines[t.row] = line[:0]
	}
}
