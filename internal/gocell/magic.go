package gocell

import "strings"

// Magic is a line that is a command to the kernel: %name arguments, !shell command, or gophernotes' $ command. A cell magic, %%name,
// has the rest of the cell as its body.
type Magic struct {
	Line int    // 1-based
	Text string // with its first character, joined over lines that end in a backslash
	Body string // of a cell magic
}

// IsCell reports whether the magic takes the rest of the cell: %%writefile f. GoNB's bare %% does not: it stands for func main.
func (m Magic) IsCell() bool {
	return strings.HasPrefix(m.Text, "%%") && len(strings.TrimSpace(m.Text)) > 2
}

// stripMagics notes the magics and blanks them, so that offsets stay.
func (c *Cell) stripMagics(source string) string {
	out := []byte(source)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	var state lexer
	for start, line := 0, 1; start < len(source); line++ {
		end := lineEnd(source, start)
		text := strings.TrimSpace(source[start:end])
		if state.plain() && isMagic(text) {
			first, firstLine := start, line
			for strings.HasSuffix(text, `\`) && end < len(source) {
				next := lineEnd(source, end+1)
				text = strings.TrimSpace(strings.TrimSuffix(text, `\`)) + " " + strings.TrimSpace(source[end+1:next])
				end = next
				line++
			}
			m := Magic{Line: firstLine, Text: text}
			switch {
			case m.IsCell():
				m.Body = strings.TrimPrefix(source[end:], "\n")
				end = len(source)
			case text == "%%" || text == "%main":
				c.Main = true
			}
			c.Magics = append(c.Magics, m)
			blank(first, end)
		} else {
			state.line(source[start:end])
		}
		start = end + 1
	}
	return string(out)
}

func isMagic(line string) bool {
	switch {
	case strings.HasPrefix(line, "%"), strings.HasPrefix(line, "!*"):
		return true
	case strings.HasPrefix(line, "!"):
		return !strings.HasPrefix(line, "!=")
	}
	return strings.HasPrefix(line, "$ ")
}

func lineEnd(s string, start int) int {
	if i := strings.IndexByte(s[start:], '\n'); i >= 0 {
		return start + i
	}
	return len(s)
}

// lexer knows over line ends whether a raw string or a comment is open, and whether an expression goes on.
type lexer struct {
	raw, comment bool
	last         string // what the line ends in, without its comment; of an empty line what the one before it ends in
}

// plain reports whether a command can stand on the next line: `!b` behind `a &&` is none.
func (l *lexer) plain() bool {
	if l.raw || l.comment {
		return false
	}
	if l.last == "" || strings.HasSuffix(l.last, "++") || strings.HasSuffix(l.last, "--") {
		return true
	}
	return !strings.ContainsRune("&|=(,!<>+-*/^[", rune(l.last[len(l.last)-1]))
}

func (l *lexer) line(s string) {
	start, end := 0, len(s)
	if l.raw || l.comment {
		l.last = "x"
	}
	defer func() {
		if text := strings.TrimSpace(s[start:end]); text != "" {
			l.last = text
		}
	}()
	for i := 0; i < len(s); i++ {
		switch {
		case l.raw:
			l.raw = s[i] != '`'
		case l.comment:
			if strings.HasPrefix(s[i:], "*/") {
				l.comment = false
				i++
			}
		case s[i] == '`':
			l.raw = true
		case strings.HasPrefix(s[i:], "//"):
			end = i
			return
		case strings.HasPrefix(s[i:], "/*"):
			l.comment = true
			i++
		case s[i] == '"' || s[i] == '\'':
			quote := s[i]
			for i++; i < len(s) && s[i] != quote; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		}
	}
}
