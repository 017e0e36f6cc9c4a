package goid

import "testing"

func TestCurrent(t *testing.T) {
	own := Current()
	other := make(chan uintptr)
	go func() { other <- Current() }()
	if own == 0 || own != Current() || <-other == own {
		t.Errorf("two goroutines are not told apart: %x", own)
	}
}

func TestDepth(t *testing.T) {
	before, below := Depth(), 0
	var descend func(n int) int
	descend = func(n int) int {
		var frame [100]int
		if n == 0 {
			below = int(Depth())
			return frame[below%100]
		}
		frame[n%100] = descend(n - 1)
		return frame[n%100] + 1
	}
	descend(1000)
	if grown := below - int(before); before == 0 || grown < 1000*800 || grown > 1000*1600 {
		t.Errorf("a thousand frames of 800 bytes and more have taken %d bytes", grown)
	}
}
