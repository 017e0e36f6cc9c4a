package papermill

import (
	"strings"
	"testing"
)

func TestGaps(t *testing.T) {
	for _, c := range []struct {
		ids  string
		want int
	}{
		{"a_1 a_2 a_3", 0},
		{"a_5 a_6 a_8", 1},
		{"a_5 a_8 a_7 a_6", 0},
		{"a_5 a_9 a_7", 2},
		{"a_5 a_9 a_3", 3},
		{"a_1_5 a_2_9 a_1_7 a_2_10", 1}, // of two processes
		{"a_5 a_900000000000 a_900000000001", 0},
		{"3f2504e0-4f89-11d3-9a0c-0305e82c3301 _7 a_ a_x a_-1", 0},
		{"a_1 a_1 a_2 a_2", 0},
	} {
		g := gaps{}
		for _, id := range strings.Fields(c.ids) {
			g.take(id)
		}
		if got := g.missing(); got != c.want || (g.err() == nil) != (got == 0) || g.missing() != 0 {
			t.Errorf("%s: %d", c.ids, got)
		}
	}
	g := gaps{}
	g.begin([]string{"a_6", "a_3"}) // what lies between was never to come
	for _, id := range []string{"a_5", "a_7", "a_8"} {
		g.take(id)
	}
	if g.missing() != 0 {
		t.Errorf("%d missing of those before the start", g.missing())
	}
}
