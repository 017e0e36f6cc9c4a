package testkit

import (
	"encoding/json"
	"fmt"
	"strings"
)

type notebook struct {
	Cells    []*cell        `json:"cells"`
	Metadata map[string]any `json:"metadata"`
	Format   int            `json:"nbformat"`
	Minor    int            `json:"nbformat_minor"`
}

type cell struct {
	Type     string          `json:"cell_type"`
	ID       string          `json:"id"`
	Metadata map[string]any  `json:"metadata"`
	Count    json.RawMessage `json:"execution_count,omitempty"`
	Outputs  []any           `json:"outputs,omitzero"`
	Source   string          `json:"source"`
}

// Notebook writes a Go notebook from its cells, which lines that begin with --- divide. Words behind the dashes: `markdown` and `parameters`
// make such a cell, any other word is the cell's id; without one the ids are c1, c2, …
func (p *Project) Notebook(name, cells string) {
	p.t.Helper()
	n := notebook{Format: 4, Minor: 5, Metadata: map[string]any{
		"kernelspec":    map[string]string{"name": "cellar", "display_name": "Go (Cellar)", "language": "go"},
		"language_info": map[string]string{"name": "go"},
	}}
	for i, part := range strings.Split("\n"+strings.Trim(cells, "\n"), "\n---") {
		head, body := "", strings.TrimPrefix(part, "\n")
		if i > 0 {
			head, body, _ = strings.Cut(part, "\n")
		} else if body == "" {
			continue // the text begins with dashes
		}
		c := &cell{Type: "code", ID: fmt.Sprintf("c%d", len(n.Cells)+1), Metadata: map[string]any{}, Count: json.RawMessage("null"), Outputs: []any{}, Source: strings.Trim(body, "\n")}
		for _, word := range strings.Fields(head) {
			switch word {
			case "markdown":
				c.Type, c.Count, c.Outputs = "markdown", nil, nil
			case "parameters":
				c.Metadata["tags"] = []string{"parameters"}
			default:
				c.ID = word
			}
		}
		n.Cells = append(n.Cells, c)
	}
	p.save(name, n)
}

func (p *Project) save(name string, n notebook) {
	p.t.Helper()
	text, err := json.MarshalIndent(n, "", " ")
	if err != nil {
		p.t.Fatal(err)
	}
	p.Write(name, string(text)+"\n")
}

// Edit replaces a text, which must stand there once, in a file; in a notebook in the source of a cell.
func (p *Project) Edit(name, from, to string) {
	p.t.Helper()
	replaced := 0
	replace := func(text string) string {
		replaced += strings.Count(text, from)
		return strings.ReplaceAll(text, from, to)
	}
	if strings.HasSuffix(name, ".ipynb") {
		var n notebook
		if err := json.Unmarshal([]byte(p.Read(name)), &n); err != nil {
			p.t.Fatal(err)
		}
		for _, c := range n.Cells {
			c.Source = replace(c.Source)
		}
		p.save(name, n)
	} else {
		p.Write(name, replace(p.Read(name)))
	}
	if replaced != 1 {
		p.t.Fatalf("%s: %q stands there %d times", name, from, replaced)
	}
}
