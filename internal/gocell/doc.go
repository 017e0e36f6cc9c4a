// Package gocell reads one cell of a Go notebook: declarations, statements and expressions in any mix, with magics between them.
//
// The kernel's session, the slices and the completion all start from the same reading, so that they can't disagree on what a cell
// says. It knows Go's syntax and nothing else: no types, no other cells, no Jupyter. Start reading at Parse.
package gocell
