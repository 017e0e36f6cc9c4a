package nbformat

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Output is one output of a code cell. Which fields count depends on the type; see nbformat's description of outputs.
type Output struct {
	Type string // stream, display_data, execute_result, error; others are kept as they are

	Name string // stream: stdout or stderr
	Text string // stream

	Data           map[string]json.RawMessage   // display_data, execute_result: by MIME type
	Metadata       map[string]json.RawMessage   // display_data, execute_result
	Large          map[string]*io.SectionReader // display_data, execute_result: members of Data whose JSON is too large to hold; only for Layout
	ExecutionCount int                          // execute_result

	EName, EValue string   // error
	Traceback     []string // error
}

// Outputs are the outputs of a code cell. Texts that the file writes as lists of lines are joined.
func (c *Cell) Outputs() []Output { return slices.Collect(c.EachOutput("")) }

// EachOutput gives the outputs of a code cell one by one, so that only one is in memory; of one type, if a type is given.
func (c *Cell) EachOutput(ofType string) iter.Seq[Output] {
	return func(yield func(Output) bool) {
		list := c.node.get("outputs")
		if list == nil || list.kind != array {
			return
		}
		for _, it := range list.items {
			n := it.value.open()
			t, _ := n.get("output_type").joined()
			if n.kind == laid || ofType != "" && t != ofType {
				continue
			}
			if !yield(outputOf(n)) {
				return
			}
		}
	}
}

// ParseOutputs reads a list of outputs that stands elsewhere than in a cell.
func ParseOutputs(list json.RawMessage) ([]Output, error) {
	n, err := nodeOf(list)
	if err != nil {
		return nil, fmt.Errorf("cellar: read outputs: %w", err)
	}
	var all []Output
	if n.kind == array {
		for _, it := range n.items {
			all = append(all, outputOf(it.value))
		}
	}
	return all, nil
}

func outputOf(n *node) Output {
	str := func(key string) string {
		s, _ := n.get(key).joined()
		return s
	}
	o := Output{
		Type: str("output_type"), Name: str("name"), Text: str("text"), EName: str("ename"), EValue: str("evalue"),
		Data: bundleOf(n.get("data")), Metadata: bundleOf(n.get("metadata")),
	}
	if count := n.get("execution_count"); count != nil {
		json.Unmarshal([]byte(count.raw), &o.ExecutionCount)
	}
	if lines := n.get("traceback").open(); lines != nil {
		for _, it := range lines.items {
			s, _ := it.value.joined()
			o.Traceback = append(o.Traceback, s)
		}
	}
	return o
}

func bundleOf(n *node) map[string]json.RawMessage {
	n = n.open()
	if n == nil || n.kind != object {
		return nil
	}
	bundle := map[string]json.RawMessage{}
	for _, it := range n.items {
		key, value := decode(it.key), it.value
		if value.kind == text { // most of what is large
			bundle[key] = json.RawMessage(value.raw)
			continue
		}
		if !isJSON(key) {
			if s, ok := value.joined(); ok {
				value = textNode(s)
			}
		}
		var b strings.Builder
		value.write(&b)
		bundle[key] = json.RawMessage(b.String())
	}
	return bundle
}

// isJSON tells the MIME types whose value is JSON itself, so that a list is a list and not lines of a text.
func isJSON(mime string) bool {
	return mime == "application/json" || strings.HasPrefix(mime, "application/") && strings.HasSuffix(mime, "+json")
}

// isLines tells the MIME types whose texts nbformat writes as lists of lines.
func isLines(mime string) bool {
	return strings.HasPrefix(mime, "text/") || mime == "application/javascript" || mime == "image/svg+xml"
}

// AppendOutput adds an output.
func (c *Cell) AppendOutput(o Output) error {
	n, err := o.node(c.nb.Layout())
	if err != nil {
		return err
	}
	list := c.outputList()
	list.insert(len(list.items), item{value: n.lay(outputDepth, c.nb.style)}, outputDepth-1, c.nb.style)
	return nil
}

func (c *Cell) outputList() *node {
	list := c.node.get("outputs")
	if list == nil || list.kind != array {
		list = &node{kind: array, at: -1}
		c.node.put("outputs", list, 2, c.nb.style)
	}
	return list
}

// ClearOutputs takes all outputs out.
func (c *Cell) ClearOutputs() {
	if list := c.node.get("outputs"); list == nil || list.kind != array || len(list.items) > 0 {
		c.node.put("outputs", &node{kind: array, at: -1}, 2, c.nb.style)
	}
}

func (o Output) node(l Layout) (*node, error) {
	lines := linesNode
	if l.whole {
		lines = textNode
	}
	n := &node{kind: object}
	add := func(key string, v *node) { n.items = append(n.items, item{key: encode(key, false), value: v}) }
	add("output_type", textNode(o.Type))
	switch o.Type {
	case "stream":
		add("name", textNode(o.Name))
		add("text", lines(o.Text))
		return n, nil
	case "error":
		add("ename", textNode(o.EName))
		add("evalue", textNode(o.EValue))
		frames := &node{kind: array}
		for _, frame := range o.Traceback {
			frames.items = append(frames.items, item{value: textNode(frame)})
		}
		add("traceback", frames)
		return n, nil
	case "execute_result":
		count := nullNode()
		if o.ExecutionCount > 0 {
			count = intNode(o.ExecutionCount)
		}
		add("execution_count", count)
	}
	data, err := bundleNode(o.Data)
	if err != nil {
		return nil, err
	}
	for i, it := range data.items {
		if it.value.kind == text && isLines(decode(it.key)) {
			data.items[i].value = lines(decode(it.value.raw))
		}
	}
	for mime, value := range o.Large {
		data.items = append(data.items, item{key: encode(mime, false), value: &node{kind: laid, at: -1, text: bundleMember{mime, value, l}}})
	}
	metadata, err := bundleNode(o.Metadata)
	if err != nil {
		return nil, err
	}
	add("data", data)
	add("metadata", metadata)
	return n, nil
}

func bundleNode(bundle map[string]json.RawMessage) (*node, error) {
	n := &node{kind: object}
	for _, key := range slices.Sorted(maps.Keys(bundle)) {
		v, err := nodeOf(bundle[key])
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item{key: encode(key, false), value: v})
	}
	return n, nil
}
