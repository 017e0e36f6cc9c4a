package jupyter

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
)

// Bits of a frame's first byte, and what may be in one; see ZMTP 3.0, "Framing".
const (
	flagMore    = 1
	flagLong    = 2
	flagCommand = 4

	maxMessage   = 1 << 30
	maxFrames    = 1 << 16
	maxHandshake = 1 << 16

	// trickle is how many bytes a peer takes that is only slow, in the time after which one that takes nothing is let go.
	trickle = 1 << 20

	overhead = 64 // bytes that a queued frame takes beyond its own, roughly
)

var (
	errTooLarge = errors.New("cellar: jupyter message is too large")
	errSilent   = errors.New("cellar: handshake: the peer did not say what it is")
)

// peer is one ZMTP connection. Messages are queued by send, and written by one goroutine.
type peer struct {
	conn *zmq4.Conn
	rw   *buffered
	box  *curve // nil: frames go as they are
	id   string // routing identity
	on   *bound // the socket that accepted it
	keep keeper // nil: all frames go into memory

	mu     sync.Mutex
	queue  []outgoing
	queued int64 // bytes in queue and in the writer's hands
	wake   chan struct{}
	room   chan struct{} // signalled when the writer got something out
	closed chan struct{}
	once   sync.Once
}

type outgoing struct {
	frames [][]byte
	pong   []byte // not nil: the answer to a PING
	size   int64
}

// open performs the handshake on a connection within the given time. With keys, the connection is encrypted.
func open(c net.Conn, kind zmq4.SocketType, id string, server bool, keys *keys, timeout time.Duration) (p *peer, err error) {
	// zmq4 panics on malformed metadata and on an unknown socket type, which anybody can send.
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("cellar: handshake: %v", r)
		}
		if e := net.Error(nil); errors.As(err, &e) && e.Timeout() {
			err = errSilent
		}
		if err != nil {
			c.Close()
		}
	}()
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	rw := &buffered{Conn: c}
	rw.r, rw.w = bufio.NewReaderSize(newSocketReader(c), 1<<16), bufio.NewWriterSize(&rw.out, 1<<16)
	rw.out.c = newSocketWriter(c)
	var security zmq4.Security = plain{}
	var box *curve
	if keys != nil {
		box = &curve{keys: keys}
		security = box
	}
	conn, err := zmq4.Open(rw, security, kind, zmq4.SocketIdentity(id), server, nil)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	rw.ready = true
	return &peer{
		conn: conn, rw: rw, box: box, id: conn.Peer.Meta["Identity"],
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), closed: make(chan struct{}),
	}, nil
}

// receive returns the next message; commands after the handshake are answered or left alone.
func (p *peer) receive() ([][]byte, error) {
	for {
		frames, command, err := readMessage(p.rw.r, maxMessage, p.box, p.keep)
		if err != nil {
			return nil, err
		}
		if !command {
			return frames, nil
		}
		// PING has two bytes of time-to-live and a context, which PONG returns.
		if body, ok := cutCommand(frames, zmq4.CmdPing); ok && len(body) >= 2 && p.keepsUp() {
			p.push(outgoing{pong: body[2:], size: overhead + int64(len(body))})
		}
	}
}

// send queues a message. It never blocks.
func (p *peer) send(frames [][]byte) { p.push(outgoing{frames: frames, size: size(frames)}) }

func size(frames [][]byte) (n int64) {
	for _, f := range frames {
		n += overhead + int64(len(f))
	}
	return n
}

// keepsUp closes a peer that does not read the answers to what it sends.
func (p *peer) keepsUp() bool {
	if p.backlog() < queueLimit {
		return true
	}
	p.close()
	return false
}

func (p *peer) push(o outgoing) {
	p.mu.Lock()
	p.queue = append(p.queue, o)
	p.queued += o.size
	p.mu.Unlock()
	signal(p.wake)
}

func (p *peer) backlog() int64 { p.mu.Lock(); defer p.mu.Unlock(); return p.queued }

// wait returns when less than limit bytes are queued; false if the peer takes next to nothing for as long as stall.
func (p *peer) wait(limit int64, stall time.Duration) bool {
	begun, taken := time.Now(), p.rw.out.bytes.Load()
	for p.backlog() >= limit {
		left := stall - time.Since(begun)
		if left <= 0 {
			if p.rw.out.bytes.Load()-taken < trickle {
				return false
			}
			begun, taken, left = time.Now(), p.rw.out.bytes.Load(), stall
		}
		select {
		case <-p.room:
		case <-p.closed:
			return false
		case <-time.After(left):
		}
	}
	return true
}

// write writes what is queued until the peer is closed.
func (p *peer) write() {
	defer p.close()
	for {
		select {
		case <-p.closed:
			return
		case <-p.wake:
		}
		p.mu.Lock()
		batch := p.queue
		p.queue = nil
		p.mu.Unlock()
		for i := range batch {
			var err error
			if batch[i].pong != nil {
				err = p.put(append([]byte("\x04PONG"), batch[i].pong...), flagCommand)
			}
			for n, f := range batch[i].frames {
				flags := byte(flagMore)
				if n == len(batch[i].frames)-1 {
					flags = 0
				}
				if err = p.put(f, flags); err != nil {
					break
				}
			}
			if err == nil && i == len(batch)-1 {
				err = p.rw.w.Flush()
			}
			if err != nil {
				return
			}
			p.mu.Lock()
			p.queued -= batch[i].size
			p.mu.Unlock()
			batch[i] = outgoing{}
			signal(p.room)
		}
	}
}

// put writes one frame; not to be called by two goroutines.
func (p *peer) put(body []byte, flags byte) error {
	if p.box != nil {
		body, flags = p.box.seal(body, flags), 0
	}
	head := []byte{flags, byte(len(body))}
	if len(body) > 255 {
		head = binary.BigEndian.AppendUint64([]byte{flags | flagLong}, uint64(len(body)))
	}
	if _, err := p.rw.w.Write(head); err != nil {
		return err
	}
	_, err := p.rw.w.Write(body)
	return err
}

func (p *peer) close() { p.once.Do(func() { close(p.closed); p.conn.Close() }) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// keeper may take the body of a frame out of the stream and keep it elsewhere; the frame is nil then. frame counts from 0.
type keeper func(frame int, size int64, r io.Reader) (kept bool, err error)

// readMessage reads the frames of one message or command, out of their boxes if there are. A frame's stated length is not believed:
// memory grows as bytes arrive. keep may be nil.
func readMessage(r io.Reader, limit int64, box *curve, keep keeper) (frames [][]byte, command bool, err error) {
	frames = make([][]byte, 0, 8) // as many as a message has, as a rule
	var head [9]byte
	var small []byte // memory for small frames, which are needed as long as each other
	for more := true; more; {
		if _, err := io.ReadFull(r, head[:2]); err != nil {
			return nil, false, err
		}
		size := uint64(head[1])
		if head[0]&flagLong != 0 {
			if _, err := io.ReadFull(r, head[2:]); err != nil {
				return nil, false, err
			}
			size = binary.BigEndian.Uint64(head[1:])
		}
		if size > uint64(limit) || len(frames) == maxFrames {
			return nil, false, errTooLarge
		}
		limit -= int64(size)
		if keep != nil && box == nil {
			kept, err := keep(len(frames), int64(size), r)
			if err != nil {
				return nil, false, err
			}
			if kept {
				frames, more = append(frames, nil), head[0]&flagMore != 0
				continue
			}
		}
		var body []byte
		if size <= smallFrame {
			if len(small) < int(size) {
				small = make([]byte, smallFrames)
			}
			body, small = small[:size:size], small[size:]
			_, err = io.ReadFull(r, body)
		} else {
			body, err = readBody(r, int(size))
		}
		if err != nil {
			return nil, false, err
		}
		flags := head[0]
		if box != nil {
			if body, flags, err = box.unseal(body); err != nil {
				return nil, false, err
			}
		}
		frames = append(frames, body)
		more = flags&flagMore != 0
		command = command || flags&flagCommand != 0
	}
	return frames, command, nil
}

const (
	smallFrame  = 1 << 9
	smallFrames = 768 // about as much as the frames take of a message that shows little
)

func readBody(r io.Reader, size int) ([]byte, error) {
	const step = 1 << 20
	body := make([]byte, min(size, step))
	for at := 0; ; {
		if _, err := io.ReadFull(r, body[at:]); err != nil {
			return nil, err
		}
		if at = len(body); at == size {
			return body, nil
		}
		body = append(body, make([]byte, min(size-at, at))...)
	}
}

// cutCommand returns the body of the command of that name.
func cutCommand(frames [][]byte, name string) ([]byte, bool) {
	if len(frames) != 1 || len(frames[0]) < 1+len(name) || int(frames[0][0]) != len(name) || string(frames[0][1:1+len(name)]) != name {
		return nil, false
	}
	return frames[0][1+len(name):], true
}

// buffered is what zmq4 reads from and writes to: many small writes become one, once the handshake is over.
type buffered struct {
	net.Conn
	r     *bufio.Reader
	w     *bufio.Writer
	out   progress
	ready bool
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

func (b *buffered) Write(p []byte) (int, error) {
	n, err := b.w.Write(p)
	if err == nil && !b.ready {
		err = b.w.Flush()
	}
	return n, err
}

// progress counts what goes out, so that a slow peer can be told from one that stands still.
type progress struct {
	c     io.Writer
	bytes atomic.Int64
}

func (o *progress) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = o.c.Write(p[n:min(len(p), n+1<<18)])
		n += k
		o.bytes.Add(int64(k))
	}
	return n, err
}

// plain is ZMTP's NULL mechanism. zmq4's own believes any length that a peer states before it is known.
type plain struct{}

func (plain) Type() zmq4.SecurityType                    { return zmq4.NullSecurity }
func (plain) Encrypt(w io.Writer, b []byte) (int, error) { return w.Write(b) }
func (plain) Decrypt(w io.Writer, b []byte) (int, error) { return w.Write(b) }

func (plain) Handshake(c *zmq4.Conn, _ bool) error {
	raw, err := c.Meta.MarshalZMTP()
	if err != nil {
		return err
	}
	if err := c.SendCmd(zmq4.CmdReady, raw); err != nil {
		return err
	}
	frames, command, err := readMessage(c, maxHandshake, nil, nil)
	if err != nil {
		return err
	}
	body, ok := cutCommand(frames, zmq4.CmdReady)
	if !command || !ok {
		return zmq4.ErrBadCmd
	}
	return c.Peer.Meta.UnmarshalZMTP(body)
}
