//go:build unix && !linux

package kernels

import "syscall"

// killSession kills what is left of the group of a session's leader, which has ended: only Linux lists processes cheaply.
func killSession(leader int) { syscall.Kill(-leader, sigKill) }

// dieWithUs does nothing: only Linux kills a process when its parent ends.
func dieWithUs(*syscall.SysProcAttr) {}
