package gonb

import (
	"encoding/gob"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cellar-go/cellar/display"
)

// program stands for the code of a cell that calls gonbui: it opens the pipes as that does, and writes what that writes.
type program struct {
	*gob.Encoder
	*gob.Decoder
	files []*os.File
}

func connect(t *testing.T, p *Pipes) *program {
	t.Helper()
	w, err := os.OpenFile(strings.TrimPrefix(p.Env()[0], "GONB_PIPE="), os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	q := &program{Encoder: gob.NewEncoder(w), files: []*os.File{w}}
	r, err := os.OpenFile(strings.TrimPrefix(p.Env()[1], "GONB_PIPE_BACK="), os.O_RDONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	q.files, q.Decoder = append(q.files, r), gob.NewDecoder(r)
	q.Encode(message{Data: map[string]any{mimeComm: value{Address: syncAddress, Value: 1}}})
	var v value
	if err := q.Decode(&v); err != nil || v.Address != syncAckAddress || v.Value != 1 {
		t.Fatalf("sync: %+v, %v", v, err)
	}
	return q
}

func (q *program) close() {
	for _, f := range q.files {
		f.Close()
	}
}

func TestPipes(t *testing.T) {
	var mu sync.Mutex
	var said []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, fmt.Sprintf(format, args...))
	}
	dir := t.TempDir()
	for range 2 { // a worker that ends is followed by another one
		p, err := Listen(dir, Handler{
			Show:   func(b display.Bundle) { note("show %v id=%s update=%v", b.Data, b.ID, b.Update) },
			Prompt: func(prompt string, password bool) { note("prompt %q %v", prompt, password) },
			Refuse: func(why string) { note("refused") },
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Drain() // nobody is there
		mu.Lock()
		said = nil
		mu.Unlock()
		q := connect(t, p)
		for _, m := range []message{
			{Data: map[string]any{"text/html": "<b>"}},
			{Data: map[string]any{"image/png": []byte("png")}},
			{Data: map[string]any{"text/html": "1"}, DisplayID: "d"},
			{Data: map[string]any{"text/html": "2"}, DisplayID: "d"},
			{Data: map[string]any{mimeInput: &inputRequest{"Name: ", true}}},
			{Data: map[string]any{mimeSubscribe: subscription{Address: "/x"}}},
			{Data: map[string]any{mimeComm: value{Address: "/x", Request: true}}},
		} {
			if err := q.Encode(m); err != nil {
				t.Fatal(err)
			}
		}
		p.Drain()
		want := `show map[text/html:<b>] id= update=false
show map[image/png:cG5n] id= update=false
show map[text/html:1] id=d update=false
show map[text/html:2] id=d update=true
prompt "Name: " true
refused`
		mu.Lock()
		if got := strings.Join(said, "\n"); got != want {
			t.Errorf("got\n%s", got)
		}
		mu.Unlock()
		q.close()
		p.Close()
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What is no message ends the talk, and nothing else.
func TestGarbage(t *testing.T) {
	p, err := Listen(t.TempDir(), Handler{Show: func(display.Bundle) {}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(strings.TrimPrefix(p.Env()[0], "GONB_PIPE="), os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	w.WriteString("this is no gob\xff\xff\xff\xff")
	p.Drain()
	w.Close()
	p.Close()
}

// TestFolderGone: a killed runner's folder is swept by the next run, perhaps before the kernel in it has ended.
func TestFolderGone(t *testing.T) {
	dir := t.TempDir()
	p, err := Listen(dir, Handler{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		p.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for what can't come")
	}
}
