package jupyter

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/cellar-go/cellar/internal/testkit"
)

// raw connects to a channel without ZMTP.
func raw(t *testing.T, s *Server, ch Channel) net.Conn {
	t.Helper()
	c := s.Connection()
	conn, err := net.Dial(c.endpoint(ch))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// greeting is ZMTP 3.0's, with the NULL mechanism.
var greeting = append(append([]byte{0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0}, "NULL"...), make([]byte, 48)...)

func TestSilentPeers(t *testing.T) {
	s := serve(t, ServerOptions{})
	for _, ch := range []Channel{Shell, Control, IOPub, Stdin, Heartbeat} {
		for range 5 {
			raw(t, s, ch)                      // says nothing
			raw(t, s, ch).Write(greeting[:20]) // stops in the greeting
			raw(t, s, ch).Write(greeting)      // stops after it
		}
	}
	if _, err := dial(t, s).WaitReady(soon(t)); err != nil { // soon is sooner than the silent ones' deadlines together
		t.Fatal(err)
	}
}

func TestHostilePeers(t *testing.T) {
	s := serve(t, ServerOptions{})
	long := func(size uint64) []byte { return binary.BigEndian.AppendUint64([]byte{flagLong | flagCommand}, size) }
	ready := func(body string) []byte {
		return append([]byte{flagCommand, byte(6 + len(body))}, "\x05READY"+body...)
	}
	for name, b := range map[string][]byte{
		"http":                []byte("GET / HTTP/1.1\r\n\r\n" + strings.Repeat(" ", 100)),
		"2^62 bytes of READY": append(greeting[:64:64], long(1<<62)...),
		"a terabyte of READY": append(greeting[:64:64], long(1<<40)...),
		"metadata cut short":  append(greeting[:64:64], ready("\x0bSocket-Type\x00\x00")...),
		"unknown socket type": append(greeting[:64:64], ready("\x0bSocket-Type\x00\x00\x00\x03FOO")...),
		"wrong socket type":   append(greeting[:64:64], ready("\x0bSocket-Type\x00\x00\x00\x04PUSH")...),
		"a message of 2^62":   append(append(greeting[:64:64], ready("\x0bSocket-Type\x00\x00\x00\x06DEALER")...), long(1<<62)...),
	} {
		c := raw(t, s, Shell)
		c.Write(b)
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stays open", name)
		}
	}
	if _, err := dial(t, s).WaitReady(soon(t)); err != nil {
		t.Fatal(err)
	}
}

// slow is a connection whose later writes take a while.
type slow struct {
	net.Conn
	writes int
}

func (s *slow) Write(b []byte) (int, error) {
	if s.writes++; s.writes > 1 {
		time.Sleep(100 * time.Millisecond)
	}
	return s.Conn.Write(b)
}

// A kernel may ask on stdin as soon as it has a request, when that socket of the client's is not yet through its handshake.
func TestQuestionDuringTheHandshake(t *testing.T) {
	s := serve(t, ServerOptions{})
	shell, err := open(raw(t, s, Control), zmq4.Dealer, "client", false, nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	go shell.write()
	stdin := make(chan *peer, 1)
	conn := raw(t, s, Stdin)
	go func() {
		p, err := open(&slow{Conn: conn}, zmq4.Dealer, "client", false, nil, 10*time.Second)
		if err != nil {
			t.Error(err)
		}
		stdin <- p
	}()
	time.Sleep(50 * time.Millisecond) // it has begun
	signer, _ := newSigner(s.Connection())
	m, _ := newSession().New("execute_request", struct{}{})
	frames, _ := encode(m, signer)
	shell.send(frames)
	if err := s.Reply(Stdin, <-s.Requests(Control), "input_request", struct{}{}); err != nil {
		t.Fatal(err)
	}
	p := <-stdin
	p.rw.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := p.receive(); err != nil {
		t.Errorf("the question was lost: %v", err)
	}
}

// A subscriber that comes late, but first, gets what was published before it came.
func TestLateSubscriber(t *testing.T) {
	s := serve(t, ServerOptions{})
	for range earlyLimit + 5 {
		s.Publish(Header{}, "status", map[string]string{"execution_state": "starting"})
	}
	first := dial(t, s)
	if m := receive(t, first, IOPub); m.Header.Type != "iopub_welcome" {
		t.Errorf("first message is %s", m.Header.Type)
	}
	for range earlyLimit {
		if m := receive(t, first, IOPub); m.Header.Type != "status" {
			t.Fatalf("got %s", m.Header.Type)
		}
	}
	second := dial(t, s)
	if m := receive(t, second, IOPub); m.Header.Type != "iopub_welcome" {
		t.Errorf("second client's first message is %s", m.Header.Type)
	}
	s.Publish(Header{}, "last", struct{}{})
	for _, c := range []*Client{first, second} {
		if m := receive(t, c, IOPub); m.Header.Type != "last" {
			t.Errorf("got %s", m.Header.Type)
		}
	}
}

// rawSubscriber subscribes and then reads nothing by itself.
func rawSubscriber(t *testing.T, s *Server) *peer {
	t.Helper()
	p, err := open(raw(t, s, IOPub), zmq4.Sub, "", false, nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	go p.write()
	p.send([][]byte{{1}})
	if _, err := p.receive(); err != nil { // the welcome
		t.Fatal(err)
	}
	return p
}

func TestStalledSubscriberIsLetGo(t *testing.T) {
	s := serve(t, ServerOptions{})
	s.stall = time.Second
	rawSubscriber(t, s)
	good := dial(t, s)
	chunk := map[string]string{"text": strings.Repeat("x", 1<<20)}
	n := 2 * queueLimit >> 20
	start := time.Now()
	for range n {
		s.Publish(Header{}, "stream", chunk)
	}
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("publishing took %v", d)
	}
	for got := 0; got < n; {
		if receive(t, good, IOPub).Header.Type == "stream" {
			got++
		}
	}
}

// One that reads a little, so as not to look dead, does not hold up the kernel either.
func TestTricklingSubscriberIsLetGo(t *testing.T) {
	s := serve(t, ServerOptions{})
	s.stall = time.Second
	p := rawSubscriber(t, s)
	go func() {
		for {
			time.Sleep(20 * time.Millisecond)
			if _, err := p.rw.Conn.Read(make([]byte, 100)); err != nil {
				return
			}
		}
	}()
	chunk := map[string]string{"text": strings.Repeat("x", 1<<20)}
	for range 2 * queueLimit >> 20 {
		s.Publish(Header{}, "stream", chunk)
	}
	s.subscribing.Lock()
	defer s.subscribing.Unlock()
	for p := range s.topics {
		select {
		case <-p.closed:
		default:
			t.Error("it holds up the kernel")
		}
	}
}

// What is published while nobody listens does not fill the memory.
func TestNobodyListens(t *testing.T) {
	s := serve(t, ServerOptions{})
	chunk := map[string]string{"text": strings.Repeat("x", 1<<20)}
	for range 2 * queueLimit >> 20 {
		s.Publish(Header{}, "stream", chunk)
	}
	if n := len(s.early); n < 50 || n > queueLimit>>20 {
		t.Errorf("%d MiB are kept", n)
	}
}

// A peer that floods a channel with questions and never reads is let go before its answers fill the memory.
func TestDeafPeerIsLetGo(t *testing.T) {
	s := serve(t, ServerOptions{})
	p, err := open(raw(t, s, Heartbeat), zmq4.Req, "", false, nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	go p.write()
	beat := [][]byte{{}, make([]byte, 1<<20)}
	for range 3 * queueLimit >> 20 {
		p.send(beat)
		if !p.wait(1<<20, 10*time.Second) {
			return // the connection broke
		}
	}
	t.Error("it may go on for ever")
}

func TestSlowSubscriberLosesNothing(t *testing.T) {
	s := serve(t, ServerOptions{})
	slow := rawSubscriber(t, s)
	n := queueLimit>>20 + 40
	go func() {
		chunk := map[string]string{"text": strings.Repeat("x", 1<<20)}
		for range n {
			s.Publish(Header{}, "stream", chunk)
		}
	}()
	for i := range n {
		time.Sleep(5 * time.Millisecond)
		if _, err := slow.receive(); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
}

func TestFlood(t *testing.T) {
	s := serve(t, ServerOptions{})
	c := dial(t, s)
	receive(t, c, IOPub) // the welcome
	const n = 200_000
	go func() {
		for i := range n {
			s.Publish(Header{ID: "p"}, "stream", map[string]int{"i": i})
		}
	}()
	start := time.Now()
	for i := range n {
		var content struct{ I int }
		if err := receive(t, c, IOPub).Decode(&content); err != nil || content.I != i {
			t.Fatalf("message %d is %d, %v", i, content.I, err)
		}
	}
	t.Logf("%d messages in %v", n, time.Since(start))
}

func TestHugeMessage(t *testing.T) {
	s := serve(t, ServerOptions{})
	c := dial(t, s)
	m, _ := c.Session.New("echo_request", map[string]string{"text": strings.Repeat("0123456789", 5<<20)})
	m.Buffers = [][]byte{bytes.Repeat([]byte{7}, 50<<20)}
	if err := c.Send(Shell, m); err != nil {
		t.Fatal(err)
	}
	r := receive(t, c, Shell)
	if !bytes.Equal(r.Content, m.Content) || !bytes.Equal(r.Buffers[0], m.Buffers[0]) {
		t.Error("came back changed")
	}
}

func TestPing(t *testing.T) {
	s := serve(t, ServerOptions{})
	p, err := open(raw(t, s, Shell), zmq4.Dealer, "", false, nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.conn.SendCmd(zmq4.CmdPing, []byte("\x00\x0acontext")); err != nil {
		t.Fatal(err)
	}
	if err := p.rw.w.Flush(); err != nil {
		t.Fatal(err)
	}
	frames, command, err := readMessage(p.rw.r, maxMessage, nil, nil)
	if body, ok := cutCommand(frames, zmq4.CmdPong); err != nil || !command || !ok || string(body) != "context" {
		t.Errorf("answer %q, %v", frames, err)
	}
}

// jupyter_client (libzmq) drives our server, including its own heartbeat and reconnection.
func TestServerWithJupyterClient(t *testing.T) {
	t.Run("plain", func(t *testing.T) { withJupyterClient(t, serve(t, ServerOptions{})) })
	t.Run("encrypted", func(t *testing.T) { withJupyterClient(t, serveEncrypted(t)) })
}

func withJupyterClient(t *testing.T, s *Server) {
	file := filepath.Join(t.TempDir(), "c.json")
	if err := s.Connection().Write(file); err != nil {
		t.Fatal(err)
	}
	script := `
import sys, time
from jupyter_client import BlockingKernelClient
c = BlockingKernelClient(connection_file=sys.argv[1]); c.load_connection_file(); c.start_channels()
assert c.iopub_channel.get_msg(timeout=10)["msg_type"] == "iopub_welcome"
for i in range(3):
    m = c.session.msg("echo_request", {"n": i, "s": "é" * 100000}); c.session.send(c.shell_channel.socket, m, buffers=[b"x" * 1000])
    r = c.get_shell_msg(timeout=10)
    assert r["content"] == m["content"] and r["parent_header"]["msg_id"] == m["header"]["msg_id"] and bytes(r["buffers"][0]) == b"x" * 1000, r
    for state in "busy", "idle":
        s = c.get_iopub_msg(timeout=10)
        assert s["content"]["execution_state"] == state and s["parent_header"]["msg_id"] == m["header"]["msg_id"], s
time.sleep(2.5)
assert c.hb_channel.is_beating()
c.stop_channels(); print("good")
`
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, testkit.Python(t), "-c", script, file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "good") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Our client drives ipykernel (libzmq).
func TestClientWithIPykernel(t *testing.T) {
	c, err := NewConnection()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("plain", func(t *testing.T) { withIPykernel(t, c) })
	if c, err = NewConnection(); err != nil {
		t.Fatal(err)
	}
	c.CurvePublic, c.CurveSecret = testKeys.CurvePublic, testKeys.CurveSecret
	t.Run("encrypted", func(t *testing.T) { withIPykernel(t, c) })
}

func withIPykernel(t *testing.T, c Connection) {
	file := filepath.Join(t.TempDir(), "c.json")
	if err := c.Write(file); err != nil {
		t.Fatal(err)
	}
	kernel := exec.CommandContext(t.Context(), testkit.Python(t), "-m", "ipykernel_launcher", "-f", file)
	kernel.Env = append(os.Environ(), "IPYTHONDIR="+t.TempDir())
	kernel.Stderr = os.Stderr
	if err := kernel.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { kernel.Process.Kill(); kernel.Wait() }()
	client, err := Dial(soon(t), c, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	info, err := client.WaitReady(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(info.Content, []byte(`"ipython"`)) {
		t.Errorf("kernel_info %s", info.Content)
	}
	if err := client.Beat(soon(t)); err != nil {
		t.Error(err)
	}
	h, err := client.Request(Shell, "execute_request", map[string]any{"code": "for i in range(20000): print(i)", "silent": false, "allow_stdin": false})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for {
		m := receive(t, client, IOPub)
		if m.Parent.ID != h.ID {
			continue
		}
		var content struct {
			Text  string
			State string `json:"execution_state"`
		}
		json.Unmarshal(m.Content, &content)
		text.WriteString(content.Text)
		if content.State == "idle" {
			break
		}
	}
	if n := strings.Count(text.String(), "\n"); n != 20000 {
		t.Errorf("%d lines", n)
	}
	if _, err := client.Request(Control, "shutdown_request", map[string]bool{"restart": false}); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, client, Control); m.Header.Type != "shutdown_reply" {
		t.Errorf("got %s", m.Header.Type)
	}
}

func FuzzWire(f *testing.F) {
	signer, _ := newSigner(Connection{Key: "k"})
	frames, _ := encode(&Message{Identities: [][]byte{[]byte("id")}, Header: newSession().Header("x_request"), Buffers: [][]byte{{1}}}, signer)
	var wire []byte
	for i, b := range frames {
		more := byte(flagMore)
		if i == len(frames)-1 {
			more = 0
		}
		wire = append(append(wire, more, byte(len(b))), b...)
	}
	f.Add(wire)
	f.Add([]byte{flagLong, 0, 0, 0, 0, 0x40, 0, 0, 0})
	f.Add([]byte("\x04\x06\x05READY"))
	open, _ := newSigner(Connection{}) // lets everything through to the parser
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		for {
			frames, _, err := readMessage(r, maxMessage, nil, nil)
			if err != nil {
				return
			}
			cutCommand(frames, zmq4.CmdPing)
			m, err := decode(frames, open, nil, &headers{})
			if err != nil {
				continue
			}
			again, err := encode(m, open)
			if err != nil {
				t.Fatalf("can't write what was read: %v", err)
			}
			back, err := decode(again, open, nil, &headers{})
			if err != nil || back.Header != m.Header || back.Parent != m.Parent && m.Parent.ID != "" || !bytes.Equal(back.Content, m.Content) && len(m.Content) > 0 {
				t.Fatalf("%+v came back as %+v, %v", m, back, err)
			}
		}
	})
}
