package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/display/comm"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/kernel/commands"
	"github.com/cellar-go/cellar/kernel/session"
)

// patience is how long a session may take to end, after which the process ends all the same: nobody would stop it later.
const patience = 15 * time.Second

// Session is what runs the cells: *session.Session. Run may take long; everything else must answer while it does.
type Session interface {
	// commands.Session has Run, which runs one cell (what the cell shows goes to sink, in order, before it returns), and Interrupt, which
	// stops the running cell, or what handles comm messages.
	commands.Session
	// Answer gives the running cell the line that its Input event asked for.
	Answer(text string) error
	// EndInput ends the input in place of that line.
	EndInput() error
	// RefuseInput stops the running cell, for there is nobody to give that line.
	RefuseInput()
	Complete(src string, cursor int) session.Completion
	Inspect(src string, cursor, level int) (session.Inspection, bool)
	// Comm gives a packet to its handler and waits for it; false: there is none. Packets of one comm come one after the other.
	Comm(ctx context.Context, packet comm.Packet, sink func(session.Event)) (taken bool, err error)
	Close() error
}

var _ Session = (*session.Session)(nil)

// Options are the options of Serve; the zero value works.
type Options struct {
	Version string          // of this program, for kernel_info
	Session session.Options // how the session starts; Dir defaults to the notebook's folder
	// Start makes the session; default: session.Start.
	Start func(context.Context, session.Options) (Session, error)
	// Intercept, if set, sees each cell before it runs and may answer in its place.
	Intercept func(context.Context, CellRequest) (Intercepted, error)
	History   string    // the file that keeps the user's inputs; default: history.jsonl in the cache folder (gomod.Cache)
	Log       io.Writer // complaints of the kernel itself; default: os.Stderr
}

// CellRequest is a cell that is about to run.
type CellRequest struct {
	Notebook string // absolute path; empty when the front-end does not say
	CellID   string // empty when the front-end does not say
	Name     string // what messages call the cell: cell[3]
	Source   string
	Silent   bool
	Show     func(session.Event) // shows something in the cell's output at once
}

// Intercepted is what Intercept made of a cell.
type Intercepted struct {
	Source string          // runs in the cell's place, unless Done
	Done   bool            // nothing is left to run
	Value  *display.Bundle // with Done: the cell's result; may be nil
}

// Serve runs a kernel on the connection file until a client shuts it down or the context ends. It takes the process's SIGINT for
// itself, as an interrupt of the running cell: so do front-ends that send the signal instead of the message mean it.
func Serve(ctx context.Context, connectionFile string, o Options) error {
	c, err := jupyter.ReadConnection(connectionFile)
	if err != nil {
		return err
	}
	return serve(ctx, c, o)
}

func serve(ctx context.Context, c jupyter.Connection, o Options) error {
	if o.Log == nil {
		o.Log = os.Stderr
	}
	if o.Start == nil {
		o.Start = func(ctx context.Context, so session.Options) (Session, error) { return session.Start(ctx, so) }
	}
	k := &kernel{options: o, notebook: Notebook(), terminal: startedByConsole(), ended: make(chan struct{}), answers: make(chan string, 1), turn: make(chan struct{}, 1)}
	server, err := jupyter.Listen(c, jupyter.ServerOptions{Bad: k.refused})
	if err != nil {
		return err
	}
	defer server.Close()
	k.server = server
	k.publish(jupyter.Header{}, "status", status{"starting"})

	so := o.Session
	if so.Dir == "" && k.notebook != "" {
		so.Dir = filepath.Dir(k.notebook)
	}
	if so.Add == nil {
		so.Add = k.addModules
	}
	if so.Output == nil {
		so.Output = k.background
	}
	if dir, ok := os.LookupEnv(scratchVariable); ok {
		so.Scratch = dir
		os.Unsetenv(scratchVariable) // it is not for kernels that a cell starts
		if os.Getenv("GOTMPDIR") == "" {
			os.Setenv("GOTMPDIR", dir) // a go command that is killed leaves its folder
		}
	}
	so.Names = withNames(so.Names)
	pipes, err := k.forGonb(so.Scratch)
	if err != nil {
		return err
	}
	defer pipes.close()
	so.Worker = pipes.environment
	k.commands = &commands.Commands{Version: programVersion(o)}
	so.Handle = k.commands.Handle(session.Answering(k.answerCell, so.Handle))
	so.Suggest = suggestCommands(commands.Items(), so.Suggest)
	if k.session, err = o.Start(ctx, so); err != nil {
		return err
	}
	k.commands.Session = k.session
	ctx, cancel := context.WithCancel(ctx)
	k.open(ctx, "")
	k.working.Go(func() { k.receive(ctx) })
	k.working.Go(func() { k.control(ctx) })
	k.working.Go(func() { k.signals(ctx) })
	select {
	case <-ctx.Done():
	case <-k.ended:
	case <-orphaned(ctx):
	}
	cancel()
	closed := make(chan error, 1)
	go func() {
		err := k.session.Close() // ends the running cell
		k.working.Wait()
		k.comms.wait()
		closed <- err
	}()
	select {
	case err = <-closed:
	case <-time.After(patience):
		err = errors.New("cellar: kernel: the session does not end; the process ends without it")
	}
	return err
}

// scratchVariable names a folder for files that somebody removes after the kernel, however that ends: the runner does.
const scratchVariable = "CELLAR_KERNEL_DIR"

// kernel is one running kernel.
type kernel struct {
	options  Options
	notebook string
	terminal bool // the front-end is one
	server   *jupyter.Server
	session  Session
	commands *commands.Commands
	gonb     *gonbPipes

	shells  shells
	comms   comms
	usage   usage
	turn    chan struct{} // full while a cell runs
	answers chan string
	working sync.WaitGroup
	ended   chan struct{}
	endOnce sync.Once

	mu     sync.Mutex
	parent jupyter.Header // the last execute_request
	stop   func()         // stops what runs now; nil when nothing does
	ask    func(ctx context.Context, prompt string, password bool) (string, bool)
	out    *output // of the cell that runs; nil when none does

	addAlways bool // modules, without a question
	told      map[string]time.Time
}

type status struct {
	State string `json:"execution_state"`
}

// receive takes what comes on shell and stdin, without pause.
func (k *kernel) receive(ctx context.Context) {
	for {
		select {
		case r := <-k.server.Requests(jupyter.Shell):
			if err := k.route(ctx, r); err != nil {
				k.refuse(r, err)
			}
		case r := <-k.server.Requests(jupyter.Stdin):
			var reply struct{ Value string }
			if r.Header.Type == "input_reply" && r.Decode(&reply) == nil {
				select { // an answer that nobody asked for is dropped
				case k.answers <- reply.Value:
				default:
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// route gives a message of the shell channel to who handles it.
func (k *kernel) route(ctx context.Context, r *jupyter.Message) error {
	switch r.Header.Type {
	case "execute_request", "shutdown_request":
		return k.shells.put(r, true)
	case "kernel_info_request", "comm_open", "comm_msg", "comm_close":
		if _, err := k.shells.find(r); err != nil {
			return err
		}
		if r.Header.Type != "kernel_info_request" {
			k.commMessage(ctx, r)
			return nil
		}
		k.handle(ctx, jupyter.Shell, r) // how a front-end finds out whether the kernel is up
		return nil
	}
	return k.shells.put(r, false)
}

// control answers what comes on control, whatever else goes on.
func (k *kernel) control(ctx context.Context) {
	for {
		select {
		case r := <-k.server.Requests(jupyter.Control):
			k.handle(ctx, jupyter.Control, r)
		case <-ctx.Done():
			return
		}
	}
}

// signals takes the process's SIGINT from whoever had it.
func (k *kernel) signals(ctx context.Context) {
	signal.Reset(os.Interrupt)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	for {
		select {
		case <-interrupts:
			k.interrupt()
		case <-ctx.Done():
			return
		}
	}
}

// handle answers one request between a busy and an idle status, as the specification asks for every request.
func (k *kernel) handle(ctx context.Context, ch jupyter.Channel, r *jupyter.Message) {
	if r.Header.Type == "interrupt_request" {
		k.interrupt() // before a status, which may have to wait in a flood
	}
	k.publish(r.Header, "status", status{"busy"})
	var aborted []*jupyter.Message
	switch kind, isRequest := strings.CutSuffix(r.Header.Type, "_request"); {
	case kind == "execute" && ch == jupyter.Shell:
		aborted = k.execute(ctx, r)
	case isRequest:
		k.answer(ctx, ch, r, kind)
	default:
		k.log("%s: a message of type %s has no meaning here", ch, r.Header.Type)
	}
	k.publish(r.Header, "status", status{"idle"})
	for _, a := range aborted {
		k.abort(ctx, a)
	}
	if r.Header.Type == "shutdown_request" {
		k.endOnce.Do(func() { close(k.ended) })
	}
}

// answer answers a request that runs nothing.
func (k *kernel) answer(ctx context.Context, ch jupyter.Channel, r *jupyter.Message, kind string) {
	var content any
	err := fmt.Errorf("the kernel does not know %s on %s", r.Header.Type, ch)
	if answer, known := answers[kind]; known {
		content, err = answer(k, r)
	} else if what, ok := strings.CutSuffix(kind, "_subshell"); ok && ch == jupyter.Control && (what == "create" || what == "delete" || what == "list") {
		content, err = k.subshell(ctx, r, what)
	}
	if err != nil {
		content = errorReply("Unsupported", err.Error(), nil)
	}
	k.reply(ch, r, kind+"_reply", content)
}

func (k *kernel) interrupt() {
	k.mu.Lock()
	stop := k.stop
	k.mu.Unlock()
	if stop == nil {
		stop = k.session.Interrupt // it may handle messages
	}
	stop()
}

// stopBy says how what runs from now on is stopped.
func (k *kernel) stopBy(f func()) { k.mu.Lock(); defer k.mu.Unlock(); k.stop = f }

func (k *kernel) publish(parent jupyter.Header, kind string, content any) {
	if err := k.server.Publish(parent, kind, content); err != nil {
		k.log("%v", err)
	}
}

func (k *kernel) reply(ch jupyter.Channel, r *jupyter.Message, kind string, content any) {
	if err := k.server.Reply(ch, r, kind, content); err != nil {
		k.log("%v", err)
	}
}

// refused notes what the server sent away, each kind once a minute: who goes on with it does not fill the log.
func (k *kernel) refused(ch jupyter.Channel, err error) {
	text := fmt.Sprintf("%s: %v", ch, err)
	k.mu.Lock()
	recent := time.Since(k.told[text]) < time.Minute
	if len(k.told) > 100 || k.told == nil {
		k.told = map[string]time.Time{}
	}
	if !recent {
		k.told[text] = time.Now()
	}
	k.mu.Unlock()
	if !recent {
		k.log("%s", text)
	}
}

func (k *kernel) log(format string, args ...any) {
	fmt.Fprintf(k.options.Log, "cellar kernel: "+format+"\n", args...)
}

// Notebook is the path of the notebook for which this process was started, absolute; empty if nobody said. The runner says it in
// CELLAR_NOTEBOOK, Jupyter's server in JPY_SESSION_NAME (where some front-ends put names that are no notebook's).
func Notebook() string {
	path := os.Getenv("CELLAR_NOTEBOOK")
	if _, file, ok := ofCommit(path); ok {
		return file
	}
	if path == "" {
		path = os.Getenv("JPY_SESSION_NAME")
		if filepath.Ext(path) != ".ipynb" {
			return ""
		}
	}
	if path == "" {
		return ""
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// NotebookCommit is the commit whose text of the notebook runs, whatever its file holds; empty if it is the file's.
func NotebookCommit() string {
	commit, _, _ := ofCommit(os.Getenv("CELLAR_NOTEBOOK"))
	return commit
}

// ofCommit parts git:COMMIT:FILE.
func ofCommit(name string) (commit, file string, ok bool) {
	rest, ok := strings.CutPrefix(name, "git:")
	if !ok {
		return "", "", false
	}
	commit, file, ok = strings.Cut(rest, ":")
	return commit, file, ok && filepath.IsAbs(file)
}

// startedByConsole reports whether this process was started by jupyter console, which says of itself nothing in its messages.
func startedByConsole() bool {
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", os.Getppid()))
	return err == nil && (strings.Contains(string(command), "jupyter-console") || strings.Contains(string(command), "jupyter_console"))
}

// orphaned is closed when the process that started this one has gone, if that was Jupyter: it can't stop us any more.
func orphaned(ctx context.Context) <-chan struct{} {
	gone := make(chan struct{})
	parent := os.Getppid()
	if os.Getenv("JPY_PARENT_PID") == "" || parent == 1 {
		return gone
	}
	go func() {
		for os.Getppid() == parent {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
		close(gone)
	}()
	return gone
}

// queue holds requests until their worker takes them; its zero value works.
type queue struct {
	mu      sync.Mutex
	waiting []*jupyter.Message
	wake    chan struct{}
}

func (q *queue) put(r *jupyter.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, r)
	select {
	case q.bell() <- struct{}{}:
	default:
	}
}

// take empties the queue.
func (q *queue) take() []*jupyter.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting
	q.waiting = nil
	return all
}

func (q *queue) next() *jupyter.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	r := q.waiting[0]
	q.waiting = q.waiting[1:]
	return r
}

func (q *queue) bell() chan struct{} {
	if q.wake == nil {
		q.wake = make(chan struct{}, 1)
	}
	return q.wake
}

func (q *queue) work(ctx context.Context, handle func(*jupyter.Message)) {
	q.mu.Lock()
	wake := q.bell()
	q.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		}
		for r := q.next(); r != nil && ctx.Err() == nil; r = q.next() {
			handle(r)
		}
	}
}
