package kernels

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithUs has a process killed when the thread that starts it ends, and so when this program does. What the process has started is not.
func dieWithUs(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = sigKill }

// killSession kills what is left of a session whose leader has ended: its group, and the groups that were made in it, such as those of shells
// with job control and of our Go kernel's commands. A process that has begun another session is meant to go on.
func killSession(leader int) {
	syscall.Kill(-leader, sigKill)
	killed := map[int]bool{}
	for found := true; found; { // again, since a process may have started another meanwhile
		found = false
		for _, pid := range processes() {
			if session, err := unix.Getsid(pid); err == nil && session == leader && !killed[pid] {
				killed[pid], found = true, true
				syscall.Kill(pid, sigKill)
			}
		}
	}
}

// processes are the numbers of the processes that run.
func processes() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var all []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			all = append(all, pid)
		}
	}
	return all
}
