package session

import (
	"strings"
	"testing"
)

// TestFold writes calls that repeat once. A letter is a call.
func TestFold(t *testing.T) {
	for _, c := range []struct {
		calls string
		all   bool
		want  string
	}{
		{"abc", true, "a b c"},
		{"aabb", true, "a a b b"},
		{"xaaaay", true, "x a (4 times) y"},
		{"xabababy", true, "x a b (the 2 calls 3 times) y"},
		{"ababa", true, "a b a b a"},
		{"aaay", false, "a (again and again) y"},
		{"xabababbabay", false, "x a b (the 2 calls again and again) y"}, // in the middle, calls are left out
	} {
		var frames []Frame
		for _, call := range strings.Split(c.calls, "") {
			frames = append(frames, Frame{Function: call})
		}
		var got []string
		for _, f := range fold(frames, c.all) {
			got = append(got, f.Function)
			if f.Again != "" {
				got = append(got, "("+f.Again+")")
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s", c.calls, strings.Join(got, " "))
		}
	}
}
