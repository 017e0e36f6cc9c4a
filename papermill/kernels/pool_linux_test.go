package kernels

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test program stand for a runner that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "start-and-wait" {
		startAndWait(os.Args[2])
	}
	os.Exit(m.Run())
}

func startAndWait(python string) {
	log, err := os.CreateTemp("", "log-")
	if err == nil {
		var deaf *process // which watches nobody
		if deaf, err = (direct{}).start(context.Background(), command{argv: []string{"sleep", "1000"}, env: os.Environ(), log: log.Name()}); err == nil {
			fmt.Println(deaf.pid)
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for range 100 { // threads come and go
		go func() { runtime.LockOSThread() }()
	}
	spec := Spec{Name: "python3", Argv: []string{python, "-m", "ipykernel_launcher", "-f", "{connection_file}"}}
	for _, by := range []starter{direct{}, NewPool(PoolOptions{})} {
		k, err := startBy(context.Background(), by, spec, Options{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(k.process.pid)
	}
	select {}
}

// Kernels end with us, and so do servers, also when we can't see to it; their folders go with the next start.
func TestKilled(t *testing.T) {
	spec, tmp := python(t), t.TempDir()
	c := exec.Command(os.Args[0], "start-and-wait", spec.Argv[0])
	c.Env = append(os.Environ(), "TMPDIR="+tmp, "GOMAXPROCS=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
	var pids []string
	for lines := bufio.NewScanner(out); len(pids) < 3 && lines.Scan(); {
		pids = append(pids, lines.Text())
	}
	tree := processTree(c.Process.Pid)
	if len(pids) == 3 { // the fork can't see to it itself
		pid, _ := strconv.Atoi(pids[2])
		syscall.Kill(pid, syscall.SIGSTOP)
	}
	c.Process.Kill()
	c.Wait()
	if !late.Stop() || len(pids) < 3 || len(tree) < 5 { // itself, two kernels, one that watches nobody, one server
		t.Fatalf("it started %v; %v", pids, tree)
	}
	for _, pid := range tree[1:] {
		gone(t, fmt.Sprint(pid))
	}
	folders := func() int {
		all, _ := filepath.Glob(filepath.Join(tmp, "cellar-*"))
		return len(all)
	}
	if n := folders(); n != 3 {
		t.Errorf("it left %d folders", n)
	}
	t.Setenv("TMPDIR", tmp)
	pool := NewPool(PoolOptions{})
	defer pool.Close()
	if k := begin(t, pool, spec, Options{}); folders() != 2 || filepath.Dir(k.dir) != tmp {
		t.Errorf("%d folders are there, of the pool, its kernel, and what?", folders())
	}
}

func TestForks(t *testing.T) {
	spec := python(t)
	pool := NewPool(PoolOptions{Preload: []string{"numpy", "multiprocessing.pool"}, Vary: []string{"RUN"}, Servers: 2})
	defer pool.Close()
	start := func(env ...string) *Kernel {
		k, err := pool.Start(within(t, time.Minute), spec, Options{Env: append(os.Environ(), env...)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(k.Close)
		return k
	}
	servers := func(want int) {
		t.Helper()
		if len(pool.servers) != want {
			t.Errorf("%d servers, want %d", len(pool.servers), want)
		}
	}
	text := func(k *Kernel, code string) string {
		t.Helper()
		o := execute(t, k, code)
		if o.error != "" {
			t.Errorf("%s: %s", code, o.error)
		}
		return strings.TrimSpace(o.text)
	}
	parent := func(k *Kernel) string { return text(k, "import os; print(os.getppid())") }

	a, b := start("RUN=1"), start("RUN=2")
	servers(1)
	if parent(a) != parent(b) || parent(a) == fmt.Sprint(os.Getpid()) {
		t.Error("they are no forks of one process")
	}
	if text(a, "import sys; print('numpy' in sys.modules, 'pandas' in sys.modules, os.environ['RUN'])") != "True False 1" || text(b, "import os; print(os.environ['RUN'])") != "2" {
		t.Error("modules or variables are not what they should be")
	}
	for _, state := range []string{"import random; print(random.random())", "import numpy; print(numpy.random.rand())", "import uuid; print(uuid.uuid4())",
		"import tempfile; print(tempfile.mktemp())", "import multiprocessing; print(multiprocessing.current_process().authkey[:])"} {
		if text(a, state) == text(b, state) {
			t.Errorf("the same in two kernels: %s", state)
		}
	}
	if text(a, "import multiprocessing; print(multiprocessing.process.ORIGINAL_DIR == os.getcwd(), multiprocessing.Pool(1).map(len, ['four']))") != "True [4]" {
		t.Error("multiprocessing is of another process")
	}

	// What a variable says at the start of an interpreter is so.
	c := start("PYTHONHASHSEED=1")
	servers(2)
	if got, alone := text(c, "print(hash('x'))"), start("PYTHONHASHSEED=1", "OTHER=1"); got != text(alone, "print(hash('x'))") || parent(alone) != fmt.Sprint(os.Getpid()) {
		t.Error("another environment has a part in a kernel, or more servers run than may")
	}
	servers(2)

	// A server that has died is replaced. Its kernels have died too.
	died := pool.servers[keyOf(t, pool, a)]
	died.cmd.Process.Kill()
	select {
	case <-a.Exited:
	case <-time.After(20 * time.Second):
		t.Fatal("its kernel lives on")
	}
	if a.Death() != "the kernel died (the process that it was forked from ended)" {
		t.Error(a.Death())
	}
	gone(t, fmt.Sprint(a.process.pid))
	d := start("RUN=3")
	servers(2)
	if text(d, "print(1)") != "1" || parent(d) == fmt.Sprint(os.Getpid()) {
		t.Error("it is no fork of another server")
	}

	// What can't be forked is started.
	other := spec
	other.Argv = []string{spec.Argv[0], "-X", "utf8", "-m", "ipykernel_launcher", "-f", "{connection_file}"}
	spec = other
	if parent(start()) != fmt.Sprint(os.Getpid()) {
		t.Error("a command that is not understood was replaced")
	}
	spec = python(t)
	if parent(start("PYTHONPATH=relative")) != fmt.Sprint(os.Getpid()) || parent(start("BYTES=\xff")) != fmt.Sprint(os.Getpid()) {
		t.Error("forked what can't be")
	}
	pool.Close()
	for _, k := range []*Kernel{b, c, d} {
		gone(t, fmt.Sprint(k.process.pid))
	}
	if _, err := pool.Start(within(t, time.Minute), spec, Options{}); err == nil || !strings.Contains(err.Error(), "the pool is closed") {
		t.Error(err)
	}
}

// keyOf is the key of a kernel's server.
func keyOf(t *testing.T, p *Pool, k *Kernel) string {
	t.Helper()
	for key, s := range p.servers {
		s.mu.Lock()
		_, its := s.running[k.process.pid]
		s.mu.Unlock()
		if its {
			return key
		}
	}
	t.Fatal("no server has forked it")
	return ""
}

func TestPreloadFails(t *testing.T) {
	spec, dir := python(t), t.TempDir()
	for name, code := range map[string]string{
		"absent_module": "",
		"raises":        "raise RuntimeError('not here')",
		"threads":       "import threading, time; threading.Thread(target=time.sleep, args=(100,), daemon=True, name='sleeper').start()",
		"dies":          "import os; os._exit(3)",
		"exits":         "import sys; sys.exit(3)",
	} {
		if code != "" {
			if err := os.WriteFile(filepath.Join(dir, name+".py"), []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		pool := NewPool(PoolOptions{Preload: []string{name}})
		k, err := pool.Start(within(t, time.Minute), spec, Options{Env: append(os.Environ(), "PYTHONPATH="+dir)})
		want := map[string]string{
			"absent_module": "start kernel python3: import absent_module: ModuleNotFoundError: No module named 'absent_module'",
			"raises":        "start kernel python3: import raises: RuntimeError: not here",
			"exits":         "start kernel python3: import exits: SystemExit: 3",
			"threads":       "start kernel python3: a preloaded module starts threads: sleeper",
		}[name]
		if want == "" { // a server that can't be is done without
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else {
				k.Close()
			}
			if !pool.Unused() {
				t.Errorf("%s: it says that it has preloaded it", name)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		pool.Close()
	}
}

// TestPreloadedEnvironment: what a module does to the environment when it is imported, it has done to that of each kernel.
func TestPreloadedEnvironment(t *testing.T) {
	spec, dir := python(t), t.TempDir()
	const code = "import os\nos.environ['SET'] = 'by module'\nos.environ['CHANGED'] += '+'\ndel os.environ['GONE']"
	if err := os.WriteFile(filepath.Join(dir, "changes.py"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := NewPool(PoolOptions{Preload: []string{"changes"}})
	defer pool.Close()
	k := begin(t, pool, spec, Options{Env: append(os.Environ(), "PYTHONPATH="+dir, "CHANGED=was", "GONE=1", "STAYS=2")})
	o := execute(t, k, "import os, sys; print('changes' in sys.modules, *(os.environ.get(v) for v in ('SET', 'CHANGED', 'GONE', 'STAYS')))")
	if o.text != "True by module was+ None 2\n" || pool.Unused() {
		t.Errorf("%q", o.text)
	}
}

// Many kernels at once and one after the other leave nothing.
func TestNothingLeft(t *testing.T) {
	spec, scratch := python(t), t.TempDir()
	t.Setenv("TMPDIR", scratch)
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	files, routines := descriptors(), runtime.NumGoroutine()
	pool := NewPool(PoolOptions{})
	for _, by := range []starter{direct{}, pool} {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for i := range 3 {
					k, err := startBy(within(t, time.Minute), by, spec, Options{Memory: 1 << 40})
					if err != nil {
						t.Error(err)
						return
					}
					switch i {
					case 0:
						k.Shutdown(10*time.Second, nil)
					case 1:
						k.process.signal(sigKill)
					}
					k.Close()
				}
			})
			all.Go(func() { // given up at any moment
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(time.Now().UnixNano()%300)*time.Millisecond)
				defer cancel()
				if k, err := startBy(ctx, by, spec, Options{}); err == nil {
					k.Close()
				}
			})
		}
		all.Wait()
	}
	pool.Close()
	for range 100 {
		if tree := processTree(os.Getpid()); len(tree) == 1 && runtime.NumGoroutine() <= routines {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if tree := processTree(os.Getpid()); len(tree) > 1 {
		t.Errorf("processes %v are left", tree[1:])
	}
	if n := runtime.NumGoroutine(); n > routines {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", n, routines, buf[:runtime.Stack(buf, true)])
	}
	if n := descriptors(); n > files+1 { // the poller's
		t.Errorf("%d descriptors, %d before", n, files)
	}
	if left, _ := filepath.Glob(filepath.Join(scratch, "cellar-*")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// A kernel that only works, or keeps the interpreter's lock, is not lost; one that stands still is.
func TestLost(t *testing.T) {
	spec := python(t)
	const silence = 3 * time.Second
	k := begin(t, direct{}, spec, Options{Heartbeat: silence})
	busy, rest := context.WithCancel(context.Background())
	var hogs sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		hogs.Go(func() {
			for busy.Err() == nil {
			}
		})
	}
	o := execute(t, k, "import ctypes; ctypes.PyDLL(None).sleep(8); print('done')")
	rest()
	hogs.Wait()
	select {
	case <-k.Lost:
		t.Error("it was only busy")
	default:
	}
	if o.text != "done\n" {
		t.Errorf("%+v", o)
	}
	if err := k.process.signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	select {
	case <-k.Lost:
		if after := time.Since(stopped); after < silence*8/10 {
			t.Errorf("lost after %v", after)
		}
	case <-time.After(10 * silence):
		t.Error("a kernel that stands still is not noticed")
	}
	never := begin(t, direct{}, spec, Options{Heartbeat: -1})
	select {
	case <-never.Lost:
		t.Error("nobody asked")
	default:
	}
}

func TestMemory(t *testing.T) {
	spec := python(t)
	for name, by := range starters(t) {
		if name == "plain" {
			continue
		}
		k := begin(t, by, spec, Options{Memory: 400e6})
		// Shared memory is counted once.
		o := execute(t, k, `import os, time
data = bytearray(200_000_000)
for _ in range(3):
    if os.fork() == 0: time.sleep(100); os._exit(0)
time.sleep(1.5)
print('lives')`)
		if !strings.Contains(o.text, "lives") {
			t.Errorf("%s: %+v", name, o)
		}
		k.Close()

		k = begin(t, by, spec, Options{Memory: 400e6})
		if _, err := k.Execute("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; x = bytearray(600_000_000); time.sleep(100)'], start_new_session=True)", ""); err != nil {
			t.Fatal(err)
		}
		tree := processTree(k.process.pid)
		for len(tree) == 1 {
			tree = processTree(k.process.pid)
		}
		select {
		case <-k.Exited:
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: the limit is no limit", name)
		}
		if advice := k.Advice(); !strings.Contains(advice, "--memory") {
			t.Errorf("what helps: %q", advice)
		}
		if got := k.Death(); !regexp.MustCompile(`^the kernel used [4-7]\d\d(\.\d)? MB, more than the limit of 400 MB$`).MatchString(got) {
			t.Error(got)
		}
		for _, pid := range tree {
			gone(t, fmt.Sprint(pid))
		}
	}
}

func TestSize(t *testing.T) {
	var got []string
	for _, n := range []int64{2_147_483_648, 2e9, 512 << 20, 400e6} {
		got = append(got, size(n))
	}
	if !slices.Equal(got, []string{"2.1 GB", "2 GB", "536.9 MB", "400 MB"}) {
		t.Error(got)
	}
}
