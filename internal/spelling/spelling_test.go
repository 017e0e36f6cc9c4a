package spelling

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"alpha", "alpha", 0}, {"alpha", "alfa", 2}, {"alpha", "alphas", 1},
		{"alhpa", "alpha", 1},                          // swapped
		{"größe", "grösse", 2}, {"größe", "größer", 1}, // letters, not bytes
		{"kitten", "sitting", 3},
	} {
		if got, back := Distance(c.a, c.b), Distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("%q and %q: %d and %d, not %d", c.a, c.b, got, back, c.want)
		}
	}
}
