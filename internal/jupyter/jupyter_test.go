package jupyter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/cellar-go/cellar/internal/fault"
)

// serve starts a server that answers every shell request with its own content, between a busy and an idle status.
func serve(t *testing.T, o ServerOptions) *Server {
	t.Helper()
	return serveOn(t, Connection{IP: "127.0.0.1", Key: "k3y", SignatureScheme: schemeSHA256}, o)
}

func serveOn(t *testing.T, c Connection, o ServerOptions) *Server {
	t.Helper()
	s, err := Listen(c, o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case m := <-s.Requests(Shell):
				s.Publish(m.Header, "status", map[string]string{"execution_state": "busy"})
				s.Publish(m.Header, "status", map[string]string{"execution_state": "idle"})
				reply, err := s.Session.New(strings.Replace(m.Header.Type, "_request", "_reply", 1), m.Content)
				if err != nil {
					panic(err)
				}
				reply.Metadata, reply.Buffers = m.Metadata, m.Buffers
				if err := s.ReplyMessage(Shell, m, reply); err != nil {
					panic(err)
				}
			case <-s.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { s.Close(); <-done })
	return s
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dial(t *testing.T, s *Server) *Client {
	t.Helper()
	c, err := Dial(soon(t), s.Connection(), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func receive(t *testing.T, c *Client, ch Channel) *Message {
	t.Helper()
	m, err := c.Receive(soon(t), ch)
	if err != nil {
		t.Fatalf("receive on %s: %v", ch, err)
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	s := serve(t, ServerOptions{})
	c := dial(t, s)
	if _, err := c.WaitReady(soon(t)); err != nil {
		t.Fatal(err)
	}
	m, _ := c.Session.New("echo_request", map[string]any{"x": "a<b>&ü"})
	m.Metadata, m.Buffers = json.RawMessage(`{"cellId":"c1"}`), [][]byte{{0, 1}, {}}
	if err := c.Send(Shell, m); err != nil {
		t.Fatal(err)
	}
	r := receive(t, c, Shell)
	if r.Header.Type != "echo_reply" || r.Parent != m.Header || string(r.Content) != `{"x":"a<b>&ü"}` || string(r.Metadata) != `{"cellId":"c1"}` {
		t.Errorf("reply %+v", r)
	}
	if len(r.Buffers) != 2 || !bytes.Equal(r.Buffers[0], []byte{0, 1}) || len(r.Buffers[1]) != 0 {
		t.Errorf("buffers %v", r.Buffers)
	}
	for range 3 {
		if err := c.Beat(soon(t)); err != nil {
			t.Fatal(err)
		}
	}

	// The kernel asks the sender of a request for input.
	request := make(chan *Message, 1)
	if err := c.Send(Control, m); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-s.Requests(Control): // the same signature as on shell before: a replay
		t.Errorf("replay was received: %+v", m)
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := c.Request(Control, "ask_request", struct{}{}); err != nil {
		t.Fatal(err)
	}
	request <- <-s.Requests(Control)
	if err := s.Reply(Stdin, <-request, "input_request", map[string]string{"prompt": "? "}); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, c, Stdin); m.Header.Type != "input_request" || m.Parent.Type != "ask_request" {
		t.Errorf("input request %+v", m)
	}

	s.Close()
	if _, err := c.Receive(soon(t), Stdin); !errors.Is(err, ErrClosed) {
		t.Errorf("receive after close: %v", err)
	}
	for c.Send(Shell, m) == nil { // the closed connection is noticed at once
		time.Sleep(time.Millisecond)
	}
}

// jupyter_client gives all clients of one manager the same identity.
func TestClientsWithOneIdentity(t *testing.T) {
	s := serve(t, ServerOptions{})
	c := s.Connection()
	var peers []*peer
	for range 3 {
		p, err := open(raw(t, s, Shell), zmq4.Dealer, "same", false, nil, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		go p.write()
		peers = append(peers, p)
	}
	signer, _ := newSigner(c)
	for _, p := range peers {
		m, _ := newSession().New("echo_request", struct{}{})
		frames, err := encode(m, signer)
		if err != nil {
			t.Fatal(err)
		}
		p.send(frames)
		p.rw.SetReadDeadline(time.Now().Add(10 * time.Second))
		back, err := p.receive()
		if err != nil {
			t.Fatal(err)
		}
		if reply, err := decode(back, signer, nil, &headers{}); err != nil || reply.Parent != m.Header {
			t.Errorf("%+v, %v", reply, err)
		}
	}
}

func TestIPC(t *testing.T) {
	s, err := Listen(Connection{Transport: "ipc", IP: filepath.Join(t.TempDir(), "k"), ShellPort: 1, ControlPort: 2, IOPubPort: 3, StdinPort: 4, HeartbeatPort: 5}, ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := dial(t, s).Beat(soon(t)); err != nil {
		t.Fatal(err)
	}
}

// A kernel that was killed leaves the files of its sockets, and is started again on them.
func TestIPCAfterACrash(t *testing.T) {
	c := Connection{Transport: "ipc", IP: filepath.Join(t.TempDir(), "k"), ShellPort: 1, ControlPort: 2, IOPubPort: 3, StdinPort: 4, HeartbeatPort: 5}
	l, err := net.Listen(c.endpoint(Shell))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(c, ServerOptions{}); err == nil {
		t.Error("the socket of a living process was taken")
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if err := dial(t, serveOn(t, c, ServerOptions{})).Beat(soon(t)); err != nil {
		t.Error(err)
	}
}

func TestWrongSignature(t *testing.T) {
	var bad atomic.Value
	s := serve(t, ServerOptions{Bad: func(_ Channel, err error) { bad.Store(err) }})
	wrong := s.Connection()
	wrong.Key = "other"
	c, err := Dial(soon(t), wrong, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Request(Shell, "echo_request", struct{}{}); err != nil {
		t.Fatal(err)
	}
	for bad.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := bad.Load().(error); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
	good := dial(t, s)
	if _, err := good.WaitReady(soon(t)); err != nil {
		t.Errorf("after a wrong signature: %v", err)
	}
}

func TestSigner(t *testing.T) {
	a, _ := newSigner(Connection{Key: "a"})
	part := []byte("{}")
	for _, bad := range []string{"", "zz", strings.Repeat("0", 64), strings.Repeat("z", 64)} {
		if err := a.Verify([]byte(bad), part); !errors.Is(err, ErrSignature) {
			t.Errorf("signature %q: %v", bad, err)
		}
	}
	if err := a.Verify(a.Sign(part), part); err != nil {
		t.Error(err)
	}
	if err := a.Verify(a.Sign(part), part); !errors.Is(err, ErrReplay) {
		t.Errorf("replay: %v", err)
	}
	for i := range remembered + 10 {
		p := fmt.Append(nil, i)
		if err := a.Verify(a.Sign(p), p); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.seen) != remembered || len(a.ring) != remembered {
		t.Errorf("%d and %d signatures are kept", len(a.seen), len(a.ring))
	}
	if _, err := newSigner(Connection{Key: "a", SignatureScheme: "hmac-md5"}); err == nil {
		t.Error("hmac-md5 was accepted")
	}
}

func TestBrokenMessages(t *testing.T) {
	s, _ := newSigner(Connection{Key: "a"})
	frames := func(parts ...string) [][]byte {
		var raw [][]byte
		for _, p := range parts {
			raw = append(raw, []byte(p))
		}
		return append([][]byte{[]byte("id"), delimiter, s.Sign(raw...)}, raw...)
	}
	good := `{"msg_id":"1","msg_type":"x"}`
	for name, f := range map[string][][]byte{
		"no frames":          nil,
		"no delimiter":       {{1}, {2}},
		"nothing behind it":  {delimiter},
		"header not JSON":    frames("{", "{}", "{}", "{}"),
		"header not object":  frames("[1]", "{}", "{}", "{}"),
		"header without id":  frames("{}", "{}", "{}", "{}"),
		"parent not JSON":    frames(good, "nul", "{}", "{}"),
		"metadata not JSON":  frames(good, "{}", "{]", "{}"),
		"signature too long": {delimiter, bytes.Repeat([]byte("0"), 1000), []byte(good), []byte("{}"), []byte("{}"), []byte("{}")},
	} {
		if m, err := decode(f, s, nil, &headers{}); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
	m, err := decode(frames(good, "{}", "{}", "{broken"), s, nil, &headers{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Decode(&struct{}{}); err == nil || !strings.Contains(err.Error(), "content of x") {
		t.Errorf("broken content: %v", err)
	}
}

func TestConnectionFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.json")
	c, err := NewConnection()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(path); err != nil {
		t.Fatal(err)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	if got, err := ReadConnection(path); err != nil || got != c {
		t.Errorf("%+v, %v", got, err)
	}
	whole, _ := os.ReadFile(path)
	for n := range whole[:len(whole)-3] {
		os.WriteFile(path, whole[:n], 0o600)
		var mistake *fault.Mistake
		if _, err := ReadConnection(path); !errors.As(err, &mistake) || !strings.Contains(err.Error(), path) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	for _, bad := range []string{`{}`, `{"ip":"x","transport":"udp"}`, `{"ip":"x","shell_port":70000}`, `null`, `[]`} {
		os.WriteFile(path, []byte(bad), 0o600)
		if _, err := ReadConnection(path); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
	for field, bad := range map[string]string{"key": "", "ip": "", "shell_port": "", "hb_port": "0", "iopub_port": "-1", "transport": `"udp"`, "signature_scheme": `"hmac-md5"`,
		"curve_publickey": `"half"`, "stdin_port": `"x"`} {
		var fields map[string]json.RawMessage
		json.Unmarshal(whole, &fields)
		if delete(fields, field); bad != "" {
			fields[field] = json.RawMessage(bad)
		}
		b, _ := json.Marshal(fields)
		os.WriteFile(path, b, 0o600)
		if _, err := ReadConnection(path); fault.ExitCode(err) != int(fault.Input) || !strings.Contains(err.Error(), field) && field != "stdin_port" {
			t.Errorf("%s %q: %v", field, bad, err)
		}
	}
	if _, err := ReadConnection(dir); fault.ExitCode(err) != int(fault.Input) {
		t.Error(err)
	}
	if _, err := ReadConnection(filepath.Join(dir, "none")); fault.ExitCode(err) != int(fault.Input) {
		t.Error(err)
	}
	if err := c.Write(filepath.Join(dir, "none", "c.json")); fault.ExitCode(err) != int(fault.Storage) {
		t.Error(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Listen(Connection{IP: "127.0.0.1", IOPubPort: l.Addr().(*net.TCPAddr).Port}, ServerOptions{})
	if err == nil || !strings.Contains(err.Error(), "iopub") || !strings.Contains(fault.Hint(err), "another program") {
		t.Error(err)
	}
	if _, err = Listen(Connection{IP: "no.such.host.invalid"}, ServerOptions{}); err == nil || !strings.Contains(fault.Hint(err), "ip and shell_port") {
		t.Errorf("%v", err)
	}
}

// TestHeartbeatTaken: where another program has the port of the heartbeat, which ends only that thread of ipykernel, all else works.
func TestHeartbeatTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	to := serve(t, ServerOptions{}).Connection()
	to.HeartbeatPort = l.Addr().(*net.TCPAddr).Port
	c, err := Dial(soon(t), to, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitReady(soon(t)); err != nil {
		t.Error(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Beat(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a beat to another program: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestForeignEcho: evcxr answers a heartbeat with "ping" instead of what it was sent; an echo that comes late is no answer to a later beat.
func TestForeignEcho(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	answers := make(chan string, 3)
	var answering sync.WaitGroup
	answering.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		p, err := open(conn, zmq4.Rep, "", true, nil, time.Second)
		if err != nil {
			t.Error(err)
			return
		}
		answering.Go(p.write)
		for answer := range answers {
			if _, err := p.receive(); err != nil {
				break
			}
			p.send([][]byte{{}, []byte(answer)})
		}
		p.receive() // until the client has gone
		p.close()
	})
	to := serve(t, ServerOptions{}).Connection()
	to.HeartbeatPort = l.Addr().(*net.TCPAddr).Port
	c, err := Dial(soon(t), to, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	answers <- "ping"
	if err := c.Beat(soon(t)); err != nil {
		t.Errorf("an answer that is no number: %v", err)
	}
	answers <- "1"
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := c.Beat(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the echo of an earlier beat: %v", err)
	}
	answers <- "3"
	close(answers)
	if err := c.Beat(soon(t)); err != nil {
		t.Errorf("its own echo: %v", err)
	}
	c.Close()
	answering.Wait()
}

// TestLargeContent: a content beyond the client's limit is in a file, and its signature is checked all the same.
func TestLargeContent(t *testing.T) {
	s := serve(t, ServerOptions{})
	dir := t.TempDir()
	c, err := Dial(soon(t), s.Connection(), ClientOptions{Large: 1000, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.WaitReady(soon(t)); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{10, 980, 1 << 20, 10} {
		want := strings.Repeat("é", size)
		s.Publish(Header{ID: "x"}, "stream", map[string]string{"name": "stdout", "text": want})
		m := receive(t, c, IOPub)
		for m.Header.Type == "status" {
			m = receive(t, c, IOPub)
		}
		if (m.Large == nil) != (size < 400) || (m.Large == nil) != (m.Content != nil) {
			t.Fatalf("%d: content of %d bytes, large %v", size, len(m.Content), m.Large)
		}
		if m.Large != nil {
			if m.Content, err = io.ReadAll(m.Large); err != nil {
				t.Fatal(err)
			}
			m.Large.Close()
		}
		var got struct{ Text string }
		if err := m.Decode(&got); err != nil || got.Text != want {
			t.Errorf("%d: %d bytes, %v", size, len(got.Text), err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error("files are left", left)
	}
	f, err := keepLarge(dir, strings.NewReader("{}"), 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keepLarge(filepath.Join(dir, "none"), strings.NewReader("{}"), 2); !errors.Is(err, ErrNotKept) || !errors.Is(err, ErrClosed) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its folder: %v", err)
	}
	if _, err := keepLarge(dir, strings.NewReader("{"), 2); errors.Is(err, ErrNotKept) || !errors.Is(err, io.EOF) {
		t.Errorf("half a message: %v", err)
	}
	signer, _ := newSigner(s.Connection())
	part := []byte("{}")
	frames := [][]byte{delimiter, signer.Sign(part, part, part, []byte("{ }")), part, part, part, nil}
	if _, err := decode(frames, signer, f, &headers{}); !errors.Is(err, ErrSignature) {
		t.Errorf("a wrong signature: %v", err)
	}
}
