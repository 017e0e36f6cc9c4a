package nbformat

import (
	"slices"
	"strconv"
	"strings"
)

// oldestFormat is the oldest one that is read. Files of format 1 don't say their format, and so can't be told from what is no notebook.
const oldestFormat = 2

// upgrade makes format 4.5 of what a notebook of format 2 or 3 has, as nbformat does. The tree keeps the places where its values stood in the
// file, and has yet to be laid out.
func (nb *Notebook) upgrade(format int, wrong func(n *node, format string, args ...any) error) error {
	nb.upgraded = true
	root := nb.root
	sheets := root.take("worksheets")
	if sheets == nil || sheets.kind != array {
		return wrong(root, `no list "worksheets"`)
	}
	cells := &node{kind: array, at: sheets.at}
	for i, sheet := range sheets.items {
		list := sheet.value.get("cells")
		if list == nil || list.kind != array {
			return wrong(sheet.value, `worksheet %d: no list "cells"`, i+1)
		}
		cells.items = append(cells.items, list.items...)
	}
	root.add("cells", cells)
	metadata := root.object("metadata")
	if metadata.kind != object {
		return wrong(metadata, "metadata is no object")
	}
	language := nb.languageOf(cells)
	for _, it := range cells.items {
		if it.value.kind == object {
			upgradeCell(it.value, format)
		}
	}
	for _, key := range []string{"name", "signature"} { // of the file, which has a name of its own
		metadata.take(key)
	}
	if language != "" && metadata.get("kernelspec") == nil && metadata.get("language_info") == nil {
		metadata.add("language_info", &node{kind: object, at: -1, items: []item{{key: `"name"`, value: textNode(language)}}})
	}
	for _, key := range []string{"orig_nbformat", "orig_nbformat_minor"} {
		root.take(key)
	}
	root.add("nbformat", intNode(4))
	root.add("nbformat_minor", intNode(newestMinor))
	return nil
}

// languageOf is the language that the notebook or its cells say they are in, which nbformat forgets: without it, no kernel would be found for
// notebooks from before kernelspecs. IJulia's cells say Python, and only their notebook the truth.
func (nb *Notebook) languageOf(cells *node) string {
	language, _ := nb.root.get("metadata").get("language").joined()
	for _, it := range cells.items {
		if language == "" {
			language, _ = it.value.get("language").joined()
		}
	}
	return strings.ToLower(language)
}

func upgradeCell(cell *node, format int) {
	cell.take("id")
	metadata := cell.object("metadata")
	kind, _ := cell.get("cell_type").joined()
	if kind != "code" {
		if source := cell.take("source"); source != nil {
			cell.add("source", source.rejoined(format))
		}
	}
	switch kind {
	case "code":
		cell.take("language")
		if collapsed := cell.take("collapsed"); collapsed != nil && metadata.kind == object {
			metadata.add("collapsed", collapsed)
		}
		cell.add("source", linesNode(""))
		if input := cell.take("input"); input != nil {
			cell.add("source", input.rejoined(format))
		}
		cell.add("execution_count", cell.takeOr("prompt_number", nullNode()))
		if outputs := cell.get("outputs"); outputs == nil {
			cell.add("outputs", &node{kind: array, at: -1})
		} else if outputs.kind == array {
			for _, it := range outputs.items {
				if it.value.kind == object {
					upgradeOutput(it.value, format)
				}
			}
		}
	case "heading":
		level := 1
		if n := cell.take("level"); n != nil {
			level, _ = strconv.Atoi(n.raw)
		}
		cell.add("cell_type", textNode("markdown"))
		title, ok := cell.get("source").joined()
		if !ok && cell.get("source") != nil {
			return // check says so
		}
		hashes := strings.Repeat("#", min(max(level, 1), 6)) // Markdown has no more
		var parts []string
		for line := range lines(title) {
			parts = append(parts, strings.TrimRight(line, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029"))
		}
		cell.add("source", linesNode(hashes+" "+strings.Join(parts, " ")))
	case "html":
		cell.add("cell_type", textNode("markdown"))
	}
}

func upgradeOutput(output *node, format int) {
	kind, _ := output.get("output_type").joined()
	if kind == "pyout" || kind == "display_data" || kind == "stream" {
		for _, key := range []string{"text", "html", "svg", "latex", "javascript", "json"} {
			if value := output.take(key); value != nil {
				output.add(key, value.rejoined(format))
			}
		}
	}
	switch kind {
	case "pyout", "display_data":
		if kind == "pyout" {
			output.add("output_type", textNode("execute_result"))
			output.add("execution_count", output.takeOr("prompt_number", nullNode()))
		}
		metadata := output.object("metadata")
		kept := &node{kind: object}
		for _, key := range []string{"output_type", "execution_count", "metadata"} {
			if value := output.take(key); value != nil {
				kept.add(key, value)
			}
		}
		data := &node{kind: object, at: -1, items: output.items}
		data.nameMIME()
		if metadata.kind == object {
			metadata.nameMIME()
		}
		if text, ok := data.get("application/json").joined(); ok { // of JSON, which is the value itself in format 4
			_, value, _, _, err := parseTree(text, inside)
			if err != nil {
				value = textNode(text)
			}
			data.add("application/json", value)
		}
		output.items = kept.items
		output.add("data", data)
	case "pyerr":
		output.add("output_type", textNode("error"))
	case "stream":
		output.add("name", output.takeOr("stream", textNode("stdout")))
	}
}

// nameMIME puts MIME types in the place of the short names of formats before 4.
func (n *node) nameMIME() {
	for _, name := range [][2]string{
		{"text", "text/plain"}, {"html", "text/html"}, {"svg", "image/svg+xml"}, {"png", "image/png"}, {"jpeg", "image/jpeg"},
		{"latex", "text/latex"}, {"json", "application/json"}, {"javascript", "application/javascript"},
	} {
		if value := n.take(name[0]); value != nil {
			n.add(name[1], value)
		}
	}
}

// rejoined is the text of a list of lines, cut as format 4 cuts it; what is no list of lines is returned as it is. Format 2 cut lines without
// their ends, and so did the first writers of format 3.
func (n *node) rejoined(format int) *node {
	text, ok := n.joined()
	if !ok {
		return n
	}
	if n.kind == array && len(n.items) > 0 {
		var all []string
		for _, it := range n.items {
			all = append(all, decode(it.value.raw))
		}
		if format == 2 || !strings.HasSuffix(all[0], "\n") && !strings.HasSuffix(all[0], "\r") {
			text = strings.Join(all, "\n")
		}
	}
	return linesNode(text)
}

// take takes a key out and returns its value, nil without.
func (n *node) take(key string) *node {
	value := n.get(key)
	n.items = slices.DeleteFunc(n.items, func(it item) bool { return decode(it.key) == key })
	return value
}

func (n *node) takeOr(key string, without *node) *node {
	if value := n.take(key); value != nil {
		return value
	}
	return without
}

// add sets the value of a key in an object that is laid out later.
func (n *node) add(key string, value *node) {
	n.take(key)
	n.items = append(n.items, item{key: encode(key, false), value: value})
}

// object is the value of a key, an empty object where there is none.
func (n *node) object(key string) *node {
	if n.get(key) == nil {
		n.add(key, &node{kind: object, at: -1})
	}
	return n.get(key)
}
