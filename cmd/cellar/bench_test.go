package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkStatus is `cellar status` as a process, on a clone of this repository whose assets are all materialized.
func BenchmarkStatus(b *testing.B) {
	dir := b.TempDir()
	binary := filepath.Join(dir, "cellar")
	clone := filepath.Join(dir, "clone")
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	command := func(where, name string, args ...string) *exec.Cmd {
		c := exec.Command(name, args...)
		c.Dir = where
		c.Env = append(os.Environ(), "CELLAR_STORE=")
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return c
	}
	command(root, "go", "build", "-o", binary, "./cmd/cellar")
	command(dir, "git", "clone", "-q", root, clone)
	command(clone, binary, "materialize", "*")
	var cpu time.Duration
	for b.Loop() {
		c := command(clone, binary, "status")
		cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	}
	b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms/op")
}
