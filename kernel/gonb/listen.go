package gonb

import (
	"encoding/base64"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/internal/fault"
)

// Handler is who gets what programs say.
type Handler struct {
	Show func(display.Bundle)
	// Prompt is what the next question for a line of standard input is to say.
	Prompt func(prompt string, password bool)
	// Refuse hears, once, of something that can't be done: a sentence.
	Refuse func(string)
}

// Pipes are two named pipes on which one program talks to the kernel.
type Pipes struct {
	from, to string
	handler  Handler
	known    map[string]bool // names of displays that have been shown
	refused  bool

	closed atomic.Bool
	done   chan struct{}

	mu     sync.Mutex
	reader *os.File // of the program that is connected
	idle   bool     // all that has been read is handed over
}

var made atomic.Int64

// Listen makes the pipes in a folder and waits for a program. A stream of gob is one program's: the next one needs other pipes.
func Listen(dir string, h Handler) (*Pipes, error) {
	n := made.Add(1)
	p := &Pipes{from: filepath.Join(dir, fmt.Sprintf("pipe%d", n)), to: filepath.Join(dir, fmt.Sprintf("pipe%d_back", n)), handler: h, known: map[string]bool{}, done: make(chan struct{})}
	for _, name := range []string{p.from, p.to} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			return nil, fault.New(fault.Storage, "free some room, or set TMPDIR", "make the pipe %s: %w", name, err)
		}
	}
	go p.serve()
	return p, nil
}

// Env are the variables by which gonbui finds the pipes.
func (p *Pipes) Env() []string { return []string{pipeEnv + "=" + p.from, backEnv + "=" + p.to} }

// Close ends the listening and removes the pipes.
func (p *Pipes) Close() {
	defer os.Remove(p.from)
	defer os.Remove(p.to)
	p.closed.Store(true)
	p.mu.Lock()
	reader := p.reader
	p.mu.Unlock()
	if reader != nil {
		reader.Close()
	}
	for {
		f, err := os.OpenFile(p.from, os.O_WRONLY|syscall.O_NONBLOCK, 0) // ends an opening that waits
		if err == nil {
			f.Close()
		} else if errors.Is(err, fs.ErrNotExist) { // somebody has removed the folder, and nothing reaches the opening any more
			return
		}
		select {
		case <-p.done:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// Drain waits until all that the program has written is handed over. A program writes a message before it goes on.
func (p *Pipes) Drain() {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		p.mu.Lock()
		over := p.reader == nil || p.idle && waiting(p.reader) == 0
		p.mu.Unlock()
		if over {
			return
		}
	}
}

// waiting is how many bytes lie in a pipe.
func waiting(f *os.File) (n int) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	c.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}

func (p *Pipes) serve() {
	defer close(p.done)
	if f, err := os.Open(p.from); err == nil { // waits for the program
		if !p.closed.Load() {
			p.connect(f)
		}
		f.Close()
	}
}

// Read notes, in one step with the reading, when nothing is left to hand over: gob reads on only then.
func (p *Pipes) Read(b []byte) (n int, err error) {
	c, err := p.reader.SyscallConn()
	if err != nil {
		return 0, err
	}
	wait := c.Read(func(fd uintptr) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for {
			if n, err = unix.Read(int(fd), b); err != unix.EINTR {
				break
			}
		}
		p.idle = err == unix.EAGAIN
		return !p.idle
	})
	switch {
	case wait != nil:
		return 0, wait
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (p *Pipes) connect(f *os.File) {
	p.mu.Lock()
	p.reader = f
	p.mu.Unlock()
	replies, gone := make(chan value, 100), make(chan struct{})
	var back sync.WaitGroup
	back.Go(func() { p.answer(replies, gone) })
	for d := gob.NewDecoder(p); ; {
		var m message
		if d.Decode(&m) != nil { // the program has ended, or says what is no message
			break
		}
		p.take(m, replies)
	}
	p.mu.Lock()
	p.reader = nil
	p.mu.Unlock()
	close(gone)
	close(replies)
	back.Wait()
}

// answer writes to the program. That opens the way back right after the way here, and waits for the other end of it.
func (p *Pipes) answer(replies <-chan value, gone <-chan struct{}) {
	f, err := p.openBack(gone)
	if err != nil {
		for range replies {
		}
		return
	}
	defer f.Close()
	for encoder := gob.NewEncoder(f); ; {
		r, ok := <-replies
		if !ok {
			return
		}
		encoder.Encode(&r) // one that has gone wants no answer
	}
}

// openBack opens the pipe to the program without waiting for one that never reads.
func (p *Pipes) openBack(gone <-chan struct{}) (*os.File, error) {
	for {
		f, err := os.OpenFile(p.to, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if !errors.Is(err, syscall.ENXIO) {
			return f, err
		}
		select {
		case <-gone:
			return nil, err
		case <-time.After(time.Millisecond):
		}
	}
}

func (p *Pipes) take(m message, replies chan<- value) {
	switch {
	case m.Data[mimeInput] != nil:
		if q, ok := m.Data[mimeInput].(inputRequest); ok && p.handler.Prompt != nil {
			p.handler.Prompt(q.Prompt, q.Password)
		}
	case m.Data[mimeComm] != nil:
		v, ok := m.Data[mimeComm].(value)
		if ok && v.Address == syncAddress {
			replies <- value{Address: syncAckAddress, Value: v.Value}
			return
		}
		p.refuse()
	case m.Data[mimeSubscribe] != nil:
		p.refuse()
	default:
		p.show(m)
	}
}

func (p *Pipes) refuse() {
	if !p.refused && p.handler.Refuse != nil {
		p.handler.Refuse("GoNB's widgets talk to the browser in a way of their own, which this kernel does not serve: a cell that waits for one does not go on.")
	}
	p.refused = true
}

func (p *Pipes) show(m message) {
	b := display.Bundle{Data: map[string]any{}, Metadata: m.Metadata, ID: m.DisplayID, Update: p.known[m.DisplayID]}
	for mime, v := range m.Data {
		switch x := v.(type) {
		case []byte:
			v = base64.StdEncoding.EncodeToString(x)
		case fmt.Stringer:
			v = x.String()
		}
		b.Data[mime] = v
	}
	if m.DisplayID != "" {
		p.known[m.DisplayID] = true
	}
	p.handler.Show(b)
}
