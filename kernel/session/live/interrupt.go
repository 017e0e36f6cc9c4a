package live

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Interrupted is what a cell panics with when it is told to stop.
type Interrupted struct{}

func (Interrupted) Error() string { return "interrupted" }

var (
	asked   atomic.Bool
	cell    atomic.Pointer[string] // the goroutine that runs the cell
	episode struct {
		sync.Mutex
		done chan struct{} // closed when the cell is asked to stop
	}
	current atomic.Pointer[chan struct{}]
)

func init() { Begin() }

// Begin makes the calling goroutine the cell's.
func Begin() {
	id := goroutine()
	done := make(chan struct{})
	episode.Lock()
	episode.done = done
	current.Store(&done)
	cell.Store(&id)
	asked.Store(false)
	episode.Unlock()
}

// End is called when the cell is over: what is asked from now on is not for it.
func End() {
	none := ""
	cell.Store(&none)
	renew()
}

// renew forgets what was asked.
func renew() {
	episode.Lock()
	defer episode.Unlock()
	select {
	case <-episode.done:
		episode.done = make(chan struct{})
		current.Store(&episode.done)
	default:
	}
	asked.Store(false)
}

// Interrupt asks the cell to stop at its next check; if none runs, the handlers of messages.
func Interrupt() {
	episode.Lock()
	defer episode.Unlock()
	if *cell.Load() == "" && handling.Load() == 0 {
		return
	}
	asked.Store(true)
	select {
	case <-episode.done:
	default:
		close(episode.done)
	}
}

// Check stands at the loops and functions of a cell.
func Check() {
	if asked.Load() {
		Stop()
	}
}

// Stop ends the cell, or the handler, if its goroutine calls. Other goroutines of the session live on: they wait a moment, so that one which polls
// does not spin, and go on.
func Stop() {
	if !asked.Load() {
		return
	}
	id := goroutine()
	if !asks(id) {
		time.Sleep(time.Millisecond)
		return
	}
	// Deferred functions of the cell have loops too, and must be able to run; a cell that recovers and goes on is stopped again.
	asked.Store(false)
	time.AfterFunc(200*time.Millisecond, func() {
		if asks(id) {
			asked.Store(true)
		}
	})
	panic(Interrupted{})
}

// asks reports whether an interrupt is for the goroutine.
func asks(id string) bool {
	running := *cell.Load()
	return running == id || running == "" && handles(id)
}

// Done is closed when the cell is asked to stop.
func Done() <-chan struct{} { return *current.Load() }

// Recv is <-c.
func Recv[T any](c <-chan T) T { v, _ := Recv2(c); return v }

// Recv2 is v, ok := <-c.
func Recv2[T any](c <-chan T) (v T, ok bool) {
	select {
	case v, ok = <-c:
		return v, ok
	default:
	}
	for {
		select {
		case v, ok = <-c:
			return v, ok
		case <-Done():
			Stop()
			time.Sleep(time.Millisecond)
		}
	}
}

// Send is c <- v.
func Send[T any](c chan<- T, v T) {
	select {
	case c <- v:
		return
	default:
	}
	for {
		select {
		case c <- v:
			return
		case <-Done():
			Stop()
			time.Sleep(time.Millisecond)
		}
	}
}

// Range is what a range over a channel goes through.
func Range[T any](c <-chan T) func(func(T) bool) {
	return func(yield func(T) bool) {
		for {
			v, ok := Recv2(c)
			if !ok || !yield(v) {
				return
			}
		}
	}
}

// Sleep is time.Sleep.
func Sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	end := time.NewTimer(d)
	defer end.Stop()
	for {
		select {
		case <-end.C:
			return
		case <-Done():
			Stop()
			time.Sleep(time.Millisecond)
		}
	}
}

// Wait is the Wait of a sync.WaitGroup.
func Wait(wait func()) {
	over := make(chan struct{})
	go func() { defer close(over); wait() }()
	Recv(over)
}

// goroutine is the number of the calling goroutine, as the runtime prints it.
func goroutine() string {
	var b [64]byte
	line := b[:runtime.Stack(b[:], false)]
	line = bytes.TrimPrefix(line, []byte("goroutine "))
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		line = line[:i]
	}
	return string(line)
}
