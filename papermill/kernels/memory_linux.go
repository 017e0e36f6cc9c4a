package kernels

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// limit kills the kernel when its processes use more memory together.
func (k *Kernel) limit(ctx context.Context, most int64) error {
	if most <= 0 {
		return nil
	}
	k.running.Go(func() {
		pause := time.Duration(0)
		for {
			select {
			case <-ctx.Done():
				return
			case <-k.Exited:
				return
			case <-time.After(pause):
			}
			start := time.Now()
			tree := processTree(k.process.pid)
			// What processes share is counted once, which takes long to find out: only when it matters.
			if used := sum(tree, residentMemory); used > most {
				if used = sum(tree, ownMemory); used > most {
					k.process.condemn(fmt.Sprintf("the kernel used %s, more than the limit of %s", size(used), size(most)))
					for _, pid := range tree {
						if pid != k.process.pid { // it may have left the group
							syscall.Kill(pid, sigKill)
						}
					}
					return
				}
			}
			pause = max(memoryPause, 50*time.Since(start)) // two percent of a processor at most
		}
	})
	return nil
}

const memoryPause = 250 * time.Millisecond

// processTree is a process and all its descendants.
func processTree(root int) []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		// "pid (name) state parent …", where the name may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 {
			parent, _ := strconv.Atoi(string(fields[1]))
			children[parent] = append(children[parent], pid)
		}
	}
	tree := []int{root}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree
}

func sum(tree []int, of func(pid int) int64) int64 {
	var n int64
	for _, pid := range tree {
		n += of(pid)
	}
	return n
}

// residentMemory is what a process holds in memory, shared or not.
func residentMemory(pid int) int64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if fields := strings.Fields(string(data)); len(fields) > 1 {
		pages, _ := strconv.ParseInt(fields[1], 10, 64)
		return pages * int64(os.Getpagesize())
	}
	return 0
}

// ownMemory is what a process holds in memory, with its part of what it shares; all of that where the system doesn't tell.
func ownMemory(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return residentMemory(pid)
	}
	fields := strings.Fields(string(data))
	if i := slices.Index(fields, "Pss:"); i >= 0 && i+1 < len(fields) {
		kB, _ := strconv.ParseInt(fields[i+1], 10, 64)
		return kB << 10
	}
	return 0
}

// size writes a size in the unit that a person would take.
func size(n int64) string {
	unit, name := 1e9, "GB"
	if n < 1e9 {
		unit, name = 1e6, "MB"
	}
	return strconv.FormatFloat(math.Round(float64(n)/unit*10)/10, 'f', -1, 64) + " " + name
}
