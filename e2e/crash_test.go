package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A chain whose values hang on $ROUND, so that each round computes all of it anew, from programs that are built once.
const chain = `
--- imports
import (
	"os"
	"strconv"
	"time"
)

// work takes a moment, and makes enough rows that writing them takes another.
func work(first int) []int {
	time.Sleep(20 * time.Millisecond)
	rows := make([]int, 50_000)
	for i := range rows {
		rows[i] = first + i
	}
	return rows
}
--- a
//| asset: a
//| env: ROUND

first, err := strconv.Atoi(os.Getenv("ROUND"))
if err != nil {
	panic(err)
}
a := work(first)
--- b
//| asset: b

b := work(a[0] + 1)
--- c
//| asset: [c, d]

c, d := work(b[0]+1), work(b[0]+2)
--- e
//| asset: e

e := c[0] + d[0]
`

// Whenever a run is killed, the store is sound, nothing half-written is loaded, and the next run goes on from there.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("chain.ipynb", chain)
	p.Commit("Make a chain")
	p.With("ROUND=0").Materialize("*") // builds the programs
	round := p.With("ROUND=1000000")
	start := time.Now()
	round.All(round.Materialize("*"), "computed")
	whole := time.Since(start)

	killed := 0
	for i := 1; i <= 20; i++ {
		value := 1000 * i
		round := p.With(fmt.Sprintf("ROUND=%d", value))
		c := round.Command(p.Binary, "materialize", "*")
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		moment := rand.N(whole)
		time.Sleep(moment)
		c.Process.Kill()
		c.Wait()
		if c.ProcessState.Success() {
			t.Logf("round %d: it was through before it was killed", i)
		} else {
			killed++
		}

		if r := round.Try("store", "check"); r.Code != 0 {
			t.Fatalf("killed after %v: store check: exit code %d\n%s%s", moment, r.Code, r.Stdout, r.Stderr)
		}
		for name, a := range round.List() {
			if a.Status == "fresh" {
				checkChain(t, name, round.Load(name), value)
			}
		}
		round.Materialize("*")
		round.Expect(fmt.Sprintf("the run after the kill after %v", moment))
		for name := range round.List() {
			checkChain(t, name, round.Load(name), value)
		}
	}
	if killed < 10 {
		t.Errorf("only %d of 20 runs were killed before their end", killed)
	}
	if left, err := os.ReadDir(p.Path(".git/cellar/scratch")); err == nil && len(left) > 1 {
		t.Errorf("%d folders of killed steps are left", len(left))
	}
	p.Clean()
	p.Git("fsck", "--strict")
}

// checkChain compares a loaded value with what the chain makes of a round.
func checkChain(t *testing.T, name, got string, round int) {
	t.Helper()
	first := map[string]int{"chain/a": round, "chain/b": round + 1, "chain/c": round + 2, "chain/d": round + 3}
	if name == "chain/e" {
		if want := fmt.Sprintf(`{"value":%d}`, 2*round+5); got != want {
			t.Fatalf("%s: %s, want %s", name, got, want)
		}
		return
	}
	if !strings.HasPrefix(got, fmt.Sprintf(`{"value":[%d,`, first[name])) || !strings.HasSuffix(got, fmt.Sprintf(`,%d]}`, first[name]+49_999)) {
		t.Fatalf("%s of round %d: %.60s…", name, round, got)
	}
}

// A killed run takes its step along: nothing goes on computing for nobody.
func TestKilledRunTakesItsStepAlong(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("long.ipynb", `
import (
	"os"
	"time"
)
---
//| asset: long
//| env: MARK

if err := os.WriteFile(os.Getenv("MARK"), []byte("begun"), 0o644); err != nil {
	panic(err)
}
time.Sleep(3 * time.Second)
os.Remove(os.Getenv("MARK"))
long := 1
`)
	p.Commit("Take long")
	mark := p.Path("../mark")
	c := p.With("MARK="+mark).Command(p.Binary, "materialize", "*")
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for range 600 {
		if _, err := os.Stat(mark); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.Process.Kill()
	c.Wait()
	time.Sleep(4 * time.Second)
	if p.Read("../mark") != "begun" {
		t.Error("the step went on after its run was killed")
	}
}

// Ctrl+C ends a run at once with exit code 130, while a program is built and while it runs; the next run goes on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("long.ipynb", `
import (
	"os"
	"time"
)
--- quick
//| asset: quick

quick := 1
--- slow
//| asset: slow
//| env: MARK

if err := os.WriteFile(os.Getenv("MARK"), nil, 0o644); err != nil {
	panic(err)
}
time.Sleep(time.Minute)
slow := quick
`)
	p.Commit("Take long")
	p = p.With("MARK=" + p.Path("../mark"))
	for _, moment := range []struct {
		name string
		come func() bool
	}{
		{"while it builds", func() bool { return strings.Contains(p.Status(), "long/quick fresh") }},
		{"while it runs", func() bool { _, err := os.Stat(p.Path("../mark")); return err == nil }},
	} {
		c := p.Command(p.Binary, "materialize", "*")
		var stderr strings.Builder
		c.Stderr = &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for range 600 {
			if moment.come() {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		c.Process.Signal(os.Interrupt)
		start := time.Now()
		c.Wait()
		if code := c.ProcessState.ExitCode(); code != 130 || time.Since(start) > 8*time.Second || !strings.Contains(stderr.String(), "cellar: interrupted") {
			t.Errorf("%s: exit code %d after %v\n%s", moment.name, code, time.Since(start), stderr.String())
		}
		p.Expect(moment.name, "long/quick fresh", "long/slow missing")
	}
	p.Cellar("store", "check")
}

// Two processes that want one asset at once: one computes it, both have it.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	p := world.Repo(t)
	p.Notebook("count.ipynb", `
import (
	"os"
	"time"
)
--- once
//| asset: once
//| env: COUNT

f, err := os.OpenFile(os.Getenv("COUNT"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
if err != nil {
	panic(err)
}
f.WriteString("x")
f.Close()
time.Sleep(300 * time.Millisecond)
once := time.Now().UnixNano() // another value each time
--- twice
//| asset: twice

twice := once + 1
`)
	p.Commit("Count")
	p.Git("worktree", "add", "--quiet", "--detach", "../other")
	var wait sync.WaitGroup
	results := make([][]string, 4)
	for i := range results {
		here := p.With("COUNT=" + p.Path("../count"))
		if i%2 == 1 {
			here = here.At("../other")
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			r := here.Try("materialize", "*", "--json")
			if r.Code != 0 {
				t.Errorf("exit code %d\n%s", r.Code, r.Stderr)
			}
			results[i] = []string{r.Stdout}
		}()
	}
	wait.Wait()
	if count := p.Read("../count"); count != "x" {
		t.Errorf("computed %d times", len(count))
	}
	here := p.With("COUNT=" + p.Path("../count"))
	here.Expect("in one worktree")
	here.At("../other").Expect("in the other")
	if got, want := here.At("../other").Load("once"), here.Load("once"); got != want {
		t.Errorf("two values: %s, %s", got, want)
	}
	if n := strings.Count(here.Cellar("history", "once", "--json"), `"asset"`); n < 1 {
		t.Errorf("%d versions", n)
	}
	p.Cellar("store", "check")
}
