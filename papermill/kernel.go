package papermill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
)

// errDied: the kernel's process ended, or it can't be reached any more.
var errDied = errors.New("the kernel died")

// kernel is a running kernel process and our connection to it.
type kernel struct {
	spec    Kernelspec
	info    json.RawMessage // content of kernel_info_reply
	dir     string          // connection file and log, removed at the end
	cmd     *exec.Cmd
	client  *jupyter.Client
	exited  chan struct{} // closed when the process has ended; cmd.ProcessState says how
	replies chan *jupyter.Message
	iopub   chan *jupyter.Message
	stop    context.CancelFunc
	pumps   sync.WaitGroup
}

// startKernel starts a kernel and waits until it answers. Another program may take one of its ports before the kernel does, so a
// kernel that dies at once for that reason is started again.
func startKernel(ctx context.Context, spec Kernelspec, cwd string, env []string) (*kernel, error) {
	for attempt := 1; ; attempt++ {
		k, err := tryKernel(ctx, spec, cwd, env)
		if attempt < 3 && err != nil && strings.Contains(strings.ToLower(err.Error()), "address already in use") {
			continue
		}
		return k, err
	}
}

func tryKernel(ctx context.Context, spec Kernelspec, cwd string, env []string) (_ *kernel, err error) {
	k := &kernel{spec: spec, exited: make(chan struct{}), replies: make(chan *jupyter.Message), iopub: make(chan *jupyter.Message), stop: func() {}}
	if k.dir, err = os.MkdirTemp("", "cellar-kernel-"); err != nil { // mode 0700: the connection file holds the key
		return nil, fault.New(fault.Storage, "free space, or set TMPDIR to a folder that can be written", "start kernel %s: %w", spec.Name, err)
	}
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	connection, err := jupyter.NewConnection()
	if err != nil {
		return nil, err
	}
	connection.KernelName = spec.Name
	file := filepath.Join(k.dir, "connection.json")
	if err := connection.Write(file); err != nil {
		return nil, err
	}
	if err := k.launch(file, cwd, env); err != nil {
		return nil, err
	}

	// The start ends when the kernel answers, the process ends or the time is over.
	starting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-k.exited:
			cancel(errDied)
		case <-starting.Done():
		}
	}()
	if k.client, err = jupyter.Dial(starting, connection); err != nil {
		return nil, k.startFault(starting, err)
	}
	reply, err := k.client.WaitReady(starting)
	if err != nil {
		return nil, k.startFault(starting, err)
	}
	k.info = reply.Content
	k.pump()
	return k, nil
}

func (k *kernel) launch(connectionFile, cwd string, env []string) error {
	argv := k.spec.command(connectionFile)
	log, err := os.Create(k.logFile())
	if err != nil {
		return fault.New(fault.Storage, "free space, or set TMPDIR to a folder that can be written", "start kernel %s: %w", k.spec.Name, err)
	}
	defer log.Close()
	k.cmd = exec.Command(argv[0], argv[1:]...)
	k.cmd.Dir = cwd
	// Kernels watch this process and end with it (ipykernel's ParentPoller), also if it is killed.
	k.cmd.Env = append(k.spec.environment(env), fmt.Sprintf("JPY_PARENT_PID=%d", os.Getpid()))
	k.cmd.Stdout, k.cmd.Stderr = log, log
	separate(k.cmd)
	if err := k.cmd.Start(); err != nil {
		k.cmd = nil
		return fault.New(fault.Environment, "install the kernel again, or choose another with -k",
			"start kernel %s: %s: %w", k.spec.Name, argv[0], err)
	}
	go func() {
		k.cmd.Wait()
		close(k.exited)
	}()
	return nil
}

// startFault says why a kernel did not start.
func (k *kernel) startFault(starting context.Context, err error) error {
	cause := context.Cause(starting)
	switch {
	case errors.Is(cause, errDied) || errors.Is(err, jupyter.ErrClosed):
		return fault.New(fault.Environment, "run its command by hand to see more: "+strings.Join(k.spec.Argv, " "),
			"start kernel %s: %s%s", k.spec.Name, k.death(), k.lastWords())
	case errors.Is(cause, context.DeadlineExceeded):
		return fault.New(fault.Environment, "give it longer with --start-timeout",
			"start kernel %s: no answer in time%s", k.spec.Name, k.lastWords())
	case cause != nil:
		return stopped(cause, "start kernel %s: %w", k.spec.Name, cause)
	}
	return fault.New(fault.Environment, "", "start kernel %s: %w", k.spec.Name, err)
}

// death says how the process ended.
func (k *kernel) death() string {
	select {
	case <-k.exited:
		return fmt.Sprintf("the kernel died (%s)", k.cmd.ProcessState)
	case <-time.After(time.Second):
		return "the kernel closed its connection"
	}
}

func (k *kernel) logFile() string { return filepath.Join(k.dir, "log") }

// lastWords is the end of what the process itself printed, which is not part of the notebook.
func (k *kernel) lastWords() string {
	f, err := os.Open(k.logFile())
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 2000
	if info, err := f.Stat(); err == nil && info.Size() > most {
		f.Seek(-most, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	if s := strings.TrimSpace(strings.ToValidUTF8(string(text), "")); s != "" {
		return "; it said:\n" + s
	}
	return ""
}

// pump hands on what comes on shell and iopub. The client reads both without pause, whatever happens here.
func (k *kernel) pump() {
	ctx, cancel := context.WithCancel(context.Background())
	k.stop = cancel
	for channel, to := range map[jupyter.Channel]chan *jupyter.Message{jupyter.Shell: k.replies, jupyter.IOPub: k.iopub} {
		k.pumps.Go(func() {
			defer close(to)
			for {
				m, err := k.client.Receive(ctx, channel)
				if err != nil {
					return
				}
				select {
				case to <- m:
				case <-ctx.Done():
					return
				}
			}
		})
	}
}

// execute asks for the execution of a cell and returns the id that all its messages have as parent.
func (k *kernel) execute(code, cellID string) (string, error) {
	m, err := k.client.Session.New("execute_request", map[string]any{
		"code": code, "silent": false, "store_history": true, "user_expressions": map[string]any{}, "allow_stdin": false, "stop_on_error": true,
	})
	if err != nil {
		return "", err
	}
	if m.Metadata, err = json.Marshal(map[string]any{"cellId": cellID}); err != nil {
		return "", err
	}
	return m.Header.ID, k.client.Send(jupyter.Shell, m)
}

// interrupt stops what runs, in the way that the kernel's spec asks for.
func (k *kernel) interrupt() error {
	if k.spec.InterruptMode == "message" {
		_, err := k.client.Request(jupyter.Control, "interrupt_request", struct{}{})
		return err
	}
	return signalGroup(k.cmd, sigInterrupt)
}

// shutdown asks the kernel to end, and ends it if it doesn't; every further step comes after the grace time.
func (k *kernel) shutdown(grace time.Duration) {
	k.client.Request(jupyter.Control, "shutdown_request", map[string]bool{"restart": false})
	for _, next := range []func(){
		func() { signalGroup(k.cmd, sigTerminate) },
		func() { signalGroup(k.cmd, sigKill) },
	} {
		select {
		case <-k.exited:
			return
		case <-time.After(grace):
			next()
		}
	}
}

// close leaves nothing behind: no process of the kernel's, no goroutine of ours, no file.
func (k *kernel) close() {
	if k.cmd != nil {
		signalGroup(k.cmd, sigKill) // also what the notebook started and did not end
		<-k.exited
	}
	k.stop()
	if k.client != nil {
		k.client.Close()
	}
	k.pumps.Wait()
	os.RemoveAll(k.dir)
}
