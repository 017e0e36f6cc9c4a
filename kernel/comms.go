package kernel

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/cellar-go/cellar/display/comm"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/kernel/session"
)

// settleLimit is how long a cell waits for the comm messages that came before it: a value that a slider sent is there when the cell
// reads it, and a handler that never returns holds up no cell.
const settleLimit = 200 * time.Millisecond

// comms are the open comms of the worker, and the messages for them. Its zero value works.
//
// Messages of one comm are handled one after the other, off the execute path; those of several at the same time.
type comms struct {
	mu      sync.Mutex
	targets map[string]string         // open comm → its target
	makers  map[string]jupyter.Header // comm that the worker opened → the cell that it belongs to
	waiting map[string][]commRequest  // comm → what its goroutine has still to do; a key for each that has one
	pending sync.WaitGroup
	idle    chan struct{} // closed when nothing waits; nil: nothing does
	last    time.Time     // when a message came
}

type commRequest struct {
	message *jupyter.Message
	packet  comm.Packet
}

// put returns true if the comm needs a goroutine that takes.
func (c *comms) put(r commRequest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = map[string][]commRequest{}
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	c.last = time.Now()
	queue, busy := c.waiting[r.packet.ID]
	c.waiting[r.packet.ID] = append(queue, r)
	if !busy {
		c.pending.Add(1)
	}
	return !busy
}

// take returns the comm's next message; without one, its goroutine ends.
func (c *comms) take(id string) (r commRequest, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	queue := c.waiting[id]
	if len(queue) > 0 {
		c.waiting[id] = queue[1:]
		return queue[0], true
	}
	delete(c.waiting, id)
	if len(c.waiting) == 0 {
		close(c.idle)
		c.idle = nil
	}
	c.pending.Done()
	return commRequest{}, false
}

func (c *comms) wait() { c.pending.Wait() }

// settle waits until what has come just now is handled.
func (c *comms) settle(ctx context.Context) {
	c.mu.Lock()
	idle, last := c.idle, c.last
	c.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-ctx.Done():
	case <-time.After(time.Until(last.Add(settleLimit))):
	}
}

// note keeps account of what is open.
func (c *comms) note(p comm.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch p.Kind {
	case comm.KindOpen:
		if c.targets == nil {
			c.targets = map[string]string{}
		}
		c.targets[p.ID] = p.Target
	case comm.KindClose:
		delete(c.targets, p.ID)
		delete(c.makers, p.ID)
	}
}

// opened notes the cell that a comm belongs to.
func (c *comms) opened(p comm.Packet, by jupyter.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.Kind == comm.KindOpen {
		if c.makers == nil {
			c.makers = map[string]jupyter.Header{}
		}
		c.makers[p.ID] = by
	}
}

// maker is the message under which is seen what the handler of a comm prints and shows: that of the cell which opened it, for
// front-ends have no place for what belongs to a comm message. A comm that the front-end opened has none.
func (c *comms) maker(id string, otherwise jupyter.Header) jupyter.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, ok := c.makers[id]; ok {
		return h
	}
	return otherwise
}

// commMessage takes a comm_open, comm_msg or comm_close of the front-end. It does not block.
func (k *kernel) commMessage(ctx context.Context, r *jupyter.Message) {
	var content struct {
		ID     string          `json:"comm_id"`
		Target string          `json:"target_name"`
		Data   json.RawMessage `json:"data"`
	}
	if err := r.Decode(&content); err != nil {
		k.refuse(r, err)
		return
	}
	first := k.comms.put(commRequest{r, comm.Packet{
		Kind: strings.TrimPrefix(r.Header.Type, "comm_"), ID: content.ID, Target: content.Target, Data: content.Data, Metadata: r.Metadata, Buffers: r.Buffers,
	}})
	if first {
		go func() {
			for next, ok := k.comms.take(content.ID); ok; next, ok = k.comms.take(content.ID) {
				k.handleComm(ctx, next)
			}
		}()
	}
}

// handleComm lets the worker handle one message. What nobody takes is answered by comm_close, so that the front-end knows.
func (k *kernel) handleComm(ctx context.Context, r commRequest) {
	parent := r.message.Header
	k.publish(parent, "status", status{"busy"})
	defer k.publish(parent, "status", status{"idle"})
	k.comms.note(r.packet)
	out := &output{kernel: k, parent: k.comms.maker(r.packet.ID, parent)}
	taken, err := k.session.Comm(ctx, r.packet, func(e session.Event) {
		if e.Kind == session.Comm {
			out.flush()
			k.comms.opened(e.Packet, out.parent)
			k.publishComm(parent, e.Packet)
			return
		}
		out.show(e)
	})
	out.flush()
	if err != nil && ctx.Err() == nil {
		k.publish(out.parent, "error", describe(err, ""))
	}
	if !taken && r.packet.Kind != comm.KindClose {
		k.publishComm(parent, comm.Packet{Kind: comm.KindClose, ID: r.packet.ID})
	}
}

// publishComm sends a packet of the worker.
func (k *kernel) publishComm(parent jupyter.Header, p comm.Packet) {
	k.comms.note(p)
	content := map[string]any{"comm_id": p.ID, "data": json.RawMessage("{}")}
	if len(p.Data) > 0 {
		content["data"] = p.Data
	}
	if p.Kind == comm.KindOpen {
		content["target_name"] = p.Target
	}
	m, err := k.server.Session.New("comm_"+p.Kind, content)
	if err == nil {
		m.Parent, m.Metadata, m.Buffers = parent, p.Metadata, p.Buffers
		err = k.server.PublishMessage(m)
	}
	if err != nil {
		k.log("%v", err)
	}
}

// commInfo lists the open comms, of one target or of all.
func (k *kernel) commInfo(r *jupyter.Message) (any, error) {
	var q struct {
		Target string `json:"target_name"`
	}
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	open := map[string]any{}
	k.comms.mu.Lock()
	defer k.comms.mu.Unlock()
	for id, target := range k.comms.targets {
		if q.Target == "" || q.Target == target {
			open[id] = map[string]string{"target_name": target}
		}
	}
	return map[string]any{"status": "ok", "comms": open}, nil
}
