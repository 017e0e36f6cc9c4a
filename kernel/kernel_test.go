package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cellar-go/cellar/display"
	"github.com/cellar-go/cellar/display/comm"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/kernel/commands"
	"github.com/cellar-go/cellar/kernel/session"
)

// echo is a session for a language of a few words; everything else is its own value.
type echo struct {
	commands.Session
	interrupts chan struct{}
	input      chan string

	options session.Options

	mu    sync.Mutex
	comms map[string]bool
}

func (e *echo) Run(ctx context.Context, c session.Cell, sink func(session.Event)) (session.Result, error) {
	word, rest, _ := strings.Cut(c.Source, " ")
	switch word {
	case "print":
		sink(session.Event{Kind: session.Stdout, Text: rest})
	case "lines":
		n, _ := strconv.Atoi(rest)
		for i := range n {
			sink(session.Event{Kind: session.Stdout, Text: strconv.Itoa(i) + "\n"})
		}
	case "mixed":
		sink(session.Event{Kind: session.Stdout, Text: "out"})
		sink(session.Event{Kind: session.Stderr, Text: "err"})
		sink(session.Event{Kind: session.Display, Bundle: display.Bundle{Data: map[string]any{"text/html": "<b>"}, ID: "d"}})
		sink(session.Event{Kind: session.Display, Bundle: display.Bundle{Data: map[string]any{"text/html": "<i>"}, ID: "d", Update: true}})
		sink(session.Event{Kind: session.Display, Bundle: display.Bundle{Clear: true}})
	case "wrong":
		return session.Result{}, &session.CompileError{Diagnostics: []session.Diagnostic{{Cell: c.Name, Line: 1, Column: 3, Message: "undefined: x"}}}
	case "panic":
		return session.Result{}, &session.PanicError{Value: "boom", Frames: []session.Frame{{Function: "f", File: "cell[1]", Line: 7}}}
	case "wait":
		select {
		case <-e.interrupts:
			return session.Result{}, session.ErrInterrupted
		case <-ctx.Done():
			return session.Result{}, ctx.Err()
		}
	case "input":
		sink(session.Event{Kind: session.Input, Text: rest})
		select {
		case line := <-e.input:
			sink(session.Event{Kind: session.Stdout, Text: "got " + line})
		case <-e.interrupts:
			return session.Result{}, session.ErrInterrupted
		}
	case "open":
		e.mu.Lock()
		e.comms[rest] = true
		e.mu.Unlock()
		sink(session.Event{Kind: session.Comm, Packet: comm.Packet{Kind: comm.KindOpen, ID: rest, Target: "page", Data: json.RawMessage("1"), Metadata: json.RawMessage(`{"m":2}`), Buffers: [][]byte{{3}}}})
	case "import":
		return session.Result{Value: &display.Bundle{Data: map[string]any{"text/plain": fmt.Sprint(e.options.Add(ctx, []string{rest}))}}}, nil
	case "notice":
		return session.Result{Notices: []string{"replayed"}}, nil
	default:
		return session.Result{Value: &display.Bundle{Data: map[string]any{"text/plain": c.Source}}}, nil
	}
	return session.Result{}, nil
}

func (e *echo) RefuseInput() { e.Interrupt() }

func (e *echo) Interrupt() {
	select {
	case e.interrupts <- struct{}{}:
	default:
	}
}

func (e *echo) Answer(text string) error { e.input <- text; return nil }

func (e *echo) EndInput() error { e.input <- "the end"; return nil }

func (e *echo) Complete(src string, cursor int) session.Completion {
	return session.Completion{Start: cursor - len("é"), End: cursor, Items: []session.Item{{Text: "été", Kind: "var", Type: "string"}}}
}

func (e *echo) Inspect(src string, _, _ int) (session.Inspection, bool) {
	return session.Inspection{Signature: "var x int", Doc: "X is.", Value: "3", Source: "x := 3"}, src == "x"
}

// Comm has one target, echo, which sends back what comes until it is told to wait, to panic, or to close.
func (e *echo) Comm(ctx context.Context, p comm.Packet, sink func(session.Event)) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case p.Kind == comm.KindOpen && p.Target == "echo":
		e.comms[p.ID] = true
		return true, nil
	case !e.comms[p.ID]:
		return false, nil
	case p.Kind == comm.KindClose:
		delete(e.comms, p.ID)
		return true, nil
	}
	switch string(p.Data) {
	case `"wait"`:
		e.mu.Unlock()
		<-ctx.Done()
		e.mu.Lock()
		return true, ctx.Err()
	case `"panic"`:
		return true, &session.PanicError{Value: "boom"}
	case `"close"`:
		delete(e.comms, p.ID)
		sink(session.Event{Kind: session.Comm, Packet: comm.Packet{Kind: comm.KindClose, ID: p.ID}})
	default:
		sink(session.Event{Kind: session.Stdout, Text: "got " + string(p.Data)})
		sink(session.Event{Kind: session.Comm, Packet: p})
	}
	return true, nil
}

func (e *echo) Close() error { e.Interrupt(); return nil }

// started is a kernel and a client of it.
type started struct {
	*testing.T
	*jupyter.Client
	connection jupyter.Connection
	output     func(session.Event)
	served     chan error
}

func start(t *testing.T, o Options) *started {
	t.Helper()
	s := &started{T: t, served: make(chan error, 1)}
	if o.History == "" {
		o.History = filepath.Join(t.TempDir(), "history.jsonl")
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	o.Start = func(_ context.Context, so session.Options) (Session, error) {
		s.output = so.Output
		return &echo{options: so, interrupts: make(chan struct{}, 1), input: make(chan string, 1), comms: map[string]bool{}}, nil
	}
	var err error
	if s.connection, err = jupyter.NewConnection(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "connection.json")
	if err := s.connection.Write(file); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { s.served <- Serve(ctx, file, o); close(s.served) }()
	if s.Client, err = jupyter.Dial(s.soon(), s.connection, jupyter.ClientOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WaitReady(s.soon()); err != nil {
		t.Fatal(err)
	}
	s.request(jupyter.Shell, "kernel_info_request", nil) // what was asked before is behind us
	t.Cleanup(func() {
		s.Client.Close()
		cancel()
		for range s.served {
		}
	})
	return s
}

func (s *started) soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	s.Cleanup(cancel)
	return ctx
}

func (s *started) send(ch jupyter.Channel, kind string, content any) jupyter.Header {
	s.Helper()
	if content == nil {
		content = struct{}{}
	}
	h, err := s.Request(ch, kind, content)
	if err != nil {
		s.Fatal(err)
	}
	return h
}

// next returns the next message on a channel that answers h.
func (s *started) next(ch jupyter.Channel, h jupyter.Header) (kind string, content map[string]any) {
	s.Helper()
	for {
		m, err := s.Receive(s.soon(), ch)
		if err != nil {
			s.Fatalf("%s: %v", ch, err)
		}
		if m.Parent.ID == h.ID {
			content = map[string]any{}
			if err := m.Decode(&content); err != nil {
				s.Fatal(err)
			}
			return m.Header.Type, content
		}
	}
}

// outcome returns the reply, and what came on iopub up to idle, one line a message.
func (s *started) outcome(ch jupyter.Channel, h jupyter.Header) (reply map[string]any, log string) {
	s.Helper()
	_, reply = s.next(ch, h)
	return reply, s.shown(h)
}

// shown is what comes on iopub for h, until it is over.
func (s *started) shown(h jupyter.Header) string {
	s.Helper()
	var lines []string
	for {
		kind, c := s.next(jupyter.IOPub, h)
		switch kind {
		case "status":
			kind += " " + c["execution_state"].(string)
		case "stream":
			kind += " " + c["name"].(string) + " " + c["text"].(string)
		case "execute_input":
			kind += fmt.Sprintf(" %v %v", c["execution_count"], c["code"])
		case "execute_result", "display_data", "update_display_data":
			kind += fmt.Sprintf(" %v %v", c["data"], c["transient"])
		case "error":
			kind += fmt.Sprintf(" %v: %v", c["ename"], c["evalue"])
		case "comm_open", "comm_msg", "comm_close":
			kind += fmt.Sprintf(" %v %v", c["comm_id"], c["data"])
		}
		lines = append(lines, kind)
		if kind == "status idle" {
			return strings.Join(lines, "\n")
		}
	}
}

func (s *started) request(ch jupyter.Channel, kind string, content any) (map[string]any, string) {
	s.Helper()
	return s.outcome(ch, s.send(ch, kind, content))
}

func (s *started) execute(code string) (map[string]any, string) {
	s.Helper()
	return s.request(jupyter.Shell, "execute_request", map[string]any{"code": code})
}

func (s *started) expect(got, want string) {
	s.Helper()
	if want = "status busy\n" + want; got != want {
		s.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExecute(t *testing.T) {
	s := start(t, Options{})
	reply, log := s.execute("1")
	s.expect(log, "execute_input 1 1\nexecute_result map[text/plain:1] map[]\nstatus idle")
	if reply["status"] != "ok" || reply["execution_count"] != 1.0 {
		t.Errorf("reply %v", reply)
	}
	_, log = s.execute("mixed")
	s.expect(log, "execute_input 2 mixed\nstream stdout out\nstream stderr err\ndisplay_data map[text/html:<b>] map[display_id:d]\n"+
		"update_display_data map[text/html:<i>] map[display_id:d]\nclear_output\nstatus idle")
	_, log = s.request(jupyter.Shell, "execute_request", map[string]any{"code": "2", "silent": true})
	s.expect(log, "status idle")
	_, log = s.request(jupyter.Shell, "execute_request", map[string]any{"code": "2", "store_history": false})
	s.expect(log, "execute_input 2 2\nexecute_result map[text/plain:2] map[]\nstatus idle")
	reply, log = s.execute(" \n")
	s.expect(log, "execute_input 2  \n\nstatus idle")
	if reply["status"] != "ok" {
		t.Errorf("reply %v", reply)
	}
	_, log = s.execute("notice")
	s.expect(log, "execute_input 3 notice\nstream stderr replayed\n\nstatus idle")
	reply, _ = s.request(jupyter.Shell, "execute_request", map[string]any{"code": "1", "user_expressions": map[string]string{"a": "2", "b": "wrong"}})
	e := reply["user_expressions"].(map[string]any)
	if a := e["a"].(map[string]any); a["status"] != "ok" || fmt.Sprint(a["data"]) != "map[text/plain:2]" {
		t.Errorf("expression a: %v", a)
	}
	if b := e["b"].(map[string]any); b["status"] != "error" || b["ename"] != "CompileError" {
		t.Errorf("expression b: %v", b)
	}
	if reply, _ = s.execute("x := 1\n%lsmagi"); !strings.Contains(fmt.Sprint(reply["evalue"]), "cell[5]:2: the kernel has no command %lsmagi") {
		t.Errorf("magic: %v", reply)
	}
	reply, _ = s.request(jupyter.Shell, "execute_request", []int{1})
	if reply["status"] != "error" {
		t.Errorf("broken request: %v", reply)
	}
}

// A terminal can't change a display: a line is written over the last one, until something else is shown.
func TestRedraw(t *testing.T) {
	var o output
	written := ""
	for _, b := range []display.Bundle{
		{ID: "bar", Data: map[string]any{"text/plain": "1"}}, {ID: "bar", Update: true, Data: map[string]any{"text/plain": "2"}},
		{Data: map[string]any{"text/plain": "a display"}}, {ID: "bar", Update: true, Data: map[string]any{"text/plain": "3"}},
		{ID: "other", Data: map[string]any{"text/plain": "4"}}, {ID: "other", Update: true, Data: map[string]any{"text/plain": "two\nlines"}},
	} {
		e := o.redraw(session.Event{Kind: session.Display, Bundle: b})
		written += string(o.text) + e.Text + plainText(&e.Bundle)
		o.text = nil
	}
	if want := "1\r\x1b[K2\na display3\n4\ntwo\nlines"; written != want {
		t.Errorf("got %q, want %q", written, want)
	}
}

func TestErrorsAbortTheQueue(t *testing.T) {
	s := start(t, Options{})
	failing := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "wrong"})
	queued := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "1"})
	reply, log := s.outcome(jupyter.Shell, failing)
	s.expect(log, "execute_input 1 wrong\nerror CompileError: undefined: x\nstatus idle")
	if reply["status"] != "error" || !strings.Contains(fmt.Sprint(reply["traceback"]), "cell[1]:1:3: undefined: x") || !strings.Contains(fmt.Sprint(reply["traceback"]), "      ^") {
		t.Errorf("reply %v", reply)
	}
	reply, log = s.outcome(jupyter.Shell, queued)
	s.expect(log, "status idle")
	if reply["status"] != "aborted" {
		t.Errorf("queued: %v", reply)
	}
	failing = s.send(jupyter.Shell, "execute_request", map[string]any{"code": "panic", "stop_on_error": false})
	queued = s.send(jupyter.Shell, "execute_request", map[string]any{"code": "1"})
	if reply, _ := s.outcome(jupyter.Shell, failing); reply["ename"] != "panic" || !strings.Contains(fmt.Sprint(reply["traceback"]), "cell[1]:7 in f") {
		t.Errorf("panic: %v", reply)
	}
	if reply, _ := s.outcome(jupyter.Shell, queued); reply["status"] != "ok" {
		t.Errorf("queued: %v", reply)
	}
}

func TestAnswersWhileACellRuns(t *testing.T) {
	s := start(t, Options{})
	running := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "wait"})
	for kind := ""; kind != "execute_input"; {
		kind, _ = s.next(jupyter.IOPub, running)
	}
	reply, _ := s.request(jupyter.Shell, "complete_request", map[string]any{"code": "aé", "cursor_pos": 2})
	if fmt.Sprint(reply["matches"], reply["cursor_start"], reply["cursor_end"]) != "[été]12" && fmt.Sprint(reply["matches"], reply["cursor_start"], reply["cursor_end"]) != "[été] 1 2" {
		t.Errorf("complete: %v", reply)
	}
	reply, _ = s.request(jupyter.Shell, "inspect_request", map[string]any{"code": "x", "cursor_pos": 1, "detail_level": 1})
	if text := fmt.Sprint(reply["data"].(map[string]any)["text/plain"]); text != "var x int\n\nValue: 3\n\nX is.\n\nx := 3" {
		t.Errorf("inspect: %s", text)
	}
	if reply, _ = s.request(jupyter.Shell, "inspect_request", map[string]any{"code": "y"}); reply["found"] != false {
		t.Errorf("inspect y: %v", reply)
	}
	if reply, _ = s.request(jupyter.Control, "kernel_info_request", nil); reply["implementation"] != "cellar" {
		t.Errorf("kernel_info: %v", reply)
	}
	if reply, _ = s.request(jupyter.Control, "interrupt_request", nil); reply["status"] != "ok" {
		t.Errorf("interrupt: %v", reply)
	}
	if _, reply = s.next(jupyter.Shell, running); reply["ename"] != "Interrupted" {
		t.Errorf("interrupted cell: %v", reply)
	}
	if reply, _ = s.execute("1"); reply["status"] != "ok" {
		t.Errorf("next cell: %v", reply)
	}
}

func TestStdin(t *testing.T) {
	s := start(t, Options{})
	h := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "input name? ", "allow_stdin": true})
	if kind, c := s.next(jupyter.Stdin, h); kind != "input_request" || c["prompt"] != "name? " {
		t.Errorf("%s %v", kind, c)
	}
	s.send(jupyter.Stdin, "input_reply", map[string]string{"value": "Ada"})
	_, log := s.outcome(jupyter.Shell, h)
	s.expect(log, "execute_input 1 input name? \nstream stdout got Ada\nstatus idle")

	h = s.send(jupyter.Shell, "execute_request", map[string]any{"code": "input", "allow_stdin": true})
	s.next(jupyter.Stdin, h)
	s.send(jupyter.Stdin, "input_reply", map[string]string{"value": "\x04"})
	_, log = s.outcome(jupyter.Shell, h)
	s.expect(log, "execute_input 2 input\nstream stdout got the end\nstatus idle")

	_, log = s.request(jupyter.Shell, "execute_request", map[string]any{"code": "input", "allow_stdin": false})
	if !strings.Contains(log, "error") || !strings.Contains(log, "reads standard input, which this front-end does not offer") {
		t.Error(log)
	}

	h = s.send(jupyter.Shell, "execute_request", map[string]any{"code": "input again?"})
	s.next(jupyter.Stdin, h)
	s.request(jupyter.Control, "interrupt_request", nil)
	if _, reply := s.next(jupyter.Shell, h); reply["status"] == nil {
		t.Errorf("reply %v", reply)
	}
}

func TestAddModules(t *testing.T) {
	s := start(t, Options{})
	imports := func(answer string) string {
		t.Helper()
		h := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "import example.com/x@v1.0.0", "allow_stdin": true})
		if answer != "" {
			if kind, c := s.next(jupyter.Stdin, h); kind != "input_request" || !strings.Contains(fmt.Sprint(c["prompt"]), "example.com/x@v1.0.0") {
				t.Errorf("%s %v", kind, c)
			}
			s.send(jupyter.Stdin, "input_reply", map[string]string{"value": answer})
		}
		_, log := s.outcome(jupyter.Shell, h)
		return log
	}
	for _, c := range []struct{ answer, want string }{{"n", "false"}, {" ", "false"}, {"yes", "true"}, {"A", "true"}, {"", "true"}} {
		if log := imports(c.answer); !strings.Contains(log, c.want) {
			t.Errorf("answer %q: %s", c.answer, log)
		}
	}
	// A front-end that can't be asked.
	s = start(t, Options{})
	if _, log := s.request(jupyter.Shell, "execute_request", map[string]any{"code": "import example.com/x", "allow_stdin": false}); !strings.Contains(log, "false") {
		t.Error(log)
	}
}

func TestOtherRequests(t *testing.T) {
	var log strings.Builder
	s := start(t, Options{Version: "1.2", Log: &log})
	reply, _ := s.request(jupyter.Shell, "kernel_info_request", nil)
	if l := reply["language_info"].(map[string]any); l["name"] != "go" || l["file_extension"] != ".go" || reply["implementation_version"] != "1.2" {
		t.Errorf("kernel_info: %v", reply)
	}
	if reply, _ = s.request(jupyter.Shell, "connect_request", nil); reply["shell_port"] != float64(s.connection.ShellPort) {
		t.Errorf("connect: %v", reply)
	}
	if reply, _ = s.request(jupyter.Shell, "comm_info_request", nil); fmt.Sprint(reply["comms"]) != "map[]" {
		t.Errorf("comm_info: %v", reply)
	}
	for _, kind := range []string{"debug", "nonsense", "other_subshell"} {
		if reply, _ = s.request(jupyter.Control, kind+"_request", nil); reply["status"] != "error" {
			t.Errorf("%s: %v", kind, reply)
		}
	}
	if reply, _ = s.request(jupyter.Control, "debug_request", map[string]any{"type": "request", "seq": 3, "command": "initialize"}); reply["success"] != false || reply["request_seq"] != 3.0 || reply["status"] != "error" {
		t.Errorf("debug: %v", reply)
	}
	if reply, _ = s.request(jupyter.Shell, "is_complete_request", map[string]string{"code": "if x {"}); reply["status"] != "incomplete" || reply["indent"] != "\t" {
		t.Errorf("is_complete: %v", reply)
	}
	for _, kind := range []string{"complete", "inspect", "is_complete", "history", "shutdown"} {
		if reply, _ = s.request(jupyter.Shell, kind+"_request", []int{}); reply["status"] != "error" {
			t.Errorf("broken %s: %v", kind, reply)
		}
	}
}

func TestShutdown(t *testing.T) {
	for _, ch := range []jupyter.Channel{jupyter.Control, jupyter.Shell} {
		s := start(t, Options{})
		if ch == jupyter.Control {
			s.send(jupyter.Shell, "execute_request", map[string]any{"code": "wait"}) // does not hold it up
		}
		reply, log := s.request(ch, "shutdown_request", map[string]bool{"restart": true})
		if reply["status"] != "ok" || reply["restart"] != true || !strings.Contains(log, "shutdown_reply") {
			t.Errorf("%v\n%s", reply, log)
		}
		select {
		case err := <-s.served:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the kernel goes on")
		}
	}
}

func TestNotebook(t *testing.T) {
	t.Setenv("JPY_SESSION_NAME", "/session.ipynb")
	for told, want := range map[string][2]string{
		"": {"/session.ipynb", ""}, "/n.ipynb": {"/n.ipynb", ""}, "git:abc:/a:b/n.ipynb": {"/a:b/n.ipynb", "abc"}, "/git:abc:/n.ipynb": {"/git:abc:/n.ipynb", ""},
	} {
		t.Setenv("CELLAR_NOTEBOOK", told)
		if got := [2]string{Notebook(), NotebookCommit()}; got != want {
			t.Errorf("%q: %q, want %q", told, got, want)
		}
	}
}

func TestIntercept(t *testing.T) {
	t.Setenv("CELLAR_NOTEBOOK", "")
	t.Setenv("JPY_SESSION_NAME", "dir/flights.ipynb")
	notebook, _ := filepath.Abs("dir/flights.ipynb")
	s := start(t, Options{Intercept: func(ctx context.Context, c CellRequest) (Intercepted, error) {
		switch c.Source {
		case "rewrite":
			c.Show(session.Event{Kind: session.Stdout, Text: c.Notebook + " " + c.CellID + " " + c.Name})
			return Intercepted{Source: "rewritten"}, nil
		case "done":
			return Intercepted{Done: true, Value: &display.Bundle{Data: map[string]any{"text/plain": "kept"}}}, nil
		case "refuse":
			return Intercepted{}, errors.New("no")
		case "slow":
			c.Show(session.Event{Kind: session.Stdout, Text: "slow"})
			<-ctx.Done()
			return Intercepted{}, ctx.Err()
		}
		return Intercepted{Source: c.Source}, nil
	}})
	m, _ := s.Session.New("execute_request", map[string]any{"code": "rewrite"})
	m.Metadata = []byte(`{"cellId":"c7"}`)
	if err := s.Send(jupyter.Shell, m); err != nil {
		t.Fatal(err)
	}
	_, log := s.outcome(jupyter.Shell, m.Header)
	s.expect(log, "execute_input 1 rewrite\nstream stdout "+notebook+" c7 cell[1]\nexecute_result map[text/plain:rewritten] map[]\nstatus idle")
	_, log = s.execute("done")
	s.expect(log, "execute_input 2 done\nexecute_result map[text/plain:kept] map[]\nstatus idle")
	_, log = s.execute("refuse")
	s.expect(log, "execute_input 3 refuse\nerror Error: no\nstatus idle")
	_, log = s.execute("x")
	s.expect(log, "execute_input 4 x\nexecute_result map[text/plain:x] map[]\nstatus idle")

	h := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "slow"})
	for kind := ""; kind != "stream"; {
		kind, _ = s.next(jupyter.IOPub, h)
	}
	s.request(jupyter.Control, "interrupt_request", nil)
	if _, reply := s.next(jupyter.Shell, h); reply["ename"] != "Interrupted" {
		t.Errorf("interrupted hook: %v", reply)
	}
}

func TestFloodOfLines(t *testing.T) {
	s := start(t, Options{})
	const n = 200_000
	_, log := s.execute("lines " + strconv.Itoa(n))
	i := 0
	for line := range strings.SplitSeq(log, "\n") {
		if line = strings.TrimPrefix(line, "stream stdout "); line == strconv.Itoa(i) {
			i++
		}
	}
	if i != n {
		t.Errorf("%d lines of %d came", i, n)
	}
}

func TestOutputBetweenCells(t *testing.T) {
	s := start(t, Options{})
	h := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "1"})
	s.outcome(jupyter.Shell, h)
	s.output(session.Event{Kind: session.Stdout, Text: "later"})
	if kind, c := s.next(jupyter.IOPub, h); kind != "stream" || c["text"] != "later" {
		t.Errorf("%s %v", kind, c)
	}
}

func TestWholeRunes(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 1, "é": 2, "a\xc3": 1, "\xe2\x82": 0, "\xf0\x9f\x98": 0, "😀": 4, "a\xff": 2, "\x80\x80\x80\x80\x80": 5} {
		if got := wholeRunes([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func FuzzPosition(f *testing.F) {
	f.Add("é := `")
	f.Fuzz(func(t *testing.T, code string) {
		for cursor := range 5 {
			if n := (position{Code: code, Cursor: &cursor}).byteOffset(); n < 0 || n > len(code) {
				t.Errorf("%q: character %d is byte %d", code, cursor, n)
			}
		}
	})
}
