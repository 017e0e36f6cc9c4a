package session

import (
	"errors"
	"strings"
	"testing"
)

// TestDeaths ends the worker in ways whose traces differ from run to run.
func TestDeaths(t *testing.T) {
	s := start(t, Options{})
	for _, c := range []struct{ source, reason, line string }{
		{"m := map[int]int{}\nfunc hammer(m map[int]int) { for i := 0; ; i++ { m[i%7] = 1 } }\ngo hammer(m)\nhammer(m)", "concurrent map writes", ":2"},
		{"import \"unsafe\"\n\n*(*int)(unsafe.Pointer(uintptr(0xdead000))) = 1", "fault", ":3"},
		{"func die() { panic(\"in a library's goroutine\") }\nimport (\"time\"; \"iter\")\nnext, stop := iter.Pull(func(yield func(int) bool) { yield(1) })\n_, _ = next, stop\nt := time.NewTimer(1)\n<-t.C\nfunc go2(f func()) { time.AfterFunc(1, f) }\nvar after = time.AfterFunc\nafter(1, die)\ntime.Sleep(time.Minute)", "panic: in a library's goroutine", ":1"},
		{"import \"os\"\nexit := os.Exit\nexit(7)", "os.Exit(7)", ""},
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
