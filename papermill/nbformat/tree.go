package nbformat

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
)

// kind is the kind of a JSON value.
type kind byte

const (
	object kind = '{'
	array  kind = '['
	text   kind = '"'
	atom   kind = '0' // number, true, false, null, and NaN and Infinity, which Python writes
	unread kind = 'r' // an object or array whose text was checked, and is read when it is asked for
	laid   kind = 'w' // a value whose text is made when the notebook is written
)

// node is a JSON value that remembers how it was written. Its strings are cut out of the file's text, not copied.
type node struct {
	kind  kind
	at    int    // where it starts in the file; -1 if it was made here
	raw   string // the token of a text or an atom, the text of what is unread; in an empty object or array, the space inside
	items []item
	text  io.WriterTo // of what is laid out elsewhere
}

// each calls f for all strings of a node and those in it.
func (n *node) each(f func(*string)) {
	f(&n.raw)
	for i := range n.items {
		it := &n.items[i]
		for _, s := range []*string{&it.lead, &it.key, &it.colon, &it.trail} {
			f(s)
		}
		it.value.each(f)
	}
}

// item is a member of an object or an element of an array, with the space around it.
type item struct {
	lead  string // space before the key or the element
	key   string // as written, with quotes; empty in an array
	colon string // the colon with the space around it
	value *node
	trail string // space before the comma or the closing bracket
}

// style is how a file is written, so that what is added looks like the rest.
type style struct {
	newline string // "" when everything is on one line
	indent  string // of one level
	colon   string
	comma   string // space after a comma where there is no newline
	ascii   bool   // everything beyond ASCII is written as \u escapes
}

// houseStyle is how nbformat, and so Jupyter, writes a notebook.
var houseStyle = style{newline: "\n", indent: " ", colon: ": ", comma: " "}

// styleOf looks at the first members of the file.
func styleOf(root *node, ascii bool) style {
	s := houseStyle
	s.ascii = ascii
	if len(root.items) == 0 {
		return s
	}
	first := root.items[0]
	s.colon = first.colon
	lead := first.lead
	switch cut := strings.LastIndexByte(lead, '\n'); {
	case cut < 0:
		s.newline, s.indent = "", ""
		if len(root.items) > 1 {
			s.comma = root.items[1].lead
		}
	default:
		s.indent = lead[cut+1:]
		if cut > 0 && lead[cut-1] == '\r' {
			s.newline = "\r\n"
		}
	}
	return s
}

// space is the line break before something at this depth.
func (s style) space(depth int) string {
	if s.newline == "" {
		return ""
	}
	return s.newline + strings.Repeat(s.indent, depth)
}

// write writes the value as it stands. b keeps the errors of writing to itself: a buffer has none, a bufio.Writer gives them when it is
// flushed; what is returned are those of reading what is laid out elsewhere.
func (n *node) write(b tokenWriter) (err error) {
	switch n.kind {
	case text, atom, unread:
		b.WriteString(n.raw)
		return nil
	case laid:
		_, err := n.text.WriteTo(b)
		return err
	}
	b.WriteByte(byte(n.kind))
	if len(n.items) == 0 {
		b.WriteString(n.raw)
	}
	for i, it := range n.items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(it.lead)
		b.WriteString(it.key)
		b.WriteString(it.colon)
		if e := it.value.write(b); err == nil {
			err = e
		}
		b.WriteString(it.trail)
	}
	b.WriteByte(byte(n.kind) + 2) // '}' and ']' come two after '{' and '['
	return err
}

type tokenWriter interface {
	io.Writer
	io.ByteWriter
	io.StringWriter
}

// find returns the index of a key, -1 without. Of equal keys the last one counts, as in Python.
func (n *node) find(key string) int {
	for i := len(n.items) - 1; i >= 0; i-- {
		if decode(n.items[i].key) == key {
			return i
		}
	}
	return -1
}

// open reads what is unread, whose items stay unread. The node itself does: what is read is the caller's.
func (n *node) open() *node {
	if n == nil || n.kind != unread {
		return n
	}
	p := &parser{text: n.raw}
	opened, err := p.value(outputList)
	if err != nil {
		panic(err) // it was checked
	}
	return opened
}

// openHere is open for who is about to change the node.
func (n *node) openHere() {
	if n != nil && n.kind == unread {
		*n = *n.open()
	}
}

// get returns the value of a key, nil if n is no object or has none.
func (n *node) get(key string) *node {
	n = n.open()
	if n == nil || n.kind != object {
		return nil
	}
	if i := n.find(key); i >= 0 {
		return n.items[i].value
	}
	return nil
}

// put sets the value of a key; n is at the given depth. A new key goes to its alphabetical place where the others are sorted
// (nbformat sorts them), else to the end.
func (n *node) put(key string, value *node, depth int, s style) {
	if i := n.find(key); i >= 0 {
		n.items[i].value = value
		return
	}
	at := len(n.items)
	byKey := func(i, j int) bool { return decode(n.items[i].key) < decode(n.items[j].key) }
	if sort.SliceIsSorted(n.items, byKey) {
		at = sort.Search(len(n.items), func(i int) bool { return decode(n.items[i].key) > key })
	}
	n.insert(at, item{key: encode(key, s.ascii), colon: s.colon, value: value}, depth, s)
}

// insert puts an item before the i-th one and gives it the space that its neighbours have.
func (n *node) insert(i int, it item, depth int, s style) {
	last := len(n.items) - 1
	if last < 0 {
		it.lead, it.trail = s.space(depth+1), s.space(depth)
		n.items = []item{it}
		return
	}
	next := n.items[0].lead // what comes before any item but the first
	if last > 0 {
		next = n.items[1].lead
	} else if !strings.Contains(next, "\n") {
		next = s.comma
	}
	if i == 0 {
		it.lead, n.items[0].lead = n.items[0].lead, next
	} else {
		it.lead = next
	}
	if i > last {
		it.trail, n.items[last].trail = n.items[last].trail, ""
	}
	n.items = slices.Insert(n.items, i, it)
}

func (n *node) remove(i int) {
	last := len(n.items) - 1
	switch {
	case last == 0:
		n.raw = ""
	case i == 0:
		n.items[1].lead = n.items[0].lead
	case i == last:
		n.items[i-1].trail = n.items[i].trail
	}
	n.items = slices.Delete(n.items, i, i+1)
}

// lay sets all space in a new value that will stand at this depth, sorts its keys and writes its strings in the file's style.
func (n *node) lay(depth int, s style) *node {
	n.at = -1
	switch n.kind {
	case atom, laid:
		return n
	case unread:
		if !s.hasLaid(n.raw, depth) {
			n.openHere()
			n.lay(depth, s)
		}
		return n
	case text:
		n.raw = s.token(n.raw)
		return n
	}
	n.raw = ""
	if n.kind == object {
		slices.SortStableFunc(n.items, func(a, b item) int { return strings.Compare(decode(a.key), decode(b.key)) })
	}
	for i := range n.items {
		it := &n.items[i]
		it.lead, it.trail = s.space(depth+1), ""
		if s.newline == "" && i > 0 {
			it.lead = s.comma
		}
		if n.kind == object {
			it.key, it.colon = s.token(it.key), s.colon
		}
		it.value.lay(depth+1, s)
	}
	if len(n.items) > 0 {
		n.items[len(n.items)-1].trail = s.space(depth)
	}
	return n
}

// flat lays out what encoding/json wrote of an object as all those are that a run writes for each cell: without others in it, its keys in order,
// and nothing that needs an escape. Such a one takes neither nodes nor time. Of other values it is nil.
func (s style) flat(text string, depth int) *node {
	rest, ok := strings.CutPrefix(text, "{")
	if !ok || strings.ContainsFunc(rest, func(r rune) bool { return r == '\\' || r >= 0x80 }) {
		return nil
	}
	var b strings.Builder
	b.Grow(2 * len(text))
	b.WriteByte('{')
	lead := s.space(depth + 1)
	for before, more := `"`, true; more; lead = cmp.Or(s.space(depth+1), s.comma) {
		key, value := plainToken(rest), ""
		if rest, ok = strings.CutPrefix(rest[len(key):], ":"); !ok || strings.Trim(key, `"`) <= strings.Trim(before, `"`) {
			return nil
		}
		if value = plainToken(rest); value == "" {
			value = rest[:max(strings.IndexAny(rest, ",}"), 0)]
			if value == "" || strings.Trim(value, "-+.0123456789eE") != "" && value != "true" && value != "false" && value != "null" {
				return nil
			}
		}
		rest = rest[len(value):]
		b.WriteString(lead)
		b.WriteString(key)
		b.WriteString(s.colon)
		b.WriteString(value)
		if rest, more = strings.CutPrefix(rest, ","); more {
			b.WriteByte(',')
		}
		before = key
	}
	if strings.TrimSuffix(rest, "\n") != "}" {
		return nil
	}
	b.WriteString(s.space(depth))
	b.WriteByte('}')
	return &node{kind: unread, at: -1, raw: b.String()}
}

// plainToken is the string token, without escapes, that a text begins with; "" if it begins with something else.
func plainToken(text string) string {
	if !strings.HasPrefix(text, `"`) {
		return ""
	}
	return text[:1+strings.IndexByte(text[1:], '"')+1]
}

// token writes a string token as the style does.
func (s style) token(raw string) string {
	if strings.ContainsFunc(raw, func(r rune) bool { return r == '\\' || r >= 0x80 }) {
		return encode(decode(raw), s.ascii)
	}
	return raw
}

// hasLaid reports whether this is the text that a value at this depth has in the style, but for the order of keys. It takes no memory.
func (s style) hasLaid(text string, depth int) bool {
	same := &prefix{left: text}
	value := newScanner(io.NewSectionReader(strings.NewReader(text), 0, int64(len(text))))
	return value.value(newLayer(same, s, depth)) == nil && same.left == ""
}

// prefix is a writer that takes only what a text begins with.
type prefix struct{ left string }

var errOther = errors.New("cellar: another text")

func (p *prefix) Write(b []byte) (int, error) {
	if len(b) > len(p.left) || p.left[:len(b)] != string(b) {
		return 0, errOther
	}
	p.left = p.left[len(b):]
	return len(b), nil
}

func (p *prefix) WriteString(s string) (int, error) {
	left, ok := strings.CutPrefix(p.left, s)
	if !ok {
		return 0, errOther
	}
	p.left = left
	return len(s), nil
}

// copy is a value of its own.
func (n *node) copy() *node {
	c := *n
	c.items = slices.Clone(n.items)
	for i := range c.items {
		c.items[i].value = c.items[i].value.copy()
	}
	return &c
}

// toJSON puts null where a number is none that JSON has.
func (n *node) toJSON() *node {
	if n.kind == atom && slices.Contains([]string{"NaN", "Infinity", "-Infinity"}, n.raw) {
		n.raw = "null"
	}
	for _, it := range n.items {
		it.value.toJSON()
	}
	return n
}

func textNode(s string) *node { return &node{kind: text, at: -1, raw: encode(s, false)} }

func intNode(i int) *node { return &node{kind: atom, at: -1, raw: fmt.Sprint(i)} }

func nullNode() *node { return &node{kind: atom, at: -1, raw: "null"} }

// linesNode is a text as nbformat writes it: a list of lines.
func linesNode(s string) *node {
	n := &node{kind: array, at: -1}
	for line := range lines(s) {
		n.items = append(n.items, item{value: textNode(line)})
	}
	return n
}

// joined is the text of a string or of a list of strings; false if n is neither.
func (n *node) joined() (string, bool) {
	if n == nil {
		return "", false
	}
	if n.kind == text {
		return decode(n.raw), true
	}
	if n.kind == unread {
		return n.joinedUnread()
	}
	if n.kind != array {
		return "", false
	}
	var b strings.Builder
	size := 0
	for _, it := range n.items {
		size += len(it.value.raw)
	}
	b.Grow(size)
	for _, it := range n.items {
		if it.value.kind != text {
			return "", false
		}
		b.WriteString(decode(it.value.raw))
	}
	return b.String(), true
}

// joinedUnread is joined without a node for each of the lines, of which an output may have millions.
func (n *node) joinedUnread() (string, bool) {
	if n.raw[0] != '[' {
		return "", false
	}
	joined := make([]byte, 0, len(n.raw))
	for p := (&parser{text: n.raw, at: 1}); ; {
		p.space()
		switch start := p.at; p.peek() {
		case '"':
			p.token()
			joined = appendDecoded(joined, p.text[start:p.at])
		case ',':
			p.at++
		case ']':
			return string(joined), true
		default:
			return "", false
		}
	}
}
