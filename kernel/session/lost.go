package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// lost makes the error of a worker that ended, and starts another. Declarations are there again with the next cell.
func (s *Session) lost(p *process) error {
	<-p.dead
	e := &WorkerLostError{}
	crash := plainNames(p.last)
	if crash == "" {
		crash = plainNames(p.crash.String())
	}
	e.Reason, e.Trace, e.Frames = deathReason(p.state, crash)
	s.mu.Lock()
	if p.why != "" {
		e.Reason, e.Trace, e.Frames = p.why, "", nil
	}
	s.quote(e.Frames)
	u, importer, made := s.universe, s.importer, s.made
	var own []*entity // of the cell that ended it
	if s.active != nil {
		own = s.active.own
	}
	for _, x := range own {
		if x.base == nil {
			s.gone[x.name] = x.cell
		}
	}
	for _, x := range u.living() {
		if x.base == nil {
			s.gone[x.name] = x.cell
		}
	}
	e.Goroutines = s.routines
	for _, x := range u.survive() {
		e.Lost = append(e.Lost, x.told(x.cell))
	}
	for _, x := range own {
		where := x.cell
		if before := u.current(x); before != nil {
			where += ", that of " + before.cell + " counts again"
		}
		e.Own = append(e.Own, x.told(where))
	}
	for _, x := range u.living() {
		switch {
		case x.base != nil || u.names[x.name] != x || x.broken != "" && x.needs == nil:
		case x.needs != nil:
			e.Waiting = append(e.Waiting, x.name)
		default:
			e.Kept = append(e.Kept, x.name)
		}
	}
	s.past = append(s.past, s.history...)
	for _, c := range latest(s.past) {
		if !c.lasting() {
			e.Cells = append(e.Cells, c.Name)
		}
	}
	closed := s.closed
	s.history = effects(s.past)
	s.mu.Unlock()
	if closed {
		return errors.New("cellar: session: it was closed")
	}
	if err := s.fresh(context.Background()); err != nil {
		return errors.Join(e, err)
	}
	s.mu.Lock()
	p, kept := s.process, s.history
	s.mu.Unlock()
	affect(p, kept)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.universe, s.importer = u, importer
	maps.Copy(made, s.made) // what is left of the session was checked with it
	s.made = made
	return e
}

// unrun notes that a cell did not run, since the worker had ended before it.
func (s *Session) unrun(cell Cell, err error) {
	var lost *WorkerLostError
	if !errors.As(err, &lost) {
		return
	}
	lost.Unrun = cell.Name
	src, err := read(cell, cell.Name, func(p string) (string, error) { return path.Base(p), nil })
	if err != nil {
		return // it would not have run
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, names := range []map[string]bool{src.declares, src.vars} {
		for name := range names {
			if s.universe.names[name] == nil {
				s.gone[name] = cell.Name
			}
		}
	}
}

// where names a thing and its cell.
func (e *entity) where() string {
	name := e.name
	if e.base != nil {
		name = e.base.name + "." + name
	}
	return fmt.Sprintf("%s (%s)", name, e.cell)
}

// told names what is lost: variables with their type, others with what they are.
func (e *entity) told(where string) string {
	switch {
	case e.kind == kindVar:
		return fmt.Sprintf("%s %s (%s)", e.name, typeString(e.object.Type()), where)
	case e.base != nil:
		return fmt.Sprintf("method %s.%s (%s)", e.base.name, e.name, where)
	}
	return fmt.Sprintf("%s %s (%s)", e.kind, e.name, where)
}

// own is what the unit's cell itself declares: variables, which may not have been reached when it ends, and the rest; methods of its own
// types go with these.
func (out *unit) own(c *checked) (own []*entity) {
	for _, name := range sortedKeys(out.vars) {
		own = append(own, out.vars[name].entity)
	}
	for _, e := range out.declared {
		if e.base == nil || e.base.cell != e.cell {
			own = append(own, e)
		}
	}
	return slices.DeleteFunc(own, func(e *entity) bool { return e.cell != c.name || c.helped[e.name] })
}

// deathReason says in words how a process ended.
func deathReason(state *os.ProcessState, crash string) (reason, trace string, frames []Frame) {
	first, _, _ := strings.Cut(strings.TrimSpace(crash), "\n")
	switch {
	case strings.Contains(crash, "stack exceeds"):
		reason = "stack overflow: the recursion has no end"
	case strings.Contains(crash, "signal arrived during cgo execution"):
		reason = "a crash in C code: " + first
	case strings.Contains(first, "out of memory"), strings.Contains(first, "cannot allocate memory"):
		reason = "out of memory"
	case crash != "":
		reason = first
	case state != nil && state.Exited():
		reason = fmt.Sprintf("it was left with exit code %d, as by syscall.Exit or C", state.ExitCode()) // os.Exit ends the cell
	case state != nil:
		reason = state.String()
		if strings.Contains(reason, "killed") {
			reason += " (by the system when memory runs out, or by hand)"
		}
	}
	return reason, crash, crashFrames(crash)
}

// crashFrames are the user's lines of the goroutine that a crash's trace tells of first.
func crashFrames(crash string) (frames []Frame) {
	lines := strings.Split(crash, "\n")
	for i := 0; i+1 < len(lines); i++ {
		if lines[i] == "" && len(frames) > 0 { // the next goroutine
			break
		}
		place, indented := strings.CutPrefix(lines[i+1], "\t")
		if !strings.HasPrefix(lines[i], "main.") || !indented || strings.HasPrefix(place, "session:") || strings.Contains(place, "zz_cellar_worker") ||
			strings.Contains(place, "/kernel/session/live/") {
			continue
		}
		file, rest, _ := cutLast(place, ":")
		f := Frame{File: file}
		fmt.Sscanf(rest, "%d", &f.Line)
		name, _, _ := cutLast(lines[i], "(")
		f.Function = plainFunction(name)
		frames = append(frames, f)
	}
	return fold(frames, !strings.Contains(crash, elided))
}

// elided stands in the runtime's traces where it leaves out the middle of a deep stack.
const elided = " frames elided..."

// fold writes calls that repeat, as a recursion's do, once, and how often if all are known.
func fold(frames []Frame, all bool) (out []Frame) {
	for i := 0; i < len(frames); {
		length, times := cycle(frames[i:])
		out = append(out, frames[i:i+length]...)
		i += length * times
		if times == 1 {
			continue
		}
		for !all && i < len(frames) && slices.Contains(out[len(out)-length:], frames[i]) { // behind what was left out
			i++
		}
		last := &out[len(out)-1]
		if length > 1 {
			last.Again = fmt.Sprintf("the %d calls ", length)
		}
		if all {
			last.Again += fmt.Sprintf("%d times", times)
		} else {
			last.Again += "again and again"
		}
	}
	return out
}

// cycle finds out how many calls repeat at the begin of frames, three times at least, and how often; it is one call that does not otherwise.
func cycle(frames []Frame) (length, times int) {
	for length = 1; length <= 10; length++ {
		times = 1
		for end := length * (times + 1); end <= len(frames) && slices.Equal(frames[:length], frames[end-length:end]); end += length {
			times++
		}
		if times >= 3 {
			return length, times
		}
	}
	return 1, 1
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// quote gives frames in cells the text of their line. The caller holds mu.
func (s *Session) quote(frames []Frame) {
	for i, f := range frames {
		if source, ok := s.sources[f.File]; ok {
			if lines := strings.Split(source, "\n"); f.Line >= 1 && f.Line <= len(lines) {
				frames[i].Text = strings.TrimRight(lines[f.Line-1], "\r")
			}
		}
	}
}
