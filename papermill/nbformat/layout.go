package nbformat

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Layout writes outputs and values as they stand in one notebook's file, for those who keep them elsewhere until the notebook is written.
type Layout struct {
	style style
	depth int  // of an output
	whole bool // texts are one string
}

// Layout is how the outputs of cells stand in this notebook's file.
func (nb *Notebook) Layout() Layout { return Layout{style: nb.style, depth: outputDepth} }

// Elsewhere is how outputs stand that are not a cell's, within so many objects and lists: their texts are not cut into lines.
func (l Layout) Elsewhere(depth int) Layout { return Layout{style: l.style, depth: depth, whole: true} }

// outputDepth is how deep an output stands: notebook, cells, cell, outputs.
const outputDepth = 4

// Output writes the text of an output.
func (l Layout) Output(w io.Writer, o Output) error {
	n, err := o.node(l)
	if err != nil {
		return fmt.Errorf("cellar: write an output: %w", err)
	}
	b := bufio.NewWriter(w)
	return errors.Join(n.lay(l.depth, l.style).write(b), b.Flush())
}

// Value writes a JSON value as it stands within so many objects and lists.
func (l Layout) Value(w io.Writer, value json.RawMessage, depth int) error {
	n, err := nodeOf(value)
	if err != nil {
		return fmt.Errorf("cellar: write a value: %w", err)
	}
	b := bufio.NewWriter(w)
	return errors.Join(n.lay(depth, l.style).write(b), b.Flush())
}

// LargeValue is Value for one that is too large to hold. Its keys stay in their order.
func (l Layout) LargeValue(w io.Writer, value *io.SectionReader, depth int) error {
	return newScanner(value).value(newLayer(w, l.style, depth))
}

// AppendLaid adds an output whose text, in the notebook's Layout, is made anew each time that the notebook is written. Until then it has no
// other content: Outputs does not list it.
func (c *Cell) AppendLaid(text io.WriterTo) {
	c.outputList().insert(len(c.outputList().items), item{value: &node{kind: laid, at: -1, text: text}}, outputDepth-1, c.nb.style)
}

// Stream writes the text of a stream output: what is written to it is the stream's text, however cut. Its memory does not grow with the text.
// Close must be called, and ends the output; it does not close w. Bytes that are not UTF-8 become U+FFFD.
func (l Layout) Stream(w io.Writer, name string) io.WriteCloser {
	s := &lineWriter{w: w, style: l.style, depth: l.depth + 1}
	s.write("{" + l.space(l.depth+1, true) + `"name"` + l.style.colon + encode(name, l.style.ascii) +
		"," + l.space(l.depth+1, false) + `"output_type"` + l.style.colon + `"stream"` +
		"," + l.space(l.depth+1, false) + `"text"` + l.style.colon)
	s.end = l.space(l.depth, true) + "}"
	if l.whole {
		s.write(`"`)
		return &wholeWriter{textWriter{w: w, ascii: l.style.ascii}, s}
	}
	return s
}

// wholeWriter writes a text as one string.
type wholeWriter struct {
	textWriter
	around *lineWriter
}

func (t *wholeWriter) Close() error {
	err := t.flush()
	t.around.write(`"` + t.around.end)
	return errors.Join(err, t.around.err)
}

// space is what stands before the first or a later item at this depth.
func (l Layout) space(depth int, first bool) string {
	if l.style.newline == "" && !first {
		return l.style.comma
	}
	return l.style.space(depth)
}

// lineWriter writes a text as a list of its lines, at a depth.
type lineWriter struct {
	w       io.Writer
	style   style
	depth   int
	end     string // what follows the list
	held    []byte // the start of a character or of a line's end, whose rest is to come
	buffer  []byte
	begun   bool
	midLine bool
	err     error
}

func (s *lineWriter) write(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, text)
	}
}

func (s *lineWriter) Write(text []byte) (int, error) {
	size := len(text)
	if len(s.held) > 0 {
		text = append(s.held, text...)
		s.held = nil
	}
	text, rest := whole(text)
	s.held = bytes.Clone(rest)
	s.put(string(text))
	return size, s.err
}

// whole cuts off the end of a text whose meaning depends on what follows: half a character, and a carriage return, which may be the first
// half of a line's end.
func whole(text []byte) (now, later []byte) {
	for i := 1; i <= min(len(text), utf8.UTFMax-1); i++ {
		if c := text[len(text)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(text[len(text)-i:]) {
				return text[:len(text)-i], text[len(text)-i:]
			}
			break
		}
	}
	if n := len(text); n > 0 && text[n-1] == '\r' {
		return text[:n-1], text[n-1:]
	}
	return text, nil
}

func (s *lineWriter) put(text string) {
	b := s.buffer[:0]
	separator := "," + Layout{style: s.style}.space(s.depth+1, false) + `"`
	for line, ended := range cutLines(text) {
		switch {
		case s.midLine:
		case !s.begun:
			b = append(b, "["+Layout{style: s.style}.space(s.depth+1, true)+`"`...)
			s.begun = true
		default:
			b = append(b, separator...)
		}
		b = appendEncoded(b, line, s.style.ascii)
		if s.midLine = !ended; ended {
			b = append(b, '"')
		}
		if len(b) > 1<<16 {
			s.flush(b)
			b = b[:0]
		}
	}
	s.flush(b)
	s.buffer = b[:0]
}

func (s *lineWriter) flush(b []byte) {
	if s.err == nil && len(b) > 0 {
		_, s.err = s.w.Write(b)
	}
}

func (s *lineWriter) Close() error {
	s.put(string(s.held))
	s.held = nil
	switch {
	case !s.begun:
		s.write("[]")
	case s.midLine:
		s.write(`"` + s.style.space(s.depth) + "]")
	default:
		s.write(s.style.space(s.depth) + "]")
	}
	s.write(s.end)
	if s.err != nil {
		return fmt.Errorf("cellar: write an output: %w", s.err)
	}
	return nil
}
