package nbformat

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/cellar-go/cellar/internal/fault"
)

// Read reads a notebook from a file.
func Read(path string) (*Notebook, error) {
	data, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(data, path)
}

// ReadFile reads a notebook's text.
func ReadFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Input, "check the path", "no notebook %s: %w", path, err)
	case err != nil:
		if info, e := os.Stat(path); e == nil && info.IsDir() {
			return nil, fault.New(fault.Input, "name a notebook in it", "%s is a folder, not a notebook", path)
		}
		return nil, fault.New(fault.Input, "check the path, and that the file can be read", "read notebook %s: %w", path, err)
	}
	return data, nil
}

// Parse reads a notebook, which keeps the data: they must not change any more. Errors call it by the given name.
func Parse(data []byte, name string) (*Notebook, error) {
	const mark = "\uFEFF"
	src := unsafe.String(unsafe.SliceData(data), len(data)) // a copy would double the memory of a large notebook
	if err := plain(src, name); err != nil {
		return nil, err
	}
	bare := strings.TrimPrefix(src, mark)
	before, root, after, escaped, err := parseTree(bare, notebook)
	if err != nil {
		return nil, notJSON(bare, name, err)
	}
	nb := &Notebook{name: name, before: src[:len(src)-len(bare)] + before, after: after, root: root, byID: map[string]*Cell{}, size: len(src)}
	nb.style = styleOf(root, escaped && isASCII(bare))
	if err := nb.check(bare); err != nil {
		return nil, err
	}
	if nb.Upgraded() {
		nb.EnsureIDs()
		nb.root.lay(0, nb.style)
	}
	return nb, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// plain refuses what is no notebook at first sight.
func plain(src, name string) error {
	switch {
	case strings.TrimSpace(src) == "":
		hint := "create it in Jupyter" + restored(name)
		if name == "-" {
			hint = "what was to write it into the pipe has failed"
		}
		return fault.New(fault.Input, hint, "notebook %s is empty", name)
	case strings.HasPrefix(src, "version https://git-lfs.github.com/"):
		return fault.New(fault.Input, "fetch the file: git lfs pull", "notebook %s is not here, only its Git LFS pointer", name)
	}
	if !utf8.ValidString(src) {
		at := 0
		for i, r := range src {
			if _, size := utf8.DecodeRuneInString(src[i:]); r == utf8.RuneError && size == 1 {
				at = i
				break
			}
		}
		return fault.New(fault.Input, "save it as UTF-8", "notebook %s, line %d: not UTF-8 (byte %#x)", name, lineOf(src, at), src[at])
	}
	return nil
}

func lineOf(src string, at int) int { return strings.Count(src[:at], "\n") + 1 }

// notJSON explains a syntax error: a merge conflict if there is one, else the first place that is wrong.
func notJSON(src, name string, err error) error {
	at, line := 0, 0
	for text := range strings.Lines(src) {
		line++
		if strings.HasPrefix(text, "<<<<<<< ") || strings.HasPrefix(text, ">>>>>>> ") {
			// Cells before the marker: a notebook writes "cell_type" once for each.
			cell := strings.Count(src[:at], `"cell_type"`)
			return fault.New(fault.Input,
				fmt.Sprintf("resolve it with nbdime (git mergetool --tool nbdime -- %[1]s), or take one side: git checkout --ours -- %[1]s", name),
				"notebook %s, line %d%s: merge conflict", name, line, inCell(max(cell, 1)))
		}
		at += len(text)
	}
	var syntax *syntaxError
	if !errors.As(err, &syntax) {
		return fault.New(fault.Input, "", "notebook %s: %w", name, err)
	}
	where := ""
	if len(syntax.path) > 1 && syntax.path[0] == "cells" {
		if i, ok := syntax.path[1].(int); ok {
			where = inCell(i + 1)
		}
	}
	at = min(syntax.at, len(src))
	column := utf8.RuneCountInString(src[strings.LastIndexByte(src[:at], '\n')+1:at]) + 1
	return fault.New(fault.Input, "repair that line"+restored(name),
		"notebook %s, line %d, column %d%s: not JSON: %w", name, lineOf(src, at), column, where, err)
}

// restored is how to get back a notebook that git may have; what came from elsewhere it has not.
func restored(name string) string {
	if name == "-" || strings.Contains(name, ":") {
		return ""
	}
	return ", or restore it: git checkout -- " + name
}

func inCell(number int) string { return fmt.Sprintf(" (cell %d)", number) }

// check makes sure of all that the other methods rely on, and makes the list of cells.
func (nb *Notebook) check(src string) error {
	wrong := func(n *node, format string, args ...any) error {
		return fault.New(fault.Input, "see nbformat.readthedocs.io for the format"+restored(nb.name),
			"notebook %s, line %d: %s", nb.name, lineOf(src, n.at), fmt.Sprintf(format, args...))
	}
	if nb.root.kind != object || nb.root.get("nbformat") == nil {
		return wrong(nb.root, `not a notebook: no "nbformat"`)
	}
	format := nb.root.get("nbformat")
	switch major, err := strconv.Atoi(format.raw); {
	case err != nil || major < 1:
		return wrong(format, "nbformat is %s, not a number", format.raw)
	case major < oldestFormat:
		return fault.New(fault.Input, "convert it: jupyter nbconvert --to notebook --inplace "+nb.name,
			"notebook %s, line %d: it has format %d, and only 2 to 4 are read", nb.name, lineOf(src, format.at), major)
	case major > 4:
		return fault.New(fault.Input, "install a newer cellar, or save it as format 4: jupyter nbconvert --to notebook --inplace "+nb.name,
			"notebook %s, line %d: it has format %d, and only 2 to 4 are read", nb.name, lineOf(src, format.at), major)
	case major < 4:
		if err := nb.upgrade(major, wrong); err != nil {
			return err
		}
	}
	if minor := nb.root.get("nbformat_minor"); minor != nil {
		if _, err := strconv.Atoi(minor.raw); err != nil {
			return wrong(minor, "nbformat_minor is %s, not a number", minor.raw)
		}
	}
	if m := nb.root.get("metadata"); m != nil && m.kind != object {
		return wrong(m, "metadata is no object")
	}
	list := nb.root.get("cells")
	if list == nil || list.kind != array {
		return wrong(nb.root, `no list "cells"`)
	}
	lines := lineCounter{src: src}
	for i, it := range list.items {
		c := &Cell{nb: nb, node: it.value, line: lines.at(it.value.at)}
		if what := c.wrong(); what != "" {
			return wrong(c.node, "cell %d: %s", i+1, what)
		}
		if id := c.ID(); id != "" {
			if first := nb.byID[id]; first != nil {
				return fault.New(fault.Input, "give one of them another id (save the notebook in Jupyter, or edit the file), "+
					"so that each can be named", "notebook %s: cells %d (line %d) and %d (line %d) have the same id %q",
					nb.name, first.Index()+1, first.line, i+1, c.line, id)
			}
			nb.byID[id] = c
		}
		nb.cells = append(nb.cells, c)
	}
	return nil
}

// wrong says what the other methods could not live with, "" if nothing.
func (c *Cell) wrong() string {
	n := c.node
	if n.kind != object {
		return "not an object"
	}
	if c.Type() == "" {
		if kind := n.get("cell_type"); kind != nil && (kind.kind == text || kind.kind == atom) {
			return fmt.Sprintf(`"cell_type" is %s, not "code", "markdown" or "raw"`, kind.raw)
		}
		return `no "cell_type"`
	}
	if id := n.get("id"); id != nil && !validID.MatchString(c.ID()) {
		return fmt.Sprintf("the id %s is not 1 to 64 letters, digits, - and _", id.raw)
	}
	if source := n.get("source"); source == nil && !c.future() {
		return `no "source"`
	} else if _, ok := source.joined(); source != nil && !ok {
		return "source is neither a string nor a list of strings"
	}
	if m := n.get("metadata"); m != nil && m.kind != object {
		return "metadata is no object"
	}
	outputs := n.get("outputs")
	if outputs == nil {
		return ""
	}
	if outputs.kind != array {
		return "outputs is no list"
	}
	for i, it := range outputs.items {
		if t := it.value.get("output_type"); t == nil || t.kind != text {
			return fmt.Sprintf(`output %d has no "output_type"`, i+1)
		}
	}
	return ""
}

// future: the cell is of a type that a newer format of the same number brought, which may have no source.
func (c *Cell) future() bool {
	return c.nb.Newer() && c.Type() != "code" && c.Type() != "markdown" && c.Type() != "raw"
}

// lineCounter finds the lines of ascending offsets.
type lineCounter struct {
	src        string
	last, line int
}

func (l *lineCounter) at(offset int) int {
	l.line += strings.Count(l.src[l.last:offset], "\n")
	l.last = offset
	return l.line + 1
}
