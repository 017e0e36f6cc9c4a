package celltest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/cellar-go/cellar/kernel/session/live"
)

// Tester is a *testing.T or a *testing.B.
type Tester interface {
	Errorf(format string, args ...any)
	FailNow()
	SkipNow()
}

// Tested makes the calling goroutine, which runs a test, one that an interrupt stops. What it returns is to be deferred: a panic is then
// the test's failure and not the end of the process. The session puts it into subtests, too.
func Tested(t Tester) func() {
	if live.Stopping() {
		t.SkipNow()
	}
	release := live.Adopt()
	return func() {
		value := recover()
		release()
		switch value.(type) {
		case nil:
			return
		case live.Interrupted:
			t.Errorf("interrupted")
		default:
			if test, ok := t.(*testing.T); ok { // Errorf would say that it was here
				fmt.Fprintf(test.Output(), "panic: %v%s\n", value, cellLines())
			} else {
				t.Errorf("panic: %v%s", value, cellLines())
			}
		}
		t.FailNow()
	}
}

// cellLines are the lines of cells on the stack: a cell's file is its name, without a folder.
func cellLines() string {
	var b strings.Builder
	pcs := make([]uintptr, 100)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if f.File != "" && f.File != "session" && !strings.Contains(f.File, "/") {
			fmt.Fprintf(&b, "\n\t%s:%d", f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}
