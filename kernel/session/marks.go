package session

import (
	"sync"
	"time"
)

// marks are those in one of the worker's output streams. They keep the order of what is written there and what is said beside it: the
// reader of the stream and the reader of the replies wait for each other at each.
type marks struct {
	mu     sync.Mutex
	known  map[int]meeting // those that one of the two has come to
	passed int             // the last one that both have passed
	over   bool            // no more replies
	idle   time.Time       // since when the stream has had nothing to read; zero: it has
}

type meeting struct{ seen, passed chan struct{} }

// silence is how long a stream that has nothing to read is waited for: a cell may have closed its stdout, or pointed it elsewhere.
const silence = time.Second

func (m *marks) at(n int) meeting {
	if m.known == nil {
		m.known = map[int]meeting{}
	}
	k, ok := m.known[n]
	if !ok {
		k = meeting{make(chan struct{}), make(chan struct{})}
		m.known[n] = k
	}
	return k
}

// reach is called by the stream's reader at a mark. It returns when what was said with it has been passed on.
func (m *marks) reach(n int) {
	m.mu.Lock()
	if m.over || n <= m.passed {
		m.mu.Unlock()
		return
	}
	k := m.at(n)
	m.mu.Unlock()
	close(k.seen)
	<-k.passed
}

// await waits until the stream has come to a mark, so that what was said with it may be passed on. Then pass is called.
func (m *marks) await(n int) {
	m.mu.Lock()
	k := m.at(n)
	m.mu.Unlock()
	for {
		select {
		case <-k.seen:
			return
		case <-time.After(silence / 4):
		}
		m.mu.Lock()
		silent := !m.idle.IsZero() && time.Since(m.idle) > silence
		m.mu.Unlock()
		if silent {
			return
		}
	}
}

// pass lets the stream's reader go on behind a mark.
func (m *marks) pass(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.passed = n
	if k, ok := m.known[n]; ok {
		close(k.passed)
		delete(m.known, n)
	}
}

// end is called when there will be no more replies.
func (m *marks) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	for _, k := range m.known {
		close(k.passed)
	}
	m.known = nil
}

// waits notes whether the stream's reader waits for something to read. At its end it waits for ever.
func (m *marks) waits(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.idle = time.Time{}
	if yes {
		m.idle = time.Now()
	}
}
