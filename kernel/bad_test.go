package kernel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// lines collects what the kernel complains about.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}
func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }

// await waits for a complaint.
func (l *lines) await(t *testing.T, channel, text string) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(l.String()) {
			if strings.Contains(line, channel) && strings.Contains(line, text) {
				return
			}
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("no complaint of %q on %s in\n%s", text, channel, l)
		}
	}
}

// raw sends frames as they are; what it returns waits for the answer.
func (s *started) raw(port int, frames []string) (answer func() (zmq4.Msg, error)) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	socket := zmq4.NewDealer(ctx)
	s.Cleanup(func() { socket.Close(); cancel() })
	if err := socket.Dial(fmt.Sprint("tcp://127.0.0.1:", port)); err != nil {
		s.Fatal(err)
	}
	var raw [][]byte
	for _, f := range frames {
		raw = append(raw, []byte(f))
	}
	if err := socket.SendMulti(zmq4.NewMsgFrom(raw...)); err != nil {
		s.Fatal(err)
	}
	return socket.Recv
}

// TestBadMessages sends what no client should, on shell and on control. The kernel says what is wrong, once, and goes on.
func TestBadMessages(t *testing.T) {
	log := &lines{}
	s := start(t, Options{Log: log})
	s.execute("1")
	sign := func(parts ...string) string {
		h := hmac.New(sha256.New, []byte(s.connection.Key))
		for _, p := range parts {
			h.Write([]byte(p))
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	n := 0
	unique := func() string { n++; return fmt.Sprint(n) }
	header := func(kind string) string {
		return fmt.Sprintf(`{"msg_id":%q,"msg_type":%q,"session":"s","username":"","date":"","version":"5.5"}`, unique(), kind)
	}
	signed := func(parts ...string) []string { return append([]string{"<IDS|MSG>", sign(parts...)}, parts...) }
	code := `{"code":"1"}`
	for _, c := range []struct {
		name, log string // what the kernel complains about; nothing: it answers
		message   func() []string
	}{
		{"wrong signature", "wrong signature", func() []string {
			return []string{"<IDS|MSG>", strings.Repeat("0", 64), header("execute_request"), "{}", "{}", code}
		}},
		{"no signature", "wrong signature", func() []string { return []string{"<IDS|MSG>", "", header("execute_request"), "{}", "{}", code} }},
		{"signature of another", "wrong signature", func() []string {
			return append([]string{"<IDS|MSG>", sign("{}")}, header("execute_request"), "{}", "{}", code)
		}},
		{"header not JSON", "jupyter header", func() []string { return signed("{"+unique(), "{}", "{}", code) }},
		{"header not an object", "jupyter header", func() []string { return signed("["+unique()+"]", "{}", "{}", code) }},
		{"header without type", "msg_type is missing", func() []string { return signed(`{"msg_id":"`+unique()+`"}`, "{}", "{}", code) }},
		{"parent not JSON", "parent header", func() []string { return signed(header("execute_request"), "x", "{}", code) }},
		{"metadata not JSON", "metadata", func() []string { return signed(header("execute_request"), "{}", "x", code) }},
		{"too few frames", "too few frames", func() []string { return []string{"<IDS|MSG>", "x", "{}"} }},
		{"no delimiter", "too few frames", func() []string { return []string{"a", "b", "c", "d", "e", "f", "g"} }},
		{"one frame", "too few frames", func() []string { return []string{""} }},
		{"content not JSON", "", func() []string { return signed(header("complete_request"), "{}", "{}", "{{") }},
		{"content of another kind", "", func() []string { return signed(header("inspect_request"), "{}", "{}", "[1]") }},
		{"content nested without end", "", func() []string {
			return signed(header("is_complete_request"), "{}", "{}", strings.Repeat("[", 100_000))
		}},
		{"no content", "", func() []string { return signed(header("history_request"), "{}", "{}", "") }},
		{"unknown request", "", func() []string { return signed(header("nonsense_request"), "{}", "{}", "{}") }},
		{"unknown message", "has no meaning", func() []string { return signed(header("nonsense"), "{}", "{}", "{}") }},
		{"an answer", "has no meaning", func() []string { return signed(header("execute_reply"), "{}", "{}", "{}") }},
		{"metadata of another kind", "", func() []string { return signed(header("kernel_info_request"), "{}", "[]", "{}") }},
		{"buffers for who wants none", "", func() []string {
			return append(signed(header("kernel_info_request"), "{}", "{}", "{}"), strings.Repeat("x", 1<<20), "")
		}},
	} {
		for channel, port := range map[string]int{"shell": s.connection.ShellPort, "control": s.connection.ControlPort} {
			t.Run(c.name+" on "+channel, func(t *testing.T) {
				answer := s.raw(port, c.message())
				if c.log == "" {
					if m, err := answer(); err != nil || len(m.Frames) < 6 {
						t.Errorf("answer %q, %v", m.Frames, err)
					}
					return
				}
				log.await(t, channel, c.log)
			})
		}
	}
	again := signed(header("kernel_info_request"), "{}", "{}", "{}")
	if _, err := s.raw(s.connection.ShellPort, again)(); err != nil {
		t.Error(err)
	}
	s.raw(s.connection.ControlPort, again)
	log.await(t, "control", "received before")
	_, shown := s.execute("2")
	s.expect(shown, "execute_input 2 2\nexecute_result map[text/plain:2] map[]\nstatus idle")
	if n := strings.Count(log.String(), "wrong signature"); n != 2 {
		t.Errorf("wrong signatures are noted %d times, not once for each channel:\n%s", n, log)
	}
}
