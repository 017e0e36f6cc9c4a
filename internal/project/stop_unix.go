package project

import (
	"os/exec"
	"syscall"
	"time"
)

// stop puts a step into a process group of its own, which a cancelled run ends as a whole.
func stop(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
}
