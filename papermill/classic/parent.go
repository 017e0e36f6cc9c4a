package classic

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// parentVariable names a descriptor, the read end of a pipe whose other end a caller holds. That the pipe ends tells of the caller's end, also of
// one by SIGKILL, and interrupts the run as SIGTERM does. The functions for Python set it.
const parentVariable = "CELLAR_PARENT"

// tie is what we have of a caller whose end is that of the run. Nil: nobody has tied itself to us.
type tie struct {
	pipe   *os.File
	broken chan os.Signal
	done   chan struct{} // closed when nobody watches any more

	mu      sync.Mutex
	gone    bool
	outputs []*os.File
}

// newTie ties us to the caller, if it wants that; cancel is called at its end. release has to be called.
func newTie(cancel context.CancelFunc) *tie {
	fd, err := strconv.Atoi(os.Getenv(parentVariable))
	os.Unsetenv(parentVariable) // a notebook may run others
	if err != nil || fd <= 2 {
		return nil
	}
	pipe := pollable(fd, "the caller's end")
	if pipe == nil {
		return nil
	}
	syscall.CloseOnExec(fd)
	t := &tie{pipe: pipe, broken: make(chan os.Signal, 1), done: make(chan struct{})}
	signal.Notify(t.broken, syscall.SIGPIPE) // or the first line of the log that nobody reads would end us before the notebook is saved
	go func() {
		defer close(t.done)
		if _, err := pipe.Read(make([]byte, 1)); err == io.EOF {
			t.part()
			cancel()
		}
	}()
	return t
}

// part lets no write wait any more for the caller to read.
func (t *tie) part() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone = true
	for _, f := range t.outputs {
		f.SetWriteDeadline(time.Unix(1, 0))
	}
}

// add names an output that the caller reads: what it has forked may hold the other end of the pipe open, and read nothing.
func (t *tie) add(f *os.File) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outputs = append(t.outputs, f)
	if t.gone {
		f.SetWriteDeadline(time.Unix(1, 0))
	}
}

// output is a file for what goes to a file, which may be a pipe to the caller.
func (t *tie) output(f *os.File) *os.File {
	if t == nil {
		return f
	}
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return f
	}
	syscall.CloseOnExec(fd)
	copied := pollable(fd, f.Name())
	if copied == nil {
		syscall.Close(fd)
		return f
	}
	t.add(copied)
	return copied
}

func (t *tie) release() {
	if t == nil {
		return
	}
	t.pipe.Close()
	<-t.done
	signal.Stop(t.broken)
}

// pollable is a pipe at which reads and writes can be ended; nil if the descriptor is none of a pipe's.
func pollable(fd int, name string) *os.File {
	var is syscall.Stat_t
	if syscall.Fstat(fd, &is) != nil || is.Mode&syscall.S_IFMT != syscall.S_IFIFO || syscall.SetNonblock(fd, true) != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), name)
}
