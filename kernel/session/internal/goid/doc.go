// Package goid tells goroutines apart, in a nanosecond where it can, and how deep their stacks are.
//
// The worker asks which goroutine is the cell's at each contended lock, and at each check while one that was left behind lives. It knows
// nothing of cells. Start reading at Current.
package goid
