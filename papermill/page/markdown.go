package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	render "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// commonmark reads Markdown as Jupyter does: GitHub's, with HTML in it.
var commonmark = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithRendererOptions(render.WithUnsafe(), renderer.WithNodeRenderers(util.Prioritized(code{}, 100))),
	)
})

// markdown writes a Markdown text as HTML. Its formulas are taken out first, because to Markdown their underscores and backslashes would
// mean something else, and put back when the HTML is written.
func (p *writer) markdown(source string, attachments map[string]map[string]json.RawMessage) {
	plain, formulas := cutFormulas(strings.ToValidUTF8(strings.ReplaceAll(source, "\x00", "\uFFFD"), "\uFFFD"))
	src := []byte(plain)
	document := commonmark().Parser().Parse(text.NewReader(src))
	p.anchor(document, src, formulas)
	var b bytes.Buffer
	if err := commonmark().Renderer().Render(&b, src, document); err != nil { // a buffer takes all
		panic(err)
	}
	p.fragment(b.String(), fragment{files: true, formulas: formulas, attachments: attachments})
}

// anchor gives every heading the id that Jupyter gives it, and a link to itself; links that show their own address are marked.
func (p *writer) anchor(document ast.Node, src []byte, formulas []formula) {
	ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.AutoLink:
			if entering {
				n.SetAttributeString("class", []byte("bare"))
			}
		case *ast.Heading:
			if entering {
				break
			}
			id := strings.ReplaceAll(strings.TrimSpace(restore(textUnder(n, src), formulas)), " ", "-")
			for i, name := 2, id; id == "" || p.ids[id]; i++ {
				id = fmt.Sprintf("%s-%d", name, i)
			}
			p.ids[id] = true
			n.SetAttributeString("id", []byte(id))
			link := ast.NewString([]byte(`<a class="anchor" href="#` + escape(id) + `" aria-label="Link to this heading">¶</a>`))
			link.SetCode(true) // written as it is
			n.AppendChild(n, link)
		}
		return ast.WalkContinue, nil
	})
}

func textUnder(n ast.Node, src []byte) string {
	var b strings.Builder
	ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(n.Value(src))
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		case *ast.AutoLink:
			if entering {
				b.Write(n.Label(src))
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// code writes code blocks in colours.
type code struct{}

func (code) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	write := func(w util.BufWriter, src []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		language := ""
		if fenced, ok := n.(*ast.FencedCodeBlock); ok {
			language = string(fenced.Language(src))
		}
		writeSource(w, language, string(n.Lines().Value(src)))
		w.WriteByte('\n')
		return ast.WalkContinue, nil
	}
	r.Register(ast.KindFencedCodeBlock, write)
	r.Register(ast.KindCodeBlock, write)
}
