//go:build unix

package journal

import (
	"errors"
	"os"
	"syscall"

	"github.com/cellar-go/cellar/internal/fault"
)

// lock keeps other processes out until the file is closed, also by a crash.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return fault.New(fault.Usage, "wait for it, or name another output", "output %s: %w", outputOf(f.Name()), ErrLocked)
	case err != nil:
		return storage(f.Name(), err)
	}
	return nil
}
