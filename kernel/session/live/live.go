package live

import "sync"

// Hooks connects the cells to the worker that runs them.
var Hooks struct {
	New   func(pointer any) any // a new value of the type that a typed nil pointer points to
	Call  func(method string, arg []byte) ([]byte, error)
	Panic func(value any) // reports what a goroutine of a cell died of
	Exit  func(code int)
	// Goroutine tells goroutines apart.
	Goroutine func() uintptr
	// Guarded is a function that does the same as f, of the same type, and ends a panic as Guard does.
	Guarded func(f any) any
}

var (
	mu    sync.Mutex
	slots = map[string]any{}
)

// Slot is the place of a session's variable, the same one for all cells. Pointer is a nil pointer of its type, or the place itself.
// The cell asserts the type of what it gets: should the loader ever have made two types of one, that fails instead of reading garbage.
func Slot(name string, pointer any) any {
	mu.Lock()
	defer mu.Unlock()
	p, ok := slots[name]
	if !ok {
		p = Hooks.New(pointer)
		slots[name] = p
	}
	return p
}

// Peek is the place of a variable, or nil.
func Peek(name string) any {
	mu.Lock()
	defer mu.Unlock()
	return slots[name]
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
