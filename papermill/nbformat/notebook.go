package nbformat

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// Notebook is a notebook of nbformat 4, or upgraded to it. It is not safe for use by several goroutines.
type Notebook struct {
	name          string // what errors call it: its path
	before, after string // space around the JSON; a byte order mark is part of before
	root          *node
	style         style
	cells         []*Cell // in the order of root's cells
	byID          map[string]*Cell
	taken         map[[sha256.Size]byte]int // by newID's first sum of a content: how many of its ids cells have for sure
	upgraded      bool                      // the file has a format before 4
	size          int                       // bytes of the text that was read, of which the nodes' strings keep all in memory
}

// New makes an empty notebook for a kernel, in the newest format (4.5).
func New(kernel Kernel) *Notebook {
	root := &node{kind: object, at: -1}
	nb := &Notebook{after: "\n", root: root, style: houseStyle, byID: map[string]*Cell{}}
	root.put("cells", &node{kind: array, at: -1}, 0, nb.style)
	root.put("metadata", &node{kind: object, at: -1}, 0, nb.style)
	root.put("nbformat", intNode(4), 0, nb.style)
	root.put("nbformat_minor", intNode(5), 0, nb.style)
	nb.SetKernel(kernel)
	return nb
}

// Name is what errors call the notebook: its path, or what Parse was given.
func (nb *Notebook) Name() string { return nb.name }

// Upgraded reports whether the file that was read has format 2 or 3. Bytes and all else are those of format 4.5.
func (nb *Notebook) Upgraded() bool { return nb.upgraded }

// Cells are the cells in page order. The slice is the caller's; the cells are the notebook's.
func (nb *Notebook) Cells() []*Cell { return slices.Clone(nb.cells) }

// Cell returns the cell with this id, nil without.
func (nb *Notebook) Cell(id string) *Cell { return nb.byID[id] }

// Bytes is the file: byte for byte what was read, where nothing was edited or upgraded. Outputs that are laid out elsewhere have to be readable still:
// WriteTo tells when they are not.
func (nb *Notebook) Bytes() []byte {
	var b bytes.Buffer
	nb.write(&b)
	return b.Bytes()
}

// Release gives the memory of the text that was read back, where edits have left less than half of it, as of a notebook whose outputs were
// cleared. Strings that others have from it keep that memory.
func (nb *Notebook) Release() {
	left := len(nb.before) + len(nb.after)
	nb.root.each(func(s *string) { left += len(*s) })
	if nb.size < releasable || left > nb.size/2 {
		return
	}
	keep := func(s *string) { *s = strings.Clone(*s) }
	nb.root.each(keep)
	for _, s := range []*string{&nb.before, &nb.after, &nb.style.newline, &nb.style.indent, &nb.style.colon, &nb.style.comma} {
		keep(s)
	}
	nb.byID = map[string]*Cell{}
	for _, c := range nb.cells {
		if id := c.ID(); id != "" {
			nb.byID[id] = c
		}
	}
	nb.size = 0
	debug.FreeOSMemory()
}

// releasable is how large a text is whose memory is worth the time.
const releasable = 4 << 20

func (nb *Notebook) write(b tokenWriter) error {
	b.WriteString(nb.before)
	err := nb.root.write(b)
	b.WriteString(nb.after)
	return err
}

// Metadata is the notebook's metadata.
func (nb *Notebook) Metadata() Object { return Object{nb.root, "metadata", 0, &nb.style} }

// Kernel is what a notebook says of the kernel that it wants.
type Kernel struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
	Language    string `json:"language,omitempty"`
}

// Kernel returns metadata.kernelspec; its fields are empty where the notebook doesn't say.
func (nb *Notebook) Kernel() Kernel {
	var k Kernel
	nb.Metadata().Get("kernelspec", &k) // of another shape: as if it didn't say
	return k
}

// SetKernel sets metadata.kernelspec.
func (nb *Notebook) SetKernel(k Kernel) { nb.Metadata().mustSet("kernelspec", k) }

// Language is the notebook's language in lower case: of the kernelspec, else of language_info; "" where neither says.
func (nb *Notebook) Language() string {
	if k := nb.Kernel(); k.Language != "" {
		return strings.ToLower(k.Language)
	}
	var l struct {
		Name string `json:"name"`
	}
	nb.Metadata().Get("language_info", &l)
	return strings.ToLower(l.Name)
}

// Insert puts a new cell before the i-th one; i may be the number of cells. kind is "code", "markdown" or "raw".
func (nb *Notebook) Insert(i int, kind, source string) *Cell {
	n := &node{kind: object}
	add := func(key string, v *node) { n.items = append(n.items, item{key: encode(key, false), value: v}) }
	add("cell_type", textNode(kind))
	add("metadata", &node{kind: object})
	add("source", nb.sourceNode(source))
	if kind == "code" {
		add("execution_count", nullNode())
		add("outputs", &node{kind: array})
	}
	c := &Cell{nb: nb, node: n}
	if nb.hasIDs() {
		id := nb.newID(kind, source)
		add("id", textNode(id))
		nb.byID[id] = c
	}
	n.lay(2, nb.style)
	nb.cellList().insert(i, item{value: n}, 1, nb.style)
	nb.cells = slices.Insert(nb.cells, i, c)
	return c
}

// Delete takes a cell out.
func (nb *Notebook) Delete(c *Cell) {
	if i := c.Index(); i >= 0 {
		nb.cellList().remove(i)
		nb.cells = slices.Delete(nb.cells, i, i+1)
		delete(nb.byID, c.ID())
		clear(nb.taken)
	}
}

// EnsureIDs gives an id to every cell without one, and says so in the notebook's format (4.5). The ids follow from the cells'
// contents, so that two runs of one notebook agree.
func (nb *Notebook) EnsureIDs() {
	if !nb.hasIDs() {
		nb.root.put("nbformat_minor", intNode(5), 0, nb.style)
	}
	for _, c := range nb.cells {
		if c.ID() != "" {
			continue
		}
		id := nb.newID(c.Type(), c.Source())
		c.node.put("id", textNode(id), 2, nb.style)
		nb.byID[id] = c
	}
}

func (nb *Notebook) hasIDs() bool { return nb.minor() >= 5 }

// Newer reports whether the notebook has a format 4 that is newer than this package, which may have other types of cells and outputs.
func (nb *Notebook) Newer() bool { return nb.minor() > newestMinor }

// newestMinor is that of the newest format, 4.5.
const newestMinor = 5

// minor is the second number of the notebook's format; where it is missing nbformat takes it for 0, and so do we.
func (nb *Notebook) minor() int {
	if n := nb.root.get("nbformat_minor"); n != nil {
		minor, _ := strconv.Atoi(n.raw) // check has seen that it is a number
		return minor
	}
	return 0
}

// newID makes an id that no cell has: the first free one of those that follow from a content. The caller gives it to a cell.
func (nb *Notebook) newID(kind, source string) string {
	sum := func(n int) [sha256.Size]byte {
		return sha256.Sum256([]byte(kind + "\x00" + source + "\x00" + strconv.Itoa(n)))
	}
	content := sum(0)
	for n := nb.taken[content]; ; n++ {
		s := sum(n)
		if id := fmt.Sprintf("%x", s[:4]); nb.byID[id] == nil {
			if nb.taken == nil {
				nb.taken = map[[sha256.Size]byte]int{}
			}
			nb.taken[content] = n + 1
			return id
		}
	}
}

func (nb *Notebook) cellList() *node { return nb.root.get("cells") }

// sourceNode writes a source as the notebook's other cells do: a list of lines, or one string.
func (nb *Notebook) sourceNode(source string) *node {
	if len(nb.cells) > 0 {
		if first := nb.cells[0].node.get("source"); first != nil && first.kind == text {
			return textNode(source)
		}
	}
	return linesNode(source)
}

var validID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// Object is a JSON object of the notebook, which may not be there until something is set in it.
type Object struct {
	parent *node
	key    string
	depth  int // of the parent
	style  *style
}

// Raw returns the value of a key as it is written, nil without.
func (o Object) Raw(key string) json.RawMessage {
	v := o.parent.get(o.key).get(key)
	if v == nil {
		return nil
	}
	var b strings.Builder
	v.write(&b)
	return json.RawMessage(b.String())
}

// Get decodes the value of a key, and reports whether it is there with this shape. NaN and infinities, which Python writes for parameters and
// JSON doesn't have, are null.
func (o Object) Get(key string, into any) bool {
	v := o.parent.get(o.key).get(key)
	if v == nil {
		return false
	}
	err := json.Unmarshal(o.Raw(key), into)
	if wrong := (*json.SyntaxError)(nil); errors.As(err, &wrong) {
		var b strings.Builder
		v.copy().toJSON().write(&b)
		err = json.Unmarshal([]byte(b.String()), into)
	}
	return err == nil
}

// Set sets the value of a key to what encoding/json makes of it.
func (o Object) Set(key string, value any) error {
	text, err := textOf(value)
	if err != nil {
		return fmt.Errorf("metadata %s: %w", key, err)
	}
	v := o.style.flat(text, o.depth+2)
	if _, raw := value.(json.RawMessage); raw || v == nil {
		if v, err = readNode(text); err != nil {
			return fmt.Errorf("metadata %s: %w", key, err)
		}
		v.lay(o.depth+2, *o.style)
	}
	o.make().put(key, v, o.depth+1, *o.style)
	return nil
}

// SetLaid sets the value of a key to a text that is made, in the notebook's Layout, each time that the notebook is written.
func (o Object) SetLaid(key string, text io.WriterTo) {
	o.make().put(key, &node{kind: laid, at: -1, text: text}, o.depth+1, *o.style)
}

// AppendLaid adds to the list that a key has as its value; see SetLaid.
func (o Object) AppendLaid(key string, text io.WriterTo) {
	list := o.make().get(key)
	if list == nil || list.kind != array {
		list = &node{kind: array, at: -1}
		o.make().put(key, list, o.depth+1, *o.style)
	}
	list.insert(len(list.items), item{value: &node{kind: laid, at: -1, text: text}}, o.depth+2, *o.style)
}

// make returns the object's node, which it makes where there is none.
func (o Object) make() *node {
	n := o.parent.get(o.key)
	n.openHere()
	if n == nil || n.kind != object {
		n = &node{kind: object, at: -1}
		o.parent.put(o.key, n, o.depth, *o.style)
	}
	return n
}

func (o Object) mustSet(key string, value any) {
	if err := o.Set(key, value); err != nil {
		panic(err) // only for values that always encode
	}
}

// Object is the object that a key has as its value; what the key had else is lost when something is set in it.
func (o Object) Object(key string) Object {
	return Object{o.make(), key, o.depth + 1, o.style}
}

// Delete takes a key out.
func (o Object) Delete(key string) {
	n := o.parent.get(o.key)
	n.openHere()
	if n != nil && n.kind == object {
		if i := n.find(key); i >= 0 {
			n.remove(i)
		}
	}
}

// textOf encodes a Go value.
func textOf(value any) (string, error) {
	var b strings.Builder
	if raw, ok := value.(json.RawMessage); ok {
		b.Write(raw)
	} else {
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(value); err != nil {
			return "", err
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), nil
}

// nodeOf encodes a Go value; it has yet to be laid out.
func nodeOf(value any) (*node, error) {
	text, err := textOf(value)
	if err != nil {
		return nil, err
	}
	return readNode(text)
}

func readNode(text string) (*node, error) {
	_, n, _, _, err := parseTree(text, inside)
	return n, err
}

// Executed reports whether the notebook is the executed copy that a run (ours or Papermill's) has written, and so no source.
func (nb *Notebook) Executed() bool {
	var run map[string]json.RawMessage
	return nb.Metadata().Get("papermill", &run) && run["output_path"] != nil
}
