package jupyter

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/cellar-go/cellar/internal/fault"
)

const (
	// queueLimit is how many bytes may wait for one peer before the publisher waits for it.
	queueLimit = 64 << 20
	// stallLimit is how long a peer with a full queue may take next to nothing before it is let go.
	stallLimit = 10 * time.Second
	// earlyLimit is how many published messages are kept for the first subscriber, of queueLimit bytes at most.
	earlyLimit  = 1000
	topicsLimit = 1000 // of one subscriber
	linger      = time.Second
)

// ServerOptions are the options of Listen; the zero value works.
type ServerOptions struct {
	// Bad is told of each message that was refused (a wrong signature, a replay, a broken header), and of each peer (no handshake, a
	// message without end). Default: nobody is.
	Bad func(Channel, error)
}

// Server is the kernel's side of a connection. It answers the heartbeat itself, and greets subscribers with iopub_welcome.
//
// Publishing blocks while a subscriber that still reads has 64 MiB waiting, so that a flood neither loses messages nor eats the
// memory; a subscriber that reads next to nothing for ten seconds with a full queue is disconnected. The others lose nothing by it.
type Server struct {
	Session *Session

	connection Connection
	signer     *signer
	bad        func(Channel, error)
	stall      time.Duration // stallLimit
	requests   map[Channel]chan *Message
	sockets    map[Channel]*bound
	done       chan struct{}
	closing    sync.Once

	publishing  sync.Mutex         // keeps one order for all subscribers
	subscribing sync.Mutex         // guards what follows
	topics      map[*peer][][]byte // what each subscriber wants, as prefixes
	early       [][][]byte         // published before the first subscriber came
	earlySize   int64
	met         bool
}

// Listen opens a kernel's sockets. A port that is 0 is chosen; Connection tells which.
func Listen(c Connection, o ServerOptions) (*Server, error) {
	signer, err := newSigner(c)
	if err != nil {
		return nil, err
	}
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Session: newSession(), connection: c, signer: signer, bad: o.Bad, stall: stallLimit,
		requests: map[Channel]chan *Message{}, sockets: map[Channel]*bound{},
		done: make(chan struct{}), topics: map[*peer][][]byte{},
	}
	for _, ch := range []Channel{Shell, Control, Stdin} {
		s.requests[ch] = make(chan *Message, 16)
	}
	for _, b := range []struct {
		channel  Channel
		kind     zmq4.SocketType
		received func(*peer, [][]byte)
	}{
		{Shell, zmq4.Router, s.request(Shell)},
		{Control, zmq4.Router, s.request(Control)},
		{Stdin, zmq4.Router, s.request(Stdin)},
		{IOPub, zmq4.XPub, s.subscribe},
		{Heartbeat, zmq4.Rep, echo},
	} {
		network, address := s.connection.endpoint(b.channel)
		socket, err := bind(network, address, b.kind, keys, b.received, func(err error) { s.complain(b.channel, err) })
		if err != nil {
			s.Close()
			hint := "look at ip and " + string(b.channel) + "_port in the connection file"
			if errors.Is(err, syscall.EADDRINUSE) {
				hint = "another program uses the port; start the kernel again"
			}
			return nil, fault.New(fault.Environment, hint, "open the kernel's %s socket: %w", b.channel, err)
		}
		s.sockets[b.channel] = socket
		if a, ok := socket.listener.Addr().(*net.TCPAddr); ok {
			*s.connection.port(b.channel) = a.Port
		} else {
			os.Chmod(address, 0o600)
		}
	}
	return s, nil
}

// Connection is where the server listens.
func (s *Server) Connection() Connection { return s.connection }

// Requests are the verified messages of shell, control or stdin, in the order in which they came. The channel stays open when the
// server is closed: wait for Done too.
func (s *Server) Requests(ch Channel) <-chan *Message { return s.requests[ch] }

// Done is closed with the server.
func (s *Server) Done() <-chan struct{} { return s.done }

// Reply answers a request on the channel on which it came (or asks its sender on stdin).
func (s *Server) Reply(ch Channel, request *Message, kind string, content any) error {
	m, err := s.Session.New(kind, content)
	if err != nil {
		return err
	}
	return s.ReplyMessage(ch, request, m)
}

// ReplyMessage sends m in answer to a request; it sets parent and identities.
func (s *Server) ReplyMessage(ch Channel, request, m *Message) error {
	m.Parent, m.Identities, m.from = request.Header, request.Identities, request.from
	return s.Send(ch, m)
}

// Send sends a message on shell, control or stdin to the peer that its identities name.
func (s *Server) Send(ch Channel, m *Message) error {
	if len(m.Identities) == 0 {
		return fmt.Errorf("cellar: send %s: no identity to send to", m.Header.Type)
	}
	frames, err := encode(m, s.signer)
	if err != nil {
		return err
	}
	s.sockets[ch].route(string(frames[0]), m.from, frames[1:])
	return nil
}

// Publish sends content on iopub, with the message whose handling caused it as parent.
func (s *Server) Publish(parent Header, kind string, content any) error {
	m, err := s.Session.New(kind, content)
	if err != nil {
		return err
	}
	m.Parent = parent
	return s.PublishMessage(m)
}

// PublishMessage sends a message on iopub; it sets the topic.
func (s *Server) PublishMessage(m *Message) error {
	m.Identities = [][]byte{[]byte("kernel." + s.Session.ID + "." + m.Header.Type)}
	frames, err := encode(m, s.signer)
	if err != nil {
		return err
	}
	s.publishing.Lock()
	defer s.publishing.Unlock()
	for _, p := range s.audience(frames) {
		p.send(frames)
		if !p.wait(queueLimit, s.stall) {
			p.close()
		}
	}
	return nil
}

// audience returns the subscribers of a message. Until the first has come, messages are kept for it: a client that connects iopub
// and shell at the same moment misses nothing.
func (s *Server) audience(frames [][]byte) []*peer {
	s.subscribing.Lock()
	defer s.subscribing.Unlock()
	if !s.met {
		if n := size(frames); len(s.early) < earlyLimit && s.earlySize+n <= queueLimit {
			s.early, s.earlySize = append(s.early, frames), s.earlySize+n
		}
		return nil
	}
	var to []*peer
	for p, topics := range s.topics {
		select {
		case <-p.closed:
			delete(s.topics, p)
			continue
		default:
		}
		for _, t := range topics {
			if bytes.HasPrefix(frames[0], t) {
				to = append(to, p)
				break
			}
		}
	}
	return to
}

// subscribe reads what a subscriber sends: a byte 1 or 0, then the topic.
func (s *Server) subscribe(p *peer, frames [][]byte) {
	if len(frames) != 1 || len(frames[0]) == 0 {
		return
	}
	s.subscribing.Lock()
	defer s.subscribing.Unlock()
	on, topic := frames[0][0], frames[0][1:]
	switch on {
	case 1:
		if len(s.topics[p]) == topicsLimit {
			p.close()
			return
		}
		s.topics[p] = append(s.topics[p], topic)
		s.welcome(p, topic)
		for _, m := range s.early {
			if bytes.HasPrefix(m[0], topic) {
				p.send(m)
			}
		}
		s.early, s.met = nil, true
	case 0:
		for i, t := range s.topics[p] {
			if bytes.Equal(t, topic) {
				s.topics[p] = append(s.topics[p][:i:i], s.topics[p][i+1:]...)
				break
			}
		}
	}
}

// welcome tells a subscriber that it will miss nothing from here on; see "Welcome message" in the specification.
func (s *Server) welcome(p *peer, topic []byte) {
	m, err := s.Session.New("iopub_welcome", map[string]string{"subscription": string(topic)})
	if err != nil {
		return
	}
	m.Identities = [][]byte{topic}
	if frames, err := encode(m, s.signer); err == nil {
		p.send(frames)
	}
}

func (s *Server) complain(ch Channel, err error) {
	if s.bad != nil {
		s.bad(ch, err)
	}
}

func echo(p *peer, frames [][]byte) {
	if p.keepsUp() {
		p.send(frames)
	}
}

func (s *Server) request(ch Channel) func(*peer, [][]byte) {
	return func(p *peer, frames [][]byte) {
		m, err := decode(frames, s.signer, nil, &headers{})
		if err != nil {
			s.complain(ch, err)
			return
		}
		m.Identities, m.from = append([][]byte{[]byte(p.id)}, m.Identities...), p
		select {
		case s.requests[ch] <- m:
		case <-s.done:
		}
	}
}

// Close sends what is queued, for a second at most, and closes the sockets.
func (s *Server) Close() error {
	s.closing.Do(func() {
		close(s.done)
		var wg sync.WaitGroup
		for _, b := range s.sockets {
			wg.Go(func() { b.close(linger) })
		}
		wg.Wait()
	})
	return nil
}
