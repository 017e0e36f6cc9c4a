package worker

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/kernel/session/internal/halt"
	"github.com/cellar-go/cellar/kernel/session/live"
)

const (
	checksTake = 300 * time.Millisecond // in which the checks of a cell's own code should have stopped it
	look       = 20 * time.Millisecond
	still      = 5 // looks in a row that find the goroutine waiting
)

// stop ends the cell that runs. Its own code looks at a flag; the programs that it started get a signal, as from a terminal; a goroutine
// that then still waits in a library is left behind, and one that computes there is halted.
func (w *worker) stop() {
	c := w.cell.Load()
	live.Interrupt()
	if c == nil {
		return
	}
	c.stop.Do(func() {
		go halt.Prepare()
		interruptChildren()
		w.endReads()
		go c.end(func() bool { return w.inputAsked.Load() })
	})
}

// end leaves the goroutine of the cell behind if it waits, and halts it if it computes.
func (c *running) end(answered func() bool) {
	waits, halting := 0, false
	for wait := checksTake; ; wait = look {
		select {
		case <-c.gone:
			return
		case <-time.After(wait):
		}
		where, state := c.whereabouts()
		switch {
		case state == "" || answered() || live.Sinks(c.g): // the session gives it what it waits for; or it ends already
			waits = 0
		case waiting(state):
			if waits++; waits == still {
				c.behind.Store(true)
				live.Leave()
				select {
				case c.left <- where:
				case <-c.gone:
				}
				return
			}
		default:
			waits = 0
			c.in.Store(&where)
			if !halting {
				halting = true
				go func() {
					for {
						halt.Goroutine(c.g, c.gone)
						select {
						case <-c.gone:
							return
						default:
						}
						live.Pause()
						select {
						case <-c.gone:
							return
						case <-time.After(checksTake): // something has recovered
						}
					}
				}()
			}
		}
	}
}

// waiting reports whether a goroutine in this state computes nothing: it waits for something or is in a system call. A call of C is
// one of these too.
func waiting(state string) bool {
	state, _, _ = strings.Cut(state, ",")
	switch {
	case state == "", state == "running", state == "runnable", strings.HasPrefix(state, "GC "), strings.HasSuffix(state, "(scan)"), strings.HasPrefix(state, "preempt"):
		return false
	}
	return true
}

// whereabouts says in which function of a library the cell's goroutine is, called from where, and the state that it is in. One that waits to
// tell the session something will soon go on.
func (c *running) whereabouts() (where, state string) {
	if runtime.NumGoroutine() > 20_000 {
		return "", ""
	}
	stacks := allStacks()
	head := []byte("goroutine " + c.goroutine + " [")
	i := bytes.Index(stacks, head)
	if i < 0 {
		return "", ""
	}
	text := stacks[i+len(head):]
	if end := bytes.Index(text, []byte("\n\n")); end >= 0 {
		text = text[:end]
	}
	lines := strings.Split(string(text), "\n")
	state, _, _ = strings.Cut(lines[0], "]")
	library := ""
	for i := 1; i+1 < len(lines); i += 2 {
		function, place := lines[i], strings.TrimSpace(lines[i+1])
		if open := strings.LastIndexByte(function, '('); open > 0 {
			function = function[:open]
		}
		if strings.HasSuffix(function, "/worker.(*worker).send") || strings.HasSuffix(function, "/worker.(*worker).mark") {
			state = "running" // the session is about to read what it writes
		}
		if strings.HasPrefix(function, "main.") {
			place, _, _ = strings.Cut(place, " ")
			return fmt.Sprintf("%s, called at %s", library, place), state
		}
		library = function
	}
	return library, state
}

// allStacks is what the runtime prints of all goroutines.
func allStacks() []byte {
	for size := 1 << 20; ; size *= 4 {
		stacks := make([]byte, size)
		if n := runtime.Stack(stacks, true); n < size || size > 64<<20 {
			return stacks[:n]
		}
	}
}

// interruptChildren sends SIGINT to the programs that cells have started: a terminal's Ctrl-C reaches them too.
func interruptChildren() {
	own := os.Getpid()
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == own {
			continue
		}
		if group, err := syscall.Getpgid(pid); err == nil && group == own {
			syscall.Kill(pid, syscall.SIGINT)
		}
	}
}
