package nbformat

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
)

// Cell is a cell of a notebook.
type Cell struct {
	nb   *Notebook
	node *node
	line int
}

// ID is the cell's id; "" where the notebook's format (before 4.5) has none.
func (c *Cell) ID() string { return c.text("id") }

// Type is "code", "markdown" or "raw".
func (c *Cell) Type() string { return c.text("cell_type") }

func (c *Cell) text(key string) string {
	if v := c.node.get(key); v != nil && v.kind == text {
		return decode(v.raw)
	}
	return ""
}

// Index is the cell's place in its notebook, from 0; -1 after it was deleted.
func (c *Cell) Index() int { return slices.Index(c.nb.cells, c) }

// Source is the cell's text.
func (c *Cell) Source() string {
	s, _ := c.node.get("source").joined()
	return s
}

// SetSource replaces the text, as a list of lines or as one string, whichever the cell has.
func (c *Cell) SetSource(source string) {
	old := c.node.get("source")
	if was, _ := old.joined(); was == source {
		return
	}
	n := linesNode(source)
	if old != nil && old.kind == text {
		n = textNode(source)
	}
	c.node.put("source", n.lay(3, c.nb.style), 2, c.nb.style)
}

// Metadata is the cell's metadata.
func (c *Cell) Metadata() Object { return Object{c.node, "metadata", 2, &c.nb.style} }

// Tags are the cell's tags.
func (c *Cell) Tags() []string {
	var tags []string
	c.Metadata().Get("tags", &tags)
	return tags
}

// HasTag reports whether the cell has this tag.
func (c *Cell) HasTag(tag string) bool { return slices.Contains(c.Tags(), tag) }

// SetTags replaces the cell's tags.
func (c *Cell) SetTags(tags ...string) {
	if tags == nil {
		tags = []string{}
	}
	c.Metadata().mustSet("tags", tags)
}

// ExecutionCount is the number in the cell's brackets; 0 where it has none.
func (c *Cell) ExecutionCount() int {
	v := c.node.get("execution_count")
	if v == nil {
		return 0
	}
	n, _ := strconv.Atoi(v.raw)
	return n
}

// SetExecutionCount sets the number in the cell's brackets; 0 empties them.
func (c *Cell) SetExecutionCount(count int) {
	n := nullNode()
	if count > 0 {
		if count == c.ExecutionCount() {
			return
		}
		n = intNode(count)
	}
	c.node.put("execution_count", n, 2, c.nb.style)
}

// Attachments are the files that a markdown cell carries: by name, and then by MIME type.
func (c *Cell) Attachments() map[string]map[string]json.RawMessage {
	files := c.node.get("attachments")
	if files == nil || files.kind != object {
		return nil
	}
	attachments := map[string]map[string]json.RawMessage{}
	for _, it := range files.items {
		attachments[decode(it.key)] = bundleOf(it.value)
	}
	return attachments
}

// Line is the line of the file where the cell began when it was read, from 1; 0 for a cell that was made here.
func (c *Cell) Line() int { return c.line }

// Write writes the cell's text.
func (c *Cell) Write(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<12)
	return errors.Join(c.node.write(b), b.Flush())
}

// CopyRun makes what a run left in a cell of another notebook this cell's: outputs, execution count, and times.
func (c *Cell) CopyRun(from *Cell) {
	for _, key := range []string{"outputs", "execution_count"} {
		if v := from.node.get(key); v != nil {
			c.node.put(key, v.copy().lay(3, c.nb.style), 2, c.nb.style)
		}
	}
	for _, key := range []string{"papermill", "execution"} {
		if v := from.Metadata().Raw(key); v != nil {
			c.Metadata().mustSet(key, v)
		}
	}
}
