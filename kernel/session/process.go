package session

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/display/comm"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// process is a running worker.
type process struct {
	cmd      *exec.Cmd
	requests *json.Encoder
	stdin    io.WriteCloser
	mu       sync.Mutex // guards requests, stdin, emit, handlers, comms, waiting, nextID
	nextID   int
	waiting  map[int]chan wire.Reply
	ending   sync.Mutex                         // held while stdin is at its end
	emitting sync.Mutex                         // held while an event is passed on
	emit     func(Event)                        // where output of the running cell goes; nil: between cells
	between  func(Event)                        // where output goes that is nobody's
	handlers map[int]func(Event)                // where the output of those goes that handle a message of the front-end
	comms    map[string]bool                    // the open ones
	called   func(id int, m string, arg []byte) // answers the worker's calls

	polls          bool // its loops may poll
	stdout, stderr marks
	pending        sync.WaitGroup // readers

	dead  chan struct{} // closed when the process is gone and all it wrote is read
	state *os.ProcessState
	crash bytes.Buffer
	why   string // the session itself ended it; guarded by its mu
	last  string // what the runtime wrote to stderr at the end
}

// lastWords is where in stderr the runtime begins to say why it gives up. That is held back until it is known whether it did.
func lastWords(b []byte) int {
	first := -1
	found := func(i int) {
		if first < 0 || i < first {
			first = i
		}
	}
	line := b[bytes.LastIndexByte(b, '\n')+1:]
	for _, words := range []string{"panic: ", "fatal error: ", "runtime: goroutine stack exceeds", "SIGSEGV: ", "SIGABRT: ", "SIGBUS: ", "SIGFPE: ", "SIGILL: "} {
		if bytes.HasPrefix(b, []byte(words)) {
			return 0
		}
		if i := bytes.Index(b, []byte("\n"+words)); i >= 0 {
			found(i + 1)
		}
		if len(line) > 0 && strings.HasPrefix(words, string(line)) {
			found(len(b) - len(line))
		}
	}
	return first
}

// startProcess starts a worker in dir and waits for its first word.
func startProcess(program, dir string, env []string, between func(Event), called func(int, string, []byte)) (*process, error) {
	var nonce [8]byte
	rand.Read(nonce[:])
	word := hex.EncodeToString(nonce[:])
	p := &process{waiting: map[int]chan wire.Reply{}, between: between, called: called, dead: make(chan struct{}),
		handlers: map[int]func(Event){}, comms: map[string]bool{}}
	p.cmd = exec.Command(program)
	p.cmd.Dir = dir
	p.cmd.Env = append(append([]string{}, env...), wire.Nonce+"="+word)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C in the kernel's terminal is for the kernel
	var files []*os.File
	pipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, nil
		}
		files = append(files, r, w)
		return r, w
	}
	inR, inW := pipe()
	reqR, reqW := pipe()
	repR, repW := pipe()
	outR, outW := pipe()
	errR, errW := pipe()
	crashR, crashW := pipe()
	if len(files) < 12 {
		for _, f := range files {
			f.Close()
		}
		return nil, errors.New("cellar: session: no more pipes: too many open files")
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = inR, outW, errW
	p.cmd.ExtraFiles = []*os.File{reqR, repW, crashW}
	err := p.cmd.Start()
	for _, f := range []*os.File{inR, reqR, repW, outW, errW, crashW} {
		f.Close()
	}
	if err != nil {
		for _, f := range []*os.File{inW, reqW, repR, outR, errR, crashR} {
			f.Close()
		}
		return nil, fmt.Errorf("cellar: start the session's worker: %w", err)
	}
	p.stdin, p.requests = inW, json.NewEncoder(reqW)
	ready := make(chan wire.Reply, 1)
	p.waiting[0] = ready
	readers := []func(){
		func() { p.readReplies(repR) },
		func() { p.readOutput(outR, word, Stdout, &p.stdout) },
		func() { p.readOutput(errR, word, Stderr, &p.stderr) },
		func() { p.readCrash(crashR) },
	}
	for _, read := range readers {
		p.pending.Add(1)
		go func() { defer p.pending.Done(); read() }()
	}
	go func() {
		p.cmd.Wait()
		p.state = p.cmd.ProcessState
		over := make(chan struct{})
		go func() { p.pending.Wait(); close(over) }()
		select {
		case <-over:
		case <-time.After(2 * time.Second): // a child of the worker holds the pipes open
			for _, f := range []*os.File{repR, outR, errR, crashR} {
				f.Close()
			}
			<-over
		}
		p.input().Close()
		reqW.Close()
		p.closeComms()
		close(p.dead)
	}()
	select {
	case r := <-ready:
		p.polls = r.Polls
		return p, nil
	case <-p.dead:
		return nil, fmt.Errorf("cellar: the session's worker did not start: %v: %s", p.state, p.crash.String())
	}
}

// input is where what the user types goes.
func (p *process) input() io.WriteCloser { p.mu.Lock(); defer p.mu.Unlock(); return p.stdin }

// endInput lets the worker read the end of its stdin. That is a pipe, whose readers are at its end while nobody can write to it: its only writer
// goes, until the worker says that the end was seen, and another comes.
func (p *process) endInput() error {
	p.ending.Lock()
	defer p.ending.Unlock()
	p.input().Close()
	select {
	case <-p.request(wire.Request{Op: "end"}):
	case <-p.dead:
		return nil
	}
	w, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/0", p.cmd.Process.Pid), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("cellar: session: the worker's stdin: %w", err)
	}
	p.mu.Lock()
	p.stdin = w
	p.mu.Unlock()
	p.tell(wire.Request{Op: "input"})
	return nil
}

// request sends r and gives the channel on which its reply comes.
func (p *process) request(r wire.Request) <-chan wire.Reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ask(r)
}

// handle sends a packet to its handler, whose output goes to sink until over is called.
func (p *process) handle(packet comm.Packet, sink func(Event)) (replies <-chan wire.Reply, over func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.track(packet)
	replies = p.ask(wire.Request{Op: "comm", Comm: &packet})
	id := p.nextID
	p.handlers[id] = sink
	return replies, func() { p.mu.Lock(); defer p.mu.Unlock(); delete(p.handlers, id) }
}

func (p *process) ask(r wire.Request) <-chan wire.Reply {
	p.nextID++
	r.ID = p.nextID
	c := make(chan wire.Reply, 1)
	p.waiting[r.ID] = c
	p.requests.Encode(r)
	return c
}

func (p *process) tell(r wire.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests.Encode(r)
}

// setEmit says where output of the running cell goes from now on (nil: none runs), after first has had its turn.
func (p *process) setEmit(f func(Event), first func()) {
	p.emitting.Lock()
	defer p.emitting.Unlock()
	first()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emit = f
}

// send passes on an event of a handler (0: of no handler), in order. Text says not whose it is: while no cell runs, it is the latest
// handler's. A question may take long, and nothing has to wait for it.
func (p *process) send(handler int, e Event) {
	if e.Kind != Input {
		p.emitting.Lock()
		defer p.emitting.Unlock()
	}
	p.mu.Lock()
	emit := p.handlers[handler]
	if emit == nil {
		emit = p.emit
	}
	if text := e.Kind == Stdout || e.Kind == Stderr; emit == nil && text && len(p.handlers) > 0 {
		emit = p.handlers[slices.Max(slices.Collect(maps.Keys(p.handlers)))]
	}
	if emit == nil {
		emit = p.between
	}
	if e.Kind == Comm {
		p.track(e.Packet)
	}
	p.mu.Unlock()
	emit(e)
}

// track keeps account of the open comms.
func (p *process) track(packet comm.Packet) {
	switch packet.Kind {
	case comm.KindOpen:
		p.comms[packet.ID] = true
	case comm.KindClose:
		delete(p.comms, packet.ID)
	}
}

func (p *process) forget(id string) { p.mu.Lock(); defer p.mu.Unlock(); delete(p.comms, id) }

// closeComms tells the front-end that the process's end of each comm is gone.
func (p *process) closeComms() {
	p.mu.Lock()
	open := slices.Sorted(maps.Keys(p.comms))
	p.mu.Unlock()
	for _, id := range open {
		p.between(Event{Kind: Comm, Packet: comm.Packet{Kind: comm.KindClose, ID: id}})
	}
}

// lastStacks is how much of the stacks of a dying worker is waited for, once that of the goroutine that ended it is there: of many goroutines the
// runtime writes for minutes.
const lastStacks = 64 << 10

// readCrash takes the runtime's last words.
func (p *process) readCrash(r *os.File) {
	defer r.Close()
	for buffer := make([]byte, lastStacks); ; {
		n, err := r.Read(buffer)
		p.crash.Write(buffer[:n])
		if err != nil {
			return
		}
		if p.crash.Len() > lastStacks && bytes.Count(p.crash.Bytes(), []byte("\n\ngoroutine ")) > 1 {
			p.cmd.Process.Kill()
		}
	}
}

func (p *process) readReplies(r *os.File) {
	defer r.Close()
	defer p.stderr.end()
	defer p.stdout.end()
	for d := json.NewDecoder(r); ; {
		var reply wire.Reply
		if err := d.Decode(&reply); err != nil {
			if !errors.Is(err, io.EOF) { // nothing that it says is understood any more: whoever waits for it must hear of its end
				go p.kill()
			}
			return
		}
		if reply.Mark > 0 {
			p.stdout.await(reply.Mark)
			if reply.Op == "done" || reply.Op == "call" { // it is in stderr too
				p.stderr.await(reply.Mark)
			}
		}
		p.take(reply)
		if reply.Mark > 0 {
			p.stdout.pass(reply.Mark)
			p.stderr.pass(reply.Mark)
		}
	}
}

// take passes on what the worker says, in its place in the output.
func (p *process) take(reply wire.Reply) {
	switch reply.Op {
	case "display":
		p.send(reply.Handler, Event{Kind: Display, Bundle: *reply.Bundle})
	case "comm":
		p.send(reply.Handler, Event{Kind: Comm, Packet: *reply.Comm})
	case "input":
		go p.send(0, Event{Kind: Input}) // it waits for the user; others go on
	case "goroutine":
		text := "a goroutine of the session ended with a panic: " + newPanic(reply.Panic).Error()
		if reply.Panic.Ended {
			e := newPanic(reply.Panic)
			text = (&EndedError{e.Value, e.Frames}).Error()
		}
		p.send(0, Event{Kind: Stderr, Text: text + "\n"})
	case "stuck":
		p.send(0, Event{Kind: Stderr, Text: reply.Left + ": the cell waits, and so does every goroutine of the session: only a message of the front-end, a thread of C, or an interrupt will wake it\n"})
	case "call":
		go p.called(reply.ID, reply.Method, reply.Data)
	default:
		p.mu.Lock()
		c := p.waiting[reply.ID]
		delete(p.waiting, reply.ID)
		p.mu.Unlock()
		if c != nil {
			c <- reply
		}
	}
}

// readOutput passes on what the worker writes, cut at its marks, never within a character.
func (p *process) readOutput(r *os.File, nonce string, kind EventKind, marks *marks) {
	defer r.Close()
	defer marks.waits(true)
	prefix := []byte(wire.MarkPrefix(nonce))
	buffer := make([]byte, 64<<10)
	var held []byte
	for {
		marks.waits(true)
		n, err := r.Read(buffer)
		marks.waits(false)
		held = append(held, buffer[:n]...)
		for {
			i := bytes.Index(held, prefix)
			if i < 0 {
				break
			}
			end := bytes.IndexByte(held[i+len(prefix):], '\\')
			if end < 0 {
				break
			}
			p.write(kind, held[:i])
			var number int
			fmt.Sscanf(string(held[i+len(prefix):]), "%d", &number)
			marks.reach(number)
			held = held[i+len(prefix)+end+1:]
		}
		whole := len(held)
		if err == nil {
			whole = complete(held, prefix)
		}
		if kind == Stderr {
			if i := lastWords(held); i >= 0 && i < whole {
				whole = i
				if err != nil { // the process's end is told by its error
					p.last = string(held[i:])
					held = held[:i]
				}
			}
		}
		p.write(kind, held[:whole])
		held = append(held[:0:0], held[whole:]...)
		if err != nil {
			return
		}
	}
}

// complete is how much of b can be passed on: not the begin of a mark, of a character, or of a generation's suffix.
func complete(b, prefix []byte) int {
	if i := bytes.LastIndexByte(b, prefix[0]); i >= 0 && (bytes.HasPrefix(b[i:], prefix) || bytes.HasPrefix(prefix, b[i:])) {
		return i
	}
	n := len(b)
	for i := 1; i <= 3 && i <= n; i++ {
		if c := b[n-i]; c >= 0xC0 {
			if size := map[bool]int{true: 2}[c < 0xE0] + map[bool]int{true: 3}[c >= 0xE0 && c < 0xF0] + map[bool]int{true: 4}[c >= 0xF0]; i < size {
				return n - i
			}
			break
		} else if c < 0x80 {
			break
		}
	}
	if i := bytes.LastIndex(b, []byte(mark)); i >= 0 && strings.Trim(string(b[i+len(mark):]), "0123456789_") == "" {
		return i
	}
	return n
}

func (p *process) write(kind EventKind, b []byte) {
	if len(b) > 0 {
		p.send(0, Event{Kind: kind, Text: plainNames(string(b))})
	}
}

func (p *process) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.dead
}
