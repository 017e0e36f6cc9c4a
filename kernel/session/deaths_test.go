package session

import (
	"errors"
	"strings"
	"testing"
)

// TestDeathOfMany ends a worker with so many goroutines that the runtime would write their stacks for long: that of the one is told.
func TestDeathOfMany(t *testing.T) {
	s := start(t, Options{})
	_, err := s.Run(t.Context(), Cell{Source: "import \"unsafe\"\nfor range 20000 { go func() { select {} }() }\n*(*int)(unsafe.Pointer(uintptr(0xdead000))) = 1"}, func(Event) {})
	var lost *WorkerLostError
	if !errors.As(err, &lost) || !strings.Contains(lost.Reason, "fault") || len(lost.Frames) == 0 || lost.Frames[0].Line != 3 {
		t.Fatalf("got %v", err)
	}
	if len(lost.Trace) > 8*lastStacks {
		t.Errorf("its trace has %d bytes", len(lost.Trace))
	}
}

// A worker that ends between two cells takes the second one with it.
func TestDeathBetweenCells(t *testing.T) {
	s := start(t, Options{})
	play(t.Context(), s, Cell{Source: "kept := 1"})
	s.process.kill()
	<-s.process.dead
	got := play(t.Context(), s, Cell{Source: "func who() int { return 1 }\nlater := who()"})
	if !strings.Contains(got, "kept int (cell[1])") || !strings.Contains(got, "\nnot run: cell[2], which came behind it: run it again\n") {
		t.Errorf("got %s", got)
	}
	for source, want := range map[string]string{"who()": "undefined: who", "later": "undefined: later"} {
		if got := play(t.Context(), s, Cell{Source: source}); !strings.Contains(got, want+" (it went with the process that ended; run cell[2] again)") {
			t.Errorf("%s: got %s", source, got)
		}
	}
}

// TestDeaths ends the worker in ways whose traces differ from run to run.
func TestDeaths(t *testing.T) {
	dir := t.TempDir()
	module(t, dir, "package shape\n\n// static void crash(void) { *(volatile int *)8 = 1; }\nimport \"C\"\n\nfunc Crash() { C.crash() }\n")
	s := start(t, Options{Dir: dir})
	for _, c := range []struct{ source, reason, line string }{
		{"m := map[int]int{}\nfunc hammer(m map[int]int) { for i := 0; ; i++ { m[i%7] = 1 } }\ngo hammer(m)\nhammer(m)", "concurrent map writes", ":2"},
		{"import \"unsafe\"\n\n*(*int)(unsafe.Pointer(uintptr(0xdead000))) = 1", "fault", ":3"},
		{"func die() { panic(\"in a library's goroutine\") }\nimport (\"time\"; \"iter\")\nnext, stop := iter.Pull(func(yield func(int) bool) { yield(1) })\n_, _ = next, stop\nt := time.NewTimer(1)\n<-t.C\nfunc go2(f func()) { time.AfterFunc(1, f) }\nvar after = time.AfterFunc\nafter(1, die)\ntime.Sleep(time.Minute)", "panic: in a library's goroutine", ":1"},
		{"import \"example.com/user/shape\"\nshape.Crash()", "a crash in C code", ":2"},
		{"import \"syscall\"\nsyscall.Kill(syscall.Getpid(), syscall.SIGKILL)\ntime.Sleep(time.Minute)", "killed", ""},
	} {
		play(t.Context(), s, Cell{Source: "import \"time\"\nkept := 1"})
		_, err := s.Run(t.Context(), Cell{Source: c.source}, func(Event) {})
		var lost *WorkerLostError
		if !errors.As(err, &lost) {
			var p *PanicError
			if errors.As(err, &p) && strings.Contains(err.Error(), c.line) { // a fault that Go itself turns into a panic
				continue
			}
			t.Errorf("%s: got %v", c.source, err)
			continue
		}
		if !strings.Contains(err.Error(), c.reason) || !strings.Contains(err.Error(), c.line) || !strings.Contains(err.Error(), "kept int (cell[") {
			t.Errorf("%s: got %v", c.source, err)
		}
		if got := play(t.Context(), s, Cell{Source: "1 + 1"}); got != "= 2\n" {
			t.Errorf("afterwards: %s", got)
		}
	}
}
