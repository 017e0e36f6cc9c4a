package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cellar-go/cellar/display/comm"
)

// log is a sink that writes packets down too.
type log struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func newLog() *log { return &log{more: make(chan struct{}, 1000)} }

func (l *log) sink(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case Comm:
		l.lines = append(l.lines, fmt.Sprintf("%s %s %s %v", e.Packet.Kind, e.Packet.Target, e.Packet.Data, e.Packet.Buffers))
	case Display:
		l.lines = append(l.lines, fmt.Sprint(e.Bundle.Data["text/html"]))
	case Stdout, Stderr:
		l.lines = append(l.lines, e.Text)
	}
	l.more <- struct{}{}
}

func (l *log) text() string { l.mu.Lock(); defer l.mu.Unlock(); return strings.Join(l.lines, "|") }

// await waits until something has come.
func (l *log) await(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(l.text(), text) {
		select {
		case <-l.more:
		case <-time.After(30 * time.Second):
			t.Fatalf("%q did not come, but %q", text, l.text())
		}
	}
}

const commCell = `import ("fmt"; "time"; "github.com/cellar-go/cellar/display"; "github.com/cellar-go/cellar/display/comm")
state := 0
comm.Register("page", func(c *comm.Comm, open comm.Message) {
	c.OnMessage(func(m comm.Message) {
		var word string
		m.Decode(&word)
		switch word {
		case "panic":
			var none []int
			none[3] = 1
		case "loop":
			c.Send(comm.Message{Data: "looping"})
			for {}
		case "sleep":
			c.Send(comm.Message{Data: "sleeping"})
			time.Sleep(time.Hour)
		default:
			fmt.Println("heard", word)
			display.HTML("<b>" + word)
			state++
			c.Send(comm.Message{Data: state, Buffers: m.Buffers})
		}
	})
})`

func TestComms(t *testing.T) {
	nobody := newLog()
	s := start(t, Options{Output: nobody.sink})
	if got := play(t.Context(), s, Cell{Source: commCell}); got != "" {
		t.Fatal(got)
	}
	id := "p1"
	deliver := func(kind, data string) (*log, error) {
		t.Helper()
		l := newLog()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		taken, err := s.Comm(ctx, comm.Packet{Kind: kind, ID: id, Target: "page", Data: []byte(data), Buffers: [][]byte{{9}}}, l.sink)
		if !taken {
			t.Errorf("%s %s: nobody took it", kind, data)
		}
		return l, err
	}
	deliver("open", "{}")
	if l, err := deliver("msg", `"hi"`); err != nil || l.text() != "heard hi\n|<b>hi|msg page 1 [[9]]" {
		t.Errorf("%v, %s", err, l.text())
	}

	// A panic shows the line of the cell, and the session lives on.
	_, err := deliver("msg", `"panic"`)
	var panicked *PanicError
	if !errors.As(err, &panicked) || !strings.Contains(err.Error(), "index out of range") || len(panicked.Frames) == 0 || panicked.Frames[0].File != "cell[1]" || panicked.Frames[0].Line != 10 {
		t.Errorf("panic: %v", err)
	}

	// While a cell runs, a handler answers; its text is the cell's.
	running := newLog()
	over := make(chan error, 1)
	go func() {
		_, err := s.Run(t.Context(), Cell{Source: `fmt.Println("begun"); for state < 2 { time.Sleep(time.Millisecond) }`}, running.sink)
		over <- err
	}()
	running.await(t, "begun")
	l, err := deliver("msg", `"there"`)
	if err != nil || l.text() != "<b>there|msg page 2 [[9]]" {
		t.Errorf("%v, %s", err, l.text())
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	running.await(t, "heard there\n")

	// An interrupt stops handlers when no cell runs.
	for _, word := range []string{"loop", "sleep"} {
		stopped := newLog()
		go func() {
			stopped.await(t, word)
			s.Interrupt()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		if _, err := s.Comm(ctx, comm.Packet{Kind: "msg", ID: id, Data: []byte(`"` + word + `"`)}, stopped.sink); !errors.Is(err, ErrInterrupted) {
			t.Errorf("%s: %v", word, err)
		}
		cancel()
	}
	if got := play(t.Context(), s, Cell{Source: "for i := range 10 { state += i }\nstate"}); got != "= 47\n" {
		t.Errorf("afterwards: %s", got)
	}

	// Comms that a cell opens are known in order with what it shows; when the worker ends, they are closed.
	opened := newLog()
	if _, err := s.Run(t.Context(), Cell{Source: `fmt.Print("before"); comm.Open("chart", comm.Message{Data: []int{1}}); fmt.Print("after")`}, opened.sink); err != nil {
		t.Error(err)
	}
	if opened.text() != "before|open chart [1] []|after" {
		t.Errorf("opened: %s", opened.text())
	}
	if _, err := s.Run(t.Context(), Cell{Source: "import \"os\"\nos.Exit(1)"}, func(Event) {}); err == nil {
		t.Error("the worker lives")
	}
	nobody.await(t, "close  ")
	if n := strings.Count(nobody.text(), "close"); n != 2 {
		t.Errorf("%d comms were closed: %s", n, nobody.text())
	}
	if taken, err := s.Comm(t.Context(), comm.Packet{Kind: "msg", ID: id}, func(Event) {}); taken || err != nil {
		t.Errorf("a fresh worker took the message of an old comm: %v", err)
	}
}
