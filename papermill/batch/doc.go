// Package batch runs many notebooks, or one with many parameters, some at a time.
//
// It makes the jobs, each with an output of its own, runs them and says what became of each; what a run is, its caller knows. It prints
// nothing. Start reading at Jobs, then Run.
package batch
