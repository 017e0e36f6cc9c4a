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
