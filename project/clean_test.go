package project

import (
	"os/exec"
	"sync"
	"testing"
)

// Steps that run at once ask one snapshot at once whether what they made is clean.
func TestCleanAtOnce(t *testing.T) {
	t.Setenv("CELLAR_STORE", "")
	t.Setenv("REGION", "north")
	dir := write(t, shop)
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "a"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	p, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		s, err := p.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d, ok := s.Graph().Get("sales/a")
		if !ok {
			t.Fatal(s.Problems)
		}
		key := s.State(d).Key("sales/a")
		start := make(chan struct{})
		var steps sync.WaitGroup
		for range 8 {
			steps.Go(func() {
				<-start
				if clean, err := s.Clean(t.Context(), "sales/a", key); !clean || err != nil {
					t.Errorf("%v, %v", clean, err)
				}
			})
		}
		close(start)
		steps.Wait()
	}
}
