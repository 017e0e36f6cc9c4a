// Package comm lets the code of a notebook talk with code in the front-end, both ways: what widgets are made of.
//
// It depends on the standard library alone, as display does. In the live session messages travel as the "Custom messages" of the
// Jupyter messaging specification; in a step or an ordinary program nobody is at the other end, and they go nowhere. It knows
// nothing of widgets. Start reading at Open and Register.
package comm

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// Message is what goes over a comm.
type Message struct {
	Data     any            // encodes as JSON; of a message that came it is a json.RawMessage: see Decode
	Metadata map[string]any // may be nil
	Buffers  [][]byte       // binary, beside the JSON
}

// Decode fills v from the data of a message that came.
func (m Message) Decode(v any) error {
	raw, err := json.Marshal(m.Data)
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		return fmt.Errorf("cellar: read comm data: %w", err)
	}
	return nil
}

// Comm is a connection to one object in the front-end. Its methods may be called from any goroutine.
type Comm struct {
	id, target string

	mu      sync.Mutex
	over    bool
	message func(Message)
	closed  func(Message)
	waiting []Message // came before there was a handler
	handing bool      // a goroutine hands the waiting ones over
}

// waitingLimit is how many messages wait for OnMessage; a comm that only sends keeps no more.
const waitingLimit = 1000

var (
	mu      sync.Mutex
	targets = map[string]func(*Comm, Message){}
	comms   = map[string]*Comm{}
	send    func(Packet) // nil: nobody is there
)

// ErrClosed is returned by Send when either side has closed the comm.
var ErrClosed = errors.New("cellar: the comm is closed")

// Open opens a comm to the target that the front-end knows by that name. Messages that the front-end sends wait for OnMessage.
func Open(target string, open Message) (*Comm, error) {
	var id [16]byte
	rand.Read(id[:])
	c := &Comm{id: hex.EncodeToString(id[:]), target: target}
	mu.Lock()
	comms[c.id] = c
	mu.Unlock()
	if err := c.transmit(KindOpen, open); err != nil {
		c.forget()
		return nil, err
	}
	return c, nil
}

// Register names a function that takes the comms which the front-end opens to target, with the message that opens each. It sets
// the handlers of the comm before it returns. A nil function takes the name back.
func Register(target string, accept func(c *Comm, open Message)) {
	mu.Lock()
	defer mu.Unlock()
	if accept == nil {
		delete(targets, target)
		return
	}
	targets[target] = accept
}

// ID is the comm's name, the same on both sides (a widget's model_id).
func (c *Comm) ID() string { return c.id }

// Target is the name it was opened to.
func (c *Comm) Target() string { return c.target }

// Send sends a message. Its error is ErrClosed, or that the data does not encode as JSON.
func (c *Comm) Send(m Message) error {
	c.mu.Lock()
	over := c.over
	c.mu.Unlock()
	if over {
		return ErrClosed
	}
	return c.transmit(KindMessage, m)
}

// Close closes the comm, with a last message; the other side's handler of the end gets it. Closing it again does nothing.
func (c *Comm) Close(last Message) error {
	if !c.forget() {
		return nil
	}
	return c.transmit(KindClose, last)
}

// OnMessage says what handles the front-end's messages: one after the other, in a goroutine that is not the cell's, also while a
// cell runs. What f prints and shows belongs to the message that it handles, and a panic in it is reported.
func (c *Comm) OnMessage(f func(Message)) {
	c.mu.Lock()
	c.message = f
	c.mu.Unlock()
	c.hand()
}

// OnClose says what is called when the front-end closes the comm.
func (c *Comm) OnClose(f func(Message)) { c.mu.Lock(); defer c.mu.Unlock(); c.closed = f }

// hand gives the waiting messages to the handler, unless another goroutine is at it: so they keep their order.
func (c *Comm) hand() {
	c.mu.Lock()
	if c.handing {
		c.mu.Unlock()
		return
	}
	c.handing = true
	defer func() { c.handing = false; c.mu.Unlock() }() // locked here, even when the handler panics
	for len(c.waiting) > 0 && c.message != nil {
		f, m := c.message, c.waiting[0]
		c.waiting = c.waiting[1:]
		func() {
			c.mu.Unlock()
			defer c.mu.Lock()
			f(m)
		}()
	}
}

// forget reports whether the comm was open until now.
func (c *Comm) forget() bool {
	mu.Lock()
	delete(comms, c.id)
	mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	was := !c.over
	c.over = true
	return was
}

func (c *Comm) transmit(kind string, m Message) error {
	p := Packet{Kind: kind, ID: c.id, Target: c.target, Buffers: m.Buffers}
	var err error
	if m.Data == nil {
		m.Data = struct{}{}
	}
	if p.Data, err = json.Marshal(m.Data); err == nil && m.Metadata != nil {
		p.Metadata, err = json.Marshal(m.Metadata)
	}
	if err != nil {
		return fmt.Errorf("cellar: send over comm %s: %w", c.target, err)
	}
	mu.Lock()
	out := send
	mu.Unlock()
	if out != nil {
		out(p)
	}
	return nil
}
