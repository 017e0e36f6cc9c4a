package jupyter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
)

// ErrClosed: the connection to the kernel is gone, because either side closed it.
var ErrClosed = errors.New("cellar: connection to the kernel is closed")

// Client is a client's side of a connection. All channels are read without pause, into memory: what the kernel sends is never
// held up or lost because the caller is busy.
type Client struct {
	Session *Session
	Skipped []string // identifiers of the messages that WaitReady took in and did not return

	options ClientOptions
	signer  *signer
	peers   map[Channel]*peer
	inbox   map[Channel]*Inbox
	heart   chan *peer         // gives the heartbeat's socket to whoever beats
	unheart context.CancelFunc // ends the attempts to reach it
	beat    chan []byte        // the echo that came last
	beats   uint64             // that were sent
	wg      sync.WaitGroup
}

// ClientOptions are what a client can do otherwise.
type ClientOptions struct {
	// Large is the size in bytes from which the content of iopub messages that aren't encrypted is kept in a file; default: in memory.
	Large int64
	Dir   string // of these files; default os.TempDir
}

// Dial connects to a kernel that listens or soon will: it tries again until the context ends.
func Dial(ctx context.Context, c Connection, o ClientOptions) (*Client, error) {
	signer, err := newSigner(c)
	if err != nil {
		return nil, err
	}
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	cl := &Client{Session: newSession(), options: o, signer: signer, peers: map[Channel]*peer{}, inbox: map[Channel]*Inbox{}, heart: make(chan *peer), beat: make(chan []byte, 1)}
	var beside context.Context
	beside, cl.unheart = context.WithCancel(context.WithoutCancel(ctx))
	for _, s := range []struct {
		channel Channel
		kind    zmq4.SocketType
	}{
		{IOPub, zmq4.Sub}, // first, so that the subscription is on its way before any request
		{Shell, zmq4.Dealer},
		{Control, zmq4.Dealer},
		{Stdin, zmq4.Dealer},
	} {
		// Shell and stdin must have one identity: the kernel asks for input under the identity of the request.
		p, err := connect(ctx, c, s.channel, s.kind, cl.Session.ID, keys)
		if err != nil {
			cl.Close()
			return nil, fmt.Errorf("cellar: connect to the kernel's %s socket: %w", s.channel, err)
		}
		cl.peers[s.channel] = p
		cl.wg.Go(p.write)
		if s.channel == IOPub {
			p.send([][]byte{{1}}) // subscribe to every topic
		}
		box := &Inbox{ready: make(chan struct{}, 1), conn: p.rw.Conn}
		box.rouse = time.AfterFunc(time.Hour, box.wake)
		box.rouse.Stop()
		cl.inbox[s.channel] = box
		cl.wg.Go(func() { cl.read(s.channel, p, box) })
	}
	cl.wg.Go(func() { cl.connectHeart(beside, c, keys) })
	return cl, nil
}

// connectHeart connects to the heartbeat, for which nobody waits: ipykernel goes on without it where another program has taken its port.
func (c *Client) connectHeart(ctx context.Context, to Connection, keys *keys) {
	p, err := connect(ctx, to, Heartbeat, zmq4.Req, c.Session.ID, keys)
	if err != nil {
		return
	}
	c.wg.Go(p.write)
	c.wg.Go(func() { c.readBeats(p) })
	for ctx.Err() == nil {
		select {
		case c.heart <- p:
		case <-ctx.Done():
		}
	}
	p.close()
}

func connect(ctx context.Context, c Connection, ch Channel, kind zmq4.SocketType, id string, keys *keys) (*peer, error) {
	network, address := c.endpoint(ch)
	var d net.Dialer
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		conn, err := d.DialContext(ctx, network, address)
		if err == nil {
			var p *peer
			keep := context.AfterFunc(ctx, func() { conn.Close() })
			if p, err = open(conn, kind, id, false, keys, handshakeTimeout); err == nil && keep() {
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

// Inbox is what has come on shell, control, iopub or stdin. Each has one receiver at a time.
func (c *Client) Inbox(ch Channel) *Inbox { return c.inbox[ch] }

// Receive returns the next message of shell, control, iopub or stdin; each channel has one receiver at a time. When the kernel has gone, it
// returns what had come, then ErrClosed. Messages with a wrong signature are not returned.
func (c *Client) Receive(ctx context.Context, ch Channel) (*Message, error) {
	box := c.inbox[ch]
	for {
		m, err := box.Take()
		if m != nil || err != nil {
			return m, err
		}
		select {
		case <-box.ready:
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
			if m != nil {
				c.Skipped = append(c.Skipped, m.Header.ID)
			}
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

// Beat sends a heartbeat and waits for an answer that is not the echo of an earlier one. Nobody else may do so meanwhile.
func (c *Client) Beat(ctx context.Context) error {
	c.beats++
	number := strconv.AppendUint(nil, c.beats, 10)
	var p *peer
	select {
	case p = <-c.heart:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.send([][]byte{{}, number})
	for {
		select {
		case echo := <-c.beat:
			if n, err := strconv.ParseUint(string(echo), 10, 64); err != nil || n >= c.beats { // evcxr answers "ping", whatever it was sent
				return nil
			}
		case <-p.closed:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *Client) readBeats(p *peer) {
	defer p.close()
	for {
		frames, err := p.receive()
		if err != nil {
			return
		}
		select { // only the newest counts
		case <-c.beat:
		default:
		}
		c.beat <- frames[len(frames)-1]
	}
}

func (c *Client) read(ch Channel, p *peer, box *Inbox) {
	defer p.close()
	var large *Large // of the message that is being read
	if ch == IOPub && c.options.Large > 0 {
		p.keep = func(frame int, size int64, r io.Reader) (kept bool, err error) {
			if frame != 1+contentFrame || size < c.options.Large { // the topic is the only identity
				return false, nil
			}
			large, err = keepLarge(c.options.Dir, r, size)
			return true, err
		}
	}
	var before headers
	for {
		large = nil
		frames, err := p.receive()
		if err != nil {
			box.fail(err)
			return
		}
		came := time.Now()
		m, err := decode(frames, c.signer, large, &before)
		if err == nil {
			m.Came = came
			for _, f := range frames {
				m.Size += int64(len(f))
			}
			if large != nil {
				m.Size += large.Size()
			}
			box.put(m)
		} else if large != nil {
			large.Close()
		}
	}
}

// ErrNotKept: a large message could not be written into its file, so that the connection can't be read on. Such an error is ErrClosed, too.
var ErrNotKept = errors.New("cellar: keep a large message")

type notKept struct{ error }

func (e notKept) Error() string        { return ErrNotKept.Error() + ": " + e.error.Error() }
func (e notKept) Is(target error) bool { return target == ErrNotKept || target == ErrClosed }
func (e notKept) Unwrap() error        { return e.error }

// keepLarge copies a frame into a file without a name.
func keepLarge(dir string, r io.Reader, size int64) (*Large, error) {
	f, err := os.CreateTemp(dir, "message-*")
	if err != nil {
		return nil, notKept{err}
	}
	os.Remove(f.Name())
	if _, err := io.CopyN(f, r, size); err != nil {
		f.Close()
		if file := (*fs.PathError)(nil); errors.As(err, &file) {
			return nil, notKept{err}
		}
		return nil, err
	}
	return &Large{io.NewSectionReader(f, 0, size), f}, nil
}

// Close closes the sockets, after what is queued has gone out, for a second at most.
func (c *Client) Close() error {
	c.unheart()
	deadline := time.Now().Add(linger)
	for _, p := range c.peers {
		p.wait(1, time.Until(deadline))
		p.close()
	}
	c.wg.Wait()
	return nil
}

// Inbox is a queue of messages, without bound.
type Inbox struct {
	mu    sync.Mutex
	queue []*Message
	err   error
	ready chan struct{}

	conn  net.Conn
	rests atomic.Bool
	rouse *time.Timer // ends a rest
}

// Rest leaves what comes next in the socket for the time d, unless much comes, so that it is read at once: each message by itself would wake the
// process, which takes more time than to read it. 0 ends the rest. On systems that can't do that there is none.
func (b *Inbox) Rest(d time.Duration) {
	if d == 0 {
		b.rouse.Stop()
		b.wake()
		return
	}
	lowWater(b.conn, restless)
	b.rests.Store(true)
	b.rouse.Reset(d)
}

func (b *Inbox) wake() {
	if b.rests.Swap(false) {
		lowWater(b.conn, 1)
	}
}

// restless is how many bytes are much at once.
const restless = 1 << 14

func (b *Inbox) put(m *Message) {
	b.mu.Lock()
	b.queue = append(b.queue, m)
	b.mu.Unlock()
	signal(b.ready)
}

func (b *Inbox) fail(err error) {
	b.mu.Lock()
	switch {
	case errors.Is(err, ErrClosed): // and more
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		err = ErrClosed
	default:
		err = errors.Join(ErrClosed, err)
	}
	b.err = err
	b.mu.Unlock()
	signal(b.ready)
}

// Ready is signalled when Take may have something again.
func (b *Inbox) Ready() <-chan struct{} { return b.ready }

// Take returns the next message, or the error that ended the queue, or neither when nothing has come.
func (b *Inbox) Take() (*Message, error) {
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
