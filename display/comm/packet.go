package comm

import "encoding/json"

// Kinds of packets.
const (
	KindOpen    = "open"
	KindMessage = "msg"
	KindClose   = "close"
)

// Packet is a message on its way between the program that runs the cells and the kernel.
type Packet struct {
	Kind     string          `json:"kind"`
	ID       string          `json:"id"`
	Target   string          `json:"target,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Buffers  [][]byte        `json:"buffers,omitempty"`
}

// SetTransport says where packets go from now on. The program that runs the cells calls it, not the cells.
func SetTransport(f func(Packet)) { mu.Lock(); defer mu.Unlock(); send = f }

// Control is the target over which front-ends ask for the states of widgets: no code of a user's hears of it.
const Control = "jupyter.widget.control"

// Expects reports whether a front-end's message may come to a user's code: a comm is open, or one can be opened.
func Expects() bool {
	mu.Lock()
	defer mu.Unlock()
	for target := range targets {
		if target != Control {
			return true
		}
	}
	for _, c := range comms {
		if c.target != Control {
			return true
		}
	}
	return false
}

// Connected reports whether somebody may be at the other end.
func Connected() bool { mu.Lock(); defer mu.Unlock(); return send != nil }

// Deliver hands a packet of the front-end to its handler, which runs in the calling goroutine. It reports whether there was somebody
// to take it: a target of that name, or an open comm. Packets of one comm are delivered one at a time.
func Deliver(p Packet) bool {
	m := Message{Data: p.Data, Buffers: p.Buffers}
	if len(p.Metadata) > 0 && json.Unmarshal(p.Metadata, &m.Metadata) != nil {
		m.Metadata = nil
	}
	mu.Lock()
	accept, c := targets[p.Target], comms[p.ID]
	if p.Kind == KindOpen && accept != nil {
		c = &Comm{id: p.ID, target: p.Target}
		comms[p.ID] = c
	}
	mu.Unlock()
	if c == nil {
		return false
	}
	switch p.Kind {
	case KindOpen:
		if accept == nil {
			return false
		}
		accepted := false
		defer func() {
			if !accepted { // it panicked: the front-end must not believe that somebody is there
				c.Close(Message{})
			}
		}()
		accept(c, m)
		accepted = true
	case KindMessage:
		c.mu.Lock()
		if c.waiting = append(c.waiting, m); len(c.waiting) > waitingLimit {
			c.waiting = c.waiting[1:]
		}
		c.mu.Unlock()
		c.hand()
	case KindClose:
		c.forget()
		c.mu.Lock()
		closed := c.closed
		c.mu.Unlock()
		if closed != nil {
			closed(m)
		}
	}
	return true
}
