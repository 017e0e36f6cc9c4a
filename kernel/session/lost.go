package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
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
	for _, x := range u.living() {
		if x.base == nil {
			s.gone[x.name] = x.cell
		}
	}
	e.Goroutines = s.routines
	for _, x := range u.survive() {
		e.Lost = append(e.Lost, fmt.Sprintf("%s %s (%s)", x.name, typeString(x.object.Type()), x.cell))
	}
	for _, x := range u.living() {
		switch {
		case x.base != nil || x.broken != "" && x.needs == nil:
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
		reason = fmt.Sprintf("os.Exit(%d) was called", state.ExitCode())
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
	for i := 0; i+1 < len(lines) && len(frames) < 20; i++ {
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
		if n := len(frames); n == 0 || frames[n-1] != f {
			frames = append(frames, f)
		}
	}
	return frames
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
