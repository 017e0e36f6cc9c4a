package golang

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/extract"
	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/gocell"
)

// source writes the function's file, and checks it as the compiler will.
func (x *extraction) source(f *extract.Function) error {
	text, err := x.write(f)
	if err != nil {
		return err
	}
	for range 20 { // each round uses one variable that the cell leaves unused
		k, err := x.compile(f, text)
		if err != nil {
			return err
		}
		unused := ""
		for _, e := range k.problems {
			switch {
			case strings.Contains(e.Msg, "imported and not used"), strings.Contains(e.Msg, "imported as "):
			case strings.HasPrefix(e.Msg, "declared and not used: ") && unused == "":
				if unused = k.silence(text, e); unused == "" {
					return x.wrong(text, k.fset.Position(e.Pos).Line, e.Msg)
				}
			case unused == "":
				return x.wrong(text, k.fset.Position(e.Pos).Line, e.Msg)
			}
		}
		if unused != "" {
			text = unused
			continue
		}
		if text, err = x.trim(text, k.used); err != nil {
			return err
		}
		if old, ok := x.to.Files[f.File]; ok {
			if normal(string(old)) == normal(text) {
				return nil
			}
			return fault.New(fault.Input, "take the file away, or extract to another folder", "extract %s: %s exists, and holds something else than what would be written:\n%s", f.Assets[0], f.File, indent(text))
		}
		f.Source = text
		return nil
	}
	return x.refuse(nil, "use them, or take them away", "it leaves many variables unused")
}

func (x *extraction) wrong(text string, line int, message string) error {
	lines := strings.Split(text, "\n")
	return x.refuse(nil, "write the cell so that it can stand in a function", "as a function it does not compile: %s\n%s", message, indent(lines[min(line, len(lines))-1]))
}

// write puts the file together.
func (x *extraction) write(f *extract.Function) (string, error) {
	var b strings.Builder
	if len(x.to.Files) == 0 {
		fmt.Fprintf(&b, "// Package %s computes assets that cells of %s computed before.\n", x.pkg, x.notebook.File)
	}
	fmt.Fprintf(&b, "package %s\n\nimport (\n", x.pkg)
	paths := map[string]bool{}
	for _, p := range x.Slice.imports {
		fmt.Fprintf(&b, "\t%s %q\n", p.name, p.path)
		paths[p.path] = true
	}
	for p := range x.needed {
		if !paths[p] {
			fmt.Fprintf(&b, "\t%q\n", p)
		}
	}
	b.WriteString(")\n\n")
	shared := map[string]bool{} // what package-level declarations name
	for _, p := range x.parts {
		if p.kind != gocell.Const {
			for name := range p.uses {
				shared[name] = true
			}
		}
	}
	for _, p := range x.parts {
		for name := range p.uses {
			shared[name] = shared[name] || p.kind != gocell.Const || p.item.cell != x.target
		}
	}
	local := map[*item]bool{}
	var before, behind strings.Builder // the function
	var lastBefore, lastBehind *item
	for _, p := range x.parts {
		alone := p.kind == gocell.Const && p.item.cell == x.target
		for name := range p.defines {
			alone = alone && !shared[name]
		}
		switch {
		case alone:
			local[p.item] = true
		case p.kind == gocell.Const:
			before.WriteString(gap(lastBefore, p.item) + x.plain(p.item, nil))
			lastBefore = p.item
		case p.item == nil:
			behind.WriteString("\n\n" + p.text)
		default:
			behind.WriteString(gap(lastBehind, p.item) + x.plain(p.item, nil))
			lastBehind = p.item
		}
	}
	for _, it := range x.globals {
		before.WriteString(gap(lastBefore, it) + x.global(it))
		lastBefore = it
	}
	b.WriteString(before.String() + "\n\n")
	directive, err := x.mark(func(in graph.Input) string { return x.parameters[inputName(in.Key, in.At)] }, x.to.Moved)
	if err != nil {
		return "", err
	}
	b.WriteString(comment(x.name, x.to.Doc, f.Assets) + "//\n" + directive + "\nfunc " + x.name + "(")
	for i, p := range f.Inputs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name + " " + p.Type)
	}
	b.WriteString(") ")
	known := map[string]bool{}
	for _, p := range x.parameters {
		known[p] = true
	}
	if len(x.results) == 1 && !x.named {
		b.WriteString(x.results[0].Type)
	} else {
		var list []string
		for i, r := range x.results {
			known[r.Name] = true
			if i+1 < len(x.results) && x.results[i+1].Type == r.Type {
				list = append(list, r.Name)
			} else {
				list = append(list, r.Name+" "+r.Type)
			}
		}
		b.WriteString("(" + strings.Join(list, ", ") + ")")
	}
	b.WriteString(" {\n")
	var body []*item
	body = append(body, x.locals...)
	for i := range x.target.items {
		if it := &x.target.items[i]; local[it] || slices.Contains(x.head, it) {
			body = append(body, it)
		}
	}
	var last *item
	for _, it := range body {
		text := x.statement(it, known)
		if text == "" {
			continue
		}
		if last != nil {
			b.WriteString(gap(last, it))
		}
		b.WriteString(text)
		last = it
	}
	var names []string
	for _, r := range x.results {
		names = append(names, r.Name)
	}
	if last != nil && strings.Contains(x.plain(last, nil), "\n") {
		b.WriteString("\n")
	}
	b.WriteString("\nreturn " + strings.Join(names, ", ") + "\n}\n" + behind.String() + "\n")
	formatted, err := format.Source([]byte(b.String()))
	if err != nil {
		return "", x.wrong(b.String(), 1, firstMessage(err))
	}
	return string(formatted), nil
}

// statement is an item as it stands in the function. A := that would define nothing new becomes =.
func (x *extraction) statement(it *item, known map[string]bool) string {
	var edits []edit
	if it.Decl == nil {
		switch s := it.Stmts[0].(type) {
		case *ast.ExprStmt:
			called := false
			for _, s := range it.Stmts {
				_, call := s.(*ast.ExprStmt).X.(*ast.CallExpr)
				called = called || call
			}
			if n := len(it.Stmts); called && n > 1 {
				at := it.cell.parsed.Offset(s.Pos())
				edits = append(edits, edit{at, at, strings.Repeat("_, ", n-1) + "_ = "})
			}
			if !called {
				return "" // the kernel shows a last value; above others it does nothing
			}
		case *ast.AssignStmt:
			if name := it.loaded(); name != "" && name == x.parameters[x.key(it.loads[0].key)] {
				return ""
			}
			if s.Tok == token.DEFINE {
				fresh := false
				for _, l := range s.Lhs {
					id := l.(*ast.Ident)
					fresh = fresh || id.Name != "_" && !known[id.Name]
					known[id.Name] = true
				}
				if at := it.cell.parsed.Offset(s.TokPos); !fresh {
					edits = append(edits, edit{at, at + 2, "="})
				}
			}
		}
	}
	return x.plain(it, edits)
}

// global is a set-up variable as a package variable.
func (x *extraction) global(it *item) string {
	if it.Decl != nil {
		return x.plain(it, nil)
	}
	a := it.Stmts[0].(*ast.AssignStmt)
	c := it.cell.parsed
	start, at := c.Offset(a.Pos()), c.Offset(a.TokPos)
	return x.plain(it, []edit{{start, start, "var "}, {at, at + 2, "="}})
}

var optionLine = regexp.MustCompile(`^(?://|#) ?\|[^\n]*\n\s*`)

// plain is an item's text with its comments: load("x") is the parameter, and a file's path starts from the function's folder.
func (x *extraction) plain(it *item, edits []edit) string {
	c := it.cell.parsed
	start := it.Start
	for it.cell == x.target {
		m := optionLine.FindString(it.cell.Text[start:it.End])
		if m == "" {
			break
		}
		start += len(m)
	}
	edits = slices.Clone(edits)
	visit := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			for _, l := range it.loads {
				if l.call == n {
					edits = append(edits, edit{c.Offset(n.Pos()), c.Offset(n.End()), x.parameters[inputName(x.key(l.key), l.at)]})
					return false
				}
			}
		case *ast.BasicLit:
			if name, ok := literal(n); ok && x.to.Moved != nil {
				if moved, ok := x.to.Moved(name); ok && moved != name {
					edits = append(edits, edit{c.Offset(n.Pos()), c.Offset(n.End()), strconv.Quote(moved)})
				}
			}
		}
		return true
	}
	for _, n := range it.nodes() {
		ast.Inspect(n, visit)
	}
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].start < edits[j].start })
	var b strings.Builder
	at := start
	for _, e := range edits {
		b.WriteString(it.cell.Text[at:e.start] + e.text)
		at = e.end
	}
	b.WriteString(it.cell.Text[at:it.end()])
	return b.String()
}

var lineComment = regexp.MustCompile(`^[ \t]*(?://[^\n]*|/\*[^\n]*\*/[ \t]*(?:\n|$))`)

// end is where an item ends with the comment behind it on its line.
func (it *item) end() int {
	return it.End + len(strings.TrimRight(lineComment.FindString(it.cell.Text[it.End:]), "\n"))
}

// gap is what parts an item from the one before it: an empty line, or none if they stand together on the page.
func gap(last, it *item) string {
	if last == nil || it == nil || last.cell != it.cell || it.Start < last.End || strings.Count(it.cell.Text[last.End:it.Start], "\n") != 1 {
		return "\n\n"
	}
	return "\n"
}

// comment is the function's doc comment: what stands above the cell, its heading first.
func comment(name, doc string, assets []string) string {
	title, rest, _ := strings.Cut(strings.TrimSpace(doc), "\n")
	heading := strings.HasPrefix(title, "#")
	if heading {
		title = strings.TrimSpace(strings.TrimLeft(title, "#"))
	} else {
		title, rest = "", strings.TrimSpace(doc)
	}
	what := fmt.Sprintf("%s makes %s", name, strings.Join(assets, " and "))
	switch own, after, ok := strings.Cut(title, ":"); {
	case title == "":
		title = what + "."
	case ok && strings.EqualFold(strings.TrimSpace(own), name):
		title = what + ":" + strings.TrimRight(after, ".") + "."
	default:
		title = what + " (" + strings.TrimRight(title, ".") + ")."
	}
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(title+"\n\n"+strings.TrimSpace(rest)), "\n") {
		b.WriteString(strings.TrimRight("// "+line, " ") + "\n")
	}
	return b.String()
}

// compiled is what go/types says of the new file among the package's others.
type compiled struct {
	fset     *token.FileSet
	file     *ast.File
	problems []types.Error
	used     map[string]bool // import paths that the new file uses
}

func (x *extraction) compile(f *extract.Function, text string) (*compiled, error) {
	k := &compiled{fset: token.NewFileSet(), used: map[string]bool{}}
	var err error
	if k.file, err = parser.ParseFile(k.fset, f.File, text, parser.SkipObjectResolution); err != nil {
		return nil, x.wrong(text, 1, firstMessage(err))
	}
	files := []*ast.File{k.file}
	for _, file := range sortedFiles(x.to.Files) {
		if file == f.File || strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(k.fset, file, x.to.Files[file], parser.SkipObjectResolution)
		if err != nil {
			return nil, x.wrong(string(x.to.Files[file]), 1, firstMessage(err))
		}
		files = append(files, parsed)
	}
	var paths []string
	for _, parsed := range files {
		for _, i := range parsed.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			paths = append(paths, p)
		}
	}
	exports := map[string]string{}
	if len(paths) > 0 {
		if exports, err = x.exports(paths...); err != nil {
			return nil, fmt.Errorf("cellar: extract %s: its imports: %w", f.Assets[0], err)
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{
		Importer: importer.ForCompiler(k.fset, "gc", func(path string) (io.ReadCloser, error) {
			file, ok := exports[path]
			if !ok {
				return nil, fmt.Errorf("no package %s", path)
			}
			return os.Open(file)
		}),
		Error: func(err error) { k.problems = append(k.problems, err.(types.Error)) },
	}
	config.Check(x.pkg, k.fset, files, info)
	for id, o := range info.Uses {
		if p, ok := o.(*types.PkgName); ok && k.fset.Position(id.Pos()).Filename == f.File {
			k.used[p.Imported().Path()] = true
		}
	}
	return k, nil
}

// silence gives the text with `_ = name` behind the statement that declares the variable, "" if it stands in no block of its own.
func (k *compiled) silence(text string, e types.Error) string {
	name := strings.TrimPrefix(e.Msg, "declared and not used: ")
	end := token.NoPos
	ast.Inspect(k.file, func(n ast.Node) bool {
		var list []ast.Stmt
		switch n := n.(type) {
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		case *ast.CommClause:
			list = n.Body
		}
		for _, s := range list {
			switch s.(type) {
			case *ast.AssignStmt, *ast.DeclStmt:
				if s.Pos() <= e.Pos && e.Pos < s.End() {
					end = s.End()
				}
			}
		}
		return true
	})
	if !end.IsValid() {
		return ""
	}
	at := k.fset.Position(end).Offset
	formatted, err := format.Source([]byte(text[:at] + "\n_ = " + name + text[at:]))
	if err != nil {
		return ""
	}
	return string(formatted)
}

// trim leaves the imports that the file uses, std's in a group of their own.
func (x *extraction) trim(text string, used map[string]bool) (string, error) {
	open := strings.Index(text, "import (")
	if open < 0 {
		return text, nil
	}
	closing := open + strings.Index(text[open:], ")\n")
	var groups [2][]string
	for _, line := range strings.Split(text[open+len("import ("):closing], "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		p, _ := strconv.Unquote(fields[len(fields)-1])
		if kept := used[p] || fields[0] == "_" || fields[0] == "."; !kept {
			continue
		}
		if x.provides != nil && !x.provides(p) {
			return "", x.refuse(nil, "`go get "+p+"` in the module, or show things in another cell", "it uses the package %s, which the module does not require", p)
		}
		first, _, _ := strings.Cut(p, "/")
		group := 0
		if strings.Contains(first, ".") {
			group = 1
		}
		groups[group] = append(groups[group], strings.TrimSpace(line))
	}
	imports := "import (\n" + strings.Join(groups[0], "\n") + "\n\n" + strings.Join(groups[1], "\n") + "\n)\n"
	switch all := append(groups[0], groups[1]...); len(all) {
	case 0:
		imports = ""
	case 1:
		imports = "import " + all[0] + "\n"
	}
	formatted, err := format.Source([]byte(text[:open] + imports + text[closing+2:]))
	return string(formatted), err
}
