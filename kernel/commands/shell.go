package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/kernel/session"
)

// asking says how a shell command that reads its standard input gets lines.
type asking int

const (
	closed  asking = iota // it has none
	lines                 // %with_inputs
	secrets               // %with_password
)

const (
	// patience is how long a program may take to end after an interrupt, before it is killed.
	patience = time.Second
	// lull is how long a pipe that a child in the background holds must be still, when the program itself has ended.
	lull = 300 * time.Millisecond
	// before is how long a program that may ask runs until it is taken to wait for an answer, as in GoNB.
	before = 200 * time.Millisecond
)

// shell is !command: a shell of its own, in the session's folder and environment. Its exit code is told and ends nothing.
func shell(x *call) error {
	if x.rest == "" {
		return x.usage()
	}
	ask := x.c.asks
	x.c.asks = closed
	return told(x, x.program(program{argv: shellOf(x.rest), ask: ask}))
}

// told shows how a program ended, where that is no error of the cell.
func told(x *call, err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		x.notice("%s", exit.ProcessState)
		return nil
	}
	return err
}

func shellOf(line string) []string {
	for _, sh := range []string{"bash", "sh"} {
		if path, err := exec.LookPath(sh); err == nil {
			return []string{path, "-c", line}
		}
	}
	return []string{"/bin/sh", "-c", line}
}

// program is what program runs.
type program struct {
	argv  []string
	dir   string // "": the session's
	stdin string
	ask   asking
}

// program runs a program with the session's surroundings, and shows what it writes as it appears.
func (x *call) program(p program) error {
	around, err := x.c.Session.Surroundings(x.ctx)
	if err != nil {
		return err
	}
	if p.dir == "" {
		p.dir = around.Dir
	}
	if p.dir == "" {
		return x.noFolder()
	}
	module, _ := x.c.Session.Module(x.ctx)
	was := module.Stamp()
	err = x.run.start(p, around.Env)
	if module.Root != "" && module.Stamp() != was {
		return errors.Join(err, x.moduleChanged())
	}
	return err
}

// noFolder is the error of what can't do without the session's folder, when that was removed.
func (x *call) noFolder() error {
	return x.mistake("`%cd` with the full path of another goes there", "the session's folder is gone")
}

func (r *run) start(p program, env []string) error {
	c := exec.Command(p.argv[0], p.argv[1:]...)
	c.Dir, c.Env = p.dir, env
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children get the interrupt too
	var stdin io.WriteCloser
	var err error
	switch {
	case p.ask != closed && r.io.Ask == nil:
		return fault.New(fault.Input, "give the answer on the line: `!echo yes | command`", "this front-end does not ask for input")
	case p.ask != closed:
		if stdin, err = c.StdinPipe(); err != nil {
			return err
		}
	case p.stdin != "":
		c.Stdin = strings.NewReader(p.stdin)
	}
	var out flow
	if err := out.open(c, r.io.Show); err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		out.abandon()
		if errors.Is(err, exec.ErrNotFound) {
			return fault.New(fault.Environment, "install it, or name it with its folder", "no program %s in PATH", p.argv[0])
		}
		return fmt.Errorf("cellar: run %s: %w", p.argv[0], err)
	}
	out.started()
	ended := make(chan struct{})
	stop := context.AfterFunc(r.ctx, func() {
		syscall.Kill(-c.Process.Pid, syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(patience):
			syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		}
	})
	defer stop()
	var asked sync.WaitGroup
	if stdin != nil {
		asked.Go(func() { r.answer(stdin, p.ask, ended) })
	}
	err = c.Wait()
	close(ended)
	out.drain()
	asked.Wait()
	if stopped := context.Cause(r.ctx); stopped != nil {
		return stopped
	}
	return err
}

// answer asks the user for lines as long as the program runs.
func (r *run) answer(stdin io.WriteCloser, how asking, ended <-chan struct{}) {
	defer stdin.Close()
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		select {
		case <-ended:
			return
		case <-time.After(before):
		}
		line, err := r.io.Ask(ctx, " ", how == secrets)
		if err != nil {
			return
		}
		if _, err := io.WriteString(stdin, line+"\n"); err != nil {
			return
		}
	}
}

// flow passes on what a program writes.
type flow struct {
	readers, writers []*os.File
	kinds            []session.EventKind
	show             func(session.Event)
	done             sync.WaitGroup
	moved            atomic.Int64
}

func (f *flow) open(c *exec.Cmd, show func(session.Event)) error {
	f.show = show
	for _, kind := range []session.EventKind{session.Stdout, session.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			f.abandon()
			return fmt.Errorf("cellar: no pipe for a command's output: %w", err)
		}
		f.readers, f.writers, f.kinds = append(f.readers, r), append(f.writers, w), append(f.kinds, kind)
	}
	c.Stdout, c.Stderr = f.writers[0], f.writers[1]
	return nil
}

func (f *flow) abandon() {
	for _, file := range append(f.readers, f.writers...) {
		file.Close()
	}
}

func (f *flow) started() {
	for i, r := range f.readers {
		f.writers[i].Close()
		f.done.Go(func() {
			buffer := make([]byte, 32<<10)
			for {
				n, err := r.Read(buffer)
				if n > 0 {
					f.show(session.Event{Kind: f.kinds[i], Text: string(buffer[:n])})
					f.moved.Add(int64(n))
				}
				if err != nil {
					return
				}
			}
		})
	}
}

// drain waits for the end of the output. A child in the background may hold the pipes for ever: it is not waited for.
func (f *flow) drain() {
	over := make(chan struct{})
	go func() { f.done.Wait(); close(over) }()
	for moved := int64(-1); ; {
		select {
		case <-over:
			f.abandon()
			return
		case <-time.After(lull):
		}
		now := f.moved.Load()
		if now == moved {
			for _, r := range f.readers {
				r.Close() // ends the reading
			}
			<-over
			return
		}
		moved = now
	}
}

// script is %%script, %%bash and %%sh: a program that reads the rest of the cell. Its failure is the cell's.
func script(x *call) error {
	argv := x.args
	if x.name != "%%script" {
		argv = append([]string{strings.TrimPrefix(x.name, "%%")}, x.args...)
	}
	if len(argv) == 0 {
		return x.usage()
	}
	body := x.magic.Body
	if !strings.HasSuffix(body, "\n") {
		body += "\n"
	}
	err := x.program(program{argv: argv, stdin: body})
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fault.New(fault.Failed, "", "%s:%d: %s: %s", x.cell.Name, x.magic.Line, argv[0], exit.ProcessState)
	}
	return err
}

// writefile is %%writefile: the rest of the cell becomes a file.
func writefile(x *call) error {
	args := x.args
	flag := os.O_TRUNC
	if len(args) > 1 && args[0] == "-a" {
		args, flag = args[1:], os.O_APPEND
	}
	if len(args) != 1 {
		return x.usage()
	}
	name, err := x.path(args[0])
	if err != nil {
		return err
	}
	body := x.magic.Body
	if body != "" && !strings.HasSuffix(body, "\n") {
		body += "\n"
	}
	done := "written to"
	_, absent := os.Stat(name)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flag, 0o644)
	if err == nil {
		_, err = f.WriteString(body)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fault.New(fault.Storage, "choose a folder that is there and can be written", "%s:%d: %w", x.cell.Name, x.magic.Line, err)
	}
	switch {
	case flag == os.O_APPEND:
		done = "appended to"
	case absent == nil:
		done = "written over"
	}
	x.notice("The cell is %s %s.", done, args[0])
	return nil
}

// path is a file name of a command's as the session sees it: ~ and $VARIABLES stand for what they are, relative to the session's folder.
func (x *call) path(name string) (string, error) {
	around, err := x.c.Session.Surroundings(x.ctx)
	if err != nil {
		return "", err
	}
	value := func(key string) string {
		for i := len(around.Env) - 1; i >= 0; i-- {
			if k, v, _ := strings.Cut(around.Env[i], "="); k == key {
				return v
			}
		}
		return ""
	}
	if name == "~" || strings.HasPrefix(name, "~/") {
		name = value("HOME") + name[1:]
	}
	name = os.Expand(name, value)
	if !filepath.IsAbs(name) {
		if around.Dir == "" {
			return "", x.noFolder()
		}
		name = filepath.Join(around.Dir, name)
	}
	return name, nil
}

// capture is %capture: what the cell shows goes into a file too.
func capture(x *call) error {
	args := x.args
	flag := os.O_TRUNC
	if len(args) > 1 && args[0] == "-a" {
		args, flag = args[1:], os.O_APPEND
	}
	if len(args) != 1 {
		return x.usage()
	}
	name, err := x.path(args[0])
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flag, 0o644)
	if err != nil {
		return fault.New(fault.Storage, "choose a folder that is there and can be written", "%s:%d: %w", x.cell.Name, x.magic.Line, err)
	}
	x.run.captured = append(x.run.captured, f)
	show := x.run.io.Show
	var mu sync.Mutex
	x.run.io.Show = func(e session.Event) {
		mu.Lock()
		text := e.Text
		if plain, ok := e.Bundle.Data["text/plain"].(string); ok && e.Kind == session.Display {
			text = plain + "\n"
		}
		_, err := f.WriteString(text)
		mu.Unlock()
		show(e)
		if err != nil {
			show(session.Event{Kind: session.Stderr, Text: fmt.Sprintf("%%capture: %v\n", err)})
		}
	}
	return nil
}
