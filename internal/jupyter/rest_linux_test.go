package jupyter

import (
	"strings"
	"testing"
	"time"
)

// An inbox that rests leaves what comes in its socket until it is woken, the time is over, or much has come.
func TestRest(t *testing.T) {
	s := serve(t, ServerOptions{})
	c := dial(t, s)
	if _, err := c.WaitReady(soon(t)); err != nil {
		t.Fatal(err)
	}
	box := c.Inbox(IOPub)
	publish := func(text string) { s.Publish(Header{}, "stream", map[string]string{"text": text}) }
	next := func() *Message {
		for {
			if m := receive(t, c, IOPub); m.Header.Type == "stream" {
				return m
			}
		}
	}

	box.Rest(time.Hour)
	publish("first")
	publish("second")
	time.Sleep(50 * time.Millisecond)
	for { // the end of what WaitReady was told
		m, err := box.Take()
		if err != nil || m != nil && m.Header.Type == "stream" {
			t.Fatalf("%v came during a rest, %v", m, err)
		}
		if m == nil {
			break
		}
	}
	box.Rest(0)
	if a, b := next(), next(); !strings.Contains(string(a.Content), "first") || !strings.Contains(string(b.Content), "second") {
		t.Errorf("%s, %s", a.Content, b.Content)
	}

	box.Rest(time.Hour)
	publish(strings.Repeat("much ", restless))
	next()

	box.Rest(10 * time.Millisecond)
	publish("last")
	next()
}
