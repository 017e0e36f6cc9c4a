package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cellar-go/cellar/internal/testkit"
	"github.com/cellar-go/cellar/papermill/nbformat"
)

// job is a notebook, and what of its outputs a runner has kept.
type job struct {
	cells []string
	kept  func(*nbformat.Notebook) int
	want  int // of kept; 0: not counted
}

var jobs = map[string]job{
	"1 cell":     {cells: []string{"print(1)"}},
	"100 cells":  {cells: repeat("print(1)", 100)},
	"1000 cells": {cells: repeat("print(1)", 1000)},
	"200000 lines": {[]string{"for i in range(200000): print(i)"}, func(nb *nbformat.Notebook) int {
		n := 0
		for _, o := range nb.Cells()[0].Outputs() {
			n += strings.Count(o.Text, "\n")
		}
		return n
	}, 200_000},
	"10000 displays": {[]string{"for i in range(10000): display(i)"}, func(nb *nbformat.Notebook) int { return len(nb.Cells()[0].Outputs()) }, 10_000},
	"10000 updates": {[]string{"h = display(0, display_id=True)\nfor i in range(10001): h.update(i)"}, func(nb *nbformat.Notebook) int {
		n := 0
		if o := nb.Cells()[0].Outputs(); len(o) > 0 {
			fmt.Sscan(strings.Trim(string(o[0].Data["text/plain"]), `"`), &n)
		}
		return n
	}, 10_000},
	"50 MB print": {[]string{"print('x' * 50_000_000)"}, func(nb *nbformat.Notebook) int {
		n := 0
		for _, o := range nb.Cells()[0].Outputs() {
			n += strings.Count(o.Text, "x")
		}
		return n
	}, 50_000_000},
	"50 MB display": {[]string{"display({'application/x-big': 'x' * 50_000_000}, raw=True)"}, func(nb *nbformat.Notebook) int {
		if o := nb.Cells()[0].Outputs(); len(o) > 0 {
			return len(o[0].Data["application/x-big"]) - 2
		}
		return 0
	}, 50_000_000},
}

func repeat(source string, n int) []string {
	cells := make([]string, n)
	for i := range cells {
		cells[i] = source
	}
	return cells
}

// BenchmarkRunner runs notebooks with this program and its peers: CPU seconds of all processes, kernel included, CPU time and memory of the
// runner itself, and how much of what was shown is in the notebook. What the runner takes for a cell is what it took more than for the
// notebook of one cell. A peer that is not installed is left out.
func BenchmarkRunner(b *testing.B) {
	runners(b, "1 cell", "100 cells", "200000 lines", "10000 displays", "10000 updates", "50 MB display", "50 MB print")
}

// BenchmarkLongNotebook is a benchmark of its own, to be run once: what Papermill takes grows with the square of the cells.
func BenchmarkLongNotebook(b *testing.B) { runners(b, "1 cell", "1000 cells") }

// BenchmarkManyNotebooks runs twenty notebooks of one cell: by one command with its pool of kernels, and one after the other.
func BenchmarkManyNotebooks(b *testing.B) {
	world, err := testkit.Build()
	if err != nil {
		b.Fatal(err)
	}
	defer world.Remove()
	python := testkit.UsePython(b)
	dir := b.TempDir()
	var inputs []string
	for i := range 20 {
		in := filepath.Join(dir, fmt.Sprintf("%d.ipynb", i))
		inputs = append(inputs, in)
		write(b, in, jobs["1 cell"].cells)
	}
	for _, way := range []struct {
		name     string
		commands [][]string
	}{
		{"cellar, pool", [][]string{append([]string{world.Binary, "run", "--out-dir", filepath.Join(dir, "runs"), "-j", "2", "--each"}, inputs...)}},
		{"cellar", each(inputs, world.Binary, "run")},
		{"papermill", each(inputs, filepath.Join(filepath.Dir(python), "papermill"), "--no-progress-bar")},
	} {
		b.Run(way.name, func(b *testing.B) {
			cpu := 0.0
			for b.Loop() {
				for _, argv := range way.commands {
					c := exec.Command(argv[0], argv[1:]...)
					c.Dir = dir
					if text, err := c.CombinedOutput(); err != nil {
						b.Fatalf("%v: %s", err, text)
					}
					cpu += processorTime(c)
				}
			}
			b.ReportMetric(cpu/float64(b.N*len(inputs)), "cpu-s/notebook")
		})
	}
}

// each is a command for each notebook, with an output beside it.
func each(inputs []string, command ...string) [][]string {
	var all [][]string
	for _, in := range inputs {
		all = append(all, append(slices.Clone(command), in, in+".out.ipynb"))
	}
	return all
}

func write(b *testing.B, path string, cells []string) {
	nb := nbformat.New(nbformat.Kernel{Name: "python3", DisplayName: "Python", Language: "python"})
	for i, source := range cells {
		nb.Insert(i, "code", source)
	}
	if err := nb.WriteFile(path); err != nil {
		b.Fatal(err)
	}
}

// processorTime is what a command and all that it has waited for have used, in seconds.
func processorTime(c *exec.Cmd) float64 {
	u := c.ProcessState.SysUsage().(*syscall.Rusage)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func runners(b *testing.B, names ...string) {
	world, err := testkit.Build()
	if err != nil {
		b.Fatal(err)
	}
	defer world.Remove()
	python := testkit.UsePython(b)
	b.Setenv("PLOOMBER_STATS_ENABLED", "false")
	bin := func(name string) string { return filepath.Join(filepath.Dir(python), name) }
	peers := []struct {
		name    string
		command func(in, out string) []string
	}{
		{"cellar", func(in, out string) []string { return []string{world.Binary, "run", in, out} }},
		{"papermill", func(in, out string) []string { return []string{bin("papermill"), "--no-progress-bar", in, out} }},
		{"nbclient", func(in, out string) []string {
			return []string{bin("jupyter-execute"), in, "--output", strings.TrimSuffix(out, ".ipynb")}
		}},
		{"ploomber-engine", func(in, out string) []string {
			return []string{bin("python"), "-c", "import sys; from ploomber_engine import execute_notebook; execute_notebook(sys.argv[1], sys.argv[2], progress_bar=False)", in, out}
		}},
	}
	ofOneCell := map[string][2]float64{} // CPU milliseconds, own and the kernel's, by peer
	for _, name := range names {
		j := jobs[name]
		dir := b.TempDir()
		in := filepath.Join(dir, "in.ipynb")
		write(b, in, j.cells)
		for _, peer := range peers {
			b.Run(name+"/"+peer.name, func(b *testing.B) {
				out := filepath.Join(dir, peer.name+".ipynb")
				cpu, failed, kept, own, memory := 0.0, 0, 0, 0.0, int64(0)
				for b.Loop() {
					os.Remove(out)
					argv := peer.command(in, out)
					if _, err := os.Stat(argv[0]); err != nil {
						b.Skip("not installed")
					}
					c := exec.Command(argv[0], argv[1:]...)
					c.Dir = dir
					var text bytes.Buffer
					c.Stdout, c.Stderr = &text, &text
					used, err := testkit.Measure(c)
					if err != nil && c.ProcessState == nil {
						b.Fatalf("%v: %s", err, text.String())
					} else if err != nil {
						failed++
					}
					own += 1000 * used.CPU.Seconds()
					memory = max(memory, used.Memory)
					cpu += processorTime(c)
					if j.kept != nil {
						if nb, err := nbformat.Read(out); err == nil {
							kept += j.kept(nb)
						}
					}
				}
				b.ReportMetric(cpu/float64(b.N), "cpu-s/op")
				b.ReportMetric(float64(failed)/float64(b.N), "failed/op")
				b.ReportMetric(float64(memory)/(1<<20), "own-MB")
				own /= float64(b.N)
				kernel := 1000*cpu/float64(b.N) - own
				if len(j.cells) == 1 {
					b.ReportMetric(own, "own-ms/op")
				} else {
					b.ReportMetric((own-ofOneCell[peer.name][0])/float64(len(j.cells)-1), "own-ms/cell")
					b.ReportMetric((kernel-ofOneCell[peer.name][1])/float64(len(j.cells)-1), "kernel-ms/cell")
				}
				if name == "1 cell" {
					ofOneCell[peer.name] = [2]float64{own, kernel}
				}
				if j.want > 0 {
					b.ReportMetric(100*float64(kept)/float64(b.N*j.want), "%kept")
				}
			})
		}
	}
}
