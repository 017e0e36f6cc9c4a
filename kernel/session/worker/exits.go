package worker

import (
	"regexp"
	"runtime"
	"slices"
	"strconv"
	_ "unsafe" // for linkname

	"github.com/cellar-go/cellar/kernel/session/internal/goid"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// exitHook is the runtime's internal/runtime/exithook.Hook.
type exitHook struct {
	f         func()
	onFailure bool
}

// exitHooks run, the last one first, when any code calls os.Exit. One that runs holds their lock and has left the list.
//
//go:linkname exitHooks internal/runtime/exithook.hooks
var exitHooks []exitHook

// outliveExits has what calls os.Exit, be it in a library, end its goroutine and not the process. The worker's own goroutines, of which one
// also runs what packages do when they are initialised, do end it.
func outliveExits(own ...uintptr) {
	var hook exitHook
	hook = exitHook{func() {
		if slices.Contains(own, goid.Current()) {
			return
		}
		exitHooks = append(exitHooks, hook)
		live.Quit(live.Ending{Call: "os.Exit", Code: exitCode()})
	}, true}
	exitHooks = append(exitHooks, hook)
}

var exitCall = regexp.MustCompile(`internal/runtime/exithook\.Run\(0x([0-9a-f]+)\)`)

// exitCode is what os.Exit was called with, as the trace of the calling hook shows it: a hook is not told. -1: not known.
func exitCode() int {
	trace := make([]byte, 64<<10)
	if m := exitCall.FindSubmatch(trace[:runtime.Stack(trace, false)]); m != nil {
		if code, err := strconv.ParseUint(string(m[1]), 16, 64); err == nil {
			return int(code)
		}
	}
	return -1
}
