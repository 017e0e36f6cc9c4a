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

// watchInput tells the session when a goroutine waits for the process's stdin, which is a pipe: any code may read it, by fmt.Scan, bufio
// or a library. It looks only while a cell runs, and asks once for each answer.
func (w *worker) watchInput() {
	go func() {
		buffer := make([]byte, 1<<20)
		for range time.Tick(40 * time.Millisecond) {
			if !w.running.Load() || w.inputAsked.Load() || runtime.NumGoroutine() > 2000 { // the look at all stacks would be felt
				continue
			}
			if readsInput(buffer[:runtime.Stack(buffer, true)]) && inputEmpty() {
				w.inputAsked.Store(true)
				w.mark(wire.Reply{Op: "input"}, 1)
			}
		}
	}()
}

// readsInput looks for a goroutine in a Read of os.Stdin, which shows as the first argument.
func readsInput(stacks []byte) bool {
	return bytes.Contains(stacks, fmt.Appendf(nil, "os.(*File).Read(%p", os.Stdin))
}

func inputEmpty() bool {
	n, err := unix.IoctlGetInt(0, unix.TIOCINQ)
	return err == nil && n == 0
}
