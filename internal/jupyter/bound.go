package jupyter

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"
)

// handshakeTimeout is how long a peer may take to say what it is; others are served meanwhile.
const handshakeTimeout = 10 * time.Second

// arrival is how long a message waits for a peer that is known, but has not come to this socket yet.
const arrival = 2 * time.Second

// bound is a listening socket: it accepts peers, reads each in its own goroutine, and finds a peer by its identity (ROUTER).
type bound struct {
	kind     zmq4.SocketType
	listener net.Listener
	keys     *keys                 // nil: not encrypted
	received func(*peer, [][]byte) // called from the peer's goroutine; may block it, and nobody else
	refused  func(error)           // called with what a peer was sent away for

	mu     sync.Mutex
	peers  map[*peer]bool
	routes map[string]*peer
	dials  map[net.Conn]bool // in their handshake
	moved  chan struct{}     // closed, and made anew, when one has left it
	shut   bool
	wg     sync.WaitGroup
}

func bind(network, address string, kind zmq4.SocketType, keys *keys, received func(*peer, [][]byte), refused func(error)) (*bound, error) {
	l, err := net.Listen(network, address)
	if errors.Is(err, syscall.EADDRINUSE) && network == "unix" && deserted(address) {
		os.Remove(address)
		l, err = net.Listen(network, address)
	}
	if err != nil {
		return nil, err
	}
	b := &bound{kind: kind, listener: l, keys: keys, received: received, refused: refused, peers: map[*peer]bool{}, routes: map[string]*peer{}, dials: map[net.Conn]bool{}, moved: make(chan struct{})}
	b.wg.Go(b.accept)
	return b, nil
}

// deserted reports whether a socket's file was left behind by a process that was killed, such as the kernel before a restart.
func deserted(address string) bool {
	c, err := net.Dial("unix", address)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func (b *bound) accept() {
	for {
		c, err := b.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // such as too many open files: it passes
			time.Sleep(50 * time.Millisecond)
			continue
		}
		b.mu.Lock()
		if b.shut {
			b.mu.Unlock()
			c.Close()
			return
		}
		b.dials[c] = true
		b.mu.Unlock()
		b.wg.Go(func() { b.serve(c) })
	}
}

func (b *bound) serve(c net.Conn) {
	p, err := open(c, b.kind, "", true, b.keys, handshakeTimeout)
	b.mu.Lock()
	delete(b.dials, c)
	close(b.moved)
	b.moved = make(chan struct{})
	if err == nil && b.shut {
		p.close()
	}
	if err != nil || b.shut {
		gone := b.shut || errors.Is(err, io.EOF)
		b.mu.Unlock()
		if !gone {
			b.refused(err)
		}
		return
	}
	if p.id == "" {
		p.id = "\x00" + randomHex(4) // as libzmq names peers that have no name
	}
	p.on = b
	b.peers[p] = true
	b.routes[p.id] = p // a peer that comes again takes over from its old connection
	b.mu.Unlock()

	b.wg.Go(p.write)
	for {
		frames, err := p.receive()
		if errors.Is(err, errTooLarge) || errors.Is(err, errCurve) {
			b.refused(err)
		}
		if err != nil {
			break
		}
		b.received(p, frames)
	}
	p.close()
	b.mu.Lock()
	delete(b.peers, p)
	if b.routes[p.id] == p {
		delete(b.routes, p.id)
	}
	b.mu.Unlock()
}

// route sends to the peer of that identity; of several, to the one given, if it is connected here. Like a ROUTER, it forgets a message to
// a peer that has gone. A peer that does not read its replies is let go.
func (b *bound) route(id string, given *peer, frames [][]byte) {
	if p := b.find(id, given); p != nil && p.keepsUp() {
		p.send(frames)
	}
}

// find waits a little for a peer that is known from another socket and may still be on its way to this one: on stdin, a kernel may ask
// as soon as it has got a request on shell.
func (b *bound) find(id string, given *peer) *peer {
	for giveUp := time.Now().Add(arrival); ; {
		b.mu.Lock()
		p, moved := b.routes[id], b.moved
		if b.peers[given] {
			p = given
		}
		hope := p == nil && given != nil && given.on != b && !b.shut
		b.mu.Unlock()
		if !hope {
			return p
		}
		select {
		case <-moved:
		case <-time.After(time.Until(giveUp)):
			return nil
		}
	}
}

// close waits up to linger for what is queued, then closes everything and waits for the goroutines.
func (b *bound) close(linger time.Duration) {
	b.listener.Close()
	b.mu.Lock()
	b.shut = true
	for c := range b.dials {
		c.Close()
	}
	var peers []*peer
	for p := range b.peers {
		peers = append(peers, p)
	}
	b.mu.Unlock()
	deadline := time.Now().Add(linger)
	for _, p := range peers {
		p.wait(1, time.Until(deadline))
		p.close()
	}
	b.wg.Wait()
}
