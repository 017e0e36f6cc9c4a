//go:build unix

package kernels

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"github.com/cellar-go/cellar/internal/fault"
)

const (
	sigInterrupt = syscall.SIGINT
	sigTerminate = syscall.SIGTERM
	sigKill      = syscall.SIGKILL
)

// command is what a starter starts.
type command struct {
	kernel string // its name
	argv   []string
	dir    string
	env    []string
	log    string // a file, in a folder of the kernel's own, to which what the process prints is added
	tidy   bool   // it sees itself that we have ended, and then ends what it has started, for which it must not be killed
}

// starter starts processes. An implementation guarantees that
//   - the process leads a session of its own, so that Ctrl+C on our terminal reaches it only when we pass it on;
//   - it has the command's folder and variables and, besides, JPY_PARENT_PID: its parent, which it watches;
//   - it reads nothing, and both its outputs go to the log;
//   - it ends when this program does, however that ends; elsewhere than on Linux, only if it watches its parent;
//   - its end is noticed, and ends what it had started, but what has begun a session of its own;
//   - nothing is left when start returns an error, or the context's end.
type starter interface {
	start(ctx context.Context, c command) (*process, error)
}

// parentVariable tells a kernel whose end is its own end too.
const parentVariable = "JPY_PARENT_PID"

// process is a process that was started, and those that it starts in its group.
type process struct {
	pid    int
	exited chan struct{} // closed when it has ended

	mu     sync.Mutex
	how    string // it ended, as os.ProcessState says it; empty before
	reason string // why we killed it
}

func newProcess(pid int) *process { return &process{pid: pid, exited: make(chan struct{})} }

// signal signals the process and those that it started.
func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.how != "" {
		return os.ErrProcessDone // the number may be another's by now
	}
	return syscall.Kill(-p.pid, s)
}

// condemn kills the process for a reason, which is what will be said of its end.
func (p *process) condemn(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.how == "" {
		p.reason = reason
		syscall.Kill(-p.pid, sigKill)
	}
}

// end notes that the process has ended, and ends what it left running in its session.
func (p *process) end(how string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.how = how
	killSession(p.pid)
	close(p.exited)
}

// death says how the process ended.
func (p *process) death() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason != "" {
		return p.reason
	}
	return "the kernel died (" + p.how + ")"
}

// advice says what may help after such a death; "" where nothing is known.
func (p *process) advice() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.reason != "":
		return "let it use less, or give it more with --memory"
	case p.how == describe(syscall.WaitStatus(sigKill)):
		return "a kernel that was killed often lacked memory (--memory bounds it)"
	}
	return ""
}

// direct starts a process of its own for each kernel.
type direct struct {
	plain bool // run Python's kernels as their kernelspecs say, too
}

func (d direct) start(_ context.Context, c command) (*process, error) {
	argv := c.argv
	if m, ok := moduleOf(argv); ok && !d.plain {
		script, err := writeLauncher(filepath.Dir(c.log))
		if err != nil {
			return nil, startFault(c.kernel, err)
		}
		argv = append(m.command(script, "run", m.name), m.arguments...)
	}
	log, err := os.OpenFile(c.log, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, startFault(c.kernel, err)
	}
	defer log.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(c.env[:len(c.env):len(c.env)], fmt.Sprintf("%s=%d", parentVariable, os.Getpid()))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if !c.tidy {
		dieWithUs(cmd.SysProcAttr)
	}
	started := make(chan error)
	var p *process
	go func() { // ends with the process, which Kernel.Close sees to
		runtime.LockOSThread() // to the system, the thread that starts a process is its parent, and is not to end before it; see dieWithUs
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p = newProcess(cmd.Process.Pid)
		started <- nil
		cmd.Wait()
		p.end(cmd.ProcessState.String())
	}()
	if err := <-started; err != nil {
		return nil, startFault(c.kernel, fmt.Errorf("%s: %w", argv[0], err))
	}
	return p, nil
}

func startFault(kernel string, err error) error {
	return fault.New(fault.Environment, "install the kernel again, or choose another with -k", "start kernel %s: %w", kernel, err)
}

// describe says how a process ended, in the words of os.ProcessState.
func describe(s syscall.WaitStatus) string {
	if s.Exited() {
		return fmt.Sprintf("exit status %d", s.ExitStatus())
	}
	how := "signal: " + s.Signal().String()
	if s.CoreDump() {
		how += " (core dumped)"
	}
	return how
}
