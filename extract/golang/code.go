package golang

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/scanner"
	"go/token"
	"io"
	"sort"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
)

// Definitions are the notebook's asset cells. One that can't be computed carries its Problem.
func (n *Notebook) Definitions() []*graph.Definition {
	var all []*graph.Definition
	for _, c := range n.cells {
		if !c.asset() {
			continue
		}
		s, err := n.slice(c)
		d := &graph.Definition{
			Assets: c.outputs, Language: "go", File: n.File, Cell: c.ID, Number: c.Number, Line: 1,
			Inputs: s.inputs, Code: s.code(), Files: files(s.strings), Unpinned: s.unpinned, Problem: err,
			Reads: c.options.All("reads"), Group: c.options.Value("group"), Tags: append(c.options.All("tags"), c.options.All("tag")...),
			Env: c.options.All("env"), Secrets: c.options.All("secrets"), Refresh: c.options.Value("refresh"), Live: c.options.Value("live") == "true",
			Doc: strings.TrimSpace(c.Above),
		}
		for _, p := range s.imports {
			d.Imports = append(d.Imports, p.path)
		}
		if d.Refresh != "" && d.Unpinned != "" {
			d.Unpinned = ""
		}
		all = append(all, d)
	}
	return all
}

// Cells says of every code cell which assets it makes; for the kernel, which runs them one by one.
func (n *Notebook) Cells() map[string][]graph.Asset {
	all := map[string][]graph.Asset{}
	for _, c := range n.cells {
		if c.asset() && c.ID != "" {
			all[c.ID] = c.outputs
		}
	}
	return all
}

// code is the code version: a hash of the slice's tokens. Comments, white space, the cells' order among themselves where it does not
// matter, and what else is on the page, do not change it; see docs/formats/key.md.
func (s *Slice) code() string {
	h := sha256.New()
	fmt.Fprintf(h, "cellar code 1 go\n")
	var imports, declared []string
	for _, p := range s.imports {
		imports = append(imports, p.name+" "+p.path)
	}
	for _, d := range s.declared {
		if d.cell != s.target {
			declared = append(declared, normal(d.Text))
		}
	}
	sort.Strings(imports)
	sort.Strings(declared)
	list(h, "imports", imports)
	list(h, "declarations", declared)
	for _, c := range s.setup {
		var texts []string
		for i := range c.items {
			if it := &c.items[i]; s.runs(it) {
				texts = append(texts, normal(it.Text))
			}
		}
		list(h, "set-up", texts)
	}
	var texts []string
	for i := range s.target.items {
		if it := &s.target.items[i]; it.Decl == nil || len(it.imports) == 0 {
			texts = append(texts, normal(it.Text))
		}
	}
	list(h, "cell", texts)
	var outputs []string
	for _, a := range s.target.outputs {
		outputs = append(outputs, a.Name)
	}
	list(h, "outputs", outputs)
	return "c1:" + hex.EncodeToString(h.Sum(nil)[:20])
}

// runs reports whether a set-up cell's item is part of the slice's program.
func (s *Slice) runs(it *item) bool {
	return variables(it) && it.loaded() == "" && (!it.cell.pieces || s.chosen[it])
}

// list writes strings so that no two lists write the same bytes.
func list(w io.Writer, what string, texts []string) {
	fmt.Fprintf(w, "%s %d\n", what, len(texts))
	for _, t := range texts {
		fmt.Fprintf(w, "%d:%s\n", len(t), t)
	}
}

// normal is the source as its tokens: without comments (but directives such as //go:embed, which mean something), white space,
// semicolons and commas that a line break could replace.
func normal(source string) string {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(source))
	s.Init(file, []byte(source), func(token.Position, string) {}, scanner.ScanComments)
	var b strings.Builder
	pending := ""
	for {
		_, tok, lit := s.Scan()
		switch tok {
		case token.EOF:
			return b.String()
		case token.COMMENT:
			if strings.HasPrefix(lit, "//go:") || strings.HasPrefix(lit, "//cellar:") {
				b.WriteString(lit + "\n")
			}
			continue
		case token.SEMICOLON:
			pending = ";"
			continue
		case token.COMMA:
			pending = ","
			continue
		case token.RPAREN, token.RBRACE, token.RBRACK:
			pending = ""
		}
		if pending != "" {
			b.WriteString(pending + " ")
			pending = ""
		}
		if lit == "" {
			lit = tok.String()
		}
		b.WriteString(lit + " ")
	}
}
