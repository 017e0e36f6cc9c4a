package kernel

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
)

func (s *started) comm(kind, id string, data any) jupyter.Header {
	s.Helper()
	return s.send(jupyter.Shell, "comm_"+kind, map[string]any{"comm_id": id, "target_name": "echo", "data": data})
}

func (s *started) comms(target string) string {
	s.Helper()
	reply, _ := s.request(jupyter.Shell, "comm_info_request", map[string]string{"target_name": target})
	return fmt.Sprint(reply["comms"])
}

func TestCommOfTheFrontEnd(t *testing.T) {
	s := start(t, Options{})
	for _, step := range []struct {
		kind, id string
		data     any
		want     string
		open     string
	}{
		{"open", "a", struct{}{}, "", "map[a:map[target_name:echo]]"},
		{"msg", "a", 1, "stream stdout got 1\ncomm_msg a 1\n", "map[a:map[target_name:echo]]"},
		{"msg", "a", "panic", "error panic: boom\n", "map[a:map[target_name:echo]]"},
		{"msg", "b", 1, "comm_close b map[]\n", "map[a:map[target_name:echo]]"},
		{"close", "b", 1, "", "map[a:map[target_name:echo]]"},
		{"close", "a", 1, "", "map[]"},
		{"open", "c", struct{}{}, "", "map[c:map[target_name:echo]]"},
		{"msg", "c", "close", "comm_close c map[]\n", "map[]"},
	} {
		s.expect(s.shown(s.comm(step.kind, step.id, step.data)), step.want+"status idle")
		if open := s.comms(""); open != step.open {
			t.Errorf("after %s %s: %s, want %s", step.kind, step.id, open, step.open)
		}
	}
	s.expect(s.shown(s.send(jupyter.Shell, "comm_open", map[string]any{"comm_id": "d", "target_name": "nobody"})), "comm_close d map[]\nstatus idle")
	s.expect(s.shown(s.send(jupyter.Shell, "comm_open", []int{})), "error Error: cellar: read content of comm_open: it is a JSON array\nstatus idle")
	if open := s.comms(""); open != "map[]" {
		t.Errorf("refused comms are open: %s", open)
	}
}

func TestCommOfACell(t *testing.T) {
	s := start(t, Options{})
	h := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "open p"})
	for {
		m, err := s.Receive(s.soon(), jupyter.IOPub)
		if err != nil {
			t.Fatal(err)
		}
		if m.Parent.ID == h.ID && m.Header.Type == "comm_open" {
			if string(m.Content) != `{"comm_id":"p","data":1,"target_name":"page"}` || string(m.Metadata) != `{"m":2}` || fmt.Sprint(m.Buffers) != "[[3]]" {
				t.Errorf("%s %s %v", m.Content, m.Metadata, m.Buffers)
			}
			break
		}
	}
	if s.comms("page") != "map[p:map[target_name:page]]" || s.comms("other") != "map[]" {
		t.Errorf("open: %s and %s", s.comms("page"), s.comms("other"))
	}
}

// What the handler of a cell's comm prints is seen under the cell; what it sends answers the message.
func TestHandlersOutputIsTheCells(t *testing.T) {
	s := start(t, Options{})
	cell := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "open p"})
	s.outcome(jupyter.Shell, cell)
	message := s.comm("msg", "p", 1)
	var got []string
	for len(got) == 0 || got[len(got)-1] != "the message: status idle" {
		m, err := s.Receive(s.soon(), jupyter.IOPub)
		if err != nil {
			t.Fatal(err)
		}
		var status struct {
			State string `json:"execution_state"`
		}
		m.Decode(&status)
		switch line := strings.TrimSpace(m.Header.Type + " " + status.State); m.Parent.ID {
		case cell.ID:
			got = append(got, "the cell: "+line)
		case message.ID:
			got = append(got, "the message: "+line)
		}
	}
	if want := "the message: status busy, the cell: stream, the message: comm_msg, the message: status idle"; strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

// A handler that takes long, and a cell that does, hold up nobody: neither each other, nor other comms, nor questions.
func TestCommsWhileACellRuns(t *testing.T) {
	s := start(t, Options{})
	s.comm("open", "a", 0)
	s.comm("open", "b", 0)
	s.comm("msg", "a", "wait")
	running := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "wait"})
	s.expect(s.shown(s.comm("msg", "b", 1)), "stream stdout got 1\ncomm_msg b 1\nstatus idle")
	s.request(jupyter.Shell, "is_complete_request", map[string]string{"code": "1"})
	s.request(jupyter.Control, "interrupt_request", nil)
	if _, reply := s.next(jupyter.Shell, running); reply["ename"] != "Interrupted" {
		t.Errorf("cell: %v", reply)
	}
}

// What a front-end sends before a cell is handled before the cell runs.
func TestCommsComeBeforeTheCell(t *testing.T) {
	var c comms
	c.put(commRequest{})
	over := make(chan struct{})
	go func() { c.settle(t.Context()); close(over) }()
	select {
	case <-over:
		t.Error("the cell began before the message was handled")
	case <-time.After(settleLimit / 4):
	}
	c.take("")
	c.take("")
	<-over
}
