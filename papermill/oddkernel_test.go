package papermill

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
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
	for {
		select {
		case <-s.Requests(jupyter.Control):
			s.Close()
			os.Exit(0)
		case m := <-s.Requests(jupyter.Shell):
			status := func(state string) { s.Publish(m.Header, "status", fields{"execution_state": state}) }
			reply := func(status string) {
				s.Reply(jupyter.Shell, m, strings.Replace(m.Header.Type, "_request", "_reply", 1), fields{"status": status, "execution_count": 1})
			}
			status("busy")
			var in struct{ Code string }
			m.Decode(&in)
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
	usePython(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	installSpec(t, os.Getenv("JUPYTER_PATH"), "odd", map[string]any{"argv": []string{self, "odd-kernel", "{connection_file}"}, "language": "odd", "display_name": "Odd"})
	for source, want := range map[string]string{
		"no idle":                "OutputLost: the kernel did not say that all outputs are sent",
		"not to be read":         "OutputLost: a message of the kernel can't be read",
		"aborted":                "aborted",
		"idle before the answer": "",
		"somebody else's":        "",
	} {
		r, err := Run(context.Background(), Options{Input: pythonNotebook(t, source), Kernel: "odd"})
		switch {
		case want == "" && (err != nil || statuses(r) != "completed" || len(r.Notebook.Cells()[0].Outputs()) > 0):
			t.Errorf("%s: %v: %s", source, err, statuses(r))
		case want != "" && (fault.ExitCode(err) != 1 || !strings.Contains(err.Error(), want) || statuses(r) != "failed"):
			t.Errorf("%s: %v: %s", source, err, statuses(r))
		}
	}
}
