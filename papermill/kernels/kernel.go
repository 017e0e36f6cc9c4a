package kernels

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/internal/scratch"
)

// ErrDied: the kernel's process ended, or it can't be reached any more.
var ErrDied = errors.New("the kernel died")

// Kernel is a running kernel process and our connection to it.
type Kernel struct {
	Info    json.RawMessage // content of kernel_info_reply
	Before  []string        // identifiers of that message and others that came before the kernel was ready
	Replies *jupyter.Inbox  // what comes on shell
	IOPub   *jupyter.Inbox  // what comes on iopub
	Exited  <-chan struct{} // closed when the process has ended
	Lost    <-chan struct{} // closed when the kernel has not answered heartbeats for too long (see Works); it may still run

	spec    Spec
	quirk   quirk
	scratch *scratch.Dir
	dir     string // its path: connection file and log, removed at the end, or by a later start if we are killed
	before  int64  // bytes that the process had printed when it was ready, or the cell began that it runs
	process *process
	client  *jupyter.Client
	stop    context.CancelFunc // ends what runs beside the kernel
	running sync.WaitGroup
	phase   atomic.Int64 // see executes
}

// Options say how a kernel is started.
type Options struct {
	Dir string   // working folder; default: this process's
	Env []string // environment, to which the spec adds; default: this process's

	Scratch string // folder for messages too large to hold; default: that for temporary files

	Heartbeat time.Duration // a kernel that is silent for longer is Lost; default one minute, never if negative
	Memory    int64         // bytes that its processes may use together, or the kernel is killed; default: all there are
}

// logPause is how often a kernel that has yet to answer is looked at for what it says.
const logPause = 200 * time.Millisecond

// largeMessage is the size from which a message of iopub is kept in a file.
const largeMessage = 1 << 20

// Start starts a kernel and waits until it answers; when ctx ends before, the error wraps its cause. Another program may take one of its
// ports before the kernel does, so a kernel that dies at once for that reason is started again.
func Start(ctx context.Context, spec Spec, o Options) (*Kernel, error) {
	return startBy(ctx, direct{}, spec, o)
}

func startBy(ctx context.Context, by starter, spec Spec, o Options) (_ *Kernel, err error) {
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	for attempt := 1; ; attempt++ {
		last := attempt == 3
		k, err := start(ctx, by, spec, o, last)
		if err != nil && !last && ctx.Err() == nil && taken.MatchString(err.Error()) {
			continue
		}
		return k, err
	}
}

// taken is what programs say, ours too, when another one has the port that they were to listen on.
var taken = regexp.MustCompile(`(?i)address already in use`)

var errTaken = errors.New("address already in use")

// start starts a kernel once. ipykernel says that a port is taken, and stays without an answer or a heartbeat, so it is given up at its word;
// as a last try not: a program that it has started may have said that.
func start(ctx context.Context, by starter, spec Spec, o Options, last bool) (_ *Kernel, err error) {
	beside, stop := context.WithCancel(context.Background())
	k := &Kernel{spec: spec, stop: stop}
	if k.scratch, err = scratch.Make("", "kernel"); err != nil { // mode 0700: the connection file holds the key
		return nil, k.storageFault(err)
	}
	k.dir = k.scratch.Path
	defer func() {
		if err != nil {
			k.Close()
		}
	}()
	connection, err := jupyter.NewConnection()
	if err != nil {
		return nil, err
	}
	connection.KernelName = spec.Name
	file := filepath.Join(k.dir, "connection.json")
	if err := connection.Write(file); err != nil {
		return nil, k.storageFault(err)
	}
	if err := os.WriteFile(k.logFile(), nil, 0o600); err != nil {
		return nil, k.storageFault(err)
	}
	c := command{kernel: spec.Name, argv: withoutHistory(spec.command(file)), dir: o.Dir, env: spec.environment(append([]string{quietDebugger}, o.Env...)), log: k.logFile(), tidy: spec.Name == ownName}
	if _, ok := ipykernelOf(c.argv); !ok {
		c.env = append(c.env, dirVariable+"="+k.dir)
	}
	if k.process, err = by.start(ctx, c); err != nil {
		if ctx.Err() != nil {
			err = k.startFault(ctx, err)
		}
		return nil, err
	}
	k.Exited = k.process.exited
	if err := k.limit(beside, o.Memory); err != nil {
		return nil, err
	}

	// The start ends when the kernel answers, the process ends or the time is over.
	starting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		for look := time.NewTicker(logPause); ; {
			select {
			case <-k.Exited:
				cancel(ErrDied)
				return
			case <-starting.Done():
				return
			case <-look.C:
				if !last && taken.MatchString(k.printed(0)) {
					cancel(errTaken)
					return
				}
			}
		}
	}()
	if k.client, err = jupyter.Dial(starting, connection, jupyter.ClientOptions{Large: largeMessage, Dir: o.Scratch}); err != nil {
		return nil, k.startFault(starting, err)
	}
	reply, err := k.client.WaitReady(starting)
	if err != nil {
		return nil, k.startFault(starting, err)
	}
	if !last && taken.MatchString(k.printed(0)) {
		return nil, k.startFault(starting, errTaken)
	}
	k.Info, k.Before = reply.Content, append(k.client.Skipped, reply.Header.ID)
	k.quirk = quirkOf(k.Info)
	k.Replies, k.IOPub = k.client.Inbox(jupyter.Shell), k.client.Inbox(jupyter.IOPub)
	k.noteLog()
	k.listen(beside, cmp.Or(o.Heartbeat, time.Minute))
	return k, nil
}

// quietDebugger keeps the debugger of kernels made with ipykernel from a warning that has nothing to do with the notebook.
const quietDebugger = "PYDEVD_DISABLE_FILE_VALIDATION=1"

// dirVariable names the folder in which our own kernel keeps its files: when it is killed it can't remove them, and we do.
const dirVariable = "CELLAR_KERNEL_DIR"

func (k *Kernel) storageFault(err error) error {
	return fault.New(fault.Storage, "free space, or set TMPDIR to a folder that can be written", "start kernel %s: %w", k.spec.Name, err)
}

// startFault says why a kernel did not start.
func (k *Kernel) startFault(starting context.Context, err error) error {
	cause := context.Cause(starting)
	switch {
	case errors.Is(cause, ErrDied) || errors.Is(err, jupyter.ErrClosed):
		how, said := k.Death(), k.LastWords()
		hint := cmp.Or(k.process.advice(), missingModule(k.spec.Argv, said), "run its command by hand to see more: "+typed(k.spec.Argv))
		return fault.New(fault.Environment, hint, "start kernel %s: %s%s", k.spec.Name, how, said)
	case errors.Is(cause, context.DeadlineExceeded):
		return fault.New(fault.Environment, "give it longer with --start-timeout",
			"start kernel %s: no answer in time%s", k.spec.Name, k.LastWords())
	case cause != nil:
		return fmt.Errorf("start kernel %s: %w", k.spec.Name, cause)
	}
	return fault.New(fault.Environment, "", "start kernel %s: %w", k.spec.Name, err)
}

// typed is a command as it is typed in a shell.
func typed(argv []string) string {
	words := slices.Clone(argv)
	for i, w := range words {
		if !plainWord.MatchString(w) {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[\w@%+=:,./{}-]+$`)

// Death says how the process ended.
func (k *Kernel) Death() string {
	select {
	case <-k.Exited:
		return k.process.death()
	case <-time.After(time.Second):
		return "the kernel closed its connection"
	}
}

// Broken reports whether the process was ended by a signal, such as that for too much memory.
func (k *Kernel) Broken() bool {
	k.process.mu.Lock()
	defer k.process.mu.Unlock()
	return strings.HasPrefix(k.process.how, "signal: ")
}

// Advice says what may help after such a death; "" where nothing is known.
func (k *Kernel) Advice() string { return k.process.advice() }

func (k *Kernel) logFile() string { return filepath.Join(k.dir, "log") }

// LastWords is the end of what the process itself printed, which is not part of the notebook: to its log goes also what a cell's programs
// print, so only what came since the cell's begin says something of its end.
func (k *Kernel) LastWords() string {
	if s := k.printed(k.before); s != "" {
		return "; it said:\n" + s
	}
	return ""
}

// printed is the end of what the process itself has printed, from a byte of its log on.
func (k *Kernel) printed(from int64) string {
	f, err := os.Open(k.logFile())
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 2000
	if info, err := f.Stat(); err == nil {
		f.Seek(max(from, info.Size()-most), io.SeekStart)
	}
	text, _ := io.ReadAll(f)
	return strings.TrimSpace(strings.ToValidUTF8(string(text), ""))
}

func (k *Kernel) noteLog() {
	if info, err := os.Stat(k.logFile()); err == nil {
		k.before = info.Size()
	}
}

type executeRequest struct {
	Code            string            `json:"code"`
	Silent          bool              `json:"silent"`
	StoreHistory    bool              `json:"store_history"`
	UserExpressions map[string]string `json:"user_expressions"`
	AllowStdin      bool              `json:"allow_stdin"`
	StopOnError     bool              `json:"stop_on_error"`
}

var noExpressions = map[string]string{} // some kernels take no null

// Execute asks for the execution of a cell and returns the id that all its messages have as parent.
func (k *Kernel) Execute(code, cellID string) (string, error) {
	m, err := k.client.Session.New("execute_request", executeRequest{Code: code, StoreHistory: true, UserExpressions: noExpressions, StopOnError: true})
	if err != nil {
		return "", err
	}
	if m.Metadata, err = json.Marshal(map[string]string{"cellId": cellID}); err != nil {
		return "", err
	}
	k.noteLog()
	return m.Header.ID, k.client.Send(jupyter.Shell, m)
}

// TellComm sends data to the kernel's end of a comm.
func (k *Kernel) TellComm(comm string, data any) error {
	_, err := k.client.Request(jupyter.Shell, "comm_msg", map[string]any{"comm_id": comm, "data": data})
	return err
}

// Interrupt stops what runs, in the way that the kernel's spec asks for.
func (k *Kernel) Interrupt() error {
	if k.spec.InterruptMode == "message" {
		_, err := k.client.Request(jupyter.Control, "interrupt_request", struct{}{})
		return err
	}
	return k.process.signal(sigInterrupt)
}

// Shutdown asks the kernel to end, and ends it if it doesn't; every further step comes after the grace time, or at once when hurry is closed.
// It tells whether the kernel has ended by itself.
func (k *Kernel) Shutdown(grace time.Duration, hurry <-chan struct{}) (byItself bool) {
	k.client.Request(jupyter.Control, "shutdown_request", map[string]bool{"restart": false})
	for i, signal := range []syscall.Signal{sigTerminate, sigKill} {
		select {
		case <-k.Exited:
			return i == 0
		case <-hurry:
			k.process.signal(sigKill)
			return false
		case <-time.After(grace):
			k.process.signal(signal)
		}
	}
	return false
}

// Close leaves nothing behind: no process of the kernel's session, no goroutine of ours, no file.
func (k *Kernel) Close() {
	if k.process != nil {
		k.process.signal(sigKill)
		<-k.Exited
	}
	k.stop()
	if k.client != nil {
		k.client.Close()
	}
	k.running.Wait()
	k.scratch.Remove()
}
