package testkit

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what a process itself used, without those that it started.
type Usage struct {
	CPU    time.Duration
	Memory int64 // bytes at most, as far as was seen every few milliseconds
}

// Measure runs a command as c.Run does.
func Measure(c *exec.Cmd) (own Usage, err error) {
	if err := c.Start(); err != nil {
		return own, err
	}
	ended := make(chan error, 1)
	go func() { // the process stays there, as one that nobody has waited for, until its figures are read
		var info unix.Siginfo
		ended <- unix.Waitid(unix.P_PID, c.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
	}()
	for running := true; running; {
		select {
		case err = <-ended:
			running = false
		case <-time.After(10 * time.Millisecond):
			own.Memory = max(own.Memory, peakMemory(c.Process.Pid))
		}
	}
	if err == nil {
		own.CPU, err = ownCPU(c.Process.Pid)
	}
	if waited := c.Wait(); err == nil {
		err = waited
	}
	return own, err
}

// peakMemory is VmHWM; 0 of a process that is gone.
func peakMemory(pid int) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kilobytes int64
	fmt.Sscan(string(rest), &kilobytes)
	return kilobytes << 10
}

// ownCPU is utime and stime of proc(5), which are in hundredths of a second.
func ownCPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // from the third on
	user, err := strconv.Atoi(string(fields[11]))
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * 10 * time.Millisecond, err
}
