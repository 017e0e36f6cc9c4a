//go:build unix

package testkit

import (
	"os/signal"
	"syscall"
	"testing"
)

// FullDisk makes what the test program writes break off as on a full disk, at a size of its files in bytes, until it is told that there is
// space, or the test ends.
func FullDisk(t testing.TB, size uint64) (freed func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	small := limit
	small.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	freed = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Error(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
	t.Cleanup(freed)
	return freed
}
