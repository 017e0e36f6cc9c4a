// Package goid tells goroutines apart, in a nanosecond where it can.
//
// The worker asks which goroutine is the cell's at each contended lock, and at each check while one that was left behind lives. It knows
// nothing of cells. Start reading at Current.
package goid
