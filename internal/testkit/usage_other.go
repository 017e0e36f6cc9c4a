//go:build !linux

package testkit

import (
	"os/exec"
	"time"
)

// Usage is what a process itself used, without those that it started; only Linux tells.
type Usage struct {
	CPU    time.Duration
	Memory int64
}

// Measure runs a command as c.Run does.
func Measure(c *exec.Cmd) (Usage, error) { return Usage{}, c.Run() }
