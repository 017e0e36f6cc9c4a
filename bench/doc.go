// Package bench measures whole programs beside their peers, in one run.
//
// What a single package does is measured beside its code; here are the comparisons that a user would make. They are benchmarks only: no
// test fails for being slow. Start reading at BenchmarkRunner.
package bench
