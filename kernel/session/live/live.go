package live

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// Hooks connects the cells to the worker that runs them.
var Hooks struct {
	New   func(pointer any) any // a new value of the type that a typed nil pointer points to
	Call  func(method string, arg []byte) ([]byte, error)
	Panic func(value any)    // reports what a goroutine of a cell died of
	Ended func(e Ending)     // reports how a goroutine ended that is not the cell's
	Room  func(bytes uint64) // panics if there is not so much memory
	// Goroutine tells goroutines apart.
	Goroutine func() uintptr
	// Depth is how many bytes of its stack the calling goroutine uses.
	Depth func() uintptr
	// Guarded is a function that does the same as f, of the same type, and ends a panic as Guard does.
	Guarded func(f any) any
	// Aim makes the first of some goroutines panic that polls, until Withdraw; Hit reports whether one has. Nil: loops have checks.
	Aim      func(goroutines []uintptr) (begun bool)
	Withdraw func()
	Hit      func() bool
}

var (
	mu    sync.Mutex
	slots = map[string]*slot{}
)

// slot is where the cells find a variable.
type slot struct {
	place any              // a pointer to the variable
	words []unsafe.Pointer // the cells' own pointers to it
}

// Slot is the place of a session's variable, the same one for all cells. Pointer is a nil pointer of its type; word is where the cell keeps
// what it gets. The cell asserts its type: should the loader ever have made two types of one, that fails instead of reading garbage.
func Slot(name string, pointer any, word unsafe.Pointer) any {
	mu.Lock()
	defer mu.Unlock()
	s := slots[name]
	if s == nil {
		s = &slot{place: Hooks.New(pointer)}
		slots[name] = s
	}
	s.words = append(s.words, word)
	return s.place
}

// Fresh is another place for a variable that is declared again: from now on all cells use this one, and pointers to the old one keep that.
func Fresh(name string, pointer any) any {
	mu.Lock()
	defer mu.Unlock()
	s := slots[name]
	s.place = Hooks.New(pointer)
	for _, w := range s.words {
		atomic.StorePointer((*unsafe.Pointer)(w), (*[2]unsafe.Pointer)(unsafe.Pointer(&s.place))[1])
	}
	return s.place
}

// Peek is the place of a variable, or nil.
func Peek(name string) any {
	mu.Lock()
	defer mu.Unlock()
	if s := slots[name]; s != nil {
		return s.place
	}
	return nil
}

// Types keeps the types that reflection could otherwise build before a later cell names them.
func Types(...any) {}

var (
	shown []any
	step  int
)

// At notes how far the cell has come.
func At(n int) {
	Check()
	step = n
}

// Step is the number of the statement that runs, or ran last.
func Step() int { return step }

// Show notes the values of a cell's last expression.
func Show(values ...any) {
	Check()
	shown = values
}

// ShowCall notes the results of a call, without an error that is nil.
func ShowCall(values ...any) {
	Check()
	if n := len(values); n > 0 && values[n-1] == nil {
		values = values[:n-1]
	}
	if len(values) > 0 {
		shown = values
	}
}

// Shown is what the last cell noted, once.
func Shown() []any {
	values := shown
	shown = nil
	return values
}

// Call asks the kernel: the session's Options.Handle answers while the cell runs.
func Call(method string, arg []byte) ([]byte, error) { return Hooks.Call(method, arg) }

// Do stands where a command stands between a cell's statements: it calls the kernel, and what goes wrong ends the cell.
func Do(method, arg string) {
	if _, err := Call(method, []byte(arg)); err != nil {
		panic(Failed{err})
	}
}

// Failed is the panic of a command that ends the cell.
type Failed struct{ error }
