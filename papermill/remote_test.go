package papermill

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/journal"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// shelf is a web server that keeps what is put, unless it is closed.
type shelf struct {
	mu     sync.Mutex
	files  map[string][]byte
	closed bool
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch text, ok := s.files[r.URL.Path]; {
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/broken/"):
		http.Error(w, "broken", http.StatusInternalServerError)
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/private/"):
		http.Error(w, "private", http.StatusForbidden)
	case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/moved/"):
		http.Redirect(w, r, "/out.ipynb", http.StatusFound)
	case r.Method == http.MethodPut && s.closed:
		http.Error(w, "closed", http.StatusInsufficientStorage)
	case r.Method == http.MethodPut:
		s.files[r.URL.Path], _ = io.ReadAll(r.Body)
	case !ok:
		http.NotFound(w, r)
	default:
		w.Write(text)
	}
}

// notebook is what the server holds.
func (s *shelf) notebook(t *testing.T, path string) *nbformat.Notebook {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	nb, err := nbformat.Parse(s.files[path], path)
	if err != nil {
		t.Fatal(err)
	}
	return nb
}

// byResume is the end of the hint where a delivery is all that is left to do.
const byResume = "; the same command with --resume delivers it, and runs nothing again that is done"

// TestRemote runs with an output on a web server: it is delivered also when the run fails, named in the metadata, gone on from, and never
// lost, whatever becomes of the copy here.
func TestRemote(t *testing.T) {
	testkit.UsePython(t)
	t.Setenv("NETRC", os.DevNull)
	t.Setenv("TMPDIR", t.TempDir())
	s := &shelf{files: map[string][]byte{}}
	server := httptest.NewServer(s)
	defer server.Close()
	in := pythonNotebook(t, "x = 1\n"+appends("a"), appends("b"), "1/0", appends("c"))
	dir := filepath.Dir(in)
	o := Options{Input: in, Output: filepath.Join(t.TempDir(), "copy.ipynb"), Remote: strings.Replace(server.URL, "//", "//me:secret@", 1) + "/out.ipynb?sig=hidden", Resume: true}
	o.Needed = func(_ string, done, _ []Cell) []bool { return make([]bool, len(done)) }

	if r, err := Run(t.Context(), o); fault.ExitCode(err) != 1 || statuses(r) != "completed completed failed pending" || ran(t, dir) != "ab" {
		t.Fatalf("first: %v, %s", err, statuses(r))
	}
	var m notebookMetadata
	if s.notebook(t, "/out.ipynb").Metadata().Get("papermill", &m); !strings.HasSuffix(m.OutputPath, "@"+server.Listener.Addr().String()+"/out.ipynb") || strings.Contains(m.OutputPath, "secret") {
		t.Errorf("the output is called %s", m.OutputPath)
	}
	// On another machine there is no copy.
	if err := os.Remove(o.Output); err != nil {
		t.Fatal(err)
	}
	edit(t, in, 2, "1/1")
	edit(t, in, 3, "1/0")
	if r, err := Run(t.Context(), o); fault.ExitCode(err) != 1 || statuses(r) != "completed completed completed failed" || ran(t, dir) != "" {
		t.Errorf("without a copy: %v, %s", err, statuses(r))
	}
	// What could not be delivered counts more than what is there, and what is there more than an older copy.
	old, err := os.ReadFile(o.Output)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, in, 3, appends("c"))
	s.closed = true
	if r, err := Run(t.Context(), o); fault.ExitCode(err) != 5 || !r.Saved || r.Delivered || !strings.Contains(err.Error(), "what should be there is in "+o.Output) || !strings.HasSuffix(fault.Hint(err), byResume) || ran(t, dir) != "c" {
		t.Errorf("not delivered: %v → %s, %s", err, fault.Hint(err), statuses(r))
	}
	s.closed = false
	if r, err := Run(t.Context(), o); err != nil || !r.Delivered || !strings.Contains(strings.Join(r.Warnings, "\n"), "which is newer") || ran(t, dir) != "" {
		t.Errorf("delivered: %v, %q", err, r.Warnings)
	}
	if text(s.notebook(t, "/out.ipynb").Cells()[3]) != "ran c\n" {
		t.Error("what had not been delivered is not there")
	}
	if err := os.WriteFile(o.Output, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := Run(t.Context(), o); err != nil || !strings.Contains(strings.Join(r.Warnings, "\n"), "nothing is left to run") || ran(t, dir) != "" {
		t.Errorf("an older copy: %v, %q", err, r.Warnings)
	}

	// A run that was killed here goes on from its journal.
	edit(t, in, 3, "import time\nprint('waits', flush=True)\ntime.sleep(600)")
	if err := os.Remove(o.Output); err != nil {
		t.Fatal(err)
	}
	runner := startRunner(t, in, o.Output, os.Stderr)
	waitForText(t, journal.Path(o.Output), "waits\n")
	runner.Process.Kill()
	runner.Wait()
	ran(t, dir)
	edit(t, in, 3, "1/1")
	if r, err := Run(t.Context(), o); err != nil || statuses(r) != "completed completed completed completed" || ran(t, dir) != "" {
		t.Errorf("killed: %v, %s", err, statuses(r))
	}

	// Without a copy of one's own nothing stays here, but for what could not be delivered.
	spare := func() string {
		kept, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "cellar-output-*", "*"))
		return strings.Join(kept, " ")
	}
	o.Output, o.Resume = "", false
	if _, err := Run(t.Context(), o); err != nil || spare() != "" {
		t.Errorf("%v, left: %s", err, spare())
	}
	s.closed = true
	if _, err := Run(t.Context(), o); err == nil || spare() == "" || !strings.HasSuffix(err.Error(), "what should be there is in "+spare()) || strings.Contains(fault.Hint(err), "--resume") {
		t.Errorf("%v → %s, left: %s", err, fault.Hint(err), spare())
	}
	// Nor does --resume help where Papermill's flags are all there are, or with another address; of a run that failed it is a warning.
	o.Output = filepath.Join(t.TempDir(), "copy.ipynb")
	classic, moved, failing := o, o, o
	classic.Classic = true
	moved.Remote = server.URL + "/moved/out.ipynb"
	failing.Input = pythonNotebook(t, "1/0")
	for _, o := range []Options{classic, moved} {
		if _, err := Run(t.Context(), o); err == nil || !strings.HasSuffix(err.Error(), "what should be there is in "+o.Output) || strings.Contains(fault.Hint(err), "--resume") {
			t.Errorf("%s: %v → %s", o.Remote, err, fault.Hint(err))
		}
	}
	if r, err := Run(t.Context(), failing); fault.ExitCode(err) != 1 || !strings.HasSuffix(strings.Join(r.Warnings, "\n"), "what should be there is in "+o.Output+"; the server has no room for it: make some, or name another place"+byResume) {
		t.Errorf("failed: %v, %q", err, r.Warnings)
	}
}

// TestRemoteOlderJournal: a run that was killed here long ago takes nothing from what has been delivered since.
func TestRemoteOlderJournal(t *testing.T) {
	testkit.UsePython(t)
	t.Setenv("NETRC", os.DevNull)
	s := &shelf{files: map[string][]byte{}}
	server := httptest.NewServer(s)
	defer server.Close()
	in := pythonNotebook(t, appends("a"), "import os, time\nprint('waits', flush=True)\nif not os.path.exists('go'): time.sleep(600)")
	dir, here := filepath.Dir(in), filepath.Join(t.TempDir(), "here.ipynb")
	kill := func() {
		t.Helper()
		runner := startRunner(t, in, here, os.Stderr)
		waitForText(t, journal.Path(here), "waits\n")
		runner.Process.Kill()
		runner.Wait()
	}
	kill()
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	remote := server.URL + "/out.ipynb"
	if _, err := Run(t.Context(), Options{Input: in, Output: filepath.Join(t.TempDir(), "there.ipynb"), Remote: remote}); err != nil {
		t.Fatal(err)
	}
	ran(t, dir)
	delivered := string(s.files["/out.ipynb"])
	left, err := os.ReadFile(journal.Path(here))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Options{Input: in, Output: here, Remote: remote, Kernel: "none"}); err == nil || string(s.files["/out.ipynb"]) != delivered {
		t.Errorf("a run that could not begin delivered an older one: %v", err)
	}
	if err := os.WriteFile(journal.Path(here), left, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{Input: in, Output: here, Remote: remote, Resume: true})
	if err != nil || !strings.Contains(strings.Join(r.Warnings, "\n"), "nothing is left to run") || ran(t, dir) != "" || string(s.files["/out.ipynb"]) != delivered {
		t.Errorf("went on from an older one: %v, %q", err, r.Warnings)
	}
	if !r.Delivered {
		t.Error("the place holds what the run found to be all")
	}

	// A newer one is delivered when the run goes on from it, and only then.
	if err := os.Remove(filepath.Join(dir, "go")); err != nil {
		t.Fatal(err)
	}
	kill()
	for _, resume := range []bool{false, true} {
		_, err := Run(t.Context(), Options{Input: in, Output: here, Remote: remote, Kernel: "none", Resume: resume})
		if changed := string(s.files["/out.ipynb"]) != delivered; err == nil || changed != resume {
			t.Errorf("resume %v: %v, changed: %v", resume, err, changed)
		}
	}
}

// TestRemoteInterrupted: an interrupt lets an upload go on that gets anywhere, and ends another; what was to be delivered stays.
func TestRemoteInterrupted(t *testing.T) {
	t.Setenv("NETRC", os.DevNull)
	var interrupt func()
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.NotFound(w, r)
			return
		}
		interrupt()
		if r.URL.Path == "/stalls.ipynb" {
			<-over // without reading a byte
		}
		io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	defer close(over)
	o := Options{Input: pythonNotebook(t, "# "+strings.Repeat("x", 30_000_000)), Output: filepath.Join(t.TempDir(), "copy.ipynb"), PrepareOnly: true, Grace: time.Minute}
	ctx, stop := context.WithCancel(t.Context())
	interrupt = stop
	o.Remote = server.URL + "/goes-on.ipynb"
	if r, err := Run(ctx, o); err != nil || !r.Delivered || ctx.Err() == nil {
		t.Errorf("delivered: %v, %v", r.Delivered, err)
	}
	o.Remote = server.URL + "/stalls.ipynb"
	type ending struct {
		Result
		error
	}
	second := make(chan struct{})
	close(second)
	for want, hurry := range map[string]<-chan struct{}{"did not end in time after the interrupt": nil, "was not waited for": second} {
		ctx, stop = context.WithCancel(t.Context())
		interrupt = stop
		if o.Hurry, o.Grace = hurry, 10*time.Millisecond; hurry != nil {
			o.Grace = time.Hour
		}
		ended := make(chan ending, 1)
		go func() {
			r, err := Run(ctx, o)
			ended <- ending{r, err}
		}()
		select {
		case e := <-ended:
			if fault.ExitCode(e.error) != 130 || !e.Saved || e.Delivered || !strings.HasSuffix(e.Error(), want+"; what should be there is in "+o.Output) || fault.Hint(e.error) != byResume[2:] {
				t.Errorf("saved: %v, delivered: %v, %v", e.Saved, e.Delivered, e.error)
			}
		case <-time.After(time.Minute):
			t.Fatal("it still goes on")
		}
	}
	if _, err := nbformat.Read(o.Output); err != nil {
		t.Error(err)
	}
}

// Nothing is lost or begun that can't end well.
func TestRemoteMistakes(t *testing.T) {
	t.Setenv("NETRC", os.DevNull)
	t.Setenv("TMPDIR", t.TempDir())
	in := pythonNotebook(t, "1")
	source, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	nb, err := nbformat.Parse(source, "source")
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{files: map[string][]byte{"/source.ipynb": source, "/data.csv": []byte("a,b\n1,2\n"), "/broken/out.ipynb": []byte("?")}}
	before := maps.Clone(s.files)
	server := httptest.NewServer(s)
	defer server.Close()
	for _, c := range []struct {
		o    Options
		says string
	}{
		{Options{Remote: server.URL + "/source.ipynb"}, "no run has written: it would be lost → name another place, or replace what is there with --overwrite"},
		{Options{Remote: server.URL + "/data.csv"}, "is no notebook: it would be lost → name another place, or replace what is there with --overwrite"},
		{Options{Remote: server.URL + "/data.csv", Resume: true}, "is no notebook: it would be lost"},
		{Options{Remote: server.URL + "/broken/out.ipynb"}, "500"},
		{Options{Remote: "http://127.0.0.1:1/a.ipynb"}, "refused"},
		{Options{Remote: strings.Replace(server.URL, "//", "//me:word@", 1) + "/source.ipynb", Origin: server.URL + "/source.ipynb", Notebook: nb, Overwrite: true}, "is the notebook itself"},
		{Options{Remote: "git:HEAD:a.ipynb"}, "can only be read"},
		{Options{Remote: "-", Resume: true}, "standard output holds no former run"},
		{Options{Remote: "http://127.0.0.1:1/a.ipynb", Resume: true}, "refused"},
		{Options{Remote: server.URL + "/out.ipynb", Kernel: "none"}, "none"},
	} {
		c.o.Input, c.o.PrepareOnly = in, c.o.Kernel == ""
		if _, err := Run(t.Context(), c.o); err == nil || !strings.Contains(err.Error()+" → "+fault.Hint(err), c.says) {
			t.Errorf("%s: %v → %s", c.o.Remote, err, fault.Hint(err))
		}
	}
	if !maps.EqualFunc(s.files, before, bytes.Equal) {
		t.Errorf("written: %d files", len(s.files))
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	// What may be lost: what the user says, and what only can be written.
	for _, o := range []Options{{Remote: server.URL + "/data.csv", Overwrite: true}, {Remote: server.URL + "/private/out.ipynb"}} {
		o.Input, o.PrepareOnly = in, true
		if r, err := Run(t.Context(), o); err != nil || !r.Delivered {
			t.Errorf("%s: %v", o.Remote, err)
		}
	}
	for _, path := range []string{"/data.csv", "/private/out.ipynb"} {
		if !s.notebook(t, path).Executed() {
			t.Error(path)
		}
	}
}
