package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Replay runs the cells of the session again, from the first, in a fresh worker: those of one that ended, and those that ran since. Their
// output goes to sink. The result's notices say how many ran and which ended with an error.
func (s *Session) Replay(ctx context.Context, sink func(Event)) (result Result, err error) {
	s.running.Lock()
	defer s.running.Unlock()
	if err := s.started(ctx, sink); err != nil {
		return Result{}, err
	}
	ctx, a, end, err := s.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	defer end()
	var before *WorkerLostError
	if err := s.lostBefore(); err != nil && !errors.As(err, &before) {
		return Result{}, err
	}
	s.mu.Lock()
	cells := latest(append(s.past[:len(s.past):len(s.past)], s.history...))
	s.mu.Unlock()
	count, notices, err := s.again(ctx, cells, sink, a)
	if err != nil {
		return Result{}, err
	}
	told := counted(count, "cell") + " ran again"
	if count == 0 {
		told = "no cell has run that could run again; the session begins anew in a fresh process"
	}
	result.Notices = append([]string{told}, notices...)
	return result, nil
}

// again runs cells in a fresh worker.
func (s *Session) again(ctx context.Context, cells []Cell, sink func(Event), a *activity) (count int, notices []string, err error) {
	s.mu.Lock()
	p := s.process
	s.past, s.history, a.process = nil, nil, nil
	s.mu.Unlock()
	p.kill()
	if err := s.fresh(ctx); err != nil {
		s.mu.Lock()
		s.past = cells // they can still be run again
		p.why = "it was ended for a replay, for which no other could be started"
		s.mu.Unlock()
		return 0, nil, err
	}
	for _, c := range cells {
		if c.lasting() {
			s.mu.Lock()
			s.universe.without(c.forget)
			s.history = append(s.history, c)
			p := s.process
			s.mu.Unlock()
			affect(p, []Cell{c})
			continue
		}
		_, err := s.run(ctx, c, func(e Event) {
			if e.Kind == Input {
				e.Text = c.Name + " reads its input again: " + e.Text
			}
			sink(e)
		}, a, false)
		if errors.Is(err, ErrInterrupted) && s.wasDeaf(a) {
			notices = append(notices, c.Name+" reads standard input, which this front-end does not offer: it was stopped there, and the cells behind it ran")
		} else if err != nil {
			var lost *WorkerLostError
			if ctx.Err() != nil || errors.Is(err, ErrInterrupted) || errors.As(err, &lost) { // what did not come to run can still be run again
				s.mu.Lock()
				s.past = cells
				s.mu.Unlock()
				if lost != nil {
					return count, nil, fmt.Errorf("%s: %w", c.Name, err)
				}
				return count, nil, ErrInterrupted
			}
			first, _, _ := strings.Cut(err.Error(), "\n")
			notices = append(notices, fmt.Sprintf("%s ended with an error when it was run again: %s", c.Name, first))
		}
		count++
	}
	return count, notices, nil
}

// wasDeaf reports whether what was stopped read where nobody can be asked, and forgets it.
func (s *Session) wasDeaf(a *activity) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !a.deaf || a.asked > 1 { // the user may have interrupted it too
		return false
	}
	a.deaf, a.asked = false, 0
	return true
}

// latest are the cells without those that the notebook has a newer text of, and without those that were run again under their own name.
func latest(cells []Cell) (out []Cell) {
	last, seen := map[string]string{}, map[string]bool{}
	for _, c := range cells {
		if !seen[c.Name] && !c.lasting() {
			last[c.ID] = c.Name
		}
		seen[c.Name] = true
	}
	clear(seen)
	for _, c := range cells {
		if c.lasting() || !seen[c.Name] && (c.ID == "" || last[c.ID] == c.Name) {
			out = append(out, c)
		}
		seen[c.Name] = true
	}
	return out
}
