package worker

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownOutput keeps the process's output for itself, beside what cells have of it.
func (w *worker) ownOutput() {
	for fd := 1; fd <= 2; fd++ {
		w.outputs[fd] = fd
		if own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			w.outputs[fd] = own
		}
	}
}

// reopenOutput gives cells their os.Stdout and os.Stderr again, if one has closed them or set them to nil. The descriptor is another one: the old one
// may be a file's by now.
func (w *worker) reopenOutput() {
	for fd, file := range map[int]**os.File{1: &os.Stdout, 2: &os.Stderr} {
		if *file != nil {
			if _, err := (*file).Stat(); err == nil {
				continue
			}
		}
		name := [3]string{1: "os.Stdout", 2: "os.Stderr"}[fd]
		again, err := unix.FcntlInt(uintptr(w.outputs[fd]), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			continue
		}
		*file = os.NewFile(uintptr(again), name)
		syscall.Write(w.outputs[2], fmt.Appendf(nil, "%s was closed; what is printed from now on is shown again\n", name))
	}
}
