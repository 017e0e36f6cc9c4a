package worker

import (
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"github.com/cellar-go/cellar/kernel/session/live"
)

// code tells the functions that variables hold, and under "" those that goroutines are in: a line for each with its name and place. Containers
// are looked into only when no goroutine of the user's may be at them.
func code(names []string, quiet bool) map[string]string {
	out := map[string]string{"": runningCode()}
	for _, name := range names {
		p := live.Peek(name)
		if p == nil {
			continue
		}
		h := holding{found: map[string]bool{}, seen: map[uintptr]bool{}, quiet: quiet, left: 10 * mostHeld}
		h.look(reflect.ValueOf(p).Elem(), 6)
		for place := range h.found {
			out[name] += place + "\n"
		}
	}
	return out
}

// holding finds the functions that a value holds.
type holding struct {
	found map[string]bool
	seen  map[uintptr]bool // what pointers point to
	quiet bool
	left  int // how many values may still be looked at
}

func (h *holding) look(v reflect.Value, depth int) {
	if v.Kind() == reflect.Func {
		if !v.IsNil() {
			if f := runtime.FuncForPC(v.Pointer()); f != nil {
				file, line := f.FileLine(v.Pointer())
				h.found[fmt.Sprintf("%s %s:%d", f.Name(), file, line)] = true
			}
		}
		return
	}
	if h.left--; depth == 0 || h.left < 0 || !h.quiet {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || h.seen[v.Pointer()] {
			return
		}
		h.seen[v.Pointer()] = true
		h.look(v.Elem(), depth-1)
	case reflect.Interface:
		if !v.IsNil() {
			h.look(v.Elem(), depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			h.look(v.Field(i), depth-1)
		}
	case reflect.Slice, reflect.Array:
		if !mayHold(v.Type().Elem()) {
			return
		}
		for i := range min(v.Len(), mostHeld) {
			h.look(v.Index(i), depth-1)
		}
	case reflect.Map:
		if !mayHold(v.Type().Elem()) {
			return
		}
		for i, r := 0, v.MapRange(); i < mostHeld && r.Next(); i++ {
			h.look(r.Value(), depth-1)
		}
	}
}

// mayHold reports whether a type is worth looking into.
func mayHold(t reflect.Type) bool {
	return t.Kind() > reflect.Complex128 && t.Kind() != reflect.String && t.Kind() != reflect.UnsafePointer
}

// runningCode are the functions of cells that goroutines are in.
func runningCode() string {
	records := make([]runtime.StackRecord, runtime.NumGoroutine()+10)
	n, ok := runtime.GoroutineProfile(records)
	if !ok {
		return ""
	}
	places := map[string]bool{}
	var b strings.Builder
	for _, r := range records[:n] {
		frames := runtime.CallersFrames(r.Stack())
		for {
			f, more := frames.Next()
			place := fmt.Sprintf("%s %s:%d\n", f.Function, f.File, f.Line)
			if !filepath.IsAbs(f.File) && !places[place] {
				places[place] = true
				b.WriteString(place)
			}
			if !more {
				break
			}
		}
	}
	return b.String()
}
