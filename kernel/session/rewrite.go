package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"math"
	"strings"
)

// rewriter writes the text of a unit: the user's own text with names of generations, places of variables, and checks for an interrupt.
type rewriter struct {
	u     *universe
	c     *checked
	unit  int
	impls map[*entity]string // functions and methods that this unit compiles → their name
	vars  map[string]*entity // that the cell's statements declare
}

// body is a text that is being rewritten.
type body struct {
	r        *rewriter
	file     *checkFile
	edits    edits
	code     code             // what the text refers to through names that other units have too
	direct   map[*entity]bool // functions of this unit that it calls without their slot
	portable bool             // the text is repeated in other units: no direct calls
	owner    int              // makes local types' names unique
	locals   int
	literals int // function literals that the walk is in: they may be called when what they call has been declared again
	types    map[types.Object]localType
	skip     map[*ast.Ident]bool
	unused   map[token.Pos]bool
	comms    map[*ast.UnaryExpr]bool // receives that are the communication of a select's case
	selects  int
	noinline bool
	off      bool     // it looks for no interrupt
	entry    bool     // it is the cell's statements: places of variables are in locals
	quick    *quick   // the loop that is walked, if it works on copies
	closers  []func() // edits behind those of the walk
	failed   error
}

type localType struct {
	name     string
	from, to token.Pos
}

// errReplay is the answer where the units of this worker can't express what a cell means.
type errReplay struct{ reason string }

func (e errReplay) Error() string { return e.reason }

func (r *rewriter) body(f *checkFile, portable bool, owner int) *body {
	b := &body{r: r, file: f, code: newCode(), direct: map[*entity]bool{}, portable: portable, owner: owner, types: map[types.Object]localType{},
		off: r.c.checksOff || f.again != nil && f.again.unchecked, skip: map[*ast.Ident]bool{}, comms: map[*ast.UnaryExpr]bool{}, unused: map[token.Pos]bool{}}
	for _, p := range r.c.unused {
		b.unused[p] = true
	}
	return b
}

func (b *body) offset(p token.Pos) int { return b.r.c.offset(p) }

func (b *body) render(from, to token.Pos) string {
	return b.edits.render(b.file.text, b.offset(from), b.offset(to))
}

func (b *body) live(name string) string {
	b.code.imports[livePath] = true
	return b.r.u.alias(livePath) + "." + name
}

func (b *body) refer(e *entity) string {
	if e.kind == kindFunc && e.slot != "" {
		if impl := b.r.impls[e]; impl != "" && !b.portable && b.literals == 0 {
			b.direct[e] = true
			return impl
		}
	}
	b.code.refs[e] = true
	if b.quick != nil && b.quick.copies[e] != "" {
		b.code.refs[e] = true
		return b.quick.copies[e]
	}
	if e.kind == kindVar && b.entry && b.literals == 0 {
		return "(*" + localPlace(e) + ")"
	}
	if e.kind == kindVar || e.kind == kindFunc && e.slot != "" {
		return "(*" + e.link + ")"
	}
	return e.link
}

// localPlace is what a cell's entry calls its own pointer to a variable: the compiler keeps that in a register. Function literals use the
// cell's, which is told when another cell declares the variable again.
func localPlace(e *entity) string { return e.link + mark }

// walk notes the edits of a tree. Closers are edits behind a node, noted when its children are done.
func (b *body) walk(root ast.Node) {
	type frame struct {
		node    ast.Node
		closers []func()
	}
	var stack []frame
	parent := func(i int) ast.Node {
		if len(stack) <= i {
			return nil
		}
		return stack[len(stack)-1-i].node
	}
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for i := len(top.closers) - 1; i >= 0; i-- {
				top.closers[i]()
			}
			return true
		}
		var closers []func()
		behind := func(p token.Pos, text string) {
			closers = append(closers, func() { b.edits.insert(b.offset(p), text) })
		}
		up := parent(0)
		if s, ok := n.(ast.Stmt); ok && b.entry && up == ast.Node(b.r.c.body) {
			closers = b.copied(s)
		}
		switch n := n.(type) {
		case *ast.Ident:
			b.ident(n, up)
		case *ast.StructType:
			b.embedded(n)
		case *ast.GenDecl:
			if _, ok := up.(*ast.DeclStmt); ok && n.Tok == token.TYPE {
				b.localTypes(n)
			}
		case *ast.FuncLit:
			b.enter(n.Body)
			b.literals++
			closers = append(closers, func() { b.literals-- })
		case *ast.GoStmt:
			b.start(n, behind)
		case *ast.ForStmt:
			if b.quick != nil || !b.shortFor(n) {
				b.again(n.Body.Lbrace + 1)
			}
		case *ast.RangeStmt:
			if b.quick != nil || !b.short(n) {
				b.again(n.Body.Lbrace + 1)
			}
			if b.channel(n.X) != nil && !b.off {
				b.edits.insert(b.offset(n.X.Pos()), b.live("Range")+"(")
				behind(n.X.End(), ")")
			}
		case *ast.BranchStmt:
			if n.Tok == token.GOTO {
				b.again(n.Pos())
			}
		case *ast.UnaryExpr:
			b.receive(n, up, behind)
		case *ast.SendStmt:
			b.send(n, up, behind)
		case *ast.SelectStmt:
			b.selection(n, up, behind)
		case *ast.CallExpr:
			b.call(n, up, behind)
			if f := b.ownMethod(n, up); f != nil {
				closers = append(closers, f)
			}
		}
		b.unusedIn(n, up, behind)
		if s, ok := n.(ast.Stmt); ok {
			b.after(s, up, behind)
		}
		stack = append(stack, frame{n, closers})
		return true
	})
}

func (b *body) ident(n *ast.Ident, up ast.Node) {
	if b.skip[n] || n.Name == "_" {
		return
	}
	info := b.r.c.info
	o := info.Uses[n]
	if o == nil {
		o = info.Defs[n]
	}
	from, to := b.offset(n.Pos()), b.offset(n.End())
	switch o := o.(type) {
	case nil:
		return
	case *types.PkgName:
		path := o.Imported().Path()
		b.code.imports[path] = true
		b.edits.replace(from, to, b.r.u.alias(path))
		return
	case *types.Var:
		if o.IsField() {
			return
		}
	case *types.Func:
		if o.Signature().Recv() != nil { // p.m: the type has it
			return
		}
	case *types.Label:
		return
	}
	if e := b.r.u.entityOf(o); e != nil {
		b.edits.replace(from, to, b.refer(e))
		return
	}
	if local, ok := b.types[o]; ok && n.Pos() >= local.from && n.Pos() < local.to {
		b.edits.replace(from, to, local.name)
		return
	}
	if o.Pkg() != nil && o.Pkg() != b.r.c.pkg && o.Parent() == o.Pkg().Scope() && o.Pkg().Path() != "main" { // a dot import
		if s, ok := up.(*ast.SelectorExpr); !ok || s.Sel != n {
			b.code.imports[o.Pkg().Path()] = true
			b.edits.insert(from, b.r.u.alias(o.Pkg().Path())+".")
		}
	}
}

// embedded leaves the types of embedded fields their names: they are the fields' names.
func (b *body) embedded(n *ast.StructType) {
	for _, f := range n.Fields.List {
		if len(f.Names) > 0 {
			continue
		}
		t := f.Type
		for {
			switch x := t.(type) {
			case *ast.StarExpr:
				t = x.X
				continue
			case *ast.ParenExpr:
				t = x.X
				continue
			case *ast.IndexExpr:
				t = x.X
				continue
			case *ast.IndexListExpr:
				t = x.X
				continue
			}
			break
		}
		id, ok := t.(*ast.Ident)
		if !ok {
			continue
		}
		e := b.r.u.entityOf(b.r.c.info.Uses[id])
		if e == nil {
			o := b.r.c.info.Uses[id]
			if b.types[o].to == token.Pos(math.MaxInt) && b.failed == nil {
				b.failed = &CompileError{[]Diagnostic{b.r.c.diagnostic(id.Pos(), "a generic type of a function can't be embedded in a cell: declare it outside of the function")}}
			}
			if o != nil && o.Pkg() != nil && o.Pkg().Path() != "main" && b.failed == nil { // a dot import's
				b.failed = &CompileError{[]Diagnostic{b.r.c.diagnostic(id.Pos(), "a type of a dot import can't be embedded in a cell: import its package by name")}}
			}
			continue
		}
		if e.link == e.name {
			continue
		}
		b.code.refs[e], b.code.embeds[e] = true, true
		b.skip[id] = true
	}
}

// localTypes gives types of function bodies names of their own: `rec` of one cell and `rec` of another would be one to the linker. The
// user's name stands as an alias beside it.
func (b *body) localTypes(n *ast.GenDecl) {
	for _, s := range n.Specs {
		spec := s.(*ast.TypeSpec)
		if spec.Assign.IsValid() || spec.Name.Name == "_" {
			continue
		}
		b.locals++
		b.noinline = true
		name := fmt.Sprintf("%s%s%d_%d", spec.Name.Name, mark, b.owner, b.locals)
		if spec.TypeParams != nil { // no alias can stand for it: all uses are renamed
			b.types[b.r.c.info.Defs[spec.Name]] = localType{name, spec.Pos(), token.Pos(math.MaxInt)}
			continue
		}
		b.types[b.r.c.info.Defs[spec.Name]] = localType{name, spec.Pos(), spec.End()}
		word := "; type "
		if n.Lparen.IsValid() {
			word = "; "
		}
		b.edits.insert(b.offset(spec.End()), word+spec.Name.Name+" = "+name)
	}
}

// unusedIn makes a use of the variables that have none.
func (b *body) unusedIn(n ast.Node, up ast.Node, behind func(token.Pos, string)) {
	if len(b.unused) == 0 {
		return
	}
	var names []*ast.Ident
	add := func(x ast.Expr) {
		if id, ok := x.(*ast.Ident); ok && b.unused[id.Pos()] && b.r.u.entityOf(b.r.c.info.Defs[id]) == nil {
			names = append(names, id)
		}
	}
	use := func() string {
		var s strings.Builder
		for _, id := range names {
			s.WriteString("_ = " + id.Name + ";")
		}
		return s.String()
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		for _, x := range n.Lhs {
			add(x)
		}
		if len(names) == 0 {
			return
		}
		switch up := up.(type) {
		case *ast.IfStmt:
			b.edits.insert(b.offset(up.Body.Lbrace)+1, use())
			if up.Else != nil {
				if block, ok := up.Else.(*ast.BlockStmt); ok {
					b.edits.insert(b.offset(block.Lbrace)+1, use())
				}
			}
		case *ast.ForStmt:
			b.edits.insert(b.offset(up.Body.Lbrace)+1, use())
		case *ast.CommClause:
			if up.Comm == ast.Stmt(n) {
				b.edits.insert(b.offset(up.Colon)+1, use())
				return
			}
			behind(n.End(), ";"+use())
		case *ast.TypeSwitchStmt:
			if up.Assign == ast.Stmt(n) {
				b.edits.replace(b.offset(n.Pos()), b.offset(n.TokPos)+2, "")
			}
		case *ast.SwitchStmt:
			for _, clause := range up.Body.List {
				b.edits.insert(b.offset(clause.(*ast.CaseClause).Colon)+1, use())
			}
		default:
			behind(n.End(), ";"+use())
		}
	case *ast.DeclStmt:
		if g, ok := n.Decl.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, s := range g.Specs {
				for _, id := range s.(*ast.ValueSpec).Names {
					add(id)
				}
			}
			if len(names) > 0 {
				behind(n.End(), ";"+use())
			}
		}
	case *ast.RangeStmt:
		if n.Tok == token.DEFINE {
			add(n.Key)
			add(n.Value)
			if len(names) > 0 {
				b.edits.insert(b.offset(n.Body.Lbrace)+1, use())
			}
		}
	}
}
