package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
)

// outputs runs a cell in a kernel process and returns all that came of it.
func outputs(t *testing.T, c *jupyter.Client, code string) []*jupyter.Message {
	t.Helper()
	h, err := c.Request(jupyter.Shell, "execute_request", map[string]any{"code": code})
	if err != nil {
		t.Fatal(err)
	}
	return until(t, c, h)
}

// until returns what comes on iopub, of any parent, until h is done.
func until(t *testing.T, c *jupyter.Client, h jupyter.Header) (all []*jupyter.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for {
		m, err := c.Receive(ctx, jupyter.IOPub)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
		if m.Header.Type == "error" {
			t.Fatalf("%s", m.Content)
		}
		if m.Parent.ID == h.ID && m.Header.Type == "status" && strings.Contains(string(m.Content), "idle") {
			return all
		}
	}
}

// flat is what was shown, one line of text or one display after the other.
func flat(t *testing.T, messages []*jupyter.Message) []string {
	t.Helper()
	var lines []string
	var text strings.Builder
	cut := func() {
		if text.Len() > 0 {
			lines = append(lines, strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")...)
			text.Reset()
		}
	}
	for _, m := range messages {
		var content struct {
			Text string
			Data any
		}
		if err := m.Decode(&content); err != nil {
			t.Fatal(err)
		}
		switch m.Header.Type {
		case "stream":
			text.WriteString(content.Text)
		case "display_data":
			cut()
			lines = append(lines, content.Data.(map[string]any)["text/html"].(string))
		case "comm_msg":
			cut()
			lines = append(lines, fmt.Sprint("comm ", content.Data))
		}
	}
	cut()
	return lines
}

// TestFloods sends what is much through a kernel process and its worker: nothing is lost, and nothing changes its place.
func TestFloods(t *testing.T) {
	c, stop := cellar(t).launch(t)
	defer stop()
	outputs(t, c, `import ("fmt"; "strings"; "github.com/cellar-go/cellar/display"; "github.com/cellar-go/cellar/display/comm")
comm.Register("adder", func(c *comm.Comm, _ comm.Message) {
	sum := 0
	c.OnMessage(func(m comm.Message) {
		var n int
		m.Decode(&n)
		sum += n
		c.Send(comm.Message{Data: sum})
	})
})
page, _ := comm.Open("page", comm.Message{})`)

	t.Run("200,000 lines", func(t *testing.T) {
		lines := flat(t, outputs(t, c, `for i := range 200_000 { fmt.Println(i) }`))
		for i, line := range lines {
			if line != fmt.Sprint(i) {
				t.Fatalf("line %d is %q", i, line)
			}
		}
		if len(lines) != 200_000 {
			t.Errorf("%d lines", len(lines))
		}
	})
	t.Run("10,000 displays between lines and comm messages", func(t *testing.T) {
		lines := flat(t, outputs(t, c, `for i := range 10_000 { fmt.Println("line", i); display.HTML(fmt.Sprint("html ", i)); page.Send(comm.Message{Data: i}) }`))
		for i := range 10_000 {
			want := []string{fmt.Sprint("line ", i), fmt.Sprint("html ", i), fmt.Sprint("comm ", i)}
			if len(lines) < 3*i+3 || strings.Join(lines[3*i:3*i+3], ",") != strings.Join(want, ",") {
				t.Fatalf("after %d there is %q", i, lines[3*i:min(3*i+3, len(lines))])
			}
		}
	})
	t.Run("50 MB in one", func(t *testing.T) {
		const size = 50 << 20
		for _, code := range []string{`fmt.Print(strings.Repeat("x", 50<<20))`, `display.HTML(strings.Repeat("x", 50<<20))`, `page.Send(comm.Message{Data: strings.Repeat("x", 50<<20-5)})`} {
			lines := flat(t, outputs(t, c, code))
			if len(lines) != 1 || len(lines[0]) != size {
				t.Errorf("%s: %d pieces, the first of %d bytes", code, len(lines), len(lines[0]))
			}
		}
		m := outputs(t, c, `page.Send(comm.Message{Buffers: [][]byte{make([]byte, 50<<20), {1}}})`)[2]
		if m.Header.Type != "comm_msg" || len(m.Buffers) != 2 || len(m.Buffers[0]) != size {
			t.Errorf("%s with %d buffers", m.Header.Type, len(m.Buffers))
		}
		m, err := c.Session.New("execute_request", map[string]any{"code": "/*" + strings.Repeat("x", size) + "*/ fmt.Print(52428800)"})
		if err != nil || c.Send(jupyter.Shell, m) != nil {
			t.Fatal(err)
		}
		if lines := flat(t, until(t, c, m.Header)); len(lines) != 1 || lines[0] != fmt.Sprint(size) {
			t.Errorf("a cell of 50 MB printed %q", lines)
		}
	})
	t.Run("comm messages of the front-end while a cell prints", func(t *testing.T) {
		const n = 3000
		printing, err := c.Request(jupyter.Shell, "execute_request", map[string]any{"code": `for i := range 100_000 { fmt.Println(i) }`})
		if err != nil {
			t.Fatal(err)
		}
		send := func(kind string, content map[string]any) jupyter.Header {
			content["comm_id"], content["target_name"] = "a", "adder"
			h, err := c.Request(jupyter.Shell, kind, content)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		send("comm_open", map[string]any{})
		for i := range n {
			send("comm_msg", map[string]any{"data": i})
		}
		closed := send("comm_close", map[string]any{})
		done := map[string]bool{}
		sum, lines := 0, 0
		for i := 0; !done[printing.ID] || !done[closed.ID]; {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			m, err := c.Receive(ctx, jupyter.IOPub)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			var content struct {
				Text  string
				Data  json.RawMessage
				State string `json:"execution_state"`
			}
			m.Decode(&content)
			lines += strings.Count(content.Text, "\n")
			if m.Header.Type == "comm_msg" {
				sum += i
				i++
				if string(content.Data) != fmt.Sprint(sum) {
					t.Fatalf("answer %d is %s, want %d", i, content.Data, sum)
				}
			}
			done[m.Parent.ID] = content.State == "idle"
		}
		if lines != 100_000 || sum != n*(n-1)/2 {
			t.Errorf("%d lines, and the last sum was %d", lines, sum)
		}
	})
}
