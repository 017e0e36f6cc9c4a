package session

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/cellar-go/cellar/internal/gomod"
)

// celltestPath is the package that lets tests be interrupted, and their panics be failures.
const celltestPath = gomod.Path + "/kernel/celltest"

// What lets a cell be interrupted: polls in loops, a look at a flag in functions, and blocking operations that also wait for it. Of libraries only
// what cells wait in most is covered; the worker has other means for the rest.

// again puts a poll where a loop begins again.
func (b *body) again(p token.Pos) {
	switch {
	case b.off:
	case b.quick != nil:
		b.edits.insert(b.offset(p), "if "+b.live("Stops")+"() {"+b.quick.back()+b.live("Check")+"()};")
	case b.r.u.polls:
		b.edits.insert(b.offset(p), b.live("Poll")+"();")
	default:
		b.edits.insert(b.offset(p), b.live("Check")+"();")
	}
}

// short reports whether a loop ends soon by itself: over what is in memory, with a body that neither loops, calls nor waits. The
// tightest of them would notice even a poll; the loop around it polls.
func (b *body) short(n *ast.RangeStmt) bool {
	return b.inMemory(n.X) && b.plain(n.Body)
}

// shortFor is the same for a loop that counts up and in each turn takes the element of that number: memory ends, or an index is out of range.
func (b *body) shortFor(n *ast.ForStmt) bool {
	init, ok := n.Init.(*ast.AssignStmt)
	post, ok2 := n.Post.(*ast.IncDecStmt)
	if !ok || !ok2 || init.Tok != token.DEFINE || len(init.Lhs) != 1 || post.Tok != token.INC || !b.plain(n.Body) {
		return false
	}
	counter := b.r.c.info.Defs[init.Lhs[0].(*ast.Ident)]
	counts := func(x ast.Expr) bool {
		id, ok := ast.Unparen(x).(*ast.Ident)
		return ok && counter != nil && b.r.c.info.ObjectOf(id) == counter
	}
	if !counts(post.X) {
		return false
	}
	taken, changed := false, false
	for _, s := range n.Body.List {
		_, assigns := s.(*ast.AssignStmt)
		ast.Inspect(s, func(x ast.Node) bool {
			switch x := x.(type) {
			case *ast.AssignStmt:
				changed = changed || slices.ContainsFunc(x.Lhs, counts) || slices.ContainsFunc(x.Lhs, func(l ast.Expr) bool { _, is := b.r.c.info.TypeOf(l).(*types.Slice); return is })
			case *ast.IncDecStmt:
				changed = changed || counts(x.X)
			case *ast.UnaryExpr:
				changed = changed || x.Op == token.AND
			case *ast.BinaryExpr:
				assigns = assigns && x.Op != token.LAND && x.Op != token.LOR
			case *ast.IndexExpr:
				taken = taken || assigns && counts(x.Index) && b.inMemory(x.X)
			}
			return true
		})
	}
	return taken && !changed
}

// inMemory reports whether an expression is a slice, an array or a string.
func (b *body) inMemory(x ast.Expr) bool {
	t := b.r.c.info.TypeOf(x)
	if t == nil {
		return false
	}
	switch t := t.Underlying().(type) {
	case *types.Slice, *types.Array, *types.Pointer:
		return true
	case *types.Basic:
		return t.Info()&types.IsString != 0
	}
	return false
}

// plain reports whether a block neither loops, calls nor waits.
func (b *body) plain(block *ast.BlockStmt) bool {
	plain := true
	ast.Inspect(block, func(x ast.Node) bool {
		switch x := x.(type) {
		case *ast.ForStmt, *ast.RangeStmt, *ast.SelectStmt, *ast.SendStmt, *ast.FuncLit, *ast.BranchStmt:
			plain = false
		case *ast.UnaryExpr:
			plain = plain && x.Op != token.ARROW
		case *ast.CallExpr:
			tv := b.r.c.info.Types[x.Fun]
			plain = plain && (tv.IsType() || tv.IsBuiltin())
		}
		return plain
	})
	return plain
}

// enter looks at the flag in a function, before the first of its statements that calls one: a return ahead of that ends by itself. A function
// that calls none of a cell can't recurse, and stays small enough to be inlined.
func (b *body) enter(block *ast.BlockStmt) {
	if b.off {
		return
	}
	look := "Check"
	if defers(block) { // the runtime takes a call that was inlined for a frame between a panic and recover
		look = "Enter"
	}
	for i, s := range block.List {
		if b.calls(s) {
			s = block.List[before(block.List, i)]
			b.edits.insert(b.offset(s.Pos()), b.live(look)+"();")
			return
		}
	}
}

// before is the statement that those which defer belong to: a lock and its unlocking stay together.
func before(list []ast.Stmt, i int) int {
	for i > 0 && isDefer(list[i]) {
		i--
	}
	return i
}

func isDefer(s ast.Stmt) bool { _, is := s.(*ast.DeferStmt); return is }

// defers reports whether a function's body has a defer statement of its own.
func defers(block *ast.BlockStmt) (found bool) {
	ast.Inspect(block, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.DeferStmt:
			found = true
		}
		return !found
	})
	return found
}

// calls reports whether a statement calls what may be a function of a cell, or a library that may do so.
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
				calls = b.callsBack(call)
				return !calls
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
	if n.Op != token.ARROW || b.channel(n.X) == nil || b.off || b.comms[n] { // of a select's case

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
	if c == nil || b.off || inComm(n, up) {
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
	if !again || b.off {
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

// call replaces the calls of the standard library that wait, end the program, or start a goroutine.
func (b *body) call(n *ast.CallExpr, up ast.Node, behind func(token.Pos, string)) {
	b.room(n, behind)
	s, ok := n.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	f, ok := b.r.c.info.Uses[s.Sel].(*types.Func)
	if !ok {
		return
	}
	_, statement := up.(*ast.ExprStmt)
	around := func(name string) { // a function: name(f)
		b.edits.insert(b.offset(s.Pos()), b.live(name)+"(")
		behind(s.End(), ")")
	}
	switch name := f.FullName(); name {
	case "time.AfterFunc", "context.AfterFunc", "(*sync.WaitGroup).Go", "(*golang.org/x/sync/errgroup.Group).Go":
		if len(n.Args) == f.Signature().Params().Len() {
			wrap := "Callback"
			if f.Signature().Params().At(len(n.Args)-1).Type().Underlying().(*types.Signature).Results().Len() > 0 {
				wrap = "CallbackErr"
			}
			last := n.Args[len(n.Args)-1]
			b.edits.insert(b.offset(last.Pos()), b.live(wrap)+"(")
			behind(last.End(), ")")
		}
	case "strings.Repeat", "bytes.Repeat":
		around("Repeat")
	case "(*testing.T).Run", "(*testing.B).Run": // in a goroutine of its own
		if len(n.Args) != 2 {
			return
		}
		if lit, ok := ast.Unparen(n.Args[1]).(*ast.FuncLit); ok && len(lit.Type.Params.List) == 1 {
			if names := lit.Type.Params.List[0].Names; len(names) == 1 && names[0].Name != "_" {
				b.code.imports[celltestPath] = true
				b.edits.insert(b.offset(lit.Body.Lbrace)+1, fmt.Sprintf("defer %s.Tested(%s)();", b.r.u.alias(celltestPath), names[0].Name))
			}
		}
	case "os.Exit":
		b.instead(s, "Exit")
	case "log.Fatal", "log.Fatalf", "log.Fatalln", "(*log.Logger).Fatal", "(*log.Logger).Fatalf", "(*log.Logger).Fatalln":
		wrap := "Fatal"
		if strings.HasSuffix(name, "f") {
			wrap = "Fatalf"
		}
		b.edits.replace(b.offset(s.Sel.Pos()), b.offset(s.Sel.End()), strings.Replace(s.Sel.Name, "Fatal", "Print", 1))
		b.skip[s.Sel] = true
		around(wrap)
	}
	_, deferred := up.(*ast.DeferStmt)
	switch f.FullName() {
	case "(*sync.Mutex).Unlock":
		if statement || deferred {
			b.receiver(s, n, "Unlock", "TryLock", "Unlock")
		}
	case "(*sync.RWMutex).Unlock":
		if statement || deferred {
			b.receiver(s, n, "RWUnlock", "TryRLock", "RUnlock", "Unlock")
		}
	case "(*sync.RWMutex).RUnlock":
		if statement || deferred {
			b.receiver(s, n, "RUnlock", "TryLock", "Unlock", "RUnlock")
		}
	}
	if b.off {
		return
	}
	switch f.FullName() {
	case "time.Sleep":
		b.instead(s, "Sleep")
	case "(*sync.WaitGroup).Wait":
		if statement && len(n.Args) == 0 {
			b.edits.insert(b.offset(n.Pos()), b.live("Wait")+"(")
			b.edits.replace(b.offset(n.Lparen), b.offset(n.Lparen)+1, "")
		}
	case "(*sync.Mutex).Lock", "(*sync.RWMutex).Lock":
		if statement {
			b.receiver(s, n, "Lock", "TryLock", "Unlock")
		}
	case "(*sync.RWMutex).RLock":
		if statement {
			b.receiver(s, n, "RLock", "TryRLock", "RUnlock")
		}
	case "(*sync.Cond).Wait":
		t := b.r.c.info.TypeOf(s.X)
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		if c, ok := types.Unalias(t).(*types.Named); ok && c.Obj().Name() == "Cond" && c.Obj().Pkg().Path() == "sync" && statement {
			b.receiver(s, n, "CondWait")
		}
	}
}

// instead calls a function of package live in place of one of an imported package.
func (b *body) instead(s *ast.SelectorExpr, name string) {
	if id, ok := s.X.(*ast.Ident); ok {
		b.skip[id], b.skip[s.Sel] = true, true
		b.edits.replace(b.offset(s.Pos()), b.offset(s.End()), b.live(name))
	}
}

// receiver makes x.Lock() a call of live's Lock(&x), if x has all of the methods from package sync.
func (b *body) receiver(s *ast.SelectorExpr, n *ast.CallExpr, name string, methods ...string) {
	t := b.r.c.info.TypeOf(s.X)
	for _, m := range methods {
		o, _, _ := types.LookupFieldOrMethod(t, true, b.r.c.pkg, m)
		if f, ok := o.(*types.Func); !ok || f.Pkg() == nil || f.Pkg().Path() != "sync" {
			return
		}
	}
	open := "(&("
	if _, ok := t.Underlying().(*types.Pointer); ok {
		open = "(("
	}
	b.edits.insert(b.offset(s.Pos()), b.live(name)+open)
	b.edits.replace(b.offset(s.X.End()), b.offset(n.End()), "))")
}

// start makes a goroutine whose panic is reported: the session lives on.
func (b *body) start(n *ast.GoStmt, behind func(token.Pos, string)) {
	f := ast.Unparen(n.Call.Fun)
	if lit, ok := f.(*ast.FuncLit); ok {
		b.edits.insert(b.offset(lit.Body.Lbrace)+1, "defer "+b.live("Guard")+"();")
		return
	}
	t, ok := b.r.c.info.TypeOf(f).(*types.Signature)
	if tv := b.r.c.info.Types[f]; !ok || tv.IsBuiltin() {
		return
	}
	text, err := b.r.u.typeText(t, b.code)
	if err != nil {
		return
	}
	b.edits.insert(b.offset(f.Pos()), b.live("Go")+"["+text+"](")
	behind(f.End(), ")")
}

// after looks at the flag behind a statement that calls what may wait in a library: a cell that was left there must not go on. What is
// deferred right behind it, as the unlocking of a lock, comes first.
func (b *body) after(s ast.Stmt, up ast.Node, behind func(token.Pos, string)) {
	var list []ast.Stmt
	switch up := up.(type) {
	case *ast.BlockStmt:
		list = up.List
	case *ast.CaseClause:
		list = up.Body
	case *ast.CommClause:
		list = up.Body
	}
	i := slices.Index(list, s)
	if i < 0 || b.off || up == ast.Node(b.r.c.body) {
		return // the cell's own statements have their numbers in front
	}
	if i+1 < len(list) && isDefer(list[i+1]) {
		return
	}
	if b.waits(list[before(list, i)]) {
		behind(s.End(), ";"+b.live("Check")+"();")
	}
}

// waits reports whether a simple statement calls what may wait in a library.
func (b *body) waits(s ast.Stmt) (waits bool) {
	switch s.(type) {
	case *ast.ExprStmt, *ast.AssignStmt, *ast.DeclStmt:
	default:
		return false
	}
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if f, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
				o, ok := b.r.c.info.Uses[f.Sel].(*types.Func)
				waits = waits || ok && o.Pkg() != nil && o.Pkg().Path() != "main" && !atOnce[o.Pkg().Path()]
			}
		}
		return !waits
	})
	return waits
}

// atOnce are packages whose functions never wait for anything.
var atOnce = map[string]bool{"bytes": true, "cmp": true, "errors": true, "maps": true, "math": true, "math/big": true, "math/bits": true, "math/cmplx": true,
	"math/rand": true, "math/rand/v2": true, "reflect": true, "slices": true, "sort": true, "strconv": true, "strings": true, "sync/atomic": true, "time": true,
	"unicode": true, "unicode/utf8": true, "unsafe": true}
