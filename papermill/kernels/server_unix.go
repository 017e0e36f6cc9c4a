//go:build unix

package kernels

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
)

// server is a Python process that forks kernels; launcher.py says what goes over the connection.
type server struct {
	cmd   *exec.Cmd
	conn  net.Conn
	ready chan struct{} // closed when it forks, or never will
	gone  chan struct{} // closed when the connection has ended
	wg    sync.WaitGroup

	mu      sync.Mutex
	forks   bool             // it has been ready
	refusal string           // why it won't
	waiting []chan<- forked  // for answers, in the order of the requests
	running map[int]*process // by pid
}

// forked is the answer to a request: a process or an error.
type forked struct {
	process *process
	err     error
}

var errServerGone = errors.New("the process that forks kernels has ended")

func newServer(dir string, m module, env, preload []string) (_ *server, err error) {
	script, err := writeLauncher(dir)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	defer func() {
		if err != nil {
			ours.Close()
		}
	}()
	log, err := os.CreateTemp(dir, "log-*") // a file, because that is what a kernel's own outputs are
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &server{conn: ours, ready: make(chan struct{}), gone: make(chan struct{}), running: map[int]*process{}}
	argv := m.command(script, append([]string{"serve", "3"}, preload...)...)
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Dir, s.cmd.Env = dir, env
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.ExtraFiles = []*os.File{theirs}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", argv[0], err)
	}
	s.wg.Go(s.read)
	return s, nil
}

// socketPair makes a connection to a child process: our end, and the child's.
func socketPair() (net.Conn, *os.File, error) {
	syscall.ForkLock.RLock()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(pair[0])
		syscall.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "server"), os.NewFile(uintptr(pair[1]), "client")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// lost: it was ready and has gone. One that was never ready would not be the next time either.
func (s *server) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.gone:
		return s.forks
	default:
		return false
	}
}

// start has a kernel forked. A fault is the answer to the user; after another error the kernel can be started in another way.
func (s *server) start(ctx context.Context, c command, arguments []string) (*process, error) {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	refusal := s.refusal
	s.mu.Unlock()
	if refusal != "" {
		return nil, fault.New(fault.Environment, "preload only what can be imported in every process", "start kernel %s: %s", c.kernel, refusal)
	}
	request, err := json.Marshal(map[string]any{"arguments": arguments, "env": variables(c.env), "dir": c.dir, "log": c.log})
	if err != nil {
		return nil, err
	}
	answer := make(chan forked, 1)
	if err := s.send(append(request, '\n'), answer); err != nil {
		return nil, err
	}
	select {
	case a := <-answer:
		if a.err != nil && !errors.Is(a.err, errServerGone) {
			return nil, startFault(c.kernel, a.err)
		}
		return a.process, a.err
	case <-ctx.Done():
		s.wg.Go(func() {
			if a := <-answer; a.process != nil {
				a.process.signal(sigKill)
			}
		})
		return nil, context.Cause(ctx)
	}
}

func (s *server) send(request []byte, answer chan<- forked) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.gone:
		return errServerGone
	default:
	}
	s.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := s.conn.Write(request); err != nil {
		s.conn.Close() // half a request may be on its way
		return errServerGone
	}
	s.waiting = append(s.waiting, answer)
	return nil
}

// patience is how long a server may take for what it does at once when it is well.
const patience = 10 * time.Second

// read takes in the server's answers until it has gone, and then leaves none of its kernels.
func (s *server) read() {
	answers := json.NewDecoder(s.conn)
	for {
		var a struct {
			Ready   bool
			Started int
			Exited  int
			Status  uint32
			Error   string
		}
		if answers.Decode(&a) != nil {
			break
		}
		s.mu.Lock()
		switch {
		case a.Exited != 0:
			s.running[a.Exited].end(describe(syscall.WaitStatus(a.Status)))
			delete(s.running, a.Exited)
		case a.Started != 0:
			p := newProcess(a.Started)
			s.running[p.pid] = p
			s.waiting[0] <- forked{process: p}
			s.waiting = s.waiting[1:]
		case a.Ready:
			s.forks = true
			close(s.ready)
		case s.forks:
			s.waiting[0] <- forked{err: errors.New(a.Error)}
			s.waiting = s.waiting[1:]
		default:
			s.refusal = a.Error
		}
		s.mu.Unlock()
	}
	s.conn.Close()                                                                         // it ends itself and its kernels then
	late := time.AfterFunc(patience, func() { syscall.Kill(-s.cmd.Process.Pid, sigKill) }) // with a fork that has no session yet
	s.cmd.Wait()
	late.Stop()

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.running {
		p.end("the process that it was forked from ended")
	}
	for _, answer := range s.waiting {
		answer <- forked{err: errServerGone}
	}
	if !s.forks {
		close(s.ready)
	}
	close(s.gone)
}

// close ends the server and its kernels.
func (s *server) close() {
	s.conn.Close()
	s.wg.Wait()
}
