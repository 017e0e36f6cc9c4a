package live

import (
	"runtime"
	"sync/atomic"
)

// Guard is deferred by the goroutines that a cell starts: a panic there is reported, and the session lives on.
func Guard() {
	if value := recover(); value != nil {
		if value == any(Interrupted{}) {
			return
		}
		Hooks.Panic(value)
	}
}

// Go is what a go statement calls in f's place.
func Go[F any](f F) F { return Hooks.Guarded(f).(F) }

// Callback is what a library that calls f in a goroutine of its own gets.
func Callback(f func()) func() {
	if f == nil {
		return nil
	}
	return func() { defer Guard(); f() }
}

// CallbackErr is the same for one whose error is asked for.
func CallbackErr(f func() error) func() error {
	if f == nil {
		return nil
	}
	return func() (err error) {
		returned := false
		defer Guard()
		defer func() {
			if !returned {
				err = panicked{}
			}
		}()
		err = f()
		returned = true
		return err
	}
}

type panicked struct{}

func (panicked) Error() string { return "the goroutine ended with a panic" }

// Ending is how a goroutine ended that no recover could hold up.
type Ending struct {
	Call     string // what it called to end the program
	Code     int    // with this exit code; -1: not known
	Overflow bool   // its recursion had no end
}

// ending is the cell's.
var ending atomic.Pointer[Ending]

// Quit ends the goroutine that calls, the cell's or another one, which is reported.
func Quit(e Ending) {
	if Hooks.Goroutine() == cell.Load() {
		ending.Store(&e)
	} else {
		Hooks.Ended(e)
	}
	runtime.Goexit() // no recover holds it up
}

// Ended is how the cell ended itself, once; nil: it did not.
func Ended() *Ending { return ending.Swap(nil) }

// Exit is os.Exit.
func Exit(code int) { Quit(Ending{Call: "os.Exit", Code: code}) }

// Fatal is log.Fatal and log.Fatalln, of which print is the first half.
func Fatal(print func(...any)) func(...any) {
	return func(v ...any) { print(v...); Quit(Ending{Call: "log.Fatal", Code: 1}) }
}

// Fatalf is log.Fatalf.
func Fatalf(print func(string, ...any)) func(string, ...any) {
	return func(format string, v ...any) { print(format, v...); Quit(Ending{Call: "log.Fatalf", Code: 1}) }
}
