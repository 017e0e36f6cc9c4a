package live

import (
	"sync"
	"sync/atomic"
	"time"
)

// Interrupted is what a cell panics with when it is told to stop.
type Interrupted struct{}

// Error is also called by a library that recovers, as fmt does, prints what it recovered and goes on: a goroutine that was to end because
// it is too deep ends there.
func (Interrupted) Error() string {
	told.Add(1)
	if deep.Load() {
		sink(Hooks.Goroutine())
	}
	return "interrupted"
}

// Told counts how often a library has printed that a cell is to stop.
func Told() int64 { return told.Load() }

var told atomic.Int64

// pause is how long what a stopped cell has deferred may run before it is stopped again.
const pause = 200 * time.Millisecond

var (
	// asked is what every check looks at: a cell is to stop, goroutines of stopped cells are still somewhere in a library, or a stack is
	// deep.
	asked    atomic.Bool
	stopping atomic.Bool    // the cell is to stop
	cell     atomic.Uintptr // the goroutine that runs the cell; 0: none
	current  atomic.Pointer[chan struct{}]
	left     atomic.Pointer[[]*leftBehind]
	episode  struct {
		sync.Mutex
		number int           // of the cell
		done   chan struct{} // closed when the cell is asked to stop
	}
)

// leftBehind is the goroutine of a cell that was stopped while it waited in a library.
type leftBehind struct {
	id    uintptr
	until atomic.Int64 // it may run what it has deferred
}

func init() {
	episode.done = make(chan struct{})
	current.Store(&episode.done)
	left.Store(&[]*leftBehind{})
}

// look sets what checks look at. The caller holds episode.
func look() {
	stop := stopping.Load()
	asked.Store(stop || len(*left.Load()) > 0 || deep.Load())
	aim(stop)
}

// Begin makes the calling goroutine the cell's.
func Begin() {
	done := make(chan struct{})
	episode.Lock()
	defer episode.Unlock()
	episode.number++
	episode.done = done
	current.Store(&done)
	cell.Store(Hooks.Goroutine())
	sunk.CompareAndSwap(cell.Load(), 0) // one that ended may have been in its place
	stopping.Store(false)
	look()
}

// End is called by the cell's goroutine when the cell is over: what is asked from now on is not for it.
func End() {
	id := Hooks.Goroutine()
	episode.Lock()
	defer episode.Unlock()
	if behind(id) != nil {
		var others []*leftBehind
		for _, l := range *left.Load() {
			if l.id != id {
				others = append(others, l)
			}
		}
		left.Store(&others)
	}
	if cell.Load() == id {
		over()
	}
	look()
}

// over says that no cell runs. The caller holds episode.
func over() {
	episode.number++
	cell.Store(0)
	stopping.Store(false)
	select {
	case <-episode.done:
		done := make(chan struct{})
		episode.done = done
		current.Store(&done)
	default:
	}
}

// Leave ends the cell while its goroutine waits in a library. Should that come back, it is stopped at its next check.
func Leave() {
	episode.Lock()
	defer episode.Unlock()
	if id := cell.Load(); id != 0 {
		all := append(append([]*leftBehind{}, *left.Load()...), &leftBehind{id: id})
		left.Store(&all)
		over()
		look()
	}
}

func behind(id uintptr) *leftBehind {
	for _, l := range *left.Load() {
		if l.id == id {
			return l
		}
	}
	return nil
}

// Interrupt asks the cell to stop at its next check; if none runs, the handlers of messages.
func Interrupt() {
	episode.Lock()
	defer episode.Unlock()
	if cell.Load() == 0 && handling.Load() == 0 {
		return
	}
	stopping.Store(true)
	look()
	select {
	case <-episode.done:
	default:
		close(episode.done)
	}
}

// Stops reports whether the cell is to stop: one that works on copies of its variables has to write them back first.
func Stops() bool { return stopping.Load() }

// Check stands at the loops and functions of a cell, and behind what it calls.
func Check() {
	if asked.Load() {
		Stop()
	}
}

// Enter is Check for functions that defer: a call of its own.
//
//go:noinline
func Enter() { Check() }

// Stop ends the cell, or the handler, if its goroutine calls. Other goroutines of the session live on: they wait a moment, so that one
// which polls does not spin, and go on.
func Stop() {
	id := Hooks.Goroutine()
	if deep.Load() {
		sink(id)
	}
	if l := behind(id); l != nil {
		now := time.Now()
		if now.UnixNano() > l.until.Load() {
			l.until.Store(now.Add(pause).UnixNano())
			panic(Interrupted{})
		}
		return
	}
	if !stopping.Load() {
		return
	}
	if !asks(id) {
		time.Sleep(time.Millisecond)
		return
	}
	begun := hit()
	Pause()
	if !begun {
		panic(Interrupted{})
	}
}

// Pause lets the deferred functions of a cell run that has begun to stop: they have loops too. A cell that recovers and goes on is stopped
// again.
func Pause() {
	episode.Lock()
	defer episode.Unlock()
	if cell.Load() == 0 && handling.Load() == 0 { // it is over by now
		return
	}
	number := episode.number
	stopping.Store(false)
	look()
	time.AfterFunc(pause, func() {
		episode.Lock()
		defer episode.Unlock()
		if episode.number == number {
			stopping.Store(true)
			look()
		}
	})
}

// asks reports whether an interrupt is for the goroutine: the cell's or an adopted one, or between cells a handler's.
func asks(id uintptr) bool {
	running := cell.Load()
	if running == 0 {
		return handles(id)
	}
	_, is := adopted.Load(id)
	return running == id || is
}

// toStop are the goroutines that an interrupt is for.
func toStop() (all []uintptr) {
	list := func(id, _ any) bool { all = append(all, id.(uintptr)); return true }
	if running := cell.Load(); running != 0 {
		all = append(all, running)
		adopted.Range(list)
	} else {
		handlers.Range(list)
	}
	return all
}

// adopted are the goroutines, besides the cell's own, that stop when the cell is asked to.
var adopted sync.Map

// Adopt makes the calling goroutine one that stops when the cell is asked to, until it is released.
func Adopt() (release func()) {
	id := Hooks.Goroutine()
	adopted.Store(id, true)
	lookAgain()
	return func() { adopted.Delete(id); lookAgain() }
}

// lookAgain is for one that has become another's to stop, or is no more.
func lookAgain() {
	episode.Lock()
	defer episode.Unlock()
	look()
}

// Stopping reports whether the cell that runs has been asked to stop.
func Stopping() bool {
	select {
	case <-*current.Load():
		return true
	default:
		return false
	}
}

// mine reports whether it is for the one that calls: no other has to stop.
func mine() bool { return asks(Hooks.Goroutine()) }

// Done is closed when the cell or handler is asked to stop; for all other goroutines it is nil, which is never ready.
func Done() <-chan struct{} {
	Check()
	if !mine() {
		return nil
	}
	return *current.Load()
}
