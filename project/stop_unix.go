package project

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/cellar-go/cellar/assetlib/step"
)

// stop puts a step into a process group of its own, which a cancelled run ends as a whole.
func stop(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
}

// hold gives a step the end of a pipe that closes when this process is gone, killed even: the step ends then too.
func hold(c *exec.Cmd) (letGo func(), err error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.ExtraFiles = []*os.File{theirs}
	c.Env = append(c.Env, fmt.Sprintf("%s=%d", step.Parent, 3))
	return func() { theirs.Close(); ours.Close() }, nil
}
