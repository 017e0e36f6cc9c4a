package session

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/ui"
	"github.com/cellar-go/cellar/kernel/session/internal/wire"
)

const memoryHint = "free what is not needed any more (x = nil), or set CELLAR_MEMORY, for example CELLAR_MEMORY=16GB"

// memory is how many bytes a worker may hold; 0: not known.
func (s *Session) memory() int64 {
	if s.o.Memory > 0 {
		return s.o.Memory
	}
	return machineMemory() / 10 * 9
}

// watchMemory keeps a worker within its bounds until it ends. A cell in which it comes near them is stopped, so that what the session holds
// is kept; a worker that goes on to them is ended, before the system has to choose whom to end.
func (s *Session) watchMemory(p *process) {
	limit := s.memory()
	if limit == 0 {
		return
	}
	near := limit / 10 * 9
	wait := 20 * time.Millisecond
	var cell *activity // the last that was seen
	var begun int64    // what the worker held when that began
	for {
		select {
		case <-p.dead:
			return
		case <-time.After(wait):
		}
		used := resident(p.cmd.Process.Pid)
		// Memory can be taken at some gigabytes a second: half of the time that it would need from here to there.
		wait = min(max(time.Duration(near-used)*time.Second/(16<<30), 3*time.Millisecond), 250*time.Millisecond)
		s.mu.Lock()
		a := s.active
		if a != cell {
			cell, begun = a, used
		}
		told := fmt.Sprintf("the session's process holds %s, and %s is what it may", ui.Bytes(used), ui.Bytes(limit))
		switch {
		case used > limit:
			p.why = "out of memory: " + told + "; " + memoryHint
			s.mu.Unlock()
			p.kill()
			return
		case used > near && begun < near && a != nil && a.process == p && a.memory == "":
			a.memory = told
			p.tell(wire.Request{Op: "interrupt", Free: true})
		}
		s.mu.Unlock()
	}
}

// resident is the memory that a process holds.
func resident(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// machineMemory is what the machine has, or the container if that may use less; 0: not known.
func machineMemory() (total int64) {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("MemTotal:")); ok {
			fmt.Sscanf(string(rest), "%d kB", &total)
			total <<= 10
		}
	}
	groups, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		root, name := "/sys/fs/cgroup", "memory.max"
		switch {
		case len(parts) == 3 && parts[1] == "memory":
			root, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		case len(parts) < 3 || parts[1] != "":
			continue
		}
		for _, file := range []string{filepath.Join(root, parts[2], name), filepath.Join(root, name)} { // in a container its own group is the root
			text, _ := os.ReadFile(file)
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && n < total {
				total = n
			}
		}
	}
	return total
}
