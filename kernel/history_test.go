package kernel

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cellar-go/cellar/internal/jupyter"
)

func rows(h *history, q historyQuery) string {
	entries, err := h.find(q)
	if err != nil {
		return err.Error()
	}
	var s []string
	for _, e := range entries {
		s = append(s, fmt.Sprintf("%d/%d %s", e.Session, e.Line, e.Source))
	}
	return strings.Join(s, ", ")
}

func number(n int) *int { return &n }

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache", "history.jsonl")
	first := openHistory(path)
	first.add(1, "a", "1")
	first.add(2, "ab\nc", "")
	second := openHistory(path)
	second.add(1, "b", "2")
	first.add(3, "a", "")
	for _, test := range []struct {
		h    *history
		q    historyQuery
		want string
	}{
		{second, historyQuery{Type: "tail"}, "1/1 a, 1/2 ab\nc, 1/3 a, 2/1 b"},
		{second, historyQuery{Type: "tail", N: number(2)}, "1/3 a, 2/1 b"},
		{second, historyQuery{Type: "range"}, "2/1 b"},
		{second, historyQuery{Type: "range", Session: -1, Start: 2, Stop: number(3)}, "1/2 ab\nc"},
		{second, historyQuery{Type: "range", Session: 1, Start: 2}, "1/2 ab\nc, 1/3 a"},
		{second, historyQuery{Type: "search", Pattern: "a*"}, "1/1 a, 1/2 ab\nc, 1/3 a"},
		{second, historyQuery{Type: "search", Pattern: "a*", Unique: true}, "1/2 ab\nc, 1/3 a"},
		{second, historyQuery{Type: "search", Pattern: "a?\nc"}, "1/2 ab\nc"},
		{second, historyQuery{Type: "search", Pattern: "", N: number(1)}, "2/1 b"},
		{second, historyQuery{Type: "search", Pattern: "[a"}, ""},
		{second, historyQuery{Type: "search", Pattern: "[b-z]"}, "2/1 b"},
		{second, historyQuery{Type: "search", Pattern: "[!b-z]*"}, "1/1 a, 1/2 ab\nc, 1/3 a"},
		{second, historyQuery{Type: "search", Pattern: "é*"}, ""},
		{first, historyQuery{Type: "tail", N: number(2)}, "1/2 ab\nc, 1/3 a"},
		{second, historyQuery{Type: "odd"}, `history: hist_access_type "odd" is unknown`},
	} {
		if got := rows(test.h, test.q); got != test.want {
			t.Errorf("%+v: %q, want %q", test.q, got, test.want)
		}
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
}

func TestHistoryIsCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	var b strings.Builder
	b.WriteString("not ours\n{\"session\":")
	for i := range 2*historyLimit + 1 {
		b.WriteString("\n" + string(line(entry{Session: 1 + i/100, Line: i, Source: "x"})))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openHistory(path)
	h.add(1, "new", "")
	if got := rows(openHistory(path), historyQuery{Type: "tail", N: number(2)}); got != fmt.Sprintf("201/%d x, 202/1 new", 2*historyLimit) {
		t.Error(got)
	}
	if entries, _ := h.find(historyQuery{Type: "tail"}); len(entries) != historyLimit+1 {
		t.Errorf("%d entries", len(entries))
	}
}

// A line that a crash has cut spoils no other, and a kernel that had the file before another cut it loses nothing.
func TestHistoryAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	first := openHistory(path)
	first.add(1, "a", "")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"session":1,"line":2,"sour`)
	f.Close()
	first.add(3, "b", "")
	if got := rows(openHistory(path), historyQuery{Type: "tail"}); got != "1/1 a, 1/3 b" {
		t.Error(got)
	}
	big := strings.Repeat("x", historyBytes/2)
	for i := range 5 {
		first.add(4+i, big, "")
	}
	second := openHistory(path) // cuts
	second.add(1, "c", "")
	first.add(9, "d", "")
	if info, err := os.Stat(path); err != nil || info.Size() > historyBytes+1000 {
		t.Errorf("%v, %v", info.Size(), err)
	}
	if got := rows(openHistory(path), historyQuery{Type: "tail", N: number(2)}); got != "3/1 c, 1/9 d" {
		t.Error(got)
	}
}

func TestManyKernelsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			h := openHistory(path)
			for i := range 20 {
				h.add(i+1, "x", "")
			}
		})
	}
	wg.Wait()
	all, err := openHistory(path).find(historyQuery{Type: "tail"})
	if err != nil || len(all) != 160 {
		t.Errorf("%d of 160, %v", len(all), err)
	}
	sessions := map[int]int{}
	for _, e := range all {
		sessions[e.Session]++
	}
	if len(sessions) != 8 {
		t.Errorf("sessions %v", sessions)
	}
}

func TestHistoryWithoutFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	h := openHistory(filepath.Join(file, "history.jsonl")) // a file is no folder
	h.add(1, "a", "")
	if got := rows(h, historyQuery{Type: "tail"}); got != "1/1 a" {
		t.Error(got)
	}
}

func TestHistoryRequest(t *testing.T) {
	s := start(t, Options{})
	s.execute("12")
	s.execute("print x")
	reply, _ := s.request(jupyter.Shell, "history_request", map[string]any{"hist_access_type": "range", "raw": true, "output": true, "session": 0, "start": 1})
	if got := fmt.Sprint(reply["history"]); got != "[[1 1 [12 12]] [1 2 [print x <nil>]]]" {
		t.Error(got)
	}
}

func FuzzHistoryFile(f *testing.F) {
	f.Add([]byte("{\"format\":1,\"session\":1}\n{\"session\":1,\"line\":1,\"source\":\"x\"}\n{\"sess"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, e := range read(bytes.NewReader(b)) {
			again := read(bytes.NewReader(line(e)))
			if len(again) != 1 || again[0] != e {
				t.Fatalf("%+v came back as %+v", e, again)
			}
		}
	})
}
