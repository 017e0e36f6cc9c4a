package halt

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/cellar-go/cellar/kernel/session/internal/goid"
)

const polled = 1 << 20

var polls = sync.OnceValue(func() bool { return Polls(polled) })

func poll() { atomic.LoadUint32((*uint32)(unsafe.Add(nil, polled))) }

// TestAim has one of two goroutines that poll panic, again and again: the other goes on, and a nil dereference is one.
func TestAim(t *testing.T) {
	if !polls() {
		t.Fatal("nothing polls")
	}
	var over atomic.Bool
	other := make(chan [2]int)
	go func() {
		a, b := 0, 0
		for !over.Load() {
			poll()
			a, b = a+1, b-1
		}
		other <- [2]int{a, b}
	}()
	defer func() {
		over.Store(true)
		if n := <-other; n[0] != -n[1] || n[0] == 0 {
			t.Errorf("the other goroutine: %v", n)
		}
	}()
	for range 100 {
		began, over := make(chan uintptr), make(chan any)
		go func() {
			a, b := 0, 0
			defer func() {
				if value := recover(); a == b {
					over <- value
				}
				close(over)
			}()
			began <- goid.Current()
			for {
				poll()
				a++
				b++
			}
		}()
		g := <-began
		if !Aim([]uintptr{g}) || Aim([]uintptr{g, 1, 2, 3, 4, 5}) {
			t.Fatal("what it says of aiming is wrong")
		}
		select {
		case value := <-over:
			if !isPanic(value) || !Hit() {
				t.Fatalf("it ended with %v", value)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it was not hit")
		}
		Withdraw()
		if Hit() {
			t.Fatal("nothing was withdrawn")
		}
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || err.Error() != "runtime error: invalid memory address or nil pointer dereference" {
					t.Errorf("a nil dereference became %v", err)
				}
			}()
			var p *[2]int
			p[1]++
		}()
		poll()
	}
}
