package session

import (
	"fmt"
	"go/constant"
	"go/types"
	"slices"
	"strings"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// replaced are the types that live and that a unit declares as other ones.
func (u *universe) replaced(out *unit) (old []*entity) {
	for _, e := range out.declared {
		if live := u.meant(e.name); e.base == nil && e.kind == kindType && live != nil && live.kind == kindType && live.link != e.link {
			old = append(old, live)
		}
	}
	return old
}

// heldOld names the variables whose interfaces hold values of types that were declared again: their own type does not say so. It does not
// look while goroutines of the user's may be at them. What the cell itself has made it took from a variable that is told of.
func (s *Session) heldOld(p *process, cell string, old []*entity) (notices []string) {
	s.mu.Lock()
	vars := map[string]*entity{}
	for _, e := range s.universe.names {
		if e.kind == kindVar && e.cell != cell && holdsInterfaces(e.object.Type()) {
			vars[e.link] = e
		}
	}
	idle := s.routines == 0
	s.mu.Unlock()
	if len(old) == 0 || len(vars) == 0 || !idle {
		return nil
	}
	select {
	case r := <-p.request(wire.Request{Op: "held", Names: sortedKeys(vars)}):
		for _, link := range sortedKeys(r.Values) {
			of := words(r.Values[link])
			for _, t := range old {
				if e := vars[link]; slices.Contains(of, t.link) {
					notices = append(notices, fmt.Sprintf("%s holds a value of the old type %s; run %s again to have the new one", e.name, t.name, e.cell))
				}
			}
		}
	case <-p.dead:
	case <-time.After(2 * time.Second):
	}
	return notices
}

// oldLengths names the variables that are arrays as long as a constant was which a unit gives another value.
func (s *Session) oldLengths(u *universe, out *unit) (notices []string) {
	for _, e := range out.declared {
		live := u.meant(e.name)
		if e.kind != kindConst || live == nil || live.kind != kindConst {
			continue
		}
		length, was := constant.Int64Val(constant.ToInt(live.object.(*types.Const).Val()))
		now, is := constant.Int64Val(constant.ToInt(e.object.(*types.Const).Val()))
		if !was || is && length == now {
			continue
		}
		for _, name := range sortedKeys(u.names) {
			v := u.names[name]
			if v.kind == kindVar && out.vars[name].entity == nil && hasLength(v.object.Type(), length) && together(s.sources[v.cell], name, "["+e.name+"]") {
				notices = append(notices, fmt.Sprintf("%s keeps the length %d, which was that of %s; run %s again to have the new one", name, length, e.name, v.cell))
			}
		}
	}
	return notices
}

// together reports whether a line of a text has a word and a piece of text.
func together(text, word, piece string) bool {
	for line := range strings.Lines(text) {
		if strings.Contains(line, piece) && slices.Contains(words(line), word) {
			return true
		}
	}
	return false
}

// hasLength reports whether a type without a name is, or is made of, arrays of a length.
func hasLength(t types.Type, length int64) bool {
	switch t := t.(type) {
	case *types.Array:
		return t.Len() == length || hasLength(t.Elem(), length)
	case *types.Slice:
		return hasLength(t.Elem(), length)
	case *types.Pointer:
		return hasLength(t.Elem(), length)
	case *types.Map:
		return hasLength(t.Key(), length) || hasLength(t.Elem(), length)
	}
	return false
}

// holdsInterfaces reports whether a variable is an interface or a container of them.
func holdsInterfaces(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Slice:
		return types.IsInterface(t.Elem())
	case *types.Array:
		return types.IsInterface(t.Elem())
	case *types.Map:
		return types.IsInterface(t.Elem()) || types.IsInterface(t.Key())
	}
	return types.IsInterface(t)
}
