package golang

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"github.com/cellar-go/cellar/assetlib/graph"
	"github.com/cellar-go/cellar/internal/fault"
)

// Directive marks a Go function as the definition of an asset: //cellar:asset key=flights/features group=core.
const Directive = "//cellar:asset"

// Function is a Go function that computes assets. Its parameters name the upstream assets, its results are the values.
type Function struct {
	Definition *graph.Definition
	Folder     string // of its package, a slash path
	Name       string
}

// Functions finds the asset functions of one package, given the texts of its files by slash path.
func Functions(texts map[string][]byte) (functions []*Function, problems []error) {
	p := &goPackage{fset: token.NewFileSet(), byName: map[string][]*goItem{}}
	var files []string
	for file := range texts {
		files = append(files, file)
	}
	sort.Strings(files)
	var marked []*goItem
	type goFile struct {
		name   string
		parsed *ast.File
	}
	var all []goFile
	types := map[string]ast.Expr{}
	for _, file := range files {
		parsed, err := parser.ParseFile(p.fset, file, texts[file], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			if strings.Contains(string(texts[file]), Directive) {
				problems = append(problems, fault.New(fault.Input, "correct the file; `go vet` shows the same message", "%s", firstMessage(err)))
			}
			continue
		}
		all = append(all, goFile{file, parsed})
		for _, d := range parsed.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				for _, spec := range g.Specs {
					types[spec.(*ast.TypeSpec).Name.Name] = spec.(*ast.TypeSpec).Type
				}
			}
		}
	}
	for _, f := range all {
		marked = append(marked, p.add(f.name, string(texts[f.name]), f.parsed, types)...)
	}
	for _, it := range marked {
		functions = append(functions, p.function(it))
	}
	return functions, problems
}

type goPackage struct {
	fset   *token.FileSet
	byName map[string][]*goItem // also methods, under their type's name
}

type goItem struct {
	*names
	file    string
	text    string
	decl    ast.Decl
	imports []imported
	pkg     string
}

// add takes a file's declarations and returns its functions with the directive.
func (p *goPackage) add(file, text string, parsed *ast.File, types map[string]ast.Expr) []*goItem {
	var imports []imported
	for _, s := range parsed.Imports {
		i := imported{}
		i.path, _ = strconv.Unquote(s.Path.Value)
		if s.Name != nil {
			i.name = s.Name.Name
		}
		imports = append(imports, i)
	}
	var marked []*goItem
	for _, d := range parsed.Decls {
		it := &goItem{names: newNames(), file: file, decl: d, imports: imports, pkg: parsed.Name.Name}
		it.text = text[p.fset.Position(d.Pos()).Offset:p.fset.Position(d.End()).Offset]
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		(&walker{names: it.names, types: types}).decl(d)
		for name := range it.defines {
			p.byName[name] = append(p.byName[name], it)
		}
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && len(it.defines) == 0 {
			p.byName["init"] = append(p.byName["init"], it) // var _ = register(…) runs as well
		}
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if f.Recv != nil && len(f.Recv.List) == 1 {
			if id := typeName(f.Recv.List[0].Type); id != nil {
				p.byName[id.Name] = append(p.byName[id.Name], it)
			}
		}
		if f.Name.Name == "init" {
			p.byName["init"] = append(p.byName["init"], it)
		}
		if _, ok := directive(f); ok {
			marked = append(marked, it)
		}
	}
	return marked
}

// directive gives the words behind //cellar:asset in a function's comment.
func directive(f *ast.FuncDecl) ([]string, bool) {
	if f.Doc == nil {
		return nil, false
	}
	for _, c := range f.Doc.List {
		if rest, ok := strings.CutPrefix(c.Text, Directive); ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
			return strings.Fields(rest), true
		}
	}
	return nil, false
}

func (p *goPackage) function(it *goItem) *Function {
	f := it.decl.(*ast.FuncDecl)
	at := p.fset.Position(f.Pos())
	d := &graph.Definition{Language: "go", File: it.file, Func: f.Name.Name, Line: at.Line, Doc: doc(f)}
	fn := &Function{Definition: d, Folder: path.Dir(it.file), Name: f.Name.Name}
	refuse := func(hint, format string, args ...any) {
		if d.Problem == nil {
			d.Problem = fault.New(fault.Input, hint, "%s:%d: function %s: %s", it.file, at.Line, f.Name.Name, fmt.Sprintf(format, args...))
		}
	}
	words, _ := directive(f)
	var keys []string
	from := map[string]string{}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		values := strings.Split(value, ",")
		switch name {
		case "key":
			keys = values
		case "group":
			d.Group = value
		case "tags", "tag":
			d.Tags = append(d.Tags, values...)
		case "reads":
			d.Reads = append(d.Reads, values...)
		case "env":
			d.Env = append(d.Env, values...)
		case "secrets":
			d.Secrets = append(d.Secrets, values...)
		case "refresh":
			d.Refresh = value
		case "in":
			for _, v := range values {
				parameter, key, _ := strings.Cut(v, ":")
				from[parameter] = key
			}
		default:
			refuse("options of an asset function are key, group, tags, reads, env, secrets, refresh, in", "unknown option %q in %s", w, Directive)
		}
	}
	var results []string
	if f.Type.Results != nil {
		for _, r := range f.Type.Results.List {
			if id, ok := r.Type.(*ast.Ident); ok && id.Name == "error" {
				continue
			}
			for _, n := range r.Names {
				results = append(results, n.Name)
			}
			if len(r.Names) == 0 {
				results = append(results, "")
			}
		}
	}
	switch {
	case f.Recv != nil:
		refuse("make it a plain function", "it is a method")
	case f.Type.TypeParams != nil:
		refuse("name the types", "it has type parameters")
	case !f.Name.IsExported():
		refuse("write its name with a capital letter", "it is not exported, so no program can call it")
	case it.pkg == "main":
		refuse("move it to a package of its own", "it is in package main, which can't be imported")
	case len(results) == 0:
		refuse("return the asset's value", "it returns no value")
	case len(results) > 1 && results[0] == "":
		refuse("name the results as the assets: (train, test []Row, err error)", "it returns %d values without names", len(results))
	}
	if len(results) == 1 && results[0] == "" {
		results[0] = snake(f.Name.Name)
	}
	for i, r := range results {
		a := graph.Asset{Key: path.Base(fn.Folder) + "/" + snake(r), Name: snake(r)}
		if fn.Folder == "." {
			a.Key = it.pkg + "/" + snake(r)
		}
		if i < len(keys) {
			a.Key = keys[i]
		}
		d.Assets = append(d.Assets, a)
	}
	if len(d.Assets) == 0 {
		d.Assets = []graph.Asset{{Key: path.Base(fn.Folder) + "/" + snake(f.Name.Name), Name: snake(f.Name.Name)}}
	}
	for _, field := range f.Type.Params.List {
		if _, variadic := field.Type.(*ast.Ellipsis); variadic || len(field.Names) == 0 {
			refuse("give every upstream asset a parameter with its name", "a parameter without a name, or with ..., names no asset")
			continue
		}
		for _, n := range field.Names {
			key := from[n.Name]
			if key == "" {
				key = path.Join(path.Dir(d.Assets[0].Key), snake(n.Name))
			}
			d.Inputs = append(d.Inputs, graph.Input{Key: key, Name: n.Name})
		}
	}
	p.code(fn, it)
	return fn
}

// code hashes what the function reaches in its package.
func (p *goPackage) code(fn *Function, start *goItem) {
	seen := map[*goItem]bool{}
	imports := map[string]bool{}
	var texts, literals []string
	var visit func(it *goItem)
	visit = func(it *goItem) {
		if seen[it] {
			return
		}
		seen[it] = true
		texts = append(texts, normal(it.text))
		literals = append(literals, it.strings...)
		for _, i := range it.imports {
			used := i.name == "_" || i.name == "."
			for b := range it.bases {
				used = used || i.bears(b)
			}
			if used {
				imports[i.path] = true
			}
		}
		for name := range it.uses {
			for _, other := range p.byName[name] {
				visit(other)
			}
		}
		if g, ok := it.decl.(*ast.GenDecl); ok && g.Tok == token.TYPE {
			for name := range it.defines {
				for _, other := range p.byName[name] {
					visit(other)
				}
			}
		}
	}
	visit(start)
	for _, it := range p.byName["init"] {
		visit(it)
	}
	sort.Strings(texts)
	h := sha256.New()
	fmt.Fprintf(h, "cellar code 1 go function %s\n", fn.Name)
	list(h, "declarations", texts)
	list(h, "imports", sorted(imports))
	fn.Definition.Code = "c1:" + hex.EncodeToString(h.Sum(nil)[:20])
	fn.Definition.Imports = sorted(imports)
	fn.Definition.Files = files(literals)
}

func doc(f *ast.FuncDecl) string {
	if f.Doc == nil {
		return ""
	}
	return strings.TrimSpace(f.Doc.Text())
}

// snake writes a Go name as asset names are written: TrainSet is train_set.
func snake(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) && runes[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
