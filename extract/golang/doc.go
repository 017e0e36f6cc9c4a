// Package golang reads Go: the cells of notebooks and functions with the //cellar:asset directive.
//
// It finds definitions by syntax and scopes alone, cuts each one's slice, hashes it to a code version, and generates the program that
// computes it, where go/types has to agree with the scopes. It knows Go and nothing of stores, commits or kernels. Start reading at
// Notebook, then Slice, then Program.
package golang
