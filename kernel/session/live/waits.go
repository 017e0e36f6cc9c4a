package live

import (
	"runtime"
	"sync"
	"time"
)

// Recv is <-c.
func Recv[T any](c <-chan T) T { v, _ := Recv2(c); return v }

// Recv2 is v, ok := <-c.
func Recv2[T any](c <-chan T) (v T, ok bool) {
	Check()
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
	Check()
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
	Check()
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
	if !mine() {
		wait()
		return
	}
	over := make(chan struct{})
	go func() { defer close(over); wait() }()
	Recv(over)
}

// Lock is the Lock of a sync.Mutex or RWMutex.
func Lock(m interface {
	Lock()
	TryLock() bool
	Unlock()
}) {
	if !m.TryLock() {
		acquire(m.Lock, m.TryLock, m.Unlock)
	}
}

// RLock is the RLock of a sync.RWMutex.
func RLock(m interface {
	RLock()
	TryRLock() bool
	RUnlock()
}) {
	if !m.TryRLock() {
		acquire(m.RLock, m.TryRLock, m.RUnlock)
	}
}

// Unlock is the Unlock of a sync.Mutex. If that is not locked, the cell panics: the runtime would end the process.
func Unlock(m interface {
	TryLock() bool
	Unlock()
}) {
	if m.TryLock() {
		m.Unlock()
		panic("sync: unlock of unlocked mutex")
	}
	m.Unlock()
}

// RWUnlock is the Unlock of a sync.RWMutex: while that is locked, nobody can read.
func RWUnlock(m interface {
	TryRLock() bool
	RUnlock()
	Unlock()
}) {
	if m.TryRLock() {
		m.RUnlock()
		panic("sync: Unlock of unlocked RWMutex")
	}
	m.Unlock()
}

// RUnlock is the RUnlock of a sync.RWMutex: while that has a reader, nobody can lock it.
func RUnlock(m interface {
	TryLock() bool
	Unlock()
	RUnlock()
}) {
	if m.TryLock() {
		m.Unlock()
		panic("sync: RUnlock of unlocked RWMutex")
	}
	m.RUnlock()
}

// acquire waits for a lock in a goroutine of its own. What that gets when the cell has been stopped is given back.
func acquire(lock func(), try func() bool, unlock func()) {
	if !mine() {
		lock()
		return
	}
	for range 20 { // most are held for a moment
		runtime.Gosched()
		if try() {
			return
		}
	}
	handover(lock, unlock)
}

// handover waits for wait to come back, and calls undo should it do so when nobody waits any more.
func handover(wait, undo func()) (ok bool) {
	got, gone := make(chan struct{}), make(chan struct{})
	go func() {
		wait()
		select {
		case got <- struct{}{}:
		case <-gone:
			undo()
		}
	}()
	defer func() {
		if !ok {
			close(gone)
		}
	}()
	Recv(got)
	return true
}

// CondWait is the Wait of a sync.Cond. A cell that is stopped holds the lock again, as what it has deferred expects; a signal that comes
// for it is passed on.
func CondWait(c *sync.Cond) {
	if !mine() {
		c.Wait()
		return
	}
	ok := false
	defer func() {
		if !ok {
			c.L.Lock()
		}
	}()
	ok = handover(c.Wait, func() { c.L.Unlock(); c.Signal() })
}
