package worker

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/kernel/session/internal/wire"
	"github.com/cellar-go/cellar/kernel/session/live"
)

// bound is how many bytes the process may hold; 0: not known.
var bound uint64

func takeBound() {
	bound, _ = strconv.ParseUint(os.Getenv(wire.Memory), 10, 64)
	os.Unsetenv(wire.Memory)
	if bound > 0 {
		live.Deepest = min(live.Deepest, uintptr(bound/8))
	}
	live.Hooks.Room = room
}

// room panics if a cell asks for more memory at once than there is.
func room(asked uint64) {
	if bound == 0 || memory()+asked < bound {
		return
	}
	debug.FreeOSMemory()
	if used := memory(); used+asked >= bound {
		panic(fmt.Sprintf("out of memory: the cell asks for %s at once, the session's process holds %s, and %s is what it may; free what is not needed any more (x = nil), or set CELLAR_MEMORY", size(asked), size(used), size(bound)))
	}
}

// memory is what the process holds.
func memory() uint64 {
	text, _ := os.ReadFile("/proc/self/statm")
	if fields := strings.Fields(string(text)); len(fields) > 1 {
		pages, _ := strconv.ParseUint(fields[1], 10, 64)
		return pages * uint64(os.Getpagesize())
	}
	return 0
}

func size(n uint64) string {
	if n < 1e9 {
		return fmt.Sprintf("%d MB", n/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
