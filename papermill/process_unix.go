//go:build unix

package papermill

import (
	"os/exec"
	"syscall"
)

// separate gives a command its own session, so that Ctrl+C on our terminal reaches the kernel only when we pass it on.
func separate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

const (
	sigInterrupt = syscall.SIGINT
	sigTerminate = syscall.SIGTERM
	sigKill      = syscall.SIGKILL
)

// signalGroup signals a command and the processes that it started.
func signalGroup(cmd *exec.Cmd, s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }
