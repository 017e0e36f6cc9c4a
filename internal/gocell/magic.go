package gocell

import "strings"

// Magic is a line that is a command to the kernel: %name arguments, !shell command, or gophernotes' $ command. A cell magic, %%name,
// has the rest of the cell as its body.
type Magic struct {
	Line  int    // 1-based
	Start int    // byte offset of its line in the source
	Text  string // with its first character, joined over lines that end in a backslash
	Body  string // of a cell magic
}

// IsCell reports whether the magic takes the rest of the cell: %%writefile f. GoNB's bare %% and %% --flag=x do not: they stand for
// func main.
func (m Magic) IsCell() bool {
	return len(m.Text) > 2 && strings.HasPrefix(m.Text, "%%") && isLetter(m.Text[2])
}

// IsMain reports whether the magic stands for func main, as GoNB's %% and %main do.
func (m Magic) IsMain() bool {
	name, _, _ := strings.Cut(m.Text, " ")
	return name == "%%" || name == "%main"
}

// gonbPrefix makes a comment of a command, so that other tools take the cell for Go.
const gonbPrefix = "//gonb:"

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
		text := magicText(source[start:end])
		if state.plain() && isMagic(text) {
			first, firstLine := start, line
			for strings.HasSuffix(text, `\`) && end < len(source) {
				next := lineEnd(source, end+1)
				text = strings.TrimSpace(strings.TrimSuffix(text, `\`)) + " " + magicText(source[end+1:next])
				end = next
				line++
			}
			m := Magic{Line: firstLine, Start: first, Text: text}
			switch {
			case m.IsCell():
				m.Body = strings.TrimPrefix(source[end:], "\n")
				end = len(source)
			case m.IsMain():
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

func magicText(line string) string {
	line = strings.TrimSpace(line)
	return strings.TrimPrefix(line, gonbPrefix)
}

func isMagic(line string) bool {
	switch {
	case strings.HasPrefix(line, "%"), strings.HasPrefix(line, "$"):
		return true
	case strings.HasPrefix(line, "!"):
		return !strings.HasPrefix(line, "!=")
	}
	return false
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func lineEnd(s string, start int) int {
	if i := strings.IndexByte(s[start:], '\n'); i >= 0 {
		return start + i
	}
	return len(s)
}

// lexer knows over line ends what is open: a raw string, a comment, brackets, or a statement whose last token wants another one.
type lexer struct {
	raw, comment bool
	depth        int
	unfinished   bool
}

// plain reports whether a statement may begin on the next line of the cell's top level: `!ok` below `if a &&` is no command.
func (l *lexer) plain() bool { return !l.raw && !l.comment && l.depth == 0 && !l.unfinished }

func (l *lexer) line(s string) {
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case l.raw:
			l.raw = b != '`'
		case l.comment:
			if strings.HasPrefix(s[i:], "*/") {
				l.comment = false
				i++
			}
		case strings.HasPrefix(s[i:], "//"):
			return
		case strings.HasPrefix(s[i:], "/*"):
			l.comment = true
			i++
		case b == '`':
			l.raw, l.unfinished = true, false
		case b == '"' || b == '\'':
			for i++; i < len(s) && s[i] != b; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			l.unfinished = false
		case b == ' ' || b == '\t' || b == '\r':
		case strings.IndexByte("([{", b) >= 0:
			l.depth++
			l.unfinished = false
		case strings.IndexByte(")]}", b) >= 0:
			l.depth = max(0, l.depth-1)
			l.unfinished = false
		case strings.HasPrefix(s[i:], "++"), strings.HasPrefix(s[i:], "--"):
			l.unfinished = false
			i++
		default:
			l.unfinished = strings.IndexByte("+-*/%&|^<>=!,.~", b) >= 0
		}
	}
}
