package kernel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/internal/jupyter"
)

func (s *started) subshell() string {
	s.Helper()
	reply, _ := s.request(jupyter.Control, "create_subshell_request", nil)
	id, _ := reply["subshell_id"].(string)
	if reply["status"] != "ok" || id == "" {
		s.Fatalf("create_subshell: %v", reply)
	}
	return id
}

// in sends a request to a subshell.
func (s *started) in(subshell, kind string, content any) jupyter.Header {
	s.Helper()
	m, err := s.Session.New(kind, content)
	if err != nil {
		s.Fatal(err)
	}
	m.Header.Subshell = subshell
	if err := s.Send(jupyter.Shell, m); err != nil {
		s.Fatal(err)
	}
	return m.Header
}

func TestSubshells(t *testing.T) {
	s := start(t, Options{})
	info, _ := s.request(jupyter.Shell, "kernel_info_request", nil)
	if fmt.Sprint(info["supported_features"]) != "[kernel subshells]" {
		t.Errorf("features %v", info["supported_features"])
	}
	a, b := s.subshell(), s.subshell()
	list := func() int {
		reply, _ := s.request(jupyter.Control, "list_subshell_request", nil)
		return len(reply["subshell_id"].([]any))
	}
	if n := list(); a == b || n != 2 {
		t.Errorf("%d subshells are listed", n)
	}

	// Each has its own count and history.
	s.execute("10")
	for range 2 {
		_, log := s.outcome(jupyter.Shell, s.in(a, "execute_request", map[string]string{"code": "1"}))
		if !strings.Contains(log, "execute_result map[text/plain:1]") {
			t.Error(log)
		}
	}
	_, log := s.outcome(jupyter.Shell, s.in(b, "execute_request", map[string]string{"code": "2"}))
	s.expect(log, "execute_input 1 2\nexecute_result map[text/plain:2] map[]\nstatus idle")
	s.expect(second(s.execute("11")), "execute_input 2 11\nexecute_result map[text/plain:11] map[]\nstatus idle")
	for id, want := range map[string]string{"": "10 11", a: "1 1", b: "2"} {
		reply, _ := s.outcome(jupyter.Shell, s.in(id, "history_request", map[string]any{"hist_access_type": "range", "session": 0, "start": 1}))
		var inputs []string
		for _, row := range reply["history"].([]any) {
			inputs = append(inputs, fmt.Sprint(row.([]any)[2]))
		}
		if got := strings.Join(inputs, " "); got != want {
			t.Errorf("history of %q: %s, want %s", id, got, want)
		}
	}

	// While a cell runs, a subshell answers; a cell of it waits, and runs then.
	running := s.send(jupyter.Shell, "execute_request", map[string]any{"code": "wait"})
	for kind := ""; kind != "execute_input"; {
		kind, _ = s.next(jupyter.IOPub, running)
	}
	waiting := s.in(a, "execute_request", map[string]string{"code": "3"})
	s.outcome(jupyter.Shell, s.in(a, "complete_request", map[string]any{"code": "aé", "cursor_pos": 2}))
	s.outcome(jupyter.Shell, s.in(b, "kernel_info_request", nil))
	s.request(jupyter.Control, "interrupt_request", nil)
	if _, reply := s.next(jupyter.Shell, running); reply["ename"] != "Interrupted" {
		t.Errorf("the running cell: %v", reply)
	}
	if reply, _ := s.outcome(jupyter.Shell, waiting); reply["status"] != "ok" || reply["execution_count"] != 3.0 {
		t.Errorf("the waiting cell: %v", reply)
	}

	// A subshell that is deleted takes nothing more, and what waits in it is answered.
	running = s.send(jupyter.Shell, "execute_request", map[string]any{"code": "wait"})
	for kind := ""; kind != "execute_input"; {
		kind, _ = s.next(jupyter.IOPub, running)
	}
	begun := s.in(b, "execute_request", map[string]string{"code": "4"})
	for kind := ""; kind != "status"; { // it waits for its turn
		kind, _ = s.next(jupyter.IOPub, begun)
	}
	queued := s.in(b, "execute_request", map[string]string{"code": "5"})
	s.outcome(jupyter.Shell, s.in(b, "kernel_info_request", nil)) // queued has come, too
	deleted := s.send(jupyter.Control, "delete_subshell_request", map[string]string{"subshell_id": b})
	if _, reply := s.next(jupyter.Shell, queued); reply["status"] != "error" || !strings.Contains(fmt.Sprint(reply["evalue"]), "no subshell") {
		t.Errorf("queued in a deleted subshell: %v", reply)
	}
	if _, reply := s.next(jupyter.Control, deleted); reply["status"] != "ok" {
		t.Errorf("delete: %v", reply)
	}
	s.request(jupyter.Control, "interrupt_request", nil)
	if _, reply := s.next(jupyter.Shell, begun); reply["status"] != "ok" {
		t.Errorf("a cell that had begun when its subshell was deleted: %v", reply)
	}
	if n := list(); n != 1 {
		t.Errorf("%d subshells are left", n)
	}
	for _, id := range []string{b, "", "nonsense"} {
		if reply, _ := s.request(jupyter.Control, "delete_subshell_request", map[string]string{"subshell_id": id}); reply["status"] != "error" {
			t.Errorf("delete %q: %v", id, reply)
		}
	}
	for _, kind := range []string{"execute", "complete", "kernel_info", "shutdown"} {
		if reply, _ := s.outcome(jupyter.Shell, s.in(b, kind+"_request", map[string]string{"code": "1"})); reply["status"] != "error" {
			t.Errorf("%s in a deleted subshell: %v", kind, reply)
		}
	}
	if log := s.shown(s.in(b, "comm_msg", map[string]string{"comm_id": "c"})); !strings.Contains(log, "no subshell") {
		t.Errorf("comm_msg in a deleted subshell: %s", log)
	}
	if reply, _ := s.request(jupyter.Shell, "create_subshell_request", nil); reply["status"] != "error" {
		t.Errorf("create_subshell on shell: %v", reply)
	}
	if reply, _ := s.request(jupyter.Control, "execute_request", map[string]string{"code": "1"}); reply["status"] != "error" {
		t.Errorf("execute on control: %v", reply)
	}
}

func second[A, B any](_ A, b B) B { return b }
