package papermill

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/kernels"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

var soakRuns = flag.Int("runs", 40, "how many runs TestSoak makes")

// soaked is one kind of run; all of a kind end in the same way.
type soaked struct {
	name   string
	kernel string // default: python3
	cells  string // with --- between them
	pool   bool
	o      Options
	end    func(*Options, context.CancelFunc) // how it is stopped from outside
	codes  []int                              // of the exit; default: 0
	needs  string                             // what the cells' statuses are; default: not looked at
}

// cancelInCell makes a run be cancelled once a cell runs.
func cancelInCell(o *Options, cancel context.CancelFunc) {
	o.OnCell = func(c Cell) {
		if c.Status == Running {
			cancel()
		}
	}
}

// cancelSomewhere makes a run be cancelled while its kernel starts, or shortly after.
func cancelSomewhere(_ *Options, cancel context.CancelFunc) {
	time.AfterFunc(time.Duration(rand.IntN(700))*time.Millisecond, cancel)
}

const (
	leaves = "import subprocess, threading, time, multiprocessing\nsubprocess.Popen(['sleep', '1000'])\nsubprocess.Popen('sleep 1000 & sleep 1000', shell=True)\n" +
		"multiprocessing.get_context('fork').Process(target=time.sleep, args=(1000,)).start()\nmultiprocessing.get_context('spawn').Process(target=time.sleep, args=(1000,)).start()\n" +
		"threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\nimport socket\ns = socket.create_server(('127.0.0.1', 0))\nf = open('left open', 'w')"
	forever = "while True: pass"
	deaf    = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass"
)

var soakedRuns = []soaked{
	{name: "all is well", cells: "print('x' * 3_000_000)\n---\nimport sys\nprint('to stderr', file=sys.stderr)\n1", needs: "completed completed"},
	{name: "forked", pool: true, cells: "print('x' * 3_000_000)\n---\n1", needs: "completed completed"},
	{name: "a cell fails", cells: "1/0\n---\n1", codes: []int{1}, needs: "failed pending"},
	{name: "forked, a cell fails", pool: true, cells: "1/0", codes: []int{1}, needs: "failed"},
	{name: "processes are left", cells: leaves, needs: "completed"},
	{name: "forked, processes are left", pool: true, cells: leaves, needs: "completed"},
	{name: "a process of the shell is left", cells: "import os\nos.system('sleep 1000 &')\n---\n%%bash --bg\nset -m\nsleep 1000", needs: "completed completed"},
	{name: "killed in a command of the shell", cells: "!kill -9 $PPID; sleep 1000", codes: []int{1}, needs: "failed"},
	{name: "a command of the shell takes too long", cells: "!sleep 1000", o: Options{CellTimeout: time.Second}, codes: []int{1}, needs: "failed"},
	{name: "killed", cells: leaves + "\n---\nimport os\nos.kill(os.getpid(), 9)", codes: []int{1}, needs: "completed failed"},
	{name: "forked, killed", pool: true, cells: leaves + "\n---\nimport os\nos.kill(os.getpid(), 9)", codes: []int{1}, needs: "completed failed"},
	{name: "exits", cells: "import os\nos._exit(0)", codes: []int{1}, needs: "failed"},
	{name: "a cell takes too long", cells: forever, o: Options{CellTimeout: 50 * time.Millisecond}, codes: []int{1}, needs: "failed"},
	{name: "forked, a cell takes too long", pool: true, cells: forever, o: Options{CellTimeout: 50 * time.Millisecond}, codes: []int{1}, needs: "failed"},
	{name: "a cell takes too long and hears nothing", cells: deaf, o: Options{CellTimeout: 50 * time.Millisecond, Grace: 100 * time.Millisecond}, codes: []int{1}, needs: "failed"},
	{name: "a notebook takes too long", cells: forever, o: Options{Timeout: 1500 * time.Millisecond}, codes: []int{1, 4}},
	{name: "cancelled in a cell", cells: forever, end: cancelInCell, codes: []int{130}, needs: "failed"},
	{name: "forked, cancelled in a cell", pool: true, cells: forever, end: cancelInCell, codes: []int{130}, needs: "failed"},
	{name: "cancelled while it starts", cells: forever, end: cancelSomewhere, codes: []int{130}},
	{name: "forked, cancelled while it starts", pool: true, cells: forever, end: cancelSomewhere, codes: []int{130}},
	{name: "no answer in time", cells: "1", o: Options{StartTimeout: time.Millisecond}, codes: []int{4}, needs: "pending"},
	{name: "dies at its start", kernel: "dies", cells: "1", codes: []int{4}, needs: "pending"},
	{name: "no such program", kernel: "nowhere", cells: "1", codes: []int{4}, needs: "pending"},
	{name: "not installed", kernel: "missing", cells: "1", codes: []int{4}},
	{name: "too much memory", cells: "import time\nx = []\nwhile True:\n    x.append(b'x' * 50_000_000)\n    time.sleep(0.05)", o: Options{Memory: 400 << 20}, codes: []int{1}, needs: "failed"},
	{name: "a message is lost", kernel: "odd", cells: "a message is lost", codes: []int{1}, needs: "failed"},
	{name: "Go", kernel: "cellar", cells: "import \"os/exec\"\nx := 1\n---\ngo func() { select {} }()\nexec.Command(\"sleep\", \"1000\").Start()\nx\n---\n!sleep 1000 &", needs: "completed completed completed"},
	{name: "Go, a cell fails", kernel: "cellar", cells: "var m map[string]int\nm[\"a\"] = 1", codes: []int{1}, needs: "failed"},
	{name: "Go, its worker is killed", kernel: "cellar", cells: "import (\n\t\"os\"\n\t\"syscall\"\n)\nsyscall.Kill(os.Getpid(), syscall.SIGKILL)", codes: []int{1}, needs: "failed"},
	{name: "Go, its kernel is killed", kernel: "cellar", cells: "import (\n\t\"os\"\n\t\"syscall\"\n)\nsyscall.Kill(os.Getppid(), syscall.SIGKILL)\nselect {}", codes: []int{1}, needs: "failed"},
	{name: "Go, cancelled", kernel: "cellar", cells: "import \"time\"\nfor { time.Sleep(time.Millisecond) }", end: cancelInCell, codes: []int{130}, needs: "failed"},
}

// TestSoak makes many runs in one process, some at once, which end in all the ways that a run can end: of none is anything left, neither a
// process, a port, a file, a descriptor nor a goroutine.
func TestSoak(t *testing.T) {
	python := testkit.UsePython(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, argv := range map[string][]string{
		"odd": {self, "odd-kernel", "{connection_file}"}, "dies": {python, "-c", "raise SystemExit(3)"}, "nowhere": {"/nowhere/kernel", "{connection_file}"},
	} {
		testkit.InstallKernel(t, os.Getenv("JUPYTER_PATH"), name, map[string]any{"argv": argv, "language": "odd", "display_name": name})
	}
	s := &soak{T: t, dir: t.TempDir(), marker: "CELLAR_SOAK=" + strconv.Itoa(os.Getpid())}
	t.Setenv("CELLAR_SOAK", strconv.Itoa(os.Getpid()))
	for name, folder := range map[string]string{"TMPDIR": "tmp", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"} {
		t.Setenv(name, filepath.Join(s.dir, folder))
		if err := os.Mkdir(filepath.Join(s.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.write()

	// The first run of each kind makes what is made once, like the worker of Go kernels and folders of IPython.
	s.runs(len(soakedRuns))
	base := s.look()
	for _, what := range []string{"process", "file tmp", "file runtime"} {
		for thing := range base {
			if strings.HasPrefix(thing, what) {
				t.Errorf("after the first run of each kind: %s", thing)
			}
		}
	}

	began := time.Now()
	s.runs(*soakRuns)
	t.Logf("%d runs in %v", *soakRuns, time.Since(began).Round(time.Second))

	var now map[string]int
	left := func() (left []string) {
		now = s.look()
		for _, thing := range slices.Sorted(maps.Keys(now)) {
			if n := now[thing] - base[thing]; n > 0 {
				left = append(left, fmt.Sprintf("%d more: %s", n, thing))
			}
		}
		return left
	}
	for end := time.Now().Add(20 * time.Second); len(left()) > 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond) // what was told to end may need a moment
	}
	for _, thing := range left() {
		t.Error(thing)
	}
}

type soak struct {
	*testing.T
	dir    string // of all that the runs write
	marker string // in the environment of all that they start
	number atomic.Int64
}

// write writes the notebooks.
func (s *soak) write() {
	for _, r := range soakedRuns {
		nb := nbformat.New(nbformat.Kernel{Name: "python3", DisplayName: "Python", Language: "python"})
		for i, source := range strings.Split(r.cells, "\n---\n") {
			nb.Insert(i, "code", source)
		}
		dir := filepath.Join(s.dir, "in", r.name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			s.Fatal(err)
		}
		// The Go kernel needs a module, and another kernel is not disturbed by it.
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/soak\n\ngo 1.26\n"), 0o644); err != nil {
			s.Fatal(err)
		}
		if err := nb.WriteFile(filepath.Join(dir, "in.ipynb")); err != nil {
			s.Fatal(err)
		}
	}
}

// runs makes runs of all kinds, four at once.
func (s *soak) runs(n int) {
	order := make([]*soaked, n)
	for i := range order {
		order[i] = &soakedRuns[i%len(soakedRuns)]
	}
	rand.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	pool := kernels.NewPool(kernels.PoolOptions{})
	defer pool.Close()
	var running sync.WaitGroup
	defer running.Wait()
	places := make(chan struct{}, 4)
	for _, r := range order {
		places <- struct{}{}
		running.Go(func() {
			s.run(r, pool)
			<-places
		})
	}
}

// run makes one run and takes its output away: what remains in the outputs' folder was left there.
func (s *soak) run(r *soaked, pool *kernels.Pool) {
	out := filepath.Join(s.dir, "out", fmt.Sprint(s.number.Add(1)), "out.ipynb")
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		s.Error(err)
		return
	}
	o := r.o
	o.Input, o.Output, o.Kernel = filepath.Join(s.dir, "in", r.name, "in.ipynb"), out, r.kernel
	if r.pool {
		o.Pool = pool
	}
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	if r.end != nil {
		r.end(&o, cancel)
	}
	result, err := Run(ctx, o)
	if codes := append(r.codes, make([]int, max(0, 1-len(r.codes)))...); !slices.Contains(codes, fault.ExitCode(err)) || r.needs != "" && statuses(result) != r.needs {
		s.Errorf("%s: %v: %s", r.name, err, statuses(result))
	}
	if err := os.Remove(out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Error(err)
	}
	if err := os.Remove(filepath.Dir(out)); err != nil {
		left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*"))
		s.Errorf("%s: left beside the output: %q", r.name, left)
	}
}

// look counts what there is.
func (s *soak) look() map[string]int {
	seen := map[string]int{}
	var stacks bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&stacks, 1)
	for _, g := range strings.Split(strings.TrimSpace(stacks.String()), "\n\n") {
		if n, stack, ok := strings.Cut(g, " @ "); ok && !strings.Contains(stack, "(*soak).look") {
			n = n[strings.LastIndexByte(n, '\n')+1:]
			count, _ := strconv.Atoi(n)
			_, frames, _ := strings.Cut(stack, "\n")
			seen["goroutine\n"+frames] += count
		}
	}
	processes := s.processes()
	sockets := listening()
	for pid, name := range processes {
		mine := pid == os.Getpid()
		if !mine {
			seen[fmt.Sprintf("process %d %s", pid, name)]++
		}
		descriptors, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, d := range descriptors {
			target, err := os.Readlink(d)
			if err != nil {
				continue // that of the folder which is being listed
			}
			if port := sockets[target]; port != "" {
				seen["port "+port+" of "+name]++
			}
			if mine {
				seen["descriptor "+numbers.ReplaceAllString(target, "N")]++
			}
		}
	}
	filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(s.dir, path); err == nil && strings.Contains(rel, "/") {
			seen["file "+rel]++
		}
		return nil
	})
	return seen
}

var numbers = regexp.MustCompile(`\d+`)

// processes are this process, those that come of it, and those that have the marker although their parents are gone.
func (s *soak) processes() map[int]string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		s.Fatal(err)
	}
	parents, names := map[int]int{}, map[int]string{}
	found := map[int]string{os.Getpid(): "this one"}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		stat, gone := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil || gone != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // state and parent come behind the name
		parents[pid], _ = strconv.Atoi(fields[1])
		command, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		names[pid] = fields[0] + " " + strings.ReplaceAll(string(command), "\x00", " ")
		environment, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if slices.Contains(strings.Split(string(environment), "\x00"), s.marker) {
			found[pid] = names[pid]
		}
	}
	for more := true; more; {
		more = false
		for pid, parent := range parents {
			if found[parent] != "" && found[pid] == "" {
				found[pid], more = names[pid], true
			}
		}
	}
	return found
}

// listening are the TCP sockets on which somebody waits for connections, as descriptors name them, and their ports.
func listening() map[string]string {
	const listens = "0A"
	sockets := map[string]string{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table) // without IPv6 there is no second one
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == listens {
				_, port, _ := strings.Cut(f[1], ":")
				if number, err := hex.DecodeString(port); err == nil && len(number) == 2 {
					sockets["socket:["+f[9]+"]"] = strconv.Itoa(int(number[0])<<8 | int(number[1]))
				}
			}
		}
	}
	return sockets
}
