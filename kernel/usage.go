package kernel

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cellar-go/cellar/internal/jupyter"
)

// usage measures what the kernel, its worker and whatever else they started take, with the fields of ipykernel's reply. It reads /proc;
// where there is none, it tells less.
type usage struct {
	mu      sync.Mutex
	asked   time.Time     // when it was measured before: shares of a processor are of the time since
	tree    time.Duration // what the processes had computed then
	host    int64         // how many ticks all processors had been busy
	hostAll int64         // and how many there had been
}

// tick is the unit of processor time in /proc: USER_HZ, which is 100 on every Linux.
const tick = 10 * time.Millisecond

func (u *usage) measure() (map[string]any, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	reply := map[string]any{"status": "ok", "hostname": name, "pid": os.Getpid(), "cpu_count": runtime.NumCPU()}
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	if processes := family(os.Getpid()); len(processes) > 0 {
		var tree time.Duration
		var memory int64
		for _, p := range processes {
			tree += p.cpu
			memory += p.memory()
		}
		share := 0.0
		if elapsed := now.Sub(u.asked); !u.asked.IsZero() && elapsed > 0 {
			share = max(0, 100*float64(tree-u.tree)/float64(elapsed))
		}
		reply["kernel_cpu"], reply["kernel_memory"], u.tree = share, memory, tree
	}
	if busy, all, ok := processors(); ok {
		if all > u.hostAll && u.hostAll > 0 {
			reply["host_cpu_percent"] = 100 * float64(busy-u.host) / float64(all-u.hostAll)
		}
		u.host, u.hostAll = busy, all
	}
	if memory := hostMemory(); memory != nil {
		reply["host_virtual_memory"] = memory
	}
	u.asked = now
	return reply, nil
}

func (k *kernel) usageRequest(*jupyter.Message) (any, error) { return k.usage.measure() }

type proc struct {
	pid, parent int
	cpu         time.Duration // with that of its children that have ended
}

// family are a process and its living descendants.
func family(root int) []proc {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]proc{}
	var found []proc
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		p, ok := readProc(pid)
		if !ok { // it has ended meanwhile
			continue
		}
		if pid == root {
			found = append(found, p)
		}
		children[p.parent] = append(children[p.parent], p)
	}
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].pid]...)
	}
	return found
}

// readProc reads /proc/PID/stat; see proc(5).
func readProc(pid int) (proc, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return proc{}, false
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // the name before may hold anything
	if len(fields) < 15 {
		return proc{}, false
	}
	p := proc{pid: pid}
	p.parent, _ = strconv.Atoi(fields[1])
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(f, 10, 64)
		p.cpu += time.Duration(n) * tick
	}
	return p, true
}

// memory is the process's share of what it has in memory, in bytes: pages that others have too count in part.
func (p proc) memory() int64 {
	dir := filepath.Join("/proc", strconv.Itoa(p.pid))
	if n, ok := sizes(filepath.Join(dir, "smaps_rollup"))["Pss"]; ok {
		return n
	}
	return sizes(filepath.Join(dir, "status"))["VmRSS"]
}

// processors is how long the machine's have been busy, and how long they have been, in ticks.
func processors() (busy, all int64, ok bool) {
	b, err := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	if err != nil || len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, false
	}
	for i, f := range fields[1:9] { // user, nice, system, idle, iowait, irq, softirq, steal
		n, _ := strconv.ParseInt(f, 10, 64)
		all += n
		if i != 3 && i != 4 {
			busy += n
		}
	}
	return busy, all, true
}

// hostMemory has the names that psutil gives to the machine's memory.
func hostMemory() map[string]any {
	m := sizes("/proc/meminfo")
	total, available := m["MemTotal"], m["MemAvailable"]
	if total == 0 {
		return nil
	}
	return map[string]any{
		"total": total, "available": available, "percent": 100 * float64(total-available) / float64(total), "used": total - available, "free": m["MemFree"],
		"active": m["Active"], "inactive": m["Inactive"], "buffers": m["Buffers"], "cached": m["Cached"] + m["SReclaimable"], "shared": m["Shmem"], "slab": m["Slab"],
	}
}

// sizes reads a file of lines like "Pss: 12 kB", into bytes.
func sizes(file string) map[string]int64 {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	all := map[string]int64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		name, rest, _ := strings.Cut(s.Text(), ":")
		if fields := strings.Fields(rest); len(fields) == 2 && fields[1] == "kB" {
			n, _ := strconv.ParseInt(fields[0], 10, 64)
			all[name] = n << 10
		}
	}
	return all
}
