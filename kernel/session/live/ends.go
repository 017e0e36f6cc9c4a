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

// exit is what a cell called to end the program.
type exit struct {
	call string
	code int
}

var exited atomic.Pointer[exit]

// Exit is os.Exit: it ends the cell. What goroutines of the session call ends the process.
func Exit(code int) { end("os.Exit", code) }

// Fatal is log.Fatal and log.Fatalln, of which print is the first half.
func Fatal(print func(...any)) func(...any) {
	return func(v ...any) { print(v...); end("log.Fatal", 1) }
}

// Fatalf is log.Fatalf.
func Fatalf(print func(string, ...any)) func(string, ...any) {
	return func(format string, v ...any) { print(format, v...); end("log.Fatalf", 1) }
}

func end(call string, code int) {
	if !mine() {
		Hooks.Exit(code)
	}
	exited.Store(&exit{call, code})
	runtime.Goexit() // no recover holds it up
}

// Exited is what the cell called to end the program, once; "" if it did not.
func Exited() (call string, code int) {
	if e := exited.Swap(nil); e != nil {
		return e.call, e.code
	}
	return "", 0
}
