package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

// What lets a cell be interrupted: a look at a flag in loops and functions, and blocking operations that also wait for it. Libraries are
// not covered.

// check puts a look at the flag at the head of a loop's body.
func (b *body) check(block *ast.BlockStmt) {
	if !b.r.c.checksOff {
		b.edits.insert(b.offset(block.Lbrace)+1, b.live("Check")+"();")
	}
}

// short reports whether a loop ends soon by itself: over what is in memory, with a body that neither loops, calls nor waits. Looking at
// the flag would take longer than the tightest of them do; the loop around it looks.
func (b *body) short(n *ast.RangeStmt) bool {
	t := b.r.c.info.TypeOf(n.X)
	if t == nil {
		return false
	}
	switch t := t.Underlying().(type) {
	case *types.Slice, *types.Array, *types.Pointer:
	case *types.Basic:
		if t.Info()&types.IsString == 0 {
			return false
		}
	default:
		return false
	}
	short := true
	ast.Inspect(n.Body, func(x ast.Node) bool {
		switch x := x.(type) {
		case *ast.ForStmt, *ast.RangeStmt, *ast.SelectStmt, *ast.SendStmt, *ast.FuncLit, *ast.BranchStmt:
			short = false
		case *ast.UnaryExpr:
			short = short && x.Op != token.ARROW
		case *ast.CallExpr:
			tv := b.r.c.info.Types[x.Fun]
			short = short && (tv.IsType() || tv.IsBuiltin())
		}
		return short
	})
	return short
}

// enter does the same for a function, before the first of its statements that calls one: a return ahead of that ends by itself. A function
// that calls none of a cell can't recurse, and stays small enough to be inlined.
func (b *body) enter(block *ast.BlockStmt) {
	if b.r.c.checksOff {
		return
	}
	for _, s := range block.List {
		if b.calls(s) {
			b.edits.insert(b.offset(s.Pos()), b.live("Check")+"();")
			return
		}
	}
}

// calls reports whether a statement calls what may be a function of a cell.
func (b *body) calls(s ast.Stmt) (calls bool) {
	ast.Inspect(s, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || calls {
			return !calls
		}
		if tv := b.r.c.info.Types[call.Fun]; tv.IsType() || tv.IsBuiltin() {
			return true
		}
		switch f := ast.Unparen(call.Fun).(type) {
		case *ast.SelectorExpr:
			if o, ok := b.r.c.info.Uses[f.Sel].(*types.Func); ok && o.Pkg() != nil && o.Pkg().Path() != "main" && !types.IsInterface(receiver(o)) {
				return true
			}
		}
		calls = true
		return false
	})
	return calls
}

func receiver(f *types.Func) types.Type {
	if r := f.Signature().Recv(); r != nil {
		return r.Type()
	}
	return types.Typ[types.Invalid]
}

// channel is the channel type of an expression. That of a type parameter is left alone.
func (b *body) channel(x ast.Expr) *types.Chan {
	t := b.r.c.info.TypeOf(x)
	if t == nil {
		return nil
	}
	if _, ok := types.Unalias(t).(*types.TypeParam); ok {
		return nil
	}
	c, _ := t.Underlying().(*types.Chan)
	return c
}

func inComm(n ast.Node, up ast.Node) bool {
	c, ok := up.(*ast.CommClause)
	return ok && ast.Node(c.Comm) == n
}

// receive makes <-c a call that an interrupt ends. In a select's case it is not an operation of its own.
func (b *body) receive(n *ast.UnaryExpr, up ast.Node, behind func(token.Pos, string)) {
	if n.Op != token.ARROW || b.channel(n.X) == nil || b.r.c.checksOff || b.comms[n] { // of a select's case

		return
	}
	name := "Recv"
	switch up := up.(type) {
	case *ast.AssignStmt:
		if len(up.Lhs) == 2 && len(up.Rhs) == 1 {
			name = "Recv2"
		}
	case *ast.ValueSpec:
		if len(up.Names) == 2 && len(up.Values) == 1 {
			name = "Recv2"
		}
	}
	b.edits.replace(b.offset(n.OpPos), b.offset(n.OpPos)+2, b.live(name)+"(")
	behind(n.X.End(), ")")
}

func (b *body) send(n *ast.SendStmt, up ast.Node, behind func(token.Pos, string)) {
	c := b.channel(n.Chan)
	if c == nil || b.r.c.checksOff || inComm(n, up) {
		return
	}
	explicit := ""
	value := b.r.c.info.TypeOf(n.Value)
	basic, _ := value.(*types.Basic)
	if value == nil || !types.Identical(value, c.Elem()) && (basic == nil || basic.Info()&types.IsUntyped == 0) {
		text, err := b.r.u.typeText(c.Elem(), b.code)
		if err != nil {
			return
		}
		explicit = "[" + text + "]"
	}
	b.edits.insert(b.offset(n.Pos()), b.live("Send")+explicit+"(")
	b.edits.replace(b.offset(n.Arrow), b.offset(n.Arrow)+2, ",")
	behind(n.End(), ")")
}

// selection gives a select one case more. A goroutine of an earlier cell that gets it selects again, so what a case computes first must
// not be noticed twice.
func (b *body) selection(n *ast.SelectStmt, up ast.Node, behind func(token.Pos, string)) {
	again := true
	for _, s := range n.Body.List {
		comm := s.(*ast.CommClause)
		if comm.Comm == nil {
			again = false
		}
		switch c := comm.Comm.(type) {
		case *ast.SendStmt:
			again = again && !hasCalls(c.Value) && !hasCalls(c.Chan)
		case *ast.ExprStmt:
			b.noteComm(c.X)
		case *ast.AssignStmt:
			b.noteComm(c.Rhs[0])
		}
	}
	if !again || b.r.c.checksOff {
		return
	}
	b.selects++
	label := fmt.Sprintf("s%s%d", mark, b.selects)
	at := n.Pos()
	if l, ok := up.(*ast.LabeledStmt); ok {
		at = l.Pos()
	}
	b.edits.insert(b.offset(at), label+":")
	glue := ""
	if len(n.Body.List) > 0 {
		glue = ";"
	}
	behind(n.Body.Rbrace, glue+"case <-"+b.live("Done")+"():"+b.live("Stop")+"(); goto "+label+";")
}

func (b *body) noteComm(x ast.Expr) {
	if u, ok := ast.Unparen(x).(*ast.UnaryExpr); ok {
		b.comms[u] = true
	}
}

func hasCalls(x ast.Expr) bool {
	found := false
	ast.Inspect(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			found = true
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		}
		return !found
	})
	return found
}

// call replaces the waits of the standard library that cells use most.
func (b *body) call(n *ast.CallExpr, up ast.Node, behind func(token.Pos, string)) {
	s, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || b.r.c.checksOff {
		return
	}
	f, ok := b.r.c.info.Uses[s.Sel].(*types.Func)
	if !ok {
		return
	}
	switch f.FullName() {
	case "time.Sleep":
		if id, ok := s.X.(*ast.Ident); ok {
			b.skip[id], b.skip[s.Sel] = true, true
			b.edits.replace(b.offset(s.Pos()), b.offset(s.End()), b.live("Sleep"))
		}
	case "(*sync.WaitGroup).Wait":
		if _, ok := up.(*ast.ExprStmt); ok && len(n.Args) == 0 {
			b.edits.insert(b.offset(n.Pos()), b.live("Wait")+"(")
			b.edits.replace(b.offset(n.Lparen), b.offset(n.Lparen)+1, "")
		}
	}
}
