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

// TestWithoutLast: the call at whose begin a recursion was ended says nothing; a line of a call that did something stays.
func TestWithoutLast(t *testing.T) {
	again := Frame{Function: "f", Line: 3, Again: "again and again"}
	for _, c := range []struct {
		frames []Frame
		left   int // frames that are left out
	}{
		{[]Frame{{Function: "f", Line: 2}, again, {Function: "main", Line: 5}}, 1},
		{[]Frame{{Function: "f", Line: 2}, {Function: "g", Line: 8}, again}, 1},
		{[]Frame{{Function: "g", Line: 8}, again, {Function: "g", Line: 5}}, 0},
		{[]Frame{again, {Function: "f", Line: 5}}, 0},
		{[]Frame{{Function: "f", Line: 2}, {Function: "f", Line: 3}}, 0},
		{nil, 0},
	} {
		if got := withoutLast(c.frames); len(c.frames)-len(got) != c.left {
			t.Errorf("%v: %v", c.frames, got)
		}
	}
}
