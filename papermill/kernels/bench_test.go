package kernels

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkStart is the whole life of a kernel with one cell. Its processor time is that of all processes: ours, and the kernel's.
func BenchmarkStart(b *testing.B) {
	spec := python(b)
	pool := NewPool(PoolOptions{})
	defer pool.Close()
	for _, way := range []struct {
		name string
		by   starter
	}{{"plain", direct{plain: true}}, {"launcher", direct{}}, {"pool", pool}} {
		b.Run(way.name, func(b *testing.B) {
			live(b, way.by, spec) // the pool's first start is the server's
			before := processorTime() + serversTime(pool)
			for b.Loop() {
				live(b, way.by, spec)
			}
			b.ReportMetric(float64((processorTime()+serversTime(pool)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}

func live(b *testing.B, by starter, spec Spec) {
	k, err := startBy(context.Background(), by, spec, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	if o := execute(b, k, "print('hello')"); o.text != "hello\n" {
		b.Fatalf("%+v", o)
	}
	k.Shutdown(10*time.Second, nil)
}

// processorTime is what this process and those that it has waited for have used.
func processorTime() time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		syscall.Getrusage(who, &u)
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

// serversTime is what a pool's servers and those that they have waited for have used.
func serversTime(p *Pool) time.Duration {
	var sum time.Duration
	for _, s := range p.servers {
		sum += timeOf(s.cmd.Process.Pid)
	}
	return sum
}

// timeOf is what a running process and those that it has waited for have used, from /proc/PID/stat.
func timeOf(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += n
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on all that Go runs on
	return time.Duration(ticks) * tick
}
