package jupyter

import (
	"io"
	"net"
	"syscall"
	"unsafe"
)

// socketReader reads from a connection without telling Go's scheduler, whose watch over system calls that may block would take more time
// than what it watches: a read from a socket of Go's, which are all non-blocking, never does.
type socketReader struct{ syscall.RawConn }

func newSocketReader(c net.Conn) io.Reader {
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			return socketReader{raw}
		}
	}
	return c
}

func (s socketReader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	var failed syscall.Errno
	err = s.RawConn.Read(func(fd uintptr) (done bool) {
		for failed = syscall.EINTR; failed == syscall.EINTR; {
			var got uintptr
			got, _, failed = syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
			n = int(got)
		}
		return failed != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case failed != 0:
		return 0, failed
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
