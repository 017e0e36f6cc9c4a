package jupyter

import (
	"bytes"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// testKeys are the server's of the examples in the RFC.
var testKeys = Connection{CurvePublic: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", CurveSecret: "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"}

func serveEncrypted(t *testing.T) *Server {
	t.Helper()
	return serveOn(t, Connection{IP: "127.0.0.1", Key: "k3y", SignatureScheme: schemeSHA256, CurvePublic: testKeys.CurvePublic, CurveSecret: testKeys.CurveSecret}, ServerOptions{})
}

func TestZ85(t *testing.T) {
	raw, ok := z85(testKeys.CurveSecret)
	if !ok || hex.EncodeToString(raw) != "8e0bdd697628b91d8f245587ee95c5b04d48963f79259877b49cd9063aead3b7" {
		t.Errorf("%x, %v", raw, ok)
	}
	for _, bad := range []string{"1234", "12 45", "%nSc1", "\x00abcd"} {
		if raw, ok := z85(bad); ok {
			t.Errorf("%q is %x", bad, raw)
		}
	}
}

func TestEncrypted(t *testing.T) {
	s := serveEncrypted(t)
	listener := listen(t, s.Connection())
	through := s.Connection()
	through.ShellPort = listener.port
	c, err := Dial(soon(t), through, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.WaitReady(soon(t)); err != nil {
		t.Fatal(err)
	}
	m, _ := c.Session.New("echo_request", map[string]string{"secret": strings.Repeat("password", 1<<15)})
	m.Buffers = [][]byte{bytes.Repeat([]byte{7}, 10<<20), {}}
	if err := c.Send(Shell, m); err != nil {
		t.Fatal(err)
	}
	r := receive(t, c, Shell)
	if !bytes.Equal(r.Content, m.Content) || len(r.Buffers) != 2 || !bytes.Equal(r.Buffers[0], m.Buffers[0]) || len(r.Buffers[1]) != 0 {
		t.Error("came back changed")
	}
	if err := c.Beat(soon(t)); err != nil {
		t.Error(err)
	}
	if seen := listener.heard(); bytes.Contains(seen, []byte("echo_request")) || bytes.Contains(seen, []byte("password")) || len(seen) < 10<<20 {
		t.Errorf("%d bytes went over the wire, in the clear", len(seen))
	}
}

// A message with a byte changed on its way, or sent twice, ends the connection; the kernel lives on.
func TestEncryptedIsNotChanged(t *testing.T) {
	s := serveEncrypted(t)
	key, err := (&testKeys).keys()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(sealed []byte) [][]byte{
		"a bit flipped": func(b []byte) [][]byte { b[len(b)-1] ^= 1; return [][]byte{b} },
		"sent twice":    func(b []byte) [][]byte { return [][]byte{b, b} },
		"cut short":     func(b []byte) [][]byte { return [][]byte{b[:20]} },
		"in the clear":  func([]byte) [][]byte { return [][]byte{[]byte("ping")} },
	} {
		p, err := open(raw(t, s, Heartbeat), zmq4.Req, "", false, key, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		box := p.box
		sealed := box.seal([]byte("ping"), 0)
		p.box = nil
		for _, b := range change(sealed) {
			p.put(b, 0)
		}
		p.rw.w.Flush()
		p.rw.SetReadDeadline(time.Now().Add(10 * time.Second))
		p.box = box
		for err == nil {
			_, err = p.receive()
		}
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Errorf("%s: the connection stays open", name)
		}
	}
	if err := dial(t, s).Beat(soon(t)); err != nil {
		t.Error(err)
	}
}

func TestWrongKeys(t *testing.T) {
	s := serveEncrypted(t)
	for name, c := range map[string]Connection{
		"none":        {},
		"another key": {CurvePublic: "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", CurveSecret: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"},
	} {
		k, err := c.keys()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(raw(t, s, Shell), zmq4.Dealer, "", false, k, 10*time.Second); err == nil {
			t.Errorf("%s: connected", name)
		}
	}
	k, _ := (&testKeys).keys()
	if _, err := open(raw(t, serve(t, ServerOptions{}), Shell), zmq4.Dealer, "", false, k, 10*time.Second); err == nil {
		t.Error("an encrypted client connected to a kernel without keys")
	}
	for _, c := range []Connection{{CurvePublic: testKeys.CurvePublic}, {CurveSecret: testKeys.CurveSecret}, {CurvePublic: "short", CurveSecret: testKeys.CurveSecret}} {
		if _, err := Listen(c, ServerOptions{}); err == nil || !strings.Contains(err.Error(), "curve_") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := dial(t, s).WaitReady(soon(t)); err != nil {
		t.Error(err)
	}
}

// wiretap passes a channel on and keeps what went over it.
type wiretap struct {
	port int
	mu   sync.Mutex
	seen []byte
}

func listen(t *testing.T, c Connection) *wiretap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &wiretap{port: l.Addr().(*net.TCPAddr).Port}
	go func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		kernel, err := net.Dial(c.endpoint(Shell))
		if err != nil {
			return
		}
		go io.Copy(io.MultiWriter(w, client), kernel)
		io.Copy(io.MultiWriter(w, kernel), client)
	}()
	return w
}

func (w *wiretap) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, b...)
	return len(b), nil
}

func (w *wiretap) heard() []byte { w.mu.Lock(); defer w.mu.Unlock(); return w.seen }

// said is a connection on which the peer has said all it will.
type said struct {
	net.Conn
	r io.Reader
}

func (s said) Read(b []byte) (int, error) { return s.r.Read(b) }
func (said) Write(b []byte) (int, error)  { return len(b), nil }
func (said) Close() error                 { return nil }
func (said) SetDeadline(time.Time) error  { return nil }

// FuzzHandshake gives a kernel any beginning of a connection, with keys and without.
func FuzzHandshake(f *testing.F) {
	key, err := (&testKeys).keys()
	if err != nil {
		f.Fatal(err)
	}
	curveGreeting := bytes.Replace(greeting, []byte("NULL\x00"), []byte("CURVE"), 1)
	f.Add(append(greeting[:64:64], "\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x00\x00"...))
	f.Add(append(curveGreeting[:64:64], append([]byte("\x04\xc8\x05HELLO\x01\x00"), make([]byte, 192)...)...))
	f.Add(append(curveGreeting[:64:64], "\x04\x0b\x05ERROR\x04dead"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, k := range []*keys{nil, key} {
			p, err := open(said{r: bytes.NewReader(b)}, zmq4.Router, "", true, k, time.Second)
			if err != nil {
				continue
			}
			if k != nil {
				t.Fatalf("%q is a CURVE handshake without the key", b)
			}
			for err == nil {
				_, err = p.receive()
			}
		}
	})
}
