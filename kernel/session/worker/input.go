package worker

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

// watch tells the session what it can't see: that a cell is stuck, and that a goroutine waits for the process's stdin, which is a pipe: any
// code may read it, by fmt.Scan, bufio or a library. For that it looks only while a cell runs, once any cell has named os.Stdin or
// fmt.Scan, and asks once for each answer.
func (w *worker) watch() {
	go func() {
		buffer := make([]byte, 1<<20)
		wait := 40 * time.Millisecond
		var stuck stuck
		for {
			time.Sleep(wait)
			if w.deep.Load() {
				continue
			}
			stuck.look(w)
			if !w.running.Load() || !w.mayRead.Load() || w.inputAsked.Load() || runtime.NumGoroutine() > 2000 {
				continue
			}
			start := time.Now()
			reads := readsInput(buffer[:runtime.Stack(buffer, true)])
			wait = max(40*time.Millisecond, 50*time.Since(start)) // deep stacks take long to look at, and the world stands still
			if reads && inputEmpty() {
				w.inputAsked.Store(true)
				w.mark(wire.Reply{Op: "input"}, 1)
			}
		}
	}()
}

// endInput waits until nobody reads a stdin that has ended. Who reads on in spite of that, again and again, is at its end for a second.
func (w *worker) endInput(id int) {
	buffer := make([]byte, 1<<20)
	for end := time.Now().Add(time.Second); readsInput(buffer[:runtime.Stack(buffer, true)]) && time.Now().Before(end); {
		time.Sleep(2 * time.Millisecond)
	}
	w.send(wire.Reply{Op: "end", ID: id})
}

// processStdin is the file of descriptor 0, which is closed when nobody has it any more.
var processStdin = os.Stdin

// ownStdin gives Go code a file of its own on the process's stdin, in whose reads a deadline ends: C code and the programs that cells start
// keep theirs as it was.
func (w *worker) ownStdin() {
	if f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", processStdin.Fd())); err == nil {
		os.Stdin, w.stdin = f, f
	}
}

// endReads lets the reads of stdin fail until allowReads.
func (w *worker) endReads() { w.stdin.SetReadDeadline(time.Now()) }

func (w *worker) allowReads() { w.stdin.SetReadDeadline(time.Time{}) }

// readsInput looks for a goroutine in a Read of os.Stdin, which shows as the first argument.
func readsInput(stacks []byte) bool {
	return bytes.Contains(stacks, fmt.Appendf(nil, "os.(*File).Read(%p", os.Stdin))
}

func inputEmpty() bool {
	n, err := unix.IoctlGetInt(0, unix.TIOCINQ)
	return err == nil && n == 0
}
