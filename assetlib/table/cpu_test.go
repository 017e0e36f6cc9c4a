//go:build unix

package table_test

import (
	"syscall"
	"time"
)

// cpu is the processor time of this process: what a noisy machine can be measured by.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
