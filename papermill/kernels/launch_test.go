package kernels

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/jupyter"
	"github.com/cellar-go/cellar/internal/testkit"
)

// python is the spec of an ordinary ipykernel.
func python(t testing.TB) Spec {
	python := testkit.Python(t)
	t.Setenv("IPYTHONDIR", t.TempDir())
	return Spec{Name: "python3", Language: "python", Argv: []string{python, "-m", "ipykernel_launcher", "-f", "{connection_file}"}}
}

// within is a context that ends before a test would hang.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// starters are all ways to start an ipykernel: as its spec says, by our program, and as a fork.
func starters(t testing.TB) map[string]starter {
	p := NewPool(PoolOptions{})
	t.Cleanup(p.Close)
	return map[string]starter{"plain": direct{plain: true}, "launcher": direct{}, "pool": p}
}

func begin(t testing.TB, by starter, s Spec, o Options) *Kernel {
	t.Helper()
	k, err := startBy(within(t, time.Minute), by, s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// output is what a cell showed.
type output struct {
	text  string // on both streams
	error string
}

// execute runs a cell to its end.
func execute(t testing.TB, k *Kernel, code string) output {
	t.Helper()
	id, err := k.Execute(code, "")
	if err != nil {
		t.Fatal(err)
	}
	return finish(t, k, id)
}

func finish(t testing.TB, k *Kernel, id string) (o output) {
	t.Helper()
	late := time.After(2 * time.Minute)
	for {
		m, err := k.IOPub.Take()
		if err != nil {
			t.Fatalf("%s%s", k.Death(), k.LastWords())
		}
		if m == nil {
			select {
			case <-k.IOPub.Ready():
				continue
			case <-late:
				t.Fatal("the cell does not end")
			}
		}
		if m.Parent.ID != id {
			continue
		}
		var content struct {
			Text   string `json:"text"`
			State  string `json:"execution_state"`
			EName  string `json:"ename"`
			EValue string `json:"evalue"`
		}
		if err := m.Decode(&content); err != nil {
			t.Fatal(err)
		}
		o.text += content.Text
		if content.EName != "" {
			o.error = content.EName + ": " + content.EValue
		}
		if content.State == "idle" {
			return o
		}
	}
}

// A notebook finds the same under our program, and in a fork, as under ipykernel_launcher.
func TestSameProcess(t *testing.T) {
	probe, err := os.ReadFile("testdata/probe.py")
	if err != nil {
		t.Fatal(err)
	}
	spec := python(t)
	type report struct {
		Found            map[string]any
		Modules, Blocked []string
		Debugpy          string
	}
	for name, vary := range map[string]func(s *Spec, o *Options){
		"ordinary": func(*Spec, *Options) {},
		"arguments": func(s *Spec, o *Options) {
			s.Argv = append(slices.Insert(slices.Clone(s.Argv), 1, "-Xfrozen_modules=off"), "--matplotlib=inline", "--IPKernelApp.quiet=False")
		},
		"configured": func(s *Spec, o *Options) {
			own := filepath.Join(o.Dir, "ipython")
			o.Env = append(os.Environ(), "IPYTHONDIR="+own, "MPLBACKEND=agg")
			os.CopyFS(filepath.Join(own, "profile_default"), fstest.MapFS{
				"ipython_kernel_config.py": {Data: []byte("c.InteractiveShellApp.exec_lines = ['configured = 1']\nc.IPKernelApp.extensions = ['autoreload']"), Mode: 0o600},
				"startup/first.py":         {Data: []byte("started = __file__"), Mode: 0o600},
			})
		},
		"safe path": func(s *Spec, o *Options) { o.Env = append(os.Environ(), "PYTHONSAFEPATH=1") },
		"same path": func(s *Spec, o *Options) {
			o.Env = append(os.Environ(), "PYTHONPATH="+o.Dir, "TZ=Asia/Tokyo", "LC_ALL=C")
		},
		"shadowed": func(s *Spec, o *Options) {
			for _, module := range []string{"json", "zmq", "numpy", "tornado"} {
				os.WriteFile(filepath.Join(o.Dir, module+".py"), []byte("raise SystemExit('the wrong one')"), 0o600)
			}
			s.Env = map[string]string{"FROM_SPEC": "a b\nc=d"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			reports := map[string]report{}
			for how, by := range starters(t) {
				s, o := spec, Options{Dir: dir}
				vary(&s, &o)
				k := begin(t, by, s, o)
				out := execute(t, k, string(probe))
				if out.error != "" {
					t.Fatalf("%s: %s\n%s", how, out.error, out.text)
				}
				text := strings.ReplaceAll(out.text, k.dir, "KERNEL")
				var r report
				if err := json.Unmarshal([]byte(text[strings.Index(text, `{"found"`):]), &r); err != nil {
					t.Fatalf("%s: %v\n%s", how, err, out.text)
				}
				reports[how] = r
			}
			want := reports["plain"]
			if len(want.Found) < 40 || want.Found["parent"].([]any)[0] != true {
				t.Fatalf("the probe is not what it should be: %v", want.Found)
			}
			for _, how := range []string{"launcher", "pool"} {
				got := reports[how]
				for what := range want.Found {
					if !reflect.DeepEqual(got.Found[what], want.Found[what]) {
						t.Errorf("%s: %s: %s", how, what, difference(got.Found[what], want.Found[what]))
					}
				}
				if got.Debugpy != want.Debugpy || len(got.Blocked) > len(want.Blocked) {
					t.Errorf("%s: debugpy is %s, blocked are %v", how, got.Debugpy, got.Blocked)
				}
				if !slices.Contains(want.Modules, "debugpy") || slices.Contains(got.Modules, "debugpy") {
					t.Errorf("%s: debugpy is imported, or not by ipykernel", how)
				}
				for _, m := range got.Modules {
					if !slices.Contains(want.Modules, m) {
						t.Errorf("%s: only there is %s", how, m)
					}
				}
			}
		})
	}
}

// difference says in what two values differ.
func difference(got, want any) string {
	parts := func(v any) (p []string) {
		switch v := v.(type) {
		case []any:
			for i, e := range v {
				p = append(p, fmt.Sprint(i, ": ", e))
			}
		case map[string]any:
			for key, e := range v {
				p = append(p, fmt.Sprint(key, ": ", e))
			}
		default:
			p = append(p, fmt.Sprint(v))
		}
		return p
	}
	only := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
	}
	g, w := parts(got), parts(want)
	return fmt.Sprintf("got %v\nwant %v", only(g, w), only(w, g))
}

// What starter's comment promises.
func TestStarters(t *testing.T) {
	spec := python(t)
	for name, by := range starters(t) {
		t.Run(name, func(t *testing.T) {
			t.Run("ends", func(t *testing.T) {
				for code, how := range map[string]string{
					"import os; os._exit(3)":              "the kernel died (exit status 3)",
					"import os; os.kill(os.getpid(), 9)":  "the kernel died (signal: killed)",
					"import os; os.kill(os.getpid(), 15)": "the kernel died (signal: terminated)",
				} {
					k := begin(t, by, spec, Options{})
					if _, err := k.Execute(code, ""); err != nil {
						t.Fatal(err)
					}
					select {
					case <-k.Exited:
					case <-time.After(20 * time.Second):
						t.Fatalf("%s: not noticed", code)
					}
					if k.Death() != how {
						t.Errorf("%s: %s", code, k.Death())
					}
					if killed := strings.HasSuffix(how, "killed)"); strings.Contains(k.Advice(), "lacked memory") != killed {
						t.Errorf("%s: it helps: %q", code, k.Advice())
					}
					if err := k.Interrupt(); err == nil {
						t.Errorf("%s: interrupted after its end", code)
					}
				}
			})
			t.Run("shutdown", func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "said")
				k := begin(t, by, spec, Options{})
				execute(t, k, fmt.Sprintf("import atexit; atexit.register(lambda: open(%q, 'w').write('bye'))", file))
				if !k.Shutdown(20*time.Second, nil) {
					t.Error("it had to be ended")
				}
				if said, err := os.ReadFile(file); err != nil || string(said) != "bye" || k.Death() != "the kernel died (exit status 0)" {
					t.Errorf("%q, %v, %s", said, err, k.Death())
				}
			})
			t.Run("interrupt", func(t *testing.T) {
				k := begin(t, by, spec, Options{})
				id, err := k.Execute("import time\ndef wait():\n    print('begun', flush=True)\n    time.sleep(100)\nwait()", "") // one statement: between two, IPython can't take an interrupt
				if err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(300*time.Millisecond, func() { k.Interrupt() })
				if o := finish(t, k, id); o.error != "KeyboardInterrupt: " {
					t.Errorf("%+v", o)
				}
				if o := execute(t, k, "print(1)"); o.text != "1\n" {
					t.Errorf("afterwards: %+v", o)
				}
			})
			t.Run("descriptors", func(t *testing.T) { // what C code and other programs print is output
				k := begin(t, by, spec, Options{})
				o := execute(t, k, `import os, ctypes, subprocess
os.write(1, b"written\n")
libc = ctypes.CDLL(None); libc.puts(b"put"); libc.fflush(None)
subprocess.run(["sh", "-c", "echo echoed; echo complained >&2"])
import time; time.sleep(0.3)`)
				for _, want := range []string{"written", "put", "echoed", "complained"} {
					if !strings.Contains(o.text, want) {
						t.Errorf("%s is lost: %+v", want, o)
					}
				}
			})
			t.Run("log", func(t *testing.T) {
				k := begin(t, by, spec, Options{})
				if o := execute(t, k, "import sys; print(sys.__stdin__.read() == '')"); o.text != "True\n" {
					t.Errorf("%+v", o)
				}
				execute(t, k, "import os; os.write(sys.stderr._original_stdstream_copy, b'for the log')") // beside what ipykernel catches
				if said := k.LastWords(); !strings.HasSuffix(said, "for the log") {
					t.Errorf("it said %q", said)
				}
				execute(t, k, "1")
				if said := k.LastWords(); said != "" { // a cell ago
					t.Errorf("later it said %q", said)
				}
			})
			t.Run("leftovers", func(t *testing.T) {
				k := begin(t, by, spec, Options{})
				o := execute(t, k, "import subprocess; print(subprocess.Popen(['sleep', '1000']).pid)")
				k.Close()
				gone(t, strings.TrimSpace(o.text))
				gone(t, fmt.Sprint(k.process.pid))
				if _, err := os.Stat(k.dir); !os.IsNotExist(err) {
					t.Errorf("%s is left: %v", k.dir, err)
				}
			})
			t.Run("errors", func(t *testing.T) {
				if k, err := startBy(within(t, time.Minute), by, spec, Options{Dir: filepath.Join(t.TempDir(), "absent")}); err == nil {
					k.Close()
					t.Error("started in a folder that is not there")
				} else if !strings.Contains(err.Error(), "start kernel python3") || !strings.Contains(strings.ToLower(err.Error()), "no such file") {
					t.Error(err)
				}
				ended, cancel := context.WithCancel(context.Background())
				cancel()
				if k, err := startBy(ended, by, spec, Options{}); err == nil {
					k.Close()
					t.Error("started after the end")
				} else if !strings.Contains(err.Error(), context.Canceled.Error()) {
					t.Error(err)
				}
			})
			t.Run("another session", func(t *testing.T) {
				k := begin(t, by, spec, Options{})
				sid, _, errno := syscall.Syscall(syscall.SYS_GETSID, uintptr(k.process.pid), 0, 0)
				if errno != 0 || int(sid) != k.process.pid {
					t.Errorf("session %d of process %d, %v", sid, k.process.pid, errno)
				}
			})
		})
	}
}

// gone waits for the end of a process.
func gone(t testing.TB, pid string) {
	t.Helper()
	for range 100 {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("process %s still runs", pid)
}

// An ipykernel that is broken, or made otherwise, behaves as it does by itself.
func TestOtherIpykernel(t *testing.T) {
	spec := python(t)
	for code, want := range map[string]string{
		"raise ImportError('a broken installation')": "ImportError: a broken installation",
		"class IPKernelApp: pass\ndef launch_new_instance(): import sys; sys.exit('made otherwise: ' + repr(sys.argv[1]))": "made otherwise: '-f'",
	} {
		dir := t.TempDir()
		made := fstest.MapFS{"ipykernel/__init__.py": {Mode: 0o600}, "ipykernel/kernelapp.py": {Data: []byte(code), Mode: 0o600}}
		if err := os.CopyFS(dir, made); err != nil {
			t.Fatal(err)
		}
		for name, by := range starters(t) {
			k, err := startBy(within(t, time.Minute), by, spec, Options{Env: append(os.Environ(), "PYTHONPATH="+dir)})
			if err == nil {
				k.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "the kernel died (exit status 1); it said:") || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestIpykernelOf(t *testing.T) {
	for argv, want := range map[string]string{
		"python3 -m ipykernel_launcher -f c":                                       "[python3] [-f c]",
		"/v/bin/python -Xfrozen_modules=off -m ipykernel_launcher -f c":            "[/v/bin/python -Xfrozen_modules=off] [-f c]",
		"/v/bin/python3.11 -X frozen_modules=off -m ipykernel_launcher -f c --x=1": "[/v/bin/python3.11 -X frozen_modules=off] [-f c --x=1]",
		"python -X dev -m ipykernel_launcher -f c":                                 "",
		"python -m ipykernel -f c":                                                 "",
		"python -m ipykernel_launcher --x=1 -f c":                                  "",
		"python -m ipykernel_launcher":                                             "",
		"python -Xfrozen_modules=off":                                              "",
		"python":                                                                   "",
		"bash -m ipykernel_launcher -f c":                                          "",
		"/opt/run-python -m ipykernel_launcher -f c":                               "",
	} {
		i, ok := ipykernelOf(strings.Fields(argv))
		if got := fmt.Sprint(i.interpreter, " ", i.arguments); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, %v", argv, got, ok)
		}
	}
}

// While a client doesn't read, more waits to be sent than the thousand messages that ZeroMQ keeps by itself.
func TestNothingDropped(t *testing.T) {
	const count = 20000
	specs := map[string]Spec{fmt.Sprintf("for i in range(%d): display({'text/plain': 'x' * 500}, raw=True)", count): python(t), fmt.Sprint(count): moduleKernel(t)}
	for name, by := range starters(t) {
		for cell, spec := range specs {
			nothingDropped(t, name, by, spec, cell, count)
		}
	}
}

// Under our program a kernel numbers its messages when it sends them, whoever sends: threads, forks, and what can't be written as JSON. A client
// in the notebook is not touched.
func TestNumbers(t *testing.T) {
	spec := python(t)
	const cell = `import os, threading
from jupyter_client.session import Session
def show(n):
    for i in range(500): display({'text/plain': 'x'}, raw=True)
threads = [threading.Thread(target=show, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
class Shows:
    def _ipython_display_(self): print('shown')
get_ipython().displayhook(Shows())
for bad in {'application/x': object()}, {'text/plain': 'x'}:
    try: display(bad, metadata={'x': object()}, raw=True)
    except Exception: pass
own = Session()
sent = own.msg('status')
assert own.unpack(own.serialize(sent)[2])['msg_id'] == sent['header']['msg_id']
if os.fork() == 0:
    print('a fork', flush=True)
    import time; time.sleep(0.5)
    os._exit(0)
os.wait()
print('the end')`
	for name, by := range starters(t) {
		k := begin(t, by, spec, Options{})
		id, err := k.Execute(cell, "")
		if err != nil {
			t.Fatal(err)
		}
		var numbers []int
		said, forks := "", 0
		take := func(id string) {
			at := strings.LastIndexByte(id, '_')
			n, err := strconv.Atoi(id[at+1:])
			if err != nil || strings.HasSuffix(id[:at], "_sent") != (name != "plain") {
				t.Fatalf("%s: %s", name, id)
			}
			if strings.Contains(id, fmt.Sprint("_", k.process.pid, "_")) {
				numbers = append(numbers, n)
			} else {
				forks++
			}
		}
		for _, id := range k.Before {
			take(id)
		}
		for idle, answered, late := false, false, time.After(time.Minute); !idle || !answered; {
			for m, _ := k.IOPub.Take(); m != nil; m, _ = k.IOPub.Take() {
				take(m.Header.ID)
				var content struct{ Text, EName, EValue string }
				m.Decode(&content)
				said += content.Text + content.EName + content.EValue
				idle = idle || m.Parent.ID == id && strings.Contains(string(m.Content), `"idle"`)
			}
			for m, _ := k.Replies.Take(); m != nil; m, _ = k.Replies.Take() {
				take(m.Header.ID)
				answered = answered || m.Parent.ID == id
			}
			select {
			case <-k.IOPub.Ready():
			case <-k.Replies.Ready():
			case <-late:
				t.Fatal("the cell does not end")
			case <-time.After(100 * time.Millisecond):
			}
		}
		slices.Sort(numbers)
		complete := len(numbers) > 4000 && numbers[len(numbers)-1]-numbers[0] == len(numbers)-1
		if complete != (name != "plain") {
			t.Errorf("%s: %d numbers: %v", name, len(numbers), numbers[:min(20, len(numbers))])
		}
		if !strings.Contains(said, "shown") || !strings.Contains(said, "the end") || !strings.Contains(said, "a fork") || forks == 0 && name != "plain" {
			t.Errorf("%s: it said %q, and forks sent %d messages", name, said, forks)
		}
	}
}

// A session that is made otherwise is left as it is: its numbers are given where messages are made, and say so.
func TestOtherSession(t *testing.T) {
	spec := python(t)
	dir := t.TempDir()
	const code = `import jupyter_client.session as s
original = s.Session.serialize
def serialize(self, msg, ident=None):
    assert isinstance(msg['content'], dict)
    return original(self, msg, ident)
s.Session.serialize = serialize`
	if err := os.WriteFile(filepath.Join(dir, "sitecustomize.py"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, by := range starters(t) {
		k := begin(t, by, spec, Options{Env: append(os.Environ(), "PYTHONPATH="+dir)})
		if o := execute(t, k, "print('well')"); o.text != "well\n" {
			t.Errorf("%s: %+v", name, o)
		}
		for _, id := range k.Before {
			if strings.Contains(id, "_sent_") {
				t.Errorf("%s: %s", name, id)
			}
		}
	}
}

// moduleKernel is a kernel in a module of its own that is made with ipykernel.
func moduleKernel(t *testing.T) Spec {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return Spec{Name: "display", Language: "display", Env: map[string]string{"PYTHONPATH": dir, "PYTHONDONTWRITEBYTECODE": "1"},
		Argv: []string{testkit.Python(t), "-m", "display_kernel", "-f", "{connection_file}"}}
}

func nothingDropped(t *testing.T, name string, by starter, spec Spec, cell string, count int) {
	t.Helper()
	k := begin(t, by, spec, Options{})
	connection, err := jupyter.ReadConnection(filepath.Join(k.dir, "connection.json"))
	if err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	connection.IOPubPort = slowly(t, connection.IOPubPort, hold)
	slow, err := jupyter.Dial(within(t, time.Minute), connection, jupyter.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	time.Sleep(time.Second) // until it has subscribed
	id, err := k.Execute(cell, "")
	if err != nil {
		t.Fatal(err)
	}
	if name == "plain" { // on a busy machine it drops the word that the cell has ended, too
		answered(t, k, id)
	} else {
		finish(t, k, id)
	}
	close(hold)
	n, ctx := 0, within(t, 30*time.Second)
	for idle := false; !idle; {
		m, err := slow.Receive(ctx, jupyter.IOPub)
		if err != nil {
			break // the last word may be lost, too
		}
		if m.Parent.ID == id && m.Header.Type == "display_data" {
			n++
		}
		idle = m.Parent.ID == id && strings.Contains(string(m.Content), `"idle"`)
		if name == "plain" && n > 0 {
			ctx = within(t, 2*time.Second)
		}
	}
	t.Logf("%s, %s: %d of %d outputs came", spec.Name, name, n, count)
	if kept := n == count; kept != (name != "plain") {
		t.Errorf("%s, %s: all kept is %v", spec.Name, name, kept)
	}
}

// answered waits for the answer to a request.
func answered(t *testing.T, k *Kernel, id string) {
	t.Helper()
	for late := time.After(2 * time.Minute); ; {
		m, err := k.Replies.Take()
		switch {
		case err != nil:
			t.Fatalf("%s%s", k.Death(), k.LastWords())
		case m != nil && m.Parent.ID == id:
			return
		case m != nil:
			continue
		}
		select {
		case <-k.Replies.Ready():
		case <-late:
			t.Fatal("no answer came")
		}
	}
}

// slowly is a port that leads to another, from which little comes before hold is closed.
func slowly(t *testing.T, port int, hold <-chan struct{}) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		near, err := l.Accept()
		if err != nil {
			return
		}
		defer near.Close()
		far, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return
		}
		defer far.Close()
		go io.Copy(far, near)
		io.CopyN(near, far, 2000) // the greeting, and a word or two
		<-hold
		io.Copy(near, far)
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestTyped(t *testing.T) {
	if got := typed([]string{"/usr/bin/python3", "-m", "a.b", "it's", "a b; c", "{connection_file}", ""}); got != `/usr/bin/python3 -m a.b 'it'\''s' 'a b; c' {connection_file} ''` {
		t.Error(got)
	}
}

// TestMissingModule: the hint can be typed as it is.
func TestMissingModule(t *testing.T) {
	for _, c := range []struct{ module, said, want string }{
		{"ipykernel_launcher", "/usr/bin/python3: No module named ipykernel_launcher", "install it: python3 -m pip install ipykernel"},
		{"bash_kernel", "ModuleNotFoundError: No module named 'pexpect.popen'", "install it: python3 -m pip install pexpect"},
		{"ipykernel_launcher", "Killed", ""},
	} {
		if got := missingModule([]string{"python3", "-m", c.module, "-f", "x"}, c.said); got != c.want {
			t.Errorf("%s: %q", c.said, got)
		}
	}
	if got := missingModule([]string{"bash", "kernel.sh", "x"}, "No module named x"); got != "" {
		t.Errorf("of another language: %q", got)
	}
	python := testkit.Python(t)
	_, err := Start(t.Context(), Spec{Name: "absent", Argv: []string{python, "-m", "no_such_kernel", "-f", "{connection_file}"}}, Options{})
	if hint := fault.Hint(err); hint != "install it: "+python+" -m pip install no_such_kernel" {
		t.Errorf("%v: %q", err, hint)
	}
}

// TestPortTaken: between the choice of a port and the kernel's use of it another program may take it. Without iopub ipykernel stays silent for
// ever, and without a heartbeat it doesn't end by itself.
func TestPortTaken(t *testing.T) {
	spec := python(t)
	for _, port := range []string{"shell_port", "iopub_port", "hb_port"} {
		first := filepath.Join(t.TempDir(), "first")
		const code = `import json, os, socket, sys
if not os.path.exists(sys.argv[1]):
    open(sys.argv[1], "w").close()
    taken = socket.create_server(("127.0.0.1", json.load(open(sys.argv[3]))[sys.argv[2]]))
    taken.set_inheritable(True)
os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", "-f", sys.argv[3]])`
		spec.Argv = []string{spec.Argv[0], "-c", code, first, port, "{connection_file}"}
		k := begin(t, direct{}, spec, Options{})
		if o := execute(t, k, "print(1)"); o.text != "1\n" {
			t.Errorf("%s: %+v", port, o)
		}
		if _, err := os.Stat(first); err != nil {
			t.Error(err)
		}
		if !k.Shutdown(20*time.Second, nil) {
			t.Errorf("%s: it has no heartbeat, and had to be stopped", port)
		}
	}
}
