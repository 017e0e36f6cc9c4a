package papermill

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// oddKernel is a kernel that breaks the protocol in the way that a cell's source names; the test program runs it for TestOddKernels.
func oddKernel(connectionFile string) {
	c, err := jupyter.ReadConnection(connectionFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s, err := jupyter.Listen(c, jupyter.ServerOptions{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	type fields = map[string]any
	info := fields{}
	if os.Getenv("ODD_COUNTS") != "" { // and its messages have no numbers
		info["implementation"], s.Session.ID = "xeus-python", ""
	}
	sent := "" // what it says of that
	for {
		select {
		case <-s.Requests(jupyter.Control):
			s.Close()
			os.Exit(0)
		case m := <-s.Requests(jupyter.Shell):
			status := func(state string) { s.Publish(m.Header, "status", fields{"execution_state": state}) }
			reply := func(status string) {
				content := fields{"status": status, "execution_count": 1, "user_expressions": fields{"sent": fields{"status": "ok", "data": fields{"text/plain": sent}}}}
				maps.Copy(content, info)
				s.Reply(jupyter.Shell, m, strings.Replace(m.Header.Type, "_request", "_reply", 1), content)
			}
			status("busy")
			var in struct{ Code string }
			m.Decode(&in)
			if count, says, ok := strings.Cut(in.Code, " messages, it says "); ok { // all of one time, so that all are on their way at once
				n, _ := strconv.Atoi(count)
				begun := time.Now().UTC().Format(time.RFC3339Nano)
				for range n {
					line, err := s.Session.New("stream", fields{"name": "stdout", "text": "x\n"})
					if err != nil {
						panic(err)
					}
					line.Parent, line.Header.Date = m.Header, begun
					s.PublishMessage(line)
				}
				sent = says
			}
			switch in.Code {
			case "no idle":
				reply("ok")
				continue
			case "not to be read":
				s.Publish(m.Header, "stream", fields{"name": "stdout", "text": 5})
				reply("ok")
			case "aborted":
				reply("aborted")
			case "idle before the answer":
				status("idle")
				time.Sleep(100 * time.Millisecond)
				reply("ok")
				continue
			case "a message is lost":
				s.Session.Header("stream") // numbered, and not sent
				reply("ok")
			case "a message is lost and it raises":
				s.Session.Header("stream")
				s.Reply(jupyter.Shell, m, "execute_reply", fields{"status": "error", "ename": "Oops", "evalue": "its own"})
			case "a message is late":
				late, err := s.Session.New("stream", fields{"name": "stdout", "text": "late"})
				if err != nil {
					panic(err)
				}
				late.Parent = m.Header
				reply("ok")
				status("idle")
				time.Sleep(300 * time.Millisecond)
				s.PublishMessage(late)
				continue
			case "nobody's":
				s.Publish(jupyter.Header{}, "stream", fields{"name": "stdout", "text": "from nobody"})
				s.Publish(jupyter.Header{}, "status", fields{"execution_state": "idle"})
				time.Sleep(100 * time.Millisecond)
				s.Publish(m.Header, "stream", fields{"name": "stdout", "text": ", then ours"})
				reply("ok")
			case "bytes that are no UTF-8":
				bytes, err := s.Session.New("stream", fields{"name": "stdout", "text": "a?b"})
				if err != nil {
					panic(err)
				}
				bytes.Parent, bytes.Content = m.Header, []byte(strings.Replace(string(bytes.Content), "?", "\xff\xc3", 1))
				s.PublishMessage(bytes)
				reply("ok")
			case "exits after its answer":
				for i := range 1000 {
					s.Publish(m.Header, "stream", fields{"name": "stdout", "text": fmt.Sprintln(i)})
				}
				reply("ok")
				status("idle")
				s.Close()
				os.Exit(0)
			case "somebody else's":
				s.Publish(jupyter.Header{ID: "other"}, "stream", fields{"name": "stdout", "text": "not ours"})
				s.Publish(m.Header, "new_type", fields{"x": 1})
				reply("ok")
			default:
				reply("ok")
			}
			status("idle")
		}
	}
}

func TestOddKernels(t *testing.T) {
	testkit.UsePython(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	testkit.InstallKernel(t, os.Getenv("JUPYTER_PATH"), "odd", map[string]any{"argv": []string{self, "odd-kernel", "{connection_file}"}, "language": "odd", "display_name": "Odd"})
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintln(&lines, i)
	}
	shown := map[string]string{"exits after its answer": lines.String(), "a message is late": "late", "bytes that are no UTF-8": "a\uFFFD\uFFFDb", "nobody's": "from nobody, then ours"}
	for source, want := range map[string]string{
		"no idle":                 "OutputLost: outputs may be missing: the kernel did not say that all are sent",
		"not to be read":          "OutputLost: a message of the kernel can't be read",
		"aborted":                 "aborted",
		"idle before the answer":  "",
		"somebody else's":         "",
		"nobody's":                "",
		"a message is lost":       "OutputLost: outputs are missing: 1 of the messages that the kernel sent did not arrive",
		"a message is late":       "",
		"bytes that are no UTF-8": "",
		"exits after its answer":  "",
	} {
		r, err := Run(context.Background(), Options{Input: pythonNotebook(t, source), Kernel: "odd"})
		switch {
		case want == "" && (err != nil || statuses(r) != "completed" || text(r.Notebook.Cells()[0]) != shown[source]):
			t.Errorf("%s: %v: %s", source, err, statuses(r))
		case want != "" && (fault.ExitCode(err) != 1 || !strings.Contains(err.Error(), want) || statuses(r) != "failed"):
			t.Errorf("%s: %v: %s", source, err, statuses(r))
		case source == "a message is lost" && slices.ContainsFunc(r.Notebook.Cells(), func(c *nbformat.Cell) bool { return c.Metadata().Object("papermill").Raw("late") != nil }):
			t.Errorf("%s: our own error is marked as late", source)
		}
	}

	for source, allowed := range map[string]bool{"no idle": true, "not to be read": false, "a message is lost": true, "a message is lost and it raises": false} {
		r, err := Run(context.Background(), Options{Input: pythonNotebook(t, source, ""), Kernel: "odd", AllowLostOutputs: true})
		if (err == nil) != allowed || allowed && (len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], "cell 1: ")) {
			t.Errorf("%s, allowed: %v %q", source, err, r.Warnings)
		}
	}

	testkit.InstallKernel(t, os.Getenv("JUPYTER_PATH"), "counts", map[string]any{"argv": []string{self, "odd-kernel", "{connection_file}"}, "language": "odd", "display_name": "Counts", "env": map[string]string{"ODD_COUNTS": "1"}})
	for source, want := range map[string]string{
		"600 messages, it says 600":     "",
		"600 messages, it says 602":     "outputs are missing: 2 of the messages",
		"600 messages, it says nothing": "outputs may be missing: 500 messages or more",
		"400 messages, it says 402":     "", // it is not asked
	} {
		r, err := Run(context.Background(), Options{Input: pythonNotebook(t, source), Kernel: "counts"})
		lines, _, _ := strings.Cut(source, " ")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
		if got := strings.Count(text(r.Notebook.Cells()[len(r.Notebook.Cells())-1]), "x\n"); fmt.Sprint(got) != lines {
			t.Errorf("%s: %d lines", source, got)
		}
	}

	// An error of the cell's own says more than that outputs were lost, unless it may raise one.
	in := pythonNotebook(t, "a message is lost and it raises")
	for tag, want := range map[string]string{"": "Oops: its own", "raises-exception": "OutputLost: outputs are missing"} {
		nb, err := nbformat.Read(in)
		if err != nil {
			t.Fatal(err)
		}
		if tag != "" {
			nb.Cells()[0].SetTags(tag)
		}
		r, err := Run(context.Background(), Options{Input: in, Notebook: nb, Kernel: "odd"})
		if fault.ExitCode(err) != 1 || !strings.Contains(err.Error(), want) || (tag == "") != strings.Contains(fmt.Sprint(r.Warnings), "outputs are missing") {
			t.Errorf("tag %q: %v %q", tag, err, r.Warnings)
		}
	}
}
