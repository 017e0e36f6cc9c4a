package comm

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// frontend collects what is sent.
type frontend struct {
	mu   sync.Mutex
	sent []string
}

func connect(t *testing.T) *frontend {
	f := &frontend{}
	SetTransport(func(p Packet) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.sent = append(f.sent, fmt.Sprintf("%s %s %s %s %q", p.Kind, p.Target, p.Data, p.Metadata, p.Buffers))
	})
	t.Cleanup(func() { SetTransport(nil) })
	return f
}

func (f *frontend) expect(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if fmt.Sprintf("%q", f.sent) != fmt.Sprintf("%q", want) {
		t.Errorf("sent\n%q\nwant\n%q", f.sent, want)
	}
	f.sent = nil
}

func data(s string) Packet { return Packet{Kind: KindMessage, Data: []byte(s)} }

func TestOpenSendClose(t *testing.T) {
	f := connect(t)
	c, err := Open("chart", Message{Data: map[string]int{"x": 1}, Metadata: map[string]any{"version": "2.1.0"}, Buffers: [][]byte{{0, 255}}})
	if err != nil {
		t.Fatal(err)
	}
	c.Send(Message{})
	c.Close(Message{Data: "bye"})
	c.Close(Message{Data: "again"})
	f.expect(t, `open chart {"x":1} {"version":"2.1.0"} ["\x00\xff"]`, `msg chart {}  []`, `close chart "bye"  []`)
	if err := c.Send(Message{}); !errors.Is(err, ErrClosed) {
		t.Errorf("send after close: %v", err)
	}
	if _, err := Open("chart", Message{Data: make(chan int)}); err == nil {
		t.Error("a channel was sent")
	}
	f.expect(t)
	if len(comms) != 0 {
		t.Errorf("%d comms are kept", len(comms))
	}
}

func TestMessagesWaitForTheirHandler(t *testing.T) {
	connect(t)
	c, _ := Open("x", Message{})
	deliver := func(s string) {
		p := data(s)
		p.ID = c.ID()
		if !Deliver(p) {
			t.Errorf("%s was not taken", s)
		}
	}
	deliver("1")
	deliver("2")
	var got []int
	handle := func(m Message) {
		var n int
		if err := m.Decode(&n); err != nil {
			t.Error(err)
		}
		got = append(got, n)
		if n == 2 {
			deliver("3") // from within: waits for its turn
			if len(got) != 2 {
				t.Error("a handler was called within a handler")
			}
		}
	}
	c.OnMessage(handle)
	c.OnMessage(func(Message) { panic("broken") })
	func() {
		defer func() { recover() }()
		deliver("4")
	}()
	c.OnMessage(handle)
	deliver("5")
	if fmt.Sprint(got) != "[1 2 3 5]" {
		t.Errorf("handled %v", got)
	}
	for range 2 * waitingLimit {
		c.OnMessage(nil)
		deliver("0")
	}
	if len(c.waiting) != waitingLimit {
		t.Errorf("%d messages wait", len(c.waiting))
	}
}

func TestFrontEndOpens(t *testing.T) {
	f := connect(t)
	var log []string
	Register("page", func(c *Comm, open Message) {
		log = append(log, fmt.Sprintf("open %s %s %v", c.ID(), open.Data, open.Metadata["a"]))
		c.OnMessage(func(m Message) { c.Send(m) })
		c.OnClose(func(m Message) { log = append(log, fmt.Sprintf("close %s", m.Data)) })
	})
	Register("broken", func(c *Comm, _ Message) { panic("broken") })
	for _, p := range []struct {
		Packet
		taken bool
	}{
		{Packet{Kind: KindOpen, ID: "7", Target: "page", Data: []byte(`1`), Metadata: []byte(`{"a":2}`)}, true},
		{Packet{Kind: KindMessage, ID: "7", Data: []byte(`[3]`)}, true},
		{Packet{Kind: KindMessage, ID: "8"}, false},
		{Packet{Kind: KindOpen, ID: "8", Target: "nobody"}, false},
		{Packet{Kind: KindClose, ID: "7", Data: []byte(`4`)}, true},
		{Packet{Kind: KindMessage, ID: "7"}, false},
	} {
		if taken := Deliver(p.Packet); taken != p.taken {
			t.Errorf("%+v taken: %v", p, taken)
		}
	}
	f.expect(t, `msg page [3]  []`)
	if fmt.Sprint(log) != "[open 7 1 2 close 4]" {
		t.Errorf("log %v", log)
	}
	func() {
		defer func() { recover() }()
		Deliver(Packet{Kind: KindOpen, ID: "9", Target: "broken"})
	}()
	f.expect(t, `close broken {}  []`)
	Register("page", nil)
	if Deliver(Packet{Kind: KindOpen, ID: "1", Target: "page"}) {
		t.Error("a target that was taken back took a comm")
	}
}

// Nobody is at the other end in a step: the program runs all the same.
func TestWithoutFrontEnd(t *testing.T) {
	c, err := Open("x", Message{Data: 1})
	if err != nil || c.Send(Message{Data: 2}) != nil || c.Close(Message{}) != nil {
		t.Errorf("%v", err)
	}
}
