package jupyter

import (
	"io"
	"net"
	"syscall"
	"unsafe"
)

// socket reads from and writes to a connection without telling Go's scheduler, whose watch over system calls that may block would take more time
// than what it watches: those of sockets of Go's, which are all non-blocking, never do.
type socket struct{ syscall.RawConn }

func newSocketReader(c net.Conn) io.Reader {
	if s, ok := rawSocket(c); ok {
		return s
	}
	return c
}

func newSocketWriter(c net.Conn) io.Writer {
	if s, ok := rawSocket(c); ok {
		return s
	}
	return c
}

func rawSocket(c net.Conn) (socket, bool) {
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			return socket{raw}, true
		}
	}
	return socket{}, false
}

func (s socket) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if n, err = transfer(syscall.SYS_READ, s.RawConn.Read, p); n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (s socket) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = transfer(syscall.SYS_WRITE, s.RawConn.Write, p[n:])
		n += k
	}
	return n, err
}

// transfer is a system call that moves bytes, once it can.
func transfer(call uintptr, when func(func(uintptr) bool) error, p []byte) (n int, err error) {
	var failed syscall.Errno
	err = when(func(fd uintptr) (done bool) {
		for failed = syscall.EINTR; failed == syscall.EINTR; {
			var moved uintptr
			moved, _, failed = syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
			n = int(moved)
		}
		return failed != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case failed != 0:
		return 0, failed
	}
	return n, nil
}

// lowWater has a connection count as readable only when it has so many bytes, or has ended. It wakes whoever reads if it has them now.
func lowWater(c net.Conn, bytes int) {
	if s, ok := rawSocket(c); ok {
		value := int32(bytes)
		s.Control(func(fd uintptr) {
			syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, fd, syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), 0)
		})
	}
}
