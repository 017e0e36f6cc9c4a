package worker

import (
	"reflect"
	"strings"

	"github.com/cellar-go/cellar/kernel/session/live"
)

// mostHeld is how many elements of a container are looked at.
const mostHeld = 1000

// held tells the types of what variables hold in interfaces: in their own, and in those that slices, arrays and maps of them have. It is asked
// where no goroutine of the user's is at them.
func held(names []string) map[string]string {
	out := map[string]string{}
	for _, name := range names {
		p := live.Peek(name)
		if p == nil {
			continue
		}
		types := map[string]bool{}
		note := func(v reflect.Value) {
			if v.Kind() == reflect.Interface && !v.IsNil() {
				types[v.Elem().Type().String()] = true
			}
		}
		v := reflect.ValueOf(p).Elem()
		switch v.Kind() {
		case reflect.Slice, reflect.Array:
			for i := range min(v.Len(), mostHeld) {
				note(v.Index(i))
			}
		case reflect.Map:
			for i, r := 0, v.MapRange(); i < mostHeld && r.Next(); i++ {
				note(r.Key())
				note(r.Value())
			}
		default:
			note(v)
		}
		for t := range types {
			out[name] += t + "\n"
		}
		out[name] = strings.TrimSuffix(out[name], "\n")
	}
	return out
}
