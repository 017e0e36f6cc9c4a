package worker

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/kernel/session/live"
)

// values describes variables in a few words each. It follows no pointer and walks no map: a goroutine of the user's may be at them.
func values(names []string) map[string]string {
	out := make(map[string]string, len(names))
	for _, name := range names {
		if p := live.Peek(name); p != nil {
			out[name] = brief(reflect.ValueOf(p).Elem(), 2)
		}
	}
	return out
}

func brief(v reflect.Value, depth int) string {
	switch v.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return scalar(v)
	case reflect.String:
		s := v.String()
		if len(s) > 200 {
			return strconv.Quote(s[:200]) + fmt.Sprintf("… (%d bytes)", len(s))
		}
		return strconv.Quote(s)
	case reflect.Slice:
		if v.IsNil() {
			return "nil"
		}
		if depth > 0 && v.Len() <= 8 && isScalar(v.Type().Elem().Kind()) {
			return elements(v)
		}
		return fmt.Sprintf("len %d, cap %d", v.Len(), v.Cap())
	case reflect.Array:
		if depth > 0 && v.Len() <= 8 && isScalar(v.Type().Elem().Kind()) {
			return elements(v)
		}
		return fmt.Sprintf("len %d", v.Len())
	case reflect.Map:
		if v.IsNil() {
			return "nil"
		}
		return fmt.Sprintf("len %d", v.Len())
	case reflect.Chan:
		if v.IsNil() {
			return "nil"
		}
		return fmt.Sprintf("%d of %d waiting", v.Len(), v.Cap())
	case reflect.Pointer, reflect.Func, reflect.UnsafePointer:
		if v.IsNil() {
			return "nil"
		}
		return "…"
	case reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return v.Elem().Type().String()
	case reflect.Struct:
		if depth == 0 || v.NumField() > 8 {
			return "{…}"
		}
		s := "{"
		for i := range v.NumField() {
			if i > 0 {
				s += " "
			}
			s += v.Type().Field(i).Name + ":" + brief(v.Field(i), depth-1)
		}
		return s + "}"
	}
	return v.Kind().String()
}

// scalar calls a String method of the standard library's, such as a time.Duration's, and no other: who knows how long it takes.
func scalar(v reflect.Value) string {
	path := v.Type().PkgPath()
	if first, _, _ := strings.Cut(path, "/"); path != "main" && !strings.Contains(first, ".") {
		return fmt.Sprint(v)
	}
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	case v.CanFloat():
		return fmt.Sprint(v.Float())
	case v.CanComplex():
		return fmt.Sprint(v.Complex())
	}
	return strconv.FormatBool(v.Bool())
}

func elements(v reflect.Value) string {
	s := "["
	for i := range v.Len() {
		if i > 0 {
			s += " "
		}
		s += brief(v.Index(i), 0)
	}
	return s + "]"
}

func isScalar(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.String
}
