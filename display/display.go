package display

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Bundle is one thing to show in several forms: MIME type → value. Text is a string, binary is a []byte or base64 in a string, JSON
// types hold any value that encodes as JSON. See "display_data" in the Jupyter messaging specification.
type Bundle struct {
	Data     map[string]any `json:"data"`
	Metadata map[string]any `json:"metadata,omitempty"`
	ID       string         `json:"id,omitempty"`     // names the display, so that Update can change it
	Update   bool           `json:"update,omitempty"` // changes the display of that ID
	Clear    bool           `json:"clear,omitempty"`  // clears the cell's output when the next one comes
	Now      bool           `json:"now,omitempty"`    // with Clear: does not wait for it

	shown *atomic.Int64 // the cell in which it was shown already; 0 when that has been allowed for
}

// Shower is a value that knows how it is shown.
type Shower interface{ Display() Bundle }

var (
	mu   sync.Mutex   // of what is not on the way of a display: a cell that is halted within one would keep the lock, and the session would hang
	cell atomic.Int64 // how many cells of a session have ended
	sink atomic.Pointer[func(Bundle)]
)

func init() {
	SetSink(func(b Bundle) {
		if text, ok := b.Data["text/plain"].(string); ok {
			fmt.Fprintln(os.Stdout, text)
		}
	})
}

// SetSink sends what is shown from now on to f, which several goroutines may call at once. The program that runs a cell calls it, not the cell.
func SetSink(f func(Bundle)) { sink.Store(&f) }

// NextCell tells that a cell has ended: what it showed may be shown again. The program that runs the cells calls it.
func NextCell() { cell.Add(1) }

// Show shows values as they are shown behind a cell. What the cell has just shown (HTML and its like return it) is not repeated.
func Show(values ...any) { emit(OfAll(values...)) }

// Clear removes what the cell has shown, when the next output comes: an animation does not flicker.
func Clear() { emit(Bundle{Clear: true}) }

// ClearNow removes what the cell has shown.
func ClearNow() { emit(Bundle{Clear: true, Now: true}) }

// Divert runs f. What f shows, in its own goroutine, goes to another place than the notebook.
func Divert(to func(Bundle), f func()) {
	id := goroutine()
	diversions.Add(1)
	defer diversions.Add(-1)
	mu.Lock()
	before := diverted[id]
	diverted[id] = to
	mu.Unlock()
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		if diverted[id] = before; before == nil {
			delete(diverted, id)
		}
	}()
	f()
}

var (
	diverted   = map[string]func(Bundle){} // goroutine → where its displays go
	diversions atomic.Int64                // that may have something in it
)

// goroutine names the calling one, as stack traces do.
func goroutine() string {
	var b [64]byte
	name, _, _ := strings.Cut(string(b[:runtime.Stack(b[:], false)]), " [")
	return name
}

// emit shows a bundle, if it holds anything, and returns it as one that has been shown.
func emit(b Bundle) Bundle {
	b.shown = new(atomic.Int64)
	b.shown.Store(cell.Load() + 1)
	if len(b.Data) == 0 && !b.Clear {
		return b
	}
	to := *sink.Load()
	if diversions.Load() > 0 {
		mu.Lock()
		if other := diverted[goroutine()]; other != nil {
			to = other
		}
		mu.Unlock()
	}
	to(b)
	return b
}

// again is b, or an empty bundle if the running cell has shown it already and nobody was told so yet.
func (b Bundle) again() Bundle {
	if b.shown != nil && b.shown.CompareAndSwap(cell.Load()+1, 0) {
		return Bundle{}
	}
	return b
}
