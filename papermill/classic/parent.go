package classic

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// parentVariable names a descriptor, the read end of a pipe whose other end a caller holds. That the pipe ends tells of the caller's end, also of
// one by SIGKILL, and interrupts the run as SIGTERM does. The functions for Python set it.
const parentVariable = "CELLAR_PARENT"

// untilOrphaned is a context that ends with the caller, if there is one that is tied to us; release has to be called.
func untilOrphaned(ctx context.Context) (_ context.Context, tied bool, release func()) {
	fd, err := strconv.Atoi(os.Getenv(parentVariable))
	os.Unsetenv(parentVariable) // a notebook may run others
	if err != nil || fd <= 2 || syscall.SetNonblock(fd, true) != nil {
		return ctx, false, func() {}
	}
	syscall.CloseOnExec(fd)
	pipe := os.NewFile(uintptr(fd), "the caller's end")
	if info, err := pipe.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		pipe.Close()
		return ctx, false, func() {}
	}
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE) // or the first line of the log that nobody reads would end us before the notebook is saved
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := pipe.Read(make([]byte, 1)); err == io.EOF {
			cancel()
		}
	}()
	return ctx, true, func() {
		pipe.Close()
		<-done
		cancel()
		signal.Stop(broken)
	}
}
