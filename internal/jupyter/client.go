package jupyter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"
)

// ErrClosed: the connection to the kernel is gone, because either side closed it.
var ErrClosed = errors.New("cellar: connection to the kernel is closed")

// Client is a client's side of a connection. All channels are read without pause, into memory: what the kernel sends is never
// held up or lost because the caller is busy.
type Client struct {
	Session *Session

	signer *signer
	peers  map[Channel]*peer
	inbox  map[Channel]*inbox
	beat   chan struct{}
	wg     sync.WaitGroup
}

// Dial connects to a kernel that listens or soon will: it tries again until the context ends.
func Dial(ctx context.Context, c Connection) (*Client, error) {
	signer, err := newSigner(c)
	if err != nil {
		return nil, err
	}
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	cl := &Client{Session: newSession(), signer: signer, peers: map[Channel]*peer{}, inbox: map[Channel]*inbox{}, beat: make(chan struct{}, 1)}
	for _, s := range []struct {
		channel Channel
		kind    zmq4.SocketType
	}{
		{IOPub, zmq4.Sub}, // first, so that the subscription is on its way before any request
		{Shell, zmq4.Dealer},
		{Control, zmq4.Dealer},
		{Stdin, zmq4.Dealer},
		{Heartbeat, zmq4.Req},
	} {
		// Shell and stdin must have one identity: the kernel asks for input under the identity of the request.
		p, err := connect(ctx, c, s.channel, s.kind, cl.Session.ID, keys)
		if err != nil {
			cl.Close()
			return nil, fmt.Errorf("cellar: connect to the kernel's %s socket: %w", s.channel, err)
		}
		cl.peers[s.channel] = p
		cl.wg.Go(p.write)
		if s.channel == Heartbeat {
			cl.wg.Go(func() { cl.readBeats(p) })
			continue
		}
		if s.channel == IOPub {
			p.send([][]byte{{1}}) // subscribe to every topic
		}
		box := &inbox{ready: make(chan struct{}, 1), closed: make(chan struct{})}
		cl.inbox[s.channel] = box
		cl.wg.Go(func() { cl.read(p, box) })
	}
	return cl, nil
}

func connect(ctx context.Context, c Connection, ch Channel, kind zmq4.SocketType, id string, keys *keys) (*peer, error) {
	network, address := c.endpoint(ch)
	var d net.Dialer
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		conn, err := d.DialContext(ctx, network, address)
		if err == nil {
			var p *peer
			if p, err = open(conn, kind, id, false, keys, handshakeTimeout); err == nil {
				return p, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

// Send sends a message on shell, control or stdin. It does not block.
func (c *Client) Send(ch Channel, m *Message) error {
	p := c.peers[ch]
	select {
	case <-p.closed:
		return ErrClosed
	default:
	}
	frames, err := encode(m, c.signer)
	if err != nil {
		return err
	}
	p.send(frames)
	return nil
}

// Request makes a message and sends it; its header is the parent of all that answers it.
func (c *Client) Request(ch Channel, kind string, content any) (Header, error) {
	m, err := c.Session.New(kind, content)
	if err != nil {
		return Header{}, err
	}
	return m.Header, c.Send(ch, m)
}

// Receive returns the next message of shell, control, iopub or stdin; each channel has one receiver at a time. When the kernel has gone, it returns what had come, then
// ErrClosed. Messages with a wrong signature are not returned.
func (c *Client) Receive(ctx context.Context, ch Channel) (*Message, error) {
	box := c.inbox[ch]
	for {
		m, err := box.take()
		if m != nil || err != nil {
			return m, err
		}
		select {
		case <-box.ready:
		case <-box.closed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// WaitReady asks for kernel_info until the kernel has answered and its iopub reaches us, and returns the answer. Kernels that do
// not send iopub_welcome lose what they publish before the subscription has arrived: a busy status proves that it has.
// Nobody else may receive meanwhile. Answers to questions asked more than once may still come later.
func (c *Client) WaitReady(ctx context.Context) (*Message, error) {
	var reply *Message
	heard := false
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		if _, err := c.Request(Shell, "kernel_info_request", struct{}{}); err != nil {
			return nil, err
		}
		round, cancel := context.WithTimeout(ctx, pause)
		for reply == nil && round.Err() == nil {
			m, err := c.Receive(round, Shell)
			if errors.Is(err, ErrClosed) {
				cancel()
				return nil, err
			}
			if m != nil && m.Header.Type == "kernel_info_reply" {
				reply = m
			}
		}
		for reply != nil && !heard && round.Err() == nil {
			m, _ := c.Receive(round, IOPub)
			heard = m != nil && (m.Header.Type == "status" || m.Header.Type == "iopub_welcome")
		}
		cancel()
		if reply != nil && heard {
			return reply, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// Beat sends a heartbeat and waits for its echo.
func (c *Client) Beat(ctx context.Context) error {
	select { // an echo that nobody waited for
	case <-c.beat:
	default:
	}
	p := c.peers[Heartbeat]
	p.send([][]byte{{}, []byte("ping")})
	select {
	case <-c.beat:
		return nil
	case <-p.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) readBeats(p *peer) {
	defer p.close()
	for {
		if _, err := p.receive(); err != nil {
			return
		}
		signal(c.beat)
	}
}

func (c *Client) read(p *peer, box *inbox) {
	defer p.close()
	defer close(box.closed)
	for {
		frames, err := p.receive()
		if err != nil {
			box.fail(err)
			return
		}
		if m, err := decode(frames, c.signer); err == nil {
			box.put(m)
		}
	}
}

// Close closes the sockets, after what is queued has gone out, for a second at most.
func (c *Client) Close() error {
	deadline := time.Now().Add(linger)
	for _, p := range c.peers {
		p.wait(1, time.Until(deadline))
		p.close()
	}
	c.wg.Wait()
	return nil
}

// inbox is a queue without bound.
type inbox struct {
	mu     sync.Mutex
	queue  []*Message
	err    error
	ready  chan struct{}
	closed chan struct{}
}

func (b *inbox) put(m *Message) {
	b.mu.Lock()
	b.queue = append(b.queue, m)
	b.mu.Unlock()
	signal(b.ready)
}

func (b *inbox) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = ErrClosed
	} else {
		err = errors.Join(ErrClosed, err)
	}
	b.err = err
}

// take returns the next message, or the error that ended the queue, or neither when it has to wait.
func (b *inbox) take() (*Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		return nil, b.err
	}
	m := b.queue[0]
	b.queue[0] = nil
	b.queue = b.queue[1:]
	return m, nil
}
