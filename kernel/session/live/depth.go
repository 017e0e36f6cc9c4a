package live

import "sync/atomic"

// Deepest is how many bytes of its stack a goroutine may use. One that uses more is taken for a recursion without end, and ended at its
// next check, long before the runtime would end the process.
var Deepest uintptr = 256 << 20

var (
	deep   atomic.Bool    // some stack may be that deep
	sunk   atomic.Uintptr // the goroutine that was ended last: what it has deferred runs
	sunkAt atomic.Uintptr // at this depth
)

// sink ends the goroutine that calls if it is too deep.
func sink(id uintptr) {
	depth := Hooks.Depth()
	if depth > Deepest && sunk.Load() != id || depth > sunkAt.Load()+Deepest {
		sunk.Store(id)
		sunkAt.Store(depth)
		Quit(Ending{Overflow: true})
	}
}

// Deep says whether stacks have grown so much that checks have to look.
func Deep(is bool) {
	if deep.Load() == is {
		return
	}
	episode.Lock()
	defer episode.Unlock()
	deep.Store(is)
	look()
}

// Sinks reports whether a goroutine is being ended because it is too deep.
func Sinks(id uintptr) bool { return sunk.Load() == id }
