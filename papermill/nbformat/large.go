package nbformat

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Members finds the members of a JSON object that is too large to be held in memory: where each one's value stands. The text is checked to
// be JSON. Of equal names the last one counts.
func Members(object *io.SectionReader) (map[string]*io.SectionReader, error) {
	s := newScanner(object)
	members := map[string]*io.SectionReader{}
	err := s.object(func() error {
		name, err := s.smallText()
		if err == nil {
			err = s.colon()
		}
		if err != nil {
			return err
		}
		start := s.at
		if err := s.value(nil); err != nil {
			return err
		}
		members[name] = io.NewSectionReader(object, start, s.at-start)
		return nil
	})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return nil, fmt.Errorf("cellar: read JSON: %w", err)
	}
	return members, nil
}

// ReadMetadata reads a notebook without its cells, of which a large file may have more than memory takes.
func ReadMetadata(path string) (*Notebook, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cellar: read notebook %s: %w", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cellar: read notebook %s: %w", path, err)
	}
	members, err := Members(io.NewSectionReader(f, 0, info.Size()))
	if err != nil || members["cells"] == nil || members["metadata"] == nil { // Read knows byte order marks, and what is wrong
		return Read(path)
	}
	text, err := io.ReadAll(members["metadata"])
	if err != nil {
		return nil, fmt.Errorf("cellar: read notebook %s: %w", path, err)
	}
	return Parse([]byte(`{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": `+string(text)+`}`), path)
}

// CopyText writes the text of a JSON string that is too large to be held in memory.
func CopyText(w io.Writer, value *io.SectionReader) error {
	s := newScanner(value)
	c, err := s.token()
	if err == nil && c != '"' {
		err = s.unexpected(c)
	}
	if err == nil {
		err = s.text(w)
	}
	if err != nil {
		return fmt.Errorf("cellar: read a text: %w", err)
	}
	return nil
}

// bundleMember is a member of a bundle that is read when its output is laid out.
type bundleMember struct {
	mime   string
	value  *io.SectionReader
	layout Layout
}

func (v bundleMember) WriteTo(w io.Writer) (int64, error) {
	value := io.NewSectionReader(v.value, 0, v.value.Size())
	first := []byte{0}
	if _, err := value.ReadAt(first, 0); err != nil {
		return 0, err
	}
	depth := v.layout.depth + 2 // of the members of an output's data
	if first[0] == '"' && isLines(v.mime) && !v.layout.whole {
		lines := &lineWriter{w: w, style: v.layout.style, depth: depth}
		return 0, errors.Join(CopyText(lines, value), lines.Close())
	}
	return 0, newScanner(value).value(newLayer(w, v.layout.style, depth))
}

// textWriter encodes a text that comes in pieces cut anywhere. After flush another may come.
type textWriter struct {
	w       io.Writer
	ascii   bool
	held    []byte
	encoded []byte // a buffer
}

func (t *textWriter) Write(text []byte) (int, error) {
	t.held = append(t.held, text...)
	now, later := whole(t.held)
	err := t.encode(now)
	t.held = append(t.held[:0], later...)
	return len(text), err
}

func (t *textWriter) flush() error {
	err := t.encode(t.held)
	t.held = t.held[:0]
	return err
}

func (t *textWriter) encode(text []byte) error {
	t.encoded = appendEncoded(t.encoded[:0], string(text), t.ascii)
	_, err := t.w.Write(t.encoded)
	return err
}

// layer writes the tokens of a value with the space of a style. Keys stay in their order, since sorting would need them all.
type layer struct {
	w      io.Writer
	style  style
	depth  int
	empty  []bool   // of the containers that are open
	spaces []string // by depth, made once
	text   textWriter
	err    error
}

func newLayer(w io.Writer, s style, depth int) *layer {
	return &layer{w: w, style: s, depth: depth, text: textWriter{w: w, ascii: s.ascii}}
}

func (l *layer) space(depth int) string {
	for len(l.spaces) <= depth {
		l.spaces = append(l.spaces, l.style.space(len(l.spaces)))
	}
	return l.spaces[depth]
}

func (l *layer) write(s string) {
	if l.err == nil {
		_, l.err = io.WriteString(l.w, s)
	}
}

// item writes what stands before the next item of the container.
func (l *layer) item() {
	top := len(l.empty) - 1
	if !l.empty[top] {
		l.write(",")
	}
	if l.style.newline == "" && !l.empty[top] {
		l.write(l.style.comma)
	} else {
		l.write(l.space(l.depth + len(l.empty)))
	}
	l.empty[top] = false
}

func (l *layer) open(bracket byte) {
	l.write(string(bracket))
	l.empty = append(l.empty, true)
}

func (l *layer) close(bracket byte) {
	top := len(l.empty) - 1
	if !l.empty[top] {
		l.write(l.space(l.depth + top))
	}
	l.empty = l.empty[:top]
	l.write(string(bracket))
}

// scanner reads JSON from a stream, token by token, and checks it.
type scanner struct {
	r       *bufio.Reader
	at      int64
	depth   int
	decoded []byte // a buffer of text
}

func newScanner(r *io.SectionReader) *scanner {
	return &scanner{r: bufio.NewReaderSize(io.NewSectionReader(r, 0, r.Size()), 1<<16)}
}

func (s *scanner) next() (byte, error) {
	c, err := s.r.ReadByte()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	s.at++
	return c, err
}

func (s *scanner) back() { s.r.UnreadByte(); s.at-- }

// token returns the first byte of the next token, which is read.
func (s *scanner) token() (byte, error) {
	for {
		switch c, err := s.next(); {
		case err != nil:
			return 0, err
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			return c, nil
		}
	}
}

func (s *scanner) unexpected(c byte) error {
	return fmt.Errorf("found %q at byte %d", c, s.at-1)
}

func (s *scanner) colon() error {
	c, err := s.token()
	if err == nil && c != ':' {
		err = s.unexpected(c)
	}
	if err != nil {
		return err
	}
	if _, err := s.token(); err != nil { // the value begins at its first byte
		return err
	}
	s.back()
	return nil
}

func (s *scanner) end() error {
	switch c, err := s.token(); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	case err != nil:
		return err
	default:
		return s.unexpected(c)
	}
}

// object reads an object; member reads one from its name on.
func (s *scanner) object(member func() error) error {
	c, err := s.token()
	if err == nil && c != '{' {
		err = s.unexpected(c)
	}
	if err != nil {
		return err
	}
	return s.items('}', member)
}

// items reads what follows an opening bracket.
func (s *scanner) items(closing byte, item func() error) error {
	if s.depth++; s.depth > maxDepth {
		return fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	defer func() { s.depth-- }()
	c, err := s.token()
	if err != nil || c == closing {
		return err
	}
	s.back()
	for {
		if err := item(); err != nil {
			return err
		}
		switch c, err = s.token(); {
		case err != nil || c == closing:
			return err
		case c != ',':
			return s.unexpected(c)
		}
	}
}

// smallText reads a string that is kept.
func (s *scanner) smallText() (string, error) {
	c, err := s.token()
	if err == nil && c != '"' {
		err = s.unexpected(c)
	}
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = s.text(&b)
	return toValid(b.String()), err
}

// toValid replaces each byte that is not UTF-8, as encoding/json does.
func toValid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// text reads a string whose opening quote has been read, and writes the text that it stands for.
func (s *scanner) text(to io.Writer) error {
	for {
		if _, err := s.r.Peek(1); err != nil {
			return io.ErrUnexpectedEOF
		}
		window, _ := s.r.Peek(s.r.Buffered())
		text, used := unescape(s.decoded[:0], window)
		s.decoded = text
		if _, err := to.Write(text); err != nil {
			return err
		}
		s.skip(used)
		if used == len(window) {
			continue
		}
		switch c := window[used]; c {
		case '"':
			s.skip(1)
			return nil
		case '\\':
			text, err := s.escape()
			if err != nil {
				return err
			}
			if _, err := io.WriteString(to, text); err != nil {
				return err
			}
		default:
			s.skip(1)
			return s.unexpected(c)
		}
	}
}

// unescape appends what a string's text stands for, up to its end or to what needs a closer look.
func unescape(text, window []byte) (_ []byte, used int) {
	for used < len(window) {
		start := used
		for used < len(window) && window[used] != '"' && window[used] != '\\' && window[used] >= ' ' {
			used++
		}
		text = append(text, window[start:used]...)
		if used+1 >= len(window) || window[used] != '\\' || shortEscapes[window[used+1]] == 0 {
			break
		}
		text = append(text, shortEscapes[window[used+1]])
		used += 2
	}
	return text, used
}

// shortEscapes are what the escapes of one letter stand for.
var shortEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (s *scanner) skip(n int) {
	s.r.Discard(n)
	s.at += int64(n)
}

// escape reads an escape; the first half of a surrogate pair takes the second one with it.
func (s *scanner) escape() (string, error) {
	head, _ := s.r.Peek(12)
	size := min(2, len(head))
	if size == 2 && head[1] == 'u' {
		size = min(6, len(head))
	}
	p := parser{text: string(head[:size]), at: 1}
	if err := p.escape(); err != nil {
		return "", fmt.Errorf("%w, at byte %d", err, s.at)
	}
	if size == 6 && len(head) == 12 && head[6] == '\\' && head[7] == 'u' {
		second := parser{text: string(head[6:]), at: 1}
		if second.escape() == nil && utf16.DecodeRune(hex4(string(head[2:])), hex4(string(head[8:]))) != utf8.RuneError {
			size = 12
		}
	}
	text := decode(`"` + string(head[:size]) + `"`)
	s.skip(size)
	return text, nil
}

// value reads a value, and writes it to a layer; to may be nil.
func (s *scanner) value(to *layer) error {
	c, err := s.token()
	if err != nil {
		return err
	}
	switch c {
	case '"':
		return s.string(to)
	case '[', '{':
		if to != nil {
			to.open(c)
		}
		err := s.items(c+2, func() error {
			if to != nil {
				to.item()
			}
			if c == '{' {
				if c, err := s.token(); err != nil || c != '"' {
					return errors.Join(err, s.unexpected(c))
				}
				if err := s.string(to); err != nil {
					return err
				}
				if err := s.colon(); err != nil {
					return err
				}
				if to != nil {
					to.write(to.style.colon)
				}
			}
			return s.value(to)
		})
		if to != nil && err == nil {
			to.close(c + 2)
			err = to.err
		}
		return err
	}
	s.back()
	return s.word(to)
}

// string reads a string whose quote has been read.
func (s *scanner) string(to *layer) error {
	if to == nil {
		return s.text(io.Discard)
	}
	to.write(`"`)
	if err := errors.Join(to.err, s.text(&to.text), to.text.flush()); err != nil {
		return err
	}
	to.write(`"`)
	return to.err
}

// word reads a number, true, false or null, and what Python writes besides.
func (s *scanner) word(to *layer) error {
	var b []byte
	for {
		c, err := s.next()
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if err != nil || strings.IndexByte(" \t\r\n,]}:\"[{", c) >= 0 {
			if err == nil {
				s.back()
			} else {
				s.at--
			}
			break
		}
		if b = append(b, c); len(b) > 1000 {
			return fmt.Errorf("a number of more than 1000 digits at byte %d", s.at)
		}
	}
	switch string(b) {
	case "true", "false", "null", "NaN", "Infinity", "-Infinity":
	default:
		if !isNumber(string(b)) {
			return fmt.Errorf("found %q at byte %d", b, s.at-int64(len(b)))
		}
	}
	if to != nil {
		to.write(string(b))
		return to.err
	}
	return nil
}
